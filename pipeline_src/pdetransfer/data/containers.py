"""Arrays in HDF5 files and zarr stores that other programs wrote: opened in one place, closed again, decoded as
the file says of itself, or refused in a sentence that names the file, what it is and what was expected."""

import errno
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import xarray as xr
import zarr

from pdetransfer.base.files import looks_like

T = TypeVar("T")

_EXPECTED = "expected an HDF5 file (.h5, .hdf5) or a zarr store (.zarr)"
_SUFFIXES = (".h5", ".hdf5", ".zarr")
_PACKED = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")  # attributes, by CF


@dataclass(frozen=True)
class Variable:
    """An array of numbers in a file. ``dims`` are the names of its axes, empty ones where the file gives none;
    ``order`` are the axes of the array as it is stored, in the order that they are read in."""

    path: Path
    name: str
    dims: tuple[str, ...]
    order: tuple[int, ...]
    array: Any  # of h5py or zarr

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape[axis] for axis in self.order)

    def turned(self, order: tuple[int, ...]) -> "Variable":
        """With its axes in another order."""
        return replace(
            self,
            dims=tuple(self.dims[axis] for axis in order),
            order=tuple(self.order[axis] for axis in order),
        )

    def read(self, rows: slice = slice(None)) -> np.ndarray:
        """A range along the first axis: unpacked, and NaN where the file says that a value is missing."""
        index = [slice(None)] * len(self.order)
        index[self.order[0]] = rows
        raw = _tried(self.path, f"{self.name!r}", lambda: np.asarray(self.array[tuple(index)]))
        attributes = {key: _plain(self.array.attrs[key]) for key in _PACKED if key in self.array.attrs}
        if attributes:
            packed = xr.Variable([f"axis {axis}" for axis in range(raw.ndim)], raw, attributes)
            raw = xr.conventions.decode_cf_variable(self.name, packed, decode_times=False).values
        return raw.transpose(self.order)


@dataclass(frozen=True)
class Container:
    """An open file: the names of its arrays and groups, and what it says of itself."""

    path: Path
    group: Any  # of h5py or zarr

    @property
    def keys(self) -> list[str]:
        return sorted(self.group)

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(self.group.attrs)

    def variable(self, key: str) -> Variable:
        """Raises ValueError for a key that is missing, or is no array of real numbers that was written whole."""
        if key not in self.group:
            raise ValueError(f"{self.path} has no key {key!r}; it has {self.keys}: rename or add it")
        array = _tried(self.path, repr(key), lambda: self.group[key])
        if not isinstance(array, h5py.Dataset | zarr.Array):
            raise ValueError(f"{self.path}: {key!r} is a group; expected an array")
        if array.dtype.kind not in "biuf":
            hint = ": keep the real part, or the part that is meant" if array.dtype.kind == "c" else ""
            raise ValueError(f"{self.path}: {key!r} is of type {array.dtype}; expected real numbers{hint}")
        if missing := _missing_chunks(array):
            raise ValueError(
                f"{self.path}: {missing} chunks of {key!r} were never written, and would be read as "
                f"{array.fillvalue if isinstance(array, h5py.Dataset) else array.fill_value}; expected all: "
                f"copy the file again, or write them, those of zeros, too (write_empty_chunks of zarr)"
            )
        return Variable(self.path, key, _dims(array), tuple(range(array.ndim)), array)


@contextmanager
def opened(path: Path) -> Iterator[Container]:
    """A file or store, open for reading. Raises ValueError for one that cannot be."""
    if wrong := _what_is_wrong(path):
        raise ValueError(f"{path} {wrong}; {_EXPECTED}")
    if path.suffix == ".zarr":
        yield Container(path, _tried(path, "it", lambda: zarr.open_group(path, mode="r")))
    else:
        with _tried(path, "it", lambda: h5py.File(path, "r")) as file:
            yield Container(path, file)


def _what_is_wrong(path: Path) -> str | None:
    """Why a path is not even to be tried."""
    if path.is_symlink() and not path.exists():
        return f"is a link to {path.readlink()}, which does not exist"
    if not path.exists():
        return "does not exist"
    if path.suffix not in _SUFFIXES:
        return f"ends in {path.suffix!r}"
    return _wrong_store(path) if path.suffix == ".zarr" else _wrong_file(path)


def _wrong_file(path: Path) -> str | None:
    if path.is_dir():
        return "is a folder"
    if h5py.is_hdf5(path):
        return None
    return f"is no HDF5 file: {looks_like(path) or 'it begins as none does'}"


def _wrong_store(path: Path) -> str | None:
    if path.is_file():
        return f"is no folder of a zarr store: {looks_like(path) or 'it is a file'}"
    if not any(path.iterdir()):
        return "is an empty folder"
    try:
        node = zarr.open(path, mode="r")
    except Exception as error:  # zarr raises several kinds
        return f"holds no zarr group ({_first_line(error)})"
    return "is a single zarr array, not a group of them" if isinstance(node, zarr.Array) else None


def _tried(path: Path, what: str, read: Callable[[], T]) -> T:
    """What is read of a file; ValueError, with what to do, where it cannot be."""
    try:
        return read()
    except Exception as error:  # h5py and zarr raise many kinds
        locked = isinstance(error, OSError) and error.errno in (errno.EAGAIN, errno.EACCES)
        remedy = "another program has it open: close that" if locked else "copy or write the file again"
        raise ValueError(f"{path}: {what} cannot be read ({_first_line(error)}): {remedy}") from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def _plain(value: Any) -> Any:
    """An attribute as a scalar: HDF5 keeps those of netCDF as arrays of one."""
    return np.asarray(value).reshape(-1)[0] if np.size(value) == 1 else value


def _dims(array: h5py.Dataset | zarr.Array) -> tuple[str, ...]:
    """Names of the axes: labels or attached scales in HDF5, dimension names in zarr."""
    if isinstance(array, h5py.Dataset):
        names = [axis.label or next(iter(axis.keys()), "") for axis in array.dims]
    else:  # of format 3, or as xarray writes format 2
        names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
        names = names or [""] * array.ndim
    return tuple(name or "" for name in names)


def _missing_chunks(array: h5py.Dataset | zarr.Array) -> int:
    """Chunks that were never written: they have no value, and are read as one all the same."""
    if isinstance(array, h5py.Dataset):
        if array.is_virtual or array.external or not array.size:
            return 0
        if array.chunks is None:
            return int(array.id.get_storage_size() == 0)
        return _num_parts(array.shape, array.chunks) - array.id.get_num_chunks()
    written = array.shards or array.chunks  # a shard is written whole
    in_each = _num_parts(written, array.chunks)
    return _num_parts(array.shape, written) * in_each - array.nchunks_initialized


def _num_parts(shape: tuple[int, ...], part: tuple[int, ...]) -> int:
    return math.prod(-(-size // of_part) for size, of_part in zip(shape, part, strict=True))
