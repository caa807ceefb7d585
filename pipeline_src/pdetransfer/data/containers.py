"""Arrays in HDF5 files, zarr stores, and files of MATLAB and NumPy that other programs wrote: opened in one place,
closed again, decoded as the file says of itself, or refused in a sentence that names the file, what it is and what
was expected. Nothing is unpickled."""

import errno
import logging
import math
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import xarray as xr
import zarr

from pdetransfer.base.files import looks_like

T = TypeVar("T")

log = logging.getLogger(__name__)

BARE = "the array"  #: the key of the array in a file of a single one, which has no keys
_EXPECTED = (
    "expected an HDF5 file (.h5, .hdf5), a zarr store (.zarr), or one of MATLAB (.mat) or NumPy (.npz, .npy)"
)
_SUFFIXES = (".h5", ".hdf5", ".zarr", ".mat", ".npz", ".npy")
_INTEGERS = (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
_NUMBERS = {"double", "single", "logical", *_INTEGERS}  # classes of MATLAB
_PACKED = ("scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned")  # attributes, by CF


@dataclass(frozen=True)
class Variable:
    """An array of numbers in a file. ``dims`` are the names of its axes, empty ones where the file gives none;
    ``order`` are the axes of the array as it is stored, in the order that they are read in."""

    path: Path
    name: str
    dims: tuple[str, ...]
    order: tuple[int, ...]
    array: Any  # of h5py, zarr or NumPy

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

    def names_all(self, axes: tuple[str, ...]) -> bool:
        """Whether the file names all of these axes."""
        return set(axes) <= {name.lower() for name in self.dims}

    def in_order(self, axes: tuple[str, ...]) -> "Variable":
        """With these axes last and in this order, where the file names them all."""
        if not (axes and self.names_all(axes)):
            return self
        names = [name.lower() for name in self.dims]
        rest = (axis for axis, name in enumerate(names) if name not in axes)
        order = (*rest, *map(names.index, axes))
        if order != tuple(range(len(order))):
            log.info(
                f"{self.path}: the axes of {self.name} are {self.dims}, and are turned to ({', '.join(axes)})"
            )
        return self.turned(order)

    def read(self, rows: slice = slice(None)) -> np.ndarray:
        """A range along the first axis: unpacked, and NaN where the file says that a value is missing."""
        index = [slice(None)] * len(self.order)
        index[self.order[0]] = rows
        raw = _tried(self.path, f"{self.name!r}", lambda: np.asarray(self.array[tuple(index)]))
        said = getattr(self.array, "attrs", {})
        attributes = {key: _plain(said[key]) for key in _PACKED if key in said}
        if attributes:
            packed = xr.Variable([f"axis {axis}" for axis in range(raw.ndim)], raw, attributes)
            raw = xr.conventions.decode_cf_variable(self.name, packed, decode_times=False).values
        return raw.transpose(self.order)


class _Matlab5(Mapping):
    """A MATLAB file of version 7 or older by scipy: each array is read whole when it is asked for."""

    def __init__(self, path: Path):
        import scipy.io  # takes a third of a second

        self._path = path
        self.classes = {name: kind for name, _, kind in scipy.io.whosmat(path)}

    def __getitem__(self, key: str) -> Any:
        import scipy.io

        return scipy.io.loadmat(self._path, variable_names=[key])[key]

    def __contains__(self, key: object) -> bool:
        return key in self.classes  # and nothing is read for it

    def __iter__(self) -> Iterator[str]:
        return iter(self.classes)

    def __len__(self) -> int:
        return len(self.classes)


@dataclass(frozen=True)
class Container:
    """An open file: its ``kind``, the names of its arrays and groups, and what it says of itself. ``classes`` are
    those of MATLAB, by key."""

    path: Path
    kind: str
    group: Any  # of h5py or zarr, or a mapping
    classes: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> list[str]:
        return sorted(key for key in self.group if not key.startswith("#"))  # of MATLAB: what cells refer to

    @property
    def attributes(self) -> dict[str, Any]:
        return dict(getattr(self.group, "attrs", {}))

    def variable(self, key: str) -> Variable:
        """Raises ValueError for a key that is missing, or is no array of real numbers that was written whole."""
        if key not in self.group:
            raise ValueError(f"{self.path} has no key {key!r}; it has {self.keys}: rename or add it")
        if (of_matlab := self.classes.get(key, "double")) not in _NUMBERS:
            raise ValueError(
                f"{self.path}: {key!r} is of MATLAB's class {of_matlab}; expected an array of real numbers"
            )
        array = _tried(self.path, repr(key), lambda: self.group[key])
        if not isinstance(array, h5py.Dataset | zarr.Array | np.ndarray):
            what = "a group" if isinstance(array, h5py.Group | zarr.Group) else f"a {type(array).__name__}"
            raise ValueError(f"{self.path}: {key!r} is {what}; expected an array")
        if array.dtype.kind not in "biuf":
            is_complex = array.dtype.kind == "c" or array.dtype.names == ("real", "imag")  # MATLAB in HDF5
            hint = ": keep the real part, or the part that is meant" if is_complex else ""
            raise ValueError(f"{self.path}: {key!r} is of type {array.dtype}; expected real numbers{hint}")
        if missing := _missing_chunks(array):
            raise ValueError(
                f"{self.path}: {missing} chunks of {key!r} were never written, and would be read as "
                f"{_filler(array)}; expected all: "
                f"copy the file again, or write them, those of zeros, too (write_empty_chunks of zarr)"
            )
        variable = Variable(self.path, key, _dims(array), tuple(range(array.ndim)), array)
        # MATLAB counts the first axis fastest and HDF5 the last, so that a file has all axes the other way round.
        return variable.turned(variable.order[::-1]) if self.kind == "MATLAB (HDF5)" else variable


@contextmanager
def opened(path: Path) -> Iterator[Container]:
    """A file or store, open for reading. Raises ValueError for one that cannot be."""
    if wrong := _what_is_wrong(path):
        raise ValueError(f"{path} {wrong}; {_EXPECTED}")
    if path.suffix == ".zarr":
        yield Container(path, "zarr", _tried(path, "it", lambda: zarr.open_group(path, mode="r")))
    elif path.suffix == ".npz":
        with _tried(path, "it", lambda: np.load(path, allow_pickle=False)) as archive:
            yield Container(path, "NumPy", archive)
    elif path.suffix == ".npy":
        array = _tried(path, "it", lambda: np.load(path, mmap_mode="r", allow_pickle=False))
        yield Container(path, "NumPy", {BARE: array})
    elif path.suffix == ".mat" and not h5py.is_hdf5(path):
        group = _tried(path, "it", lambda: _Matlab5(path))
        yield Container(path, "MATLAB", group, group.classes)
    else:
        with _tried(path, "it", lambda: h5py.File(path, "r")) as file:
            if path.suffix == ".mat":
                yield Container(path, "MATLAB (HDF5)", file, _tried(path, "it", lambda: _classes(file)))
            else:
                yield Container(path, "HDF5", file)


def check_shape(path: Path, what: str, shape: tuple, is_right: bool, expected: str) -> None:
    if not is_right:
        raise ValueError(f"{path}: {what} have shape {shape}; expected {expected}")


def _classes(file: h5py.File) -> dict[str, str]:
    """Of a file by MATLAB: the class of each array; of text and cells HDF5 says that they are numbers."""
    said = {key: file[key].attrs.get("MATLAB_class") for key in file}
    return {key: np.bytes_(kind).decode() for key, kind in said.items() if kind is not None}


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
    if path.suffix == ".npz":
        kind, is_one = "archive of NumPy", zipfile.is_zipfile(path)
    elif path.suffix == ".npy":
        kind, is_one = "array of NumPy", _begins_with(path, np.lib.format.MAGIC_PREFIX)
    else:
        kind = "MATLAB file" if path.suffix == ".mat" else "HDF5 file"
        is_one = h5py.is_hdf5(path) or (path.suffix == ".mat" and _is_matlab(path))
    return None if is_one else f"is no {kind}: {looks_like(path) or 'it begins as none does'}"


def _begins_with(path: Path, first: bytes) -> bool:
    with open(path, "rb") as file:
        return file.read(len(first)) == first


def _is_matlab(path: Path) -> bool:
    from scipy.io.matlab import matfile_version

    try:
        return matfile_version(path) is not None
    except Exception:  # scipy raises several kinds
        return False


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


def _dims(array: h5py.Dataset | zarr.Array | np.ndarray) -> tuple[str, ...]:
    """Names of the axes: labels or attached scales in HDF5, dimension names in zarr."""
    if isinstance(array, np.ndarray):
        return ("",) * array.ndim
    if isinstance(array, h5py.Dataset):
        names = [axis.label or next(iter(axis.keys()), "") for axis in array.dims]
    else:  # of format 3, or as xarray writes format 2
        names = getattr(array.metadata, "dimension_names", None) or array.attrs.get("_ARRAY_DIMENSIONS")
        names = names or [""] * array.ndim
    return tuple(name or "" for name in names)


def _filler(array: h5py.Dataset | zarr.Array) -> Any:
    """What is read of a chunk that was never written."""
    return array.fillvalue if isinstance(array, h5py.Dataset) else array.fill_value


def _missing_chunks(array: h5py.Dataset | zarr.Array | np.ndarray) -> int:
    """Chunks that were never written: they have no value, and are read as one all the same."""
    if isinstance(array, np.ndarray):
        return 0
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
