"""Users' own files, checked and brought into the project's format.

Two layouts are read, from HDF5 and from zarr (``docs/data-format.md``): ``fields`` ``(n, 2, N, N)``, source and
solution, and ``tensor`` ``(n, c)``, the coefficients, which is how the public code of arXiv 2306.00258 writes its
data; and ``source`` and ``solution`` ``(n, N, N)`` and ``coefficients`` ``(n, c)``. x is the last axis, unless the
file names its axes.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pdetransfer.base import numerics
from pdetransfer.data.containers import Container, Variable, opened
from pdetransfer.data.datasets import source_rms
from pdetransfer.data.grid import Grid
from pdetransfer.data.store import SHARD, Writer
from pdetransfer.data.systems._spectral import SpectralSystem
from pdetransfer.data.systems.registry import SYSTEMS

log = logging.getLogger(__name__)

LARGEST_RESIDUAL = 1e-2  #: of an example in a file of a known system; stored float32 pairs reach some 1e-4
HELD_OUT = 8  #: every which training example is one of validation, where that has no file of its own
LARGEST_MEAN = (
    1e-3  #: of a solution over its RMS that is passed without a word where the equation leaves it free
)
_COEFFICIENTS = {
    "fields": "tensor",
    "source": "coefficients",
}  #: key of the coefficients, by that of the fields


@dataclass(frozen=True)
class _File:
    """A user's file: its ``keys``, source and solution ``(n, N, N)`` or both as ``(n, 2, N, N)``, ``coefficients``
    ``(n, c)``, and the ``examples`` that are taken of it, by number."""

    path: Path
    keys: list[str]
    fields: list[Variable]
    coefficients: np.ndarray
    examples: np.ndarray

    @property
    def num_points(self) -> int:
        return self.fields[0].shape[-1]

    def read(self, examples: np.ndarray) -> dict[str, np.ndarray]:
        """Source, solution and coefficients of some examples as they are stored: fields in float32, finite and
        not zero."""
        first, last = examples[0], examples[-1]
        values = [field.read(slice(first, last + 1))[examples - first] for field in self.fields]
        pair = values[0].swapaxes(0, 1) if len(values) == 1 else values
        fields = {
            name: _stored(self.path, name, examples, given)
            for name, given in zip(("source", "solution"), pair, strict=True)
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
) -> dict:
    """Check a file and write it as the split of a dataset; return the manifest.

    With ``system``, a name in SYSTEMS, the coefficients are those of the system and the residuals are logged;
    without, they are called ``coefficient_names``. ``held_out`` true takes every eighth example, false all
    others, None all there are. What is checked is what is stored. Raises ValueError, naming
    file, key and remedy, for a file that cannot be read, a missing key, wrong types and shapes, values that
    are not finite or not in the range of float32, and a system whose equation the examples do not satisfy.
    """
    solver = None if system is None else SYSTEMS[system]
    names = tuple(coefficient_names) if solver is None else solver.coefficient_names
    with opened(path) as container:
        file = _file_of(container, names, solver, held_out)
        count = len(file.examples)
        axes = dict.fromkeys(("y", "x"), Grid(file.num_points).points)
        writer = Writer(store, manifest, count, axes, ("source", "solution"), len(names), {})
        checked: dict[str, list[np.ndarray]] = {"residual": [], "mean": [], "source": [], "solution": []}
        for start in range(0, count, SHARD):
            rows = slice(start, min(start + SHARD, count))
            stored = file.read(file.examples[rows])
            for name in ("source", "solution"):
                checked[name].append(source_rms(stored[name]))
            checked["mean"].append(stored["solution"].mean(axis=(1, 2), dtype=np.float64))
            if solver is not None:
                checked["residual"].append(_residual(solver, stored))
            writer.write(rows, stored)
        found = {name: np.concatenate(values) for name, values in checked.items() if values}
        _log_what_was_read(file, found)
        attributes = {
            "dataset": dataset,
            "split": split,
            "file": str(path),
            "system": system,
            "num_points": file.num_points,
            "fields": ["source"],
            "outputs": ["solution"],
            "coefficient_names": list(names),
            "numerics_version": numerics.SOLVER,
        }
        if solver is not None:
            attributes["largest_residual"] = _check_residual(solver, file, found["residual"])
            _say_means(solver, file, found["mean"] / found["solution"])
    return writer.finish(attributes)


def _file_of(
    container: Container, names: tuple[str, ...], solver: type[SpectralSystem] | None, held_out: bool | None
) -> _File:
    """The arrays of an open file, with their axes in order and shapes that fit each other."""
    path = container.path
    key = next((key for key in _COEFFICIENTS if key in container.keys), None)
    if key is None:
        raise ValueError(
            f"{path} has no key 'fields', nor 'source' and 'solution'; it has {container.keys}: rename or add them"
        )
    keys = ["fields"] if key == "fields" else ["source", "solution"]
    fields = [_y_before_x(container.variable(name)) for name in keys]
    shapes = [field.shape for field in fields]
    if key == "fields":
        is_right = len(shapes[0]) == 4 and shapes[0][1] == 2
        _check_shape(path, "fields", shapes[0], is_right, "(n, 2, N, N), source and solution")
    else:
        is_right = shapes[0] == shapes[1] and len(shapes[0]) == 3
        _check_shape(path, "source and solution", tuple(shapes), is_right, "(n, N, N) each")
    count, square = shapes[0][0], shapes[0][-1] == shapes[0][-2]
    _check_shape(path, "the fields", shapes[0], square, "as many points in y as in x: resample or crop them")
    _check_shape(path, "the fields", shapes[0], min(shapes[0]) > 0, "an example and a point, at least")
    coefficients = _coefficients(container, _COEFFICIENTS[key], count, fields[0].dims[0], names, solver)
    examples = np.arange(count)
    if held_out is not None:
        examples = examples[(examples % HELD_OUT == 0) == held_out]
    if not examples.size:
        raise ValueError(f"{path} has one example; expected two at least, as one is held out for validation")
    read = [name for name in (*keys, _COEFFICIENTS[key]) if name in container.keys]
    return _File(path, read, fields, coefficients, examples)


def _y_before_x(variable: Variable) -> Variable:
    """With x as the last axis and y before it, where the file names both."""
    names = [name.lower() for name in variable.dims]
    if not {"x", "y"} <= set(names):
        return variable
    rest = (axis for axis, name in enumerate(names) if name not in ("x", "y"))
    order = (*rest, names.index("y"), names.index("x"))
    if order != tuple(range(len(order))):
        log.info(
            f"{variable.path}: the axes of {variable.name} are {variable.dims}, and are turned to (y, x)"
        )
    return variable.turned(order)


def _coefficients(
    container: Container,
    key: str,
    count: int,
    sample: str,
    names: tuple[str, ...],
    solver: type[SpectralSystem] | None,
) -> np.ndarray:
    """The coefficients ``(count, len(names))``, float64, whichever way their columns stand in the file."""
    path = container.path
    if not names and key not in container.keys:
        return np.empty((count, 0))
    variable = container.variable(key)
    if sample and len(variable.dims) == 2 and variable.dims[1] == sample:
        variable = variable.turned((1, 0))
    is_right = len(variable.shape) == 2 and variable.shape[0] == count
    _check_shape(path, "the coefficients", variable.shape, is_right, f"({count}, c), a row an example")
    values = variable.read().astype(np.float64)
    _check_finite(path, "coefficients", np.arange(count), values, values)
    own = {name: (name,) for name in _own_names(container, names)}
    layouts = [own, *([solver.public_columns] if solver is not None and solver.public_columns else [])]
    layout = next((layout for layout in layouts if len(layout) == values.shape[1]), None)
    if layout is None:
        expected = ", or ".join(f"{len(layout)}: {', '.join(layout) or 'none'}" for layout in layouts)
        raise ValueError(f"{path}: the coefficients have {values.shape[1]} columns; expected {expected}")
    log.info(f"{path}: the columns of {key} are read as {', '.join(layout) or 'none'}")
    column = {name: index for index, group in enumerate(layout.values()) for name in group}
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


def _check_shape(path: Path, what: str, shape: tuple, is_right: bool, expected: str) -> None:
    if not is_right:
        raise ValueError(f"{path}: {what} have shape {shape}; expected {expected}")


def _stored(path: Path, name: str, examples: np.ndarray, given: np.ndarray) -> np.ndarray:
    """Fields of some examples as they are stored, and checked as such: a source has a scale to normalise by, a
    solution one to measure errors with."""
    with np.errstate(over="ignore"):
        values = given.astype(np.float32)
    _check_finite(path, name, examples, given, values)
    wrong = np.flatnonzero(~values.any(axis=(1, 2)))
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


def _log_what_was_read(file: _File, found: dict[str, np.ndarray]) -> None:
    kind = "zarr" if file.path.suffix == ".zarr" else "HDF5"
    medians = ", ".join(f"{name} {np.median(found[name]):.3g}" for name in ("source", "solution"))
    log.info(
        f"{file.path}: {len(file.examples)} examples on {file.num_points} x {file.num_points} points, read from "
        f"the keys {', '.join(file.keys)} of {kind}; RMS (median): {medians}"
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
