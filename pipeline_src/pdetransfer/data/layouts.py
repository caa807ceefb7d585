"""Where the examples of a user's file stand: by which keys, on which axes (``docs/data-format.md``)."""

import logging
from dataclasses import dataclass
from pathlib import Path

from pdetransfer.data.containers import Container, Variable
from pdetransfer.data.systems._system import AbstractSystem

log = logging.getLogger(__name__)

_PAIRS = (("source", "solution"), ("a", "u"), ("coeff", "sol"))  # keys of an input field, and of the output
_AXES = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}  # by the number of dimensions
OUTPUT = "solution"  #: the name of the output, whatever its key is


@dataclass(frozen=True)
class Layout:
    """``arrays`` are input and output ``(n, *grid)``, or both as one ``(n, 2, *grid)``, under their ``keys``;
    ``field`` is the name of the input, ``coefficients`` the key of the coefficients, if there are any."""

    keys: list[str]
    arrays: list[Variable]
    axes: tuple[str, ...]
    field: str
    coefficients: str

    @property
    def count(self) -> int:
        return self.arrays[0].shape[0]

    @property
    def grid(self) -> tuple[int, ...]:
        return self.arrays[0].shape[-len(self.axes) :]

    @property
    def sample(self) -> str:
        """The name of the axis of examples, empty where the file gives none."""
        return self.arrays[0].dims[0]

    def called(self, name: str) -> str:
        """The field or the output of a name, with its key where that is another one."""
        if self.keys == ["fields"]:
            return name
        key = self.keys[name == OUTPUT]
        return name if name == key else f"{name} ({key!r})"


def find(container: Container, system: type[AbstractSystem] | None) -> Layout:
    """The layout of an open file, of a known system or of none. Raises ValueError for a missing key, and for
    shapes that do not fit each other or the system."""
    path, keys = container.path, _keys(container)
    arrays = [container.variable(key) for key in keys]
    if keys == ["fields"]:
        axes = _AXES[2]
        arrays = [_in_order(array, axes) for array in arrays]
        _check_fields(path, arrays[0].shape, system)
    else:
        _check_times(container, arrays)
        axes = _AXES.get(len(arrays[0].shape) - 1, ())
        arrays = _examples_first([_in_order(array, axes) for array in arrays])
        _check_pair(path, keys, arrays, system)
    shape = arrays[0].shape
    if keys == ["fields"] or system is not None:
        is_square = len(set(shape[-len(axes) :])) == 1
        check_shape(
            path, "the fields", shape, is_square, "as many points in y as in x: resample or crop them"
        )
    check_shape(path, "the fields", shape, min(shape) > 0, "an example and a point, at least")
    of_file = keys[0] if keys[0] in ("a", "coeff") else "source"
    field = of_file if system is None else system.fields[0]
    return Layout(keys, arrays, axes, field, "tensor" if keys == ["fields"] else "coefficients")


def check_shape(path: Path, what: str, shape: tuple, is_right: bool, expected: str) -> None:
    if not is_right:
        raise ValueError(f"{path}: {what} have shape {shape}; expected {expected}")


def _keys(container: Container) -> list[str]:
    if "fields" in container.keys:
        return ["fields"]
    begun = [pair for pair in _PAIRS if pair[0] in container.keys]
    if not begun:
        first, *others = (f"{one!r} and {other!r}" for one, other in _PAIRS)
        raise ValueError(
            f"{container.path} has no key 'fields', nor {first}, {' or '.join(others)}; it has "
            f"{container.keys}: rename or add them"
        )
    return list(next((pair for pair in begun if pair[1] in container.keys), begun[0]))


def _in_order(variable: Variable, axes: tuple[str, ...]) -> Variable:
    """With the axes of the grid last and in this order, where the file names them all."""
    if not (axes and _names_all(variable, axes)):
        return variable
    names = [name.lower() for name in variable.dims]
    rest = (axis for axis, name in enumerate(names) if name not in axes)
    order = (*rest, *map(names.index, axes))
    if order != tuple(range(len(order))):
        log.info(
            f"{variable.path}: the axes of {variable.name} are {variable.dims}, and are turned to "
            f"({', '.join(axes)})"
        )
    return variable.turned(order)


def _names_all(variable: Variable, axes: tuple[str, ...]) -> bool:
    return set(axes) <= {name.lower() for name in variable.dims}


def _examples_first(arrays: list[Variable]) -> list[Variable]:
    """Two arrays with the examples on their first axis. Files by MATLAB may have them on the last: it is taken to
    be that where the axes before it make a square or a cube, and those after the first do not, in both."""
    shape, axes = arrays[0].shape, _AXES.get(len(arrays[0].shape) - 1, ())
    is_named = any(_names_all(array, axes) for array in arrays)
    cube_first, cube_last = (len(set(part)) == 1 for part in (shape[:-1], shape[1:]))
    if len(axes) < 2 or shape != arrays[1].shape or is_named or not cube_first or cube_last:
        return arrays
    log.info(
        f"{arrays[0].path}: {' and '.join(array.name for array in arrays)} have shape {shape}, which is read as "
        f"{shape[-1]} examples, the last axis, on {' x '.join(map(str, shape[:-1]))} points"
    )
    last = len(shape) - 1
    return [array.turned((last, *range(last))) for array in arrays]


def _check_times(container: Container, arrays: list[Variable]) -> None:
    (one, of_input), (other, of_output) = ((repr(array.name), array.shape) for array in arrays)
    if "t" in container.keys and len(of_output) == len(of_input) + 1:
        raise ValueError(
            f"{container.path}: {other} has shape {of_output}, and {one} {of_input}, an axis less: that of the "
            f"times 't'; expected {other} at one time, as trajectories are not read yet"
        )


def _check_fields(path: Path, shape: tuple[int, ...], system: type[AbstractSystem] | None) -> None:
    fits = system is None or len(system.axes) == 2
    check_shape(path, "fields", shape, fits, f"'source' and 'solution' instead, {_shape_of_pair(system)}")
    is_right = len(shape) == 4 and shape[1] == 2
    check_shape(path, "fields", shape, is_right, "(n, 2, N, N), source and solution")


def _check_pair(
    path: Path, keys: list[str], arrays: list[Variable], system: type[AbstractSystem] | None
) -> None:
    what, (shape, other) = " and ".join(keys), (array.shape for array in arrays)
    dims = _AXES if system is None else {len(system.axes)}
    is_right = shape == other and len(shape) - 1 in dims
    check_shape(path, what, (shape, other), is_right, _shape_of_pair(system))
    is_flat = 1 in shape[1:] and len(set(shape[1:])) > 1
    check_shape(path, what, shape, not is_flat, "no axis of a single point: leave it out")


def _shape_of_pair(system: type[AbstractSystem] | None) -> str:
    if system is None:
        return "(n, *grid) each, a grid of 1 to 3 axes"
    return f"({', '.join(['n', *('N' for _ in system.axes)])}) each"
