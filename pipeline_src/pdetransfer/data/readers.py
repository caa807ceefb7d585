"""Users' own files, checked and brought into the project's format.

What is read, from HDF5, zarr, MATLAB and NumPy, is told in ``docs/data-format.md``: ``fields`` ``(n, 2, N, N)``,
source and solution, and ``tensor`` ``(n, c)``, the coefficients, which is how the public code of arXiv 2306.00258
writes its data; pairs of an input and an output ``(n, *grid)`` (``layouts``), and trajectories
(``trajectories``), with ``coefficients`` ``(n, c)``. x is the last axis, unless the file names its axes, or the
equation of trajectories says that it is the last but one.
"""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pdetransfer.base import numerics
from pdetransfer.data import layouts
from pdetransfer.data.containers import Container, check_shape, opened
from pdetransfer.data.examples import source_rms
from pdetransfer.data.grid import Grid
from pdetransfer.data.layouts import OUTPUT, Layout
from pdetransfer.data.store import Writer
from pdetransfer.data.systems._spectral import SpectralSystem
from pdetransfer.data.systems._system import AbstractSystem
from pdetransfer.data.systems._trajectories import FRAMES, OF_TRAJECTORIES, AbstractTrajectories
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.trajectories import Trajectories

log = logging.getLogger(__name__)

LARGEST_RESIDUAL = 1e-2  #: of an example in a file of a known system; stored float32 pairs reach some 1e-4
HELD_OUT = 8  #: every which training example is one of validation, where that has no file of its own
LARGEST_MEAN = (
    1e-3  #: of a solution over its RMS that is passed without a word where the equation leaves it free
)
_COMPARED = 8  # examples at most that are compared with what the project's own solver says
_CLEARLY_BETTER = (
    0.25  # times as far from that, at most, are frames in an order of axes that is taken for theirs
)


@dataclass(frozen=True)
class _File:
    """A user's file: its ``kind``, its ``keys``, the ``layout`` of its examples, ``coefficients`` ``(n, c)``, and
    the ``examples`` that are taken of it, by number."""

    path: Path
    kind: str
    keys: list[str]
    layout: Layout
    coefficients: np.ndarray
    examples: np.ndarray

    @property
    def names(self) -> list[str]:
        return list(self.layout.stored)

    def read(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Fields, or frames, and coefficients of some examples as they are stored: fields in float32, finite and
        not zero."""
        first, last = examples[0], examples[-1]
        given = self.layout.read(slice(first, last + 1))
        fields = {
            name: _stored(self.path, self.layout.called(name), examples, values[examples - first])
            for name, values in given.items()
        }
        return fields | {"coefficients": self.coefficients[examples]}


def import_file(
    path: Path,
    dataset: str,
    split: str,
    system: str | None,
    coefficient_names: list[str],
    held_out: bool | None,
    store: Path,
    manifest: Path,
    options: dict | None = None,
) -> dict:
    """Check a file and write it as the split of a dataset; return the manifest.

    With ``system``, a name in SYSTEMS, fields, axes and coefficients are those of the system, with these
    ``options``, and the residuals are logged; without, the coefficients are called ``coefficient_names``.
    ``held_out`` true takes every eighth example, false all others, None all there are. What is checked is what is
    stored. Raises ValueError, naming file, key and remedy, for a file that cannot be read, a missing key, wrong
    types and shapes, values that are not finite or not in the range of float32, and a system with constant
    coefficients whose equation the examples do not satisfy.
    """
    kind = None if system is None else SYSTEMS[system]
    names = tuple(coefficient_names) if kind is None else kind.coefficient_names
    with opened(path) as container:
        layout, solver = _solved_by(container, kind, options or {})
        file = _file_of(container, layout, names, kind, solver, held_out)
        if solver is not None:
            file = _compared(solver, file)
        spectral = kind if kind is not None and issubclass(kind, SpectralSystem) else None
        writer = _writer(file, kind, store, manifest)
        checked: dict[str, list[np.ndarray]] = {name: [] for name in ("residual", "mean", *file.names)}
        for start in range(0, len(file.examples), writer.shard):
            rows = slice(start, min(start + writer.shard, len(file.examples)))
            stored = file.read(file.examples[rows])
            for name in file.names:
                checked[name].append(source_rms(stored[name]))
            if spectral is not None:
                checked["residual"].append(_residual(spectral, stored))
                checked["mean"].append(stored[OUTPUT].mean(axis=(1, 2), dtype=np.float64))
            writer.write(rows, stored)
        found = {name: np.concatenate(values) for name, values in checked.items() if values}
        _log_what_was_read(file, found)
        attributes = _attributes(file, dataset, split, system, names) | _in_time(file.layout, solver)
        if spectral is not None:
            attributes["largest_residual"] = _check_residual(spectral, file, found["residual"])
            _say_means(spectral, file, found["mean"] / found[OUTPUT])
    return writer.finish(attributes)


def _writer(file: _File, kind: type[AbstractSystem] | None, store: Path, manifest: Path) -> Writer:
    axes = file.layout.points(periodic=kind is None or kind.periodic)
    num_coefficients = file.coefficients.shape[1]
    return Writer(store, manifest, len(file.examples), axes, file.layout.stored, num_coefficients, {})


def _attributes(
    file: _File, dataset: str, split: str, system: str | None, names: tuple[str, ...]
) -> dict[str, object]:
    grid = file.layout.grid
    return {
        "dataset": dataset,
        "split": split,
        "file": str(file.path),
        "keys": file.layout.keys,
        "system": system,
        "num_points": grid[0] if len(set(grid)) == 1 else list(grid),
        "fields": [file.layout.field],
        "outputs": [file.layout.output],
        "own_units": True,
        "coefficient_names": list(names),
        "numerics_version": numerics.SOLVER,
    }


def _in_time(layout: Layout, solver: AbstractSystem | None) -> dict[str, object]:
    """What a store has of trajectories alone."""
    if isinstance(solver, AbstractTrajectories):
        return solver.attributes
    if isinstance(layout, Trajectories):
        of_file = {"channels": [layout.channel], "time_step": layout.time_step}
        return dict.fromkeys(OF_TRAJECTORIES) | of_file
    return {}


def _solved_by(
    container: Container, kind: type[AbstractSystem] | None, options: dict
) -> tuple[Layout, AbstractSystem | None]:
    """The layout of an open file, and the system that solves its examples anew, if any does."""
    layout = layouts.find(container, kind)
    if isinstance(layout, Trajectories):
        time_step = _time_step(container.path, layout, kind, options)
        layout = replace(layout, time_step=time_step)
        time = time_step * (layout.num_frames - 1)
        options = options | {"time": time, "num_frames": layout.num_frames}
    return layout, None if kind is None or issubclass(kind, SpectralSystem) else kind(**options)


def _time_step(path: Path, layout: Trajectories, kind: type[AbstractSystem] | None, options: dict) -> float:
    """Between two frames, by the file or the config; 1, a frame, in a file of an unknown system that has none."""
    of_file, time = layout.time_step, options.get("time")
    if time is None:
        if of_file is None and kind is not None:
            raise ValueError(
                f"{path} has no times 't'; expected them, or in the config `time`, from the first of its "
                f"{layout.num_frames} frames to the last"
            )
        return of_file or 1.0
    of_config = time / (layout.num_frames - 1)
    if of_file is not None and not np.isclose(of_config, of_file, rtol=1e-3):
        raise ValueError(
            f"{path}: its {layout.num_frames} frames are {of_file:g} apart by 't', and {of_config:g} by the "
            f"config, whose `time` is {time:g}; expected the same, from the first frame to the last"
        )
    return of_config


def _file_of(
    container: Container,
    layout: Layout,
    names: tuple[str, ...],
    kind: type[AbstractSystem] | None,
    solver: AbstractSystem | None,
    held_out: bool | None,
) -> _File:
    """The arrays of an open file, with their axes in order and shapes that fit each other."""
    path = container.path
    if layout.field in names:
        raise ValueError(
            f"{path}: the field is called {layout.field!r} by its key, as one of the coefficients "
            f"{list(names)} is; expected other names of coefficients"
        )
    if layout.coefficients in container.keys or solver is None:
        coefficients = _coefficients(container, layout, names, kind)
    else:
        coefficients = _same_for_all(container, layout, names, solver)
    examples = np.arange(layout.count)
    if held_out is not None:
        examples = examples[(examples % HELD_OUT == 0) == held_out]
    if not examples.size:
        raise ValueError(f"{path} has one example; expected two at least, as one is held out for validation")
    read = [name for name in (*layout.keys, layout.coefficients) if name in container.keys]
    return _File(path, container.kind, read, layout, coefficients, examples)


def _same_for_all(
    container: Container, layout: Layout, names: tuple[str, ...], solver: AbstractSystem
) -> np.ndarray:
    """The coefficients of a file without any, which are those of the config."""
    fixed = solver.fixed_coefficients()
    if fixed is None:
        raise ValueError(
            f"{container.path} has no key {layout.coefficients!r}; it has {container.keys}: add it, as the "
            f"config gives no single value of {', '.join(names)}"
        )
    if names:
        log.info(f"{container.path}: {', '.join(names)} of all examples is {fixed}, by the config")
    return np.tile(np.array(fixed, dtype=np.float64), (layout.count, 1))


def _coefficients(
    container: Container, layout: Layout, names: tuple[str, ...], kind: type[AbstractSystem] | None
) -> np.ndarray:
    """The coefficients ``(count, len(names))``, float64, whichever way their columns stand in the file."""
    path, key, count = container.path, layout.coefficients, layout.count
    if not names and key not in container.keys:
        return np.empty((count, 0))
    variable = container.variable(key)
    if layout.sample and len(variable.dims) == 2 and variable.dims[1] == layout.sample:
        variable = variable.turned((1, 0))
    is_right = len(variable.shape) == 2 and variable.shape[0] == count
    check_shape(path, "the coefficients", variable.shape, is_right, f"({count}, c), a row an example")
    values = variable.read().astype(np.float64)
    _check_finite(path, "coefficients", np.arange(count), values, values)
    own: dict[str, tuple[str, ...]] = {name: (name,) for name in _own_names(container, names)}
    known = [own, *([kind.public_columns] if kind is not None and kind.public_columns else [])]
    columns = next((columns for columns in known if len(columns) == values.shape[1]), None)
    if columns is None:
        expected = ", or ".join(f"{len(columns)}: {', '.join(columns) or 'none'}" for columns in known)
        raise ValueError(f"{path}: the coefficients have {values.shape[1]} columns; expected {expected}")
    log.info(f"{path}: the columns of {key} are read as {', '.join(columns) or 'none'}")
    column = {name: index for index, group in enumerate(columns.values()) for name in group}
    return values[:, [column[name] for name in names]]


def _own_names(container: Container, names: tuple[str, ...]) -> tuple[str, ...]:
    """The coefficients in the order of the file's columns, where it says one, as our own stores do."""
    said = container.attributes.get("coefficient_names")
    if said is None:
        return names
    said = tuple(map(str, said))
    if sorted(said) != sorted(names):
        raise ValueError(
            f"{container.path} says that its coefficient_names are {list(said)}; expected {list(names)}"
        )
    return said


def _stored(path: Path, name: str, examples: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Fields of some examples as they are stored, and checked as such: a source has a scale to normalise by, a
    solution one to measure errors with."""
    with np.errstate(over="ignore"):
        values = given.astype(np.float32)
    _check_finite(path, name, examples, given, values)
    wrong = np.flatnonzero(~values.reshape(len(values), -1).any(axis=1))
    if wrong.size:
        zero = "zero everywhere" if not given[wrong[0]].any() else "zero everywhere in float32"
        raise ValueError(
            f"{path}: the {name} of example {examples[wrong[0]]} is {zero}; expected a field: drop or rescale it"
        )
    return values


def _check_finite(path: Path, name: str, examples: np.ndarray, given: np.ndarray, stored: np.ndarray) -> None:
    wrong = np.flatnonzero(~np.isfinite(stored).reshape(len(stored), -1).all(axis=1))
    if not wrong.size:
        return
    if np.isfinite(given[wrong[0]]).all():
        what, remedy = f"is as large as {np.abs(given[wrong[0]]).max():.2g}, beyond float32", "rescale"
    else:
        what, remedy = "is not finite (NaN or infinity)", "drop these examples"
    raise ValueError(
        f"{path}: the {name} of example {examples[wrong[0]]} {what}, as of {wrong.size} in all so far; "
        f"expected numbers: {remedy}"
    )


def _residual(solver: type[SpectralSystem], stored: dict[str, np.ndarray]) -> np.ndarray:
    """Relative residuals of examples as they are stored, in float64; infinite where there is none."""
    source, solution = (stored[name].astype(np.float64) for name in ("source", "solution"))
    with np.errstate(all="ignore"):
        found = solver.residual(stored["coefficients"], source, solution, Grid(source.shape[-1]))
    return np.where(np.isnan(found), np.inf, found)


def _compared(solver: AbstractSystem, file: _File) -> _File:
    """The file, and in the log how far its examples are from what the project's own solver says. Others discretise
    otherwise, so that nothing is refused by it; but trajectories have their axes in the other order where they
    clearly solve the equation in that."""
    stored = file.read(file.examples[:_COMPARED])
    found = _deviation(solver, stored)
    if isinstance(file.layout, Trajectories):
        mirrored = _deviation(solver, stored | {FRAMES: stored[FRAMES].swapaxes(-1, -2)})
        if np.median(mirrored) < _CLEARLY_BETTER * np.median(found):
            log.info(
                f"{file.path}: the axes of its frames are taken to be (x, y), and turned to (y, x), as "
                f"{solver.deviation_is} is {np.median(mirrored):.2e} with them turned, {np.median(found):.2e} "
                f"without (medians)"
            )
            file, found = replace(file, layout=file.layout.mirrored()), mirrored
    log.info(
        f"{file.path}: {solver.deviation_is} of {solver.equation}, of the first {len(found)} examples: median "
        f"{np.median(found):.2e}, largest {found.max():.2e}; nothing is refused by it"
    )
    return file


def _deviation(solver: AbstractSystem, stored: dict[str, np.ndarray]) -> np.ndarray:
    with np.errstate(all="ignore"):
        found = solver.deviation({name: values.astype(np.float64) for name, values in stored.items()})
    return np.where(np.isnan(found), np.inf, found)


def _log_what_was_read(file: _File, found: dict[str, np.ndarray]) -> None:
    medians = ", ".join(f"{file.layout.called(name)} {np.median(found[name]):.3g}" for name in file.names)
    log.info(
        f"{file.path}: {len(file.examples)} examples on {file.layout.size}, read from the keys "
        f"{', '.join(file.keys)} of {file.kind}; RMS (median): {medians}"
    )


def _check_residual(solver: type[SpectralSystem], file: _File, residuals: np.ndarray) -> float:
    median, largest = float(np.median(residuals)), float(residuals.max())
    log.info(f"{file.path}: residual of {solver.equation}: median {median:.2e}, largest {largest:.2e}")
    if not largest <= LARGEST_RESIDUAL:
        names, worst = ", ".join(solver.coefficient_names), file.examples[residuals.argmax()]
        stored = file.read(np.array([worst]))
        swapped = {name: stored[name].swapaxes(1, 2) for name in ("source", "solution")}
        turned = float(_residual(solver, stored | swapped)[0])
        remedy = (
            "its axes are swapped: store fields as (n, y, x), x last"
            if turned <= LARGEST_RESIDUAL
            else f"check the equation, the order of its coefficients ({names}) and their scale"
        )
        raise ValueError(
            f"{file.path} does not solve {solver.equation}: example {worst} has residual {largest:.2g}, "
            f"the median is {median:.2g}; expected at most {LARGEST_RESIDUAL:g}: {remedy}"
        )
    return largest


def _say_means(solver: type[SpectralSystem], file: _File, means: np.ndarray) -> None:
    """``means`` are those of the solutions, over their RMS."""
    wrong = np.flatnonzero(np.abs(means) > LARGEST_MEAN)
    if solver.zero_mean and wrong.size:
        log.warning(
            f"{file.path}: the solutions of {wrong.size} of {len(means)} examples have a mean, the first that "
            f"of example {file.examples[wrong[0]]}, {means[wrong[0]]:.2g} of its RMS; {solver.equation} leaves "
            f"the mean free, and a model cannot learn it from the source: subtract it"
        )
