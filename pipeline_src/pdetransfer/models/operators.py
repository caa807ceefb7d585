"""Neural operators: an architecture with its channels and input normalisation.

What enters is physical, a source and coefficients by name; what the network sees is made here.
"""

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from pdetransfer.data.datasets import Examples, source_rms
from pdetransfer.models.registry import MODELS

_EVALUATION_BATCH = 64  # examples in one forward pass where no gradient is kept
_NOT_OF_THE_MODULE = ("kind", "input_normalisation")  # of an architecture


@dataclass(frozen=True)
class Channels:
    """Names of a model's channels: input fields, then coefficients (constant in space), and outputs."""

    fields: tuple[str, ...]
    coefficients: tuple[str, ...]
    outputs: tuple[str, ...]

    @classmethod
    def of(cls, examples: Examples) -> "Channels":
        return cls(examples.field_names, examples.coefficient_names, examples.output_names)


@dataclass(frozen=True)
class Inputs:
    """Normalised inputs on a device: ``fields`` ``(count, num_fields, *grid)`` and ``constants``
    ``(count, num_coefficients)``."""

    fields: Tensor
    constants: Tensor

    def __len__(self) -> int:
        return len(self.fields)

    def batch(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """What the model takes: fields and constants of some examples."""
        return self.fields[rows], self.constants[rows]


def change_under_rescaling(operator: "NeuralOperator", examples: Examples, factor: float = 10.0) -> float:
    """Largest change of the normalised inputs when the fields and coefficients of each example are multiplied by
    ``factor``, relative to the largest input: such an example has the same solution (arXiv 2306.00258, A.5)."""
    rescaled = replace(examples, fields=factor * examples.fields, coefficients=factor * examples.coefficients)
    one, other = (operator.inputs(given, torch.device("cpu")) for given in (examples, rescaled))
    pairs = (one.fields, other.fields), (one.constants, other.constants)
    change = max(float((after - before).abs().max()) for before, after in pairs)
    return change / max(float(before.abs().max()) for before, _ in pairs)


class NeuralOperator:
    """A model, ``architecture`` (its kind and sizes), its ``channels``, and the ``references`` of its input
    normalisation (arXiv 2306.00258, A.5; see ``docs/design.md``), by channel.

    For each example, the fields and all coefficients are divided by RMS(f) / f_ref, so that (f, K) and
    (10 f, 10 K), which have the same solution, give the same input; then each coefficient by its reference. An
    architecture with ``input_normalisation`` false leaves the inputs as they are.
    """

    def __init__(self, architecture: dict, channels: Channels, references: dict[str, float], seed: int):
        self.architecture = architecture
        self.channels = channels
        self.references = references
        sizes = {name: value for name, value in architecture.items() if name not in _NOT_OF_THE_MODULE}
        with torch.random.fork_rng(devices=[]):  # PyTorch's initialisers take no generator
            torch.manual_seed(seed)
            self.model: nn.Module = MODELS[architecture["kind"]](
                **sizes,
                in_channels=len(channels.fields) + len(channels.coefficients),
                out_channels=len(channels.outputs),
            )

    @property
    def num_parameters(self) -> int:
        """Real parameters; a complex weight counts two."""
        return sum(parameter.numel() for parameter in self.model.parameters())

    def inputs(self, examples: Examples, device: torch.device) -> Inputs:
        """Normalised inputs of examples; a coefficient that their system lacks is zero.

        Raises ValueError for a field or coefficient that the model has no channel for, a field that is
        missing, and a source that is zero everywhere.
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
        fields = fields / scale.reshape(-1, *(1 for _ in fields.shape[1:])).astype(fields.dtype)
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
            raise ValueError(
                f"the source of example {np.flatnonzero(rms == 0)[0]} is zero everywhere; "
                f"expected one with a scale to normalise by"
            )
        return rms / self.references["source"], self.references

    @torch.no_grad()
    def apply(self, inputs: Inputs) -> Tensor:
        """Outputs ``(count, num_outputs, *grid)`` on the model's device, computed batch by batch."""
        self.model.eval()
        starts = range(0, len(inputs), _EVALUATION_BATCH)
        return torch.cat([self.model(*inputs.batch(slice(s, s + _EVALUATION_BATCH))) for s in starts])

    def predict(self, **physical: np.ndarray | float) -> dict[str, np.ndarray]:
        """Outputs by name, ``(count, *grid)``, float32, for physical inputs by name.

        A field is ``(count, *grid)``, or ``(*grid)`` for a single example; a coefficient is a number or
        ``(count,)``. Every channel must be given, 0 for a coefficient that the system lacks; ValueError
        names what is missing or unknown.
        """
        expected = [*self.channels.fields, *self.channels.coefficients]
        if set(physical) != set(expected):
            raise ValueError(f"the inputs given are {sorted(physical)}; expected exactly {sorted(expected)}")
        num_dims = self.architecture.get("num_dims", 2)
        fields = np.stack([np.asarray(physical[name]) for name in self.channels.fields], axis=-num_dims - 1)
        fields = fields.reshape(-1, *fields.shape[-num_dims - 1 :])
        coefficients = [
            np.broadcast_to(np.asarray(physical[name], dtype=np.float64), len(fields))
            for name in self.channels.coefficients
        ]
        examples = Examples(
            fields,
            np.stack(coefficients, axis=1) if coefficients else np.empty((len(fields), 0)),
            np.empty((len(fields), 0)),
            self.channels.fields,
            self.channels.coefficients,
            (),
        )
        device = next(self.model.parameters()).device
        outputs = self.apply(self.inputs(examples, device)).cpu().numpy()
        return {name: outputs[:, index] for index, name in enumerate(self.channels.outputs)}
