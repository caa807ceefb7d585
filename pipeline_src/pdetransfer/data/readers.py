"""Users' own files, checked and brought into the project's format.

Two layouts are read: HDF5 with ``fields`` ``(n, 2, N, N)``, source and solution, and ``tensor`` ``(n, c)``, the
coefficients (the layout of the public data of arXiv 2306.00258); and zarr with ``source``, ``solution``
``(n, N, N)`` and ``coefficients`` ``(n, c)`` (``docs/data-format.md``). x is the last axis.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import zarr

from pdetransfer.base import numerics
from pdetransfer.data.grid import Grid
from pdetransfer.data.store import SHARD, Writer
from pdetransfer.data.systems.registry import SYSTEMS, AbstractSystem

log = logging.getLogger(__name__)

LARGEST_RESIDUAL = 1e-2  #: of an example in a file of a known system; stored float32 pairs reach some 1e-4


@dataclass(frozen=True)
class _File:
    """A user's file: source and solution of a range of examples, and all coefficients."""

    path: Path
    count: int
    num_points: int
    fields: Callable[[slice], tuple[np.ndarray, np.ndarray]]
    coefficients: np.ndarray


def import_file(
    path: Path,
    dataset: str,
    split: str,
    system: str | None,
    coefficient_names: list[str],
    store: Path,
    manifest: Path,
) -> dict:
    """Check a file and write it as the split of a dataset; return the manifest.

    With ``system``, a name in SYSTEMS, the coefficients are those of the system and the residuals are logged;
    without, they are called ``coefficient_names``. Raises ValueError, naming file, key and remedy, for a
    missing key, wrong shapes, values that are not finite, and a system whose equation the examples do
    not satisfy.
    """
    solver = None if system is None else SYSTEMS[system]
    file = _open(path)
    names = tuple(coefficient_names) if solver is None else solver.coefficient_names
    if file.coefficients.shape[1] != len(names):
        raise ValueError(
            f"{path}: the coefficients have {file.coefficients.shape[1]} columns; "
            f"expected {len(names)}: {', '.join(names)}"
        )
    writer = Writer(store, manifest, file.count, file.num_points, len(names), {})
    residuals = []
    for start in range(0, file.count, SHARD):
        rows = slice(start, min(start + SHARD, file.count))
        source, solution = file.fields(rows)
        _check_finite(path, start, {"source": source, "solution": solution})
        _check_nonzero(path, start, {"source": source, "solution": solution})
        coefficients = file.coefficients[rows]
        if solver is not None:
            residuals.append(_residual(solver, coefficients, source, solution, file.num_points))
        writer.write(rows, {"source": source, "solution": solution, "coefficients": coefficients})
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
        attributes["largest_residual"] = _check_residual(path, solver, file, np.concatenate(residuals))
    return writer.finish(attributes)


def _open(path: Path) -> _File:
    readers = {".h5": _open_hdf5, ".hdf5": _open_hdf5, ".zarr": _open_zarr}
    if not path.exists() or path.suffix not in readers:
        what = f"ends in {path.suffix!r}" if path.exists() else "does not exist"
        raise ValueError(f"{path} {what}; expected an HDF5 file (.h5, .hdf5) or a zarr store (.zarr)")
    shape, fields, coefficients = readers[path.suffix](path)
    square = shape[-1] == shape[-2]
    _check_shape(path, "the fields", shape, square, "as many points in y as in x: resample or crop them")
    matching = len(coefficients.shape) == 2 and len(coefficients) == shape[0]
    _check_shape(path, "the coefficients", coefficients.shape, matching, f"({shape[0]}, c), a row an example")
    _check_finite(path, 0, {"coefficients": coefficients})
    return _File(path, shape[0], shape[-1], fields, coefficients)


def _open_hdf5(path: Path) -> tuple:
    file = h5py.File(path)
    fields, tensor = _key(path, file, "fields"), _key(path, file, "tensor")
    is_right = len(fields.shape) == 4 and fields.shape[1] == 2
    _check_shape(path, "fields", fields.shape, is_right, "(n, 2, N, N), source and solution")

    def pair(rows: slice) -> tuple[np.ndarray, np.ndarray]:
        block = fields[rows]
        return block[:, 0], block[:, 1]

    return fields.shape, pair, tensor[:].astype(np.float64)


def _open_zarr(path: Path) -> tuple:
    group = zarr.open_group(path, mode="r")
    source, solution, values = (_key(path, group, key) for key in ("source", "solution", "coefficients"))
    is_right = source.shape == solution.shape and len(source.shape) == 3
    _check_shape(path, "source and solution", (source.shape, solution.shape), is_right, "(n, N, N) each")
    return source.shape, lambda rows: (source[rows], solution[rows]), values[:].astype(np.float64)


def _key(path: Path, group, key: str):
    if key not in group:
        raise ValueError(f"{path} has no key {key!r}; it has {sorted(group)}: rename or add it")
    return group[key]


def _check_shape(path: Path, what: str, shape: tuple, is_right: bool, expected: str) -> None:
    if not is_right:
        raise ValueError(f"{path}: {what} have shape {shape}; expected {expected}")


def _check_finite(path: Path, start: int, arrays: dict[str, np.ndarray]) -> None:
    for name, values in arrays.items():
        wrong = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
        if wrong.size:
            raise ValueError(
                f"{path}: the {name} of example {start + wrong[0]} is not finite (NaN or infinity), as of "
                f"{wrong.size} in all so far; expected numbers: drop these examples"
            )


def _check_nonzero(path: Path, start: int, arrays: dict[str, np.ndarray]) -> None:
    """A source has a scale to normalise by, a solution one to measure errors with."""
    for name, values in arrays.items():
        wrong = np.flatnonzero(~values.any(axis=(1, 2)))
        if wrong.size:
            raise ValueError(
                f"{path}: the {name} of example {start + wrong[0]} is zero everywhere; expected a field: drop it"
            )


def _residual(
    solver: type[AbstractSystem], coefficients: np.ndarray, source: np.ndarray, solution: np.ndarray, n: int
) -> np.ndarray:
    """Relative residuals, in float64."""
    return solver.residual(coefficients, source.astype(np.float64), solution.astype(np.float64), Grid(n))


def _check_residual(path: Path, solver: type[AbstractSystem], file: _File, residuals: np.ndarray) -> float:
    median, largest, worst = float(np.median(residuals)), float(residuals.max()), int(residuals.argmax())
    log.info(f"{path}: residual of {solver.equation}: median {median:.2e}, largest {largest:.2e}")
    if largest > LARGEST_RESIDUAL:
        names = ", ".join(solver.coefficient_names)
        source, solution = file.fields(slice(worst, worst + 1))
        swapped = (np.swapaxes(values, 1, 2) for values in (source, solution))
        turned = _residual(solver, file.coefficients[worst : worst + 1], *swapped, file.num_points)
        remedy = (
            "its axes are swapped: store fields as (n, y, x), x last"
            if turned <= LARGEST_RESIDUAL
            else f"check the equation, the order of its coefficients ({names}) and their scale"
        )
        raise ValueError(
            f"{path} does not solve {solver.equation}: example {worst} has residual {largest:.2g}, the median is "
            f"{median:.2g}; expected at most {LARGEST_RESIDUAL:g}: {remedy}"
        )
    return largest
