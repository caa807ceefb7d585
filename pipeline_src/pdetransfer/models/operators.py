"""Neural operators: an architecture with its channels and input normalisation.

What enters is physical, fields and coefficients by name; what the network sees is made here.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from pdetransfer.data.examples import Examples, source_rms, unit
from pdetransfer.data.systems._system import AbstractSystem
from pdetransfer.data.windows import Windows
from pdetransfer.models.frames import Targets, WindowInputs, roll_out
from pdetransfer.models.parametrization import parametrization_of, without
from pdetransfer.models.registry import MODELS

_EVALUATION_BATCH = 64  # examples in one forward pass where no gradient is kept, on 128 x 128 points or fewer
_EVALUATION_POINTS = 2**20  # of all examples in one, on finer grids
_OTHER_UNITS = 100.0  # times as large as in training: no shift of the physics, but other units
_NOT_OF_THE_MODULE = ("kind", "input_normalisation", "num_frames", "channels", "absent")  # of an architecture


@dataclass(frozen=True)
class Channels:
    """Names of a model's channels: input fields, then coefficients (constant in space), and outputs."""

    fields: tuple[str, ...]
    coefficients: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, examples: Examples | Windows, architecture: dict) -> "Channels":
        """Those of a model that is trained on examples: theirs, or its own."""
        own = architecture.get("channels")
        if own:
            return cls(tuple(own), (), tuple(own))
        return cls(examples.field_names, examples.coefficient_names, examples.output_names)


@dataclass(frozen=True)
class Inputs:
    """Normalised inputs on a device: ``fields`` ``(count, num_fields, *grid)`` and ``constants``
    ``(count, num_coefficients)``."""

    fields: Tensor
    constants: Tensor

    def __len__(self) -> int:
        return len(self.fields)

    @property
    def num_points(self) -> int:
        return self.fields[0, 0].numel()

    def batch(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """What the model takes: fields and constants of some examples."""
        return self.fields[rows], self.constants[rows]

    @property
    def validated(self) -> Tensor:
        """What a validation computes: all of them."""
        return torch.arange(len(self), device=self.fields.device)

    def drawn(self, batches: Iterator[Tensor], seed: int) -> Iterator[Tensor]:
        """What is learnt from batches of examples: the examples."""
        return batches


def sizes_of_module(architecture: dict) -> dict:
    """What of an architecture the constructor of its module takes."""
    return {name: value for name, value in without(architecture).items() if name not in _NOT_OF_THE_MODULE}


def change_under_rescaling(operator: "NeuralOperator", examples: Examples, factor: float = 10.0) -> float:
    """Largest change of the normalised inputs when the fields and coefficients of each example are multiplied by
    ``factor``, relative to the largest input: such an example has the same solution (arXiv 2306.00258, A.5)."""
    rescaled = replace(examples, fields=factor * examples.fields, coefficients=factor * examples.coefficients)
    one, other = (operator.inputs(given, torch.device("cpu")) for given in (examples, rescaled))
    before, after = (torch.cat([part.fields.flatten(), part.constants.flatten()]) for part in (one, other))
    return float((after - before).abs().max() / before.abs().max())


class NeuralOperator:
    """A model, ``architecture`` (its kind and sizes), its ``channels``, and the ``references`` of its input
    normalisation (arXiv 2306.00258, A.5; see ``docs/design.md``), by channel.

    For each example, the fields and all coefficients are divided by RMS(f) / f_ref, so that (f, K) and
    (10 f, 10 K), which have the same solution, give the same input; then each coefficient by its reference. An
    architecture with ``input_normalisation`` false leaves the inputs as they are. Where the data has units of its
    own, the references hold them: the network's fields and outputs are divided by them, and so of order one.

    An architecture with ``num_frames`` T takes windows of T frames, and its outputs are the frame after them.
    """

    def __init__(self, architecture: dict, channels: Channels, references: dict[str, float], seed: int):
        self.architecture = architecture
        self.channels = channels
        self.references = references
        with torch.random.fork_rng(devices=[]):  # PyTorch's initialisers take no generator
            torch.manual_seed(seed)
            self.model: nn.Module = MODELS[architecture["kind"]](
                **sizes_of_module(architecture),
                in_channels=architecture.get("num_frames", 1) * len(channels.fields)
                + len(channels.coefficients),
                out_channels=len(channels.outputs),
            )
            self._mup = parametrization_of(architecture)
            if self._mup:
                self._mup.initialise(self.model.groups())
                self.model.output_multiplier = self._mup.output_multiplier

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        """The parameters as an optimiser takes them, each group with its learning rate; the first has this one."""
        if self._mup is None:
            return [{"params": list(self.model.parameters()), "lr": learning_rate}]
        groups, multipliers = self.model.groups(), self._mup.learning_rates()
        return [{"params": groups[name], "lr": learning_rate * multipliers[name]} for name in groups]

    @property
    def num_parameters(self) -> int:
        """Real parameters; a complex weight counts two."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def samples(
        self, examples: Examples | Windows, device: torch.device
    ) -> tuple[Inputs | WindowInputs, Tensor | Targets]:
        """What the network takes and what its outputs are to be, in its units. Raises ValueError as ``inputs``
        does."""
        if isinstance(examples, Windows):
            windows = self._windows(examples, device)
            return windows, Targets(windows)
        return self.inputs(examples, device), self.targets(examples, device)

    def inputs(self, examples: Examples, device: torch.device) -> Inputs:
        """Normalised inputs of examples; a coefficient that their system lacks is zero.

        Raises ValueError for a field or coefficient that the model has no channel for, a field that is
        missing, and fields that are zero everywhere.
        """
        unknown = {*examples.field_names, *examples.coefficient_names} - {
            *self.channels.fields,
            *self.channels.coefficients,
        }
        missing = set(self.channels.fields) - set(examples.field_names)
        if unknown or missing:
            raise ValueError(
                f"the examples have channels {[*examples.field_names, *examples.coefficient_names]}; "
                f"expected fields {list(self.channels.fields)} and "
                f"coefficients among {list(self.channels.coefficients)}"
            )
        order = [examples.field_names.index(name) for name in self.channels.fields]
        fields = examples.fields[:, order]
        constants = np.zeros((len(examples), len(self.channels.coefficients)))
        scale, references = self._scales(fields)
        for column, name in enumerate(examples.coefficient_names):
            value = examples.coefficients[:, column] / (scale * references[name])
            constants[:, self.channels.coefficients.index(name)] = np.nan_to_num(value, nan=0.0)
        of_fields = self.units(self.channels.fields).reshape(1, -1)
        scales = (scale[:, None] * of_fields).reshape(*fields.shape[:2], *(1 for _ in fields.shape[2:]))
        fields = fields / scales.astype(fields.dtype)
        return Inputs(
            torch.from_numpy(fields.astype(np.float32)).to(device),
            torch.from_numpy(constants.astype(np.float32)).to(device),
        )

    def _scales(self, fields: np.ndarray) -> tuple[np.ndarray, dict[str, float]]:
        """What each example, ``(count,)``, and each coefficient is divided by."""
        if not self.architecture.get("input_normalisation", True):
            return np.ones(len(fields)), dict.fromkeys(self.channels.coefficients, 1.0)
        rms = source_rms(fields)
        if not rms.all():
            names, wrong = " and ".join(self.channels.fields), np.flatnonzero(rms == 0)[0]
            raise ValueError(
                f"the {names} of example {wrong} is zero everywhere; expected one with a scale to normalise by"
            )
        return rms / self.references["source"], self.references

    def _windows(self, windows: Windows, device: torch.device) -> WindowInputs:
        if unknown := set(windows.channels) - set(self.channels.fields):
            raise ValueError(
                f"the trajectories have the channels {sorted(unknown)}; expected some of "
                f"{list(self.channels.fields)}"
            )
        units = self.units(windows.channels)[windows.channel_of_plane].astype(np.float32)
        planes = np.empty((len(units) + 1, *windows.grid), dtype=np.float32)
        np.divide(windows.planes, units.reshape(-1, *(1 for _ in windows.grid)), out=planes[:-1])
        planes[-1] = self._absent
        place = np.full((len(windows), len(self.channels.fields)), -1)
        place[:, [self.channels.fields.index(name) for name in windows.channels]] = windows.place
        return WindowInputs.of(windows, planes, place, device)

    def targets(self, examples: Examples, device: torch.device) -> Tensor:
        """What the network's outputs are to be: the solutions of examples in its units."""
        units = self.units(self.channels.outputs)
        outputs = examples.outputs
        if (units != 1).any():
            outputs = (outputs / units.reshape(-1, *(1 for _ in outputs.shape[2:]))).astype(np.float32)
        return torch.from_numpy(outputs).to(device)

    def equation_residuals(self, system: type[AbstractSystem], inputs: Tensor, outputs: Tensor) -> Tensor:
        """The ``equation_residual`` of a system's equation, ``(count,)``, at the network's fields and outputs."""
        physical = []
        for names, values in ((self.channels.fields, inputs), (self.channels.outputs, outputs)):
            units = self.units(names)
            physical.append({name: units[i] * values[:, i] for i, name in enumerate(names)})
        return system.equation_residual(*physical)

    def units(self, channels: tuple[str, ...]) -> np.ndarray:
        """What is one in the network, of each channel in the units of the data."""
        return np.array([self.references.get(unit(name), 1.0) for name in channels])

    def check_units(self, examples: Examples | Windows) -> None:
        """Raise ValueError for examples in other units than those that the model was trained on.

        Their normalised coefficients, or their solutions or frames, are then larger or smaller by orders of
        magnitude.
        """
        if isinstance(examples, Windows):
            self._check_units_of_frames(examples)
            return
        if not examples.own_units and unit(self.channels.outputs[0]) not in self.references:
            return
        device = torch.device("cpu")
        constants = self.inputs(examples, device).constants.abs()
        ratios = [float(column[column > 0].median()) for column in constants.T if (column > 0).any()]
        ratio = float(np.exp(np.mean(np.log(ratios)))) if ratios else 1.0
        of_outputs = 1.0
        if unit(self.channels.outputs[0]) in self.references:
            of_outputs = float(np.median(source_rms(self.targets(examples, device).numpy())))
        for what, factor, remedy in (
            ("normalised coefficients are", ratio, ratio),
            ("solutions are", of_outputs, 1 / of_outputs),
        ):
            if not 1 / _OTHER_UNITS <= factor <= _OTHER_UNITS:
                raise ValueError(
                    f"their {what} {factor:.2g} times those that the model was trained on; expected at most "
                    f"{_OTHER_UNITS:g} times as large or as small, the same units: if the equation is linear, "
                    f"multiply both {self.channels.fields[0]} and {self.channels.outputs[0]} by {remedy:.2g}"
                )

    def _check_units_of_frames(self, windows: Windows) -> None:
        own = windows.references()
        for name in windows.channels:
            factor = own[unit(name)] / self.references.get(unit(name), own[unit(name)])
            if not 1 / _OTHER_UNITS <= factor <= _OTHER_UNITS:
                raise ValueError(
                    f"their {name} is {factor:.2g} times that which the model was trained on; expected at most "
                    f"{_OTHER_UNITS:g} times as large or as small, the same units"
                )

    @torch.no_grad()
    def apply(self, inputs: Inputs | WindowInputs, numbers: Tensor | None = None) -> Tensor:
        """Outputs ``(count, num_outputs, *grid)`` in the network's units, on the model's device, computed batch by
        batch, of all inputs or those of some numbers."""
        self.model.eval()
        size = max(1, min(_EVALUATION_BATCH, _EVALUATION_POINTS // inputs.num_points))
        count = len(inputs) if numbers is None else len(numbers)
        parts = (slice(start, start + size) for start in range(0, count, size))
        return torch.cat(
            [self.model(*inputs.batch(part if numbers is None else numbers[part])) for part in parts]
        )

    def outputs(self, examples: Examples) -> np.ndarray:
        """Predicted solutions of examples ``(count, num_outputs, *grid)``, float32, in the units of the data."""
        device = next(self.model.parameters()).device
        found = self.apply(self.inputs(examples, device)).cpu().numpy()
        units = self.units(self.channels.outputs).reshape(-1, *(1 for _ in found.shape[2:]))
        return (found * units).astype(np.float32)

    def predict(self, /, **physical: np.ndarray | float) -> dict[str, np.ndarray]:
        """Outputs by name, ``(count, *grid)``, float32, for physical inputs by name.

        A field is ``(count, *grid)``, or ``(*grid)`` for a single example; a coefficient is a number or
        ``(count,)``. Every channel must be given, 0 for a coefficient that the system lacks. A model that takes
        frames is given those of each channel, and predicts the next one (``roll_out``). ValueError names what is
        missing or unknown, or is not of real, finite numbers of such a shape.
        """
        if "num_frames" in self.architecture:
            return {name: frames[:, 0] for name, frames in self.roll_out(1, **physical).items()}
        expected = [*self.channels.fields, *self.channels.coefficients]
        if set(physical) != set(expected):
            raise ValueError(f"the inputs given are {sorted(physical)}; expected exactly {sorted(expected)}")
        given = {name: _real(name, value) for name, value in physical.items()}
        fields = self._stacked({name: given[name] for name in self.channels.fields})
        coefficients = np.empty((len(fields), len(self.channels.coefficients)))
        for column, name in enumerate(self.channels.coefficients):
            if given[name].shape not in ((), (len(fields),)):
                raise ValueError(
                    f"{name} has shape {given[name].shape}; expected a number, or {(len(fields),)}, "
                    f"one for each example"
                )
            coefficients[:, column] = given[name]
        names = self.channels.fields, self.channels.coefficients, ()
        outputs = self.outputs(Examples(fields, coefficients, np.empty((len(fields), 0)), *names))
        return {name: outputs[:, index] for index, name in enumerate(self.channels.outputs)}

    def roll_out(self, num_steps: int, /, **frames: np.ndarray) -> dict[str, np.ndarray]:
        """``num_steps`` frames after those given, by channel, ``(count, num_steps, *grid)``, float32, of a model
        that takes frames.

        Channels are given by name, ``(count, time, *grid)`` or, of a single trajectory, ``(time, *grid)``, in the
        units of the data; those that the system lacks are left out. Of more frames than the model takes the last
        ones are used; of fewer the first is repeated. ValueError names what is unknown, or is not of real, finite
        numbers of such a shape.
        """
        known, num_frames = self.channels.fields, self.architecture.get("num_frames")
        if num_steps < 1:
            raise ValueError(f"num_steps is {num_steps}; expected 1 at least")
        if num_frames is None:
            raise ValueError("the model has no num_frames; expected one that takes frames, or `predict`")
        if not frames or not set(frames) <= set(known):
            raise ValueError(f"the channels given are {sorted(frames)}; expected some of {list(known)}")
        given = _trajectories({name: _real(name, value) for name, value in frames.items()})
        missing = max(0, num_frames - given.shape[1])
        given = np.concatenate([given[:, :1].repeat(missing, axis=1), given], axis=1)[:, -num_frames:]
        order, units = [known.index(name) for name in frames], self.units(tuple(frames))[:, None, None]
        count, _, _, *grid = given.shape
        seen = np.full((count, num_frames, len(known), *grid), self._absent, dtype=np.float32)
        seen[:, :, order] = given / units
        is_there = torch.zeros(count, len(known), dtype=torch.bool)
        is_there[:, order] = True
        device = next(self.model.parameters()).device
        self.model.eval()
        found = roll_out(self.model, torch.from_numpy(seen).to(device), is_there.to(device), num_steps)
        physical = (found[:, :, order].cpu().numpy() * units).astype(np.float32)
        return {name: physical[:, :, index] for index, name in enumerate(frames)}

    @property
    def _absent(self) -> float:
        """What stands for a channel that a trajectory lacks."""
        return self.architecture.get("absent", 0.0)

    def _stacked(self, fields: dict[str, np.ndarray]) -> np.ndarray:
        """Fields as ``(count, num_fields, *grid)``."""
        num_dims = self.architecture.get("num_dims", 2)
        grid = ", ".join("xyz"[:num_dims][::-1])
        shape = next(iter(fields.values())).shape
        for name, values in fields.items():
            if values.ndim not in (num_dims, num_dims + 1) or not values.size or values.shape != shape:
                raise ValueError(
                    f"{name} has shape {values.shape}; expected (count, {grid}) or ({grid}), an example at least, "
                    f"and the same for all fields"
                )
        stacked = np.stack(list(fields.values()), axis=-num_dims - 1)
        return stacked.reshape(-1, *stacked.shape[-num_dims - 1 :])


def _trajectories(frames: dict[str, np.ndarray]) -> np.ndarray:
    """Channels by name as one array ``(count, time, channel, y, x)``."""
    shape = next(iter(frames.values())).shape
    for name, values in frames.items():
        if values.ndim not in (3, 4) or not values.size or values.shape != shape:
            raise ValueError(
                f"{name} has shape {values.shape}; expected (count, time, y, x) or (time, y, x), one frame at "
                f"least, and the same for all channels"
            )
    stacked = np.stack(list(frames.values()), axis=-3)
    return stacked.reshape(-1, *stacked.shape[-4:])


def _real(name: str, value: object) -> np.ndarray:
    """Physical numbers as floats, in the precision that they have."""
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} is of type {array.dtype} and shape {array.shape}; expected real numbers")
    if not np.isfinite(array).all():
        raise ValueError(f"{name}, of shape {array.shape}, has values that are not finite; expected numbers")
    return array.astype(np.result_type(array.dtype, np.float32), copy=False)
