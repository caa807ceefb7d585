"""Where the examples of a user's file stand: by which keys, on which axes (``docs/data-format.md``)."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pdetransfer.data import trajectories
from pdetransfer.data.containers import BARE, Container, Variable, check_shape
from pdetransfer.data.grid import points
from pdetransfer.data.systems._system import AbstractSystem
from pdetransfer.data.systems._trajectories import AbstractTrajectories
from pdetransfer.data.trajectories import Trajectories

log = logging.getLogger(__name__)

_PAIRS = (("source", "solution"), ("a", "u"), ("coeff", "sol"))  # keys of an input field, and of the output
_AXES = {1: ("x",), 2: ("y", "x"), 3: ("z", "y", "x")}  # by the number of dimensions
OUTPUT = "solution"  #: the name of the output, or of the channel of trajectories, whatever its key is


@dataclass(frozen=True)
class Pair:
    """``arrays`` are input and output ``(n, *grid)``, or both as one ``(n, 2, *grid)``, under their ``keys``;
    ``field`` is the name of the input, ``coefficients`` the key of the coefficients, if there are any."""

    keys: list[str]
    arrays: list[Variable]
    axes: tuple[str, ...]
    field: str
    coefficients: str
    output = OUTPUT

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

    @property
    def size(self) -> str:
        """Of an example, in words."""
        return f"{' x '.join(map(str, self.grid))} points"

    @property
    def stored(self) -> dict[str, dict[str, int]]:
        """What is stored: by name the axes of one example, with their lengths."""
        shape = dict(zip(self.axes, self.grid, strict=True))
        return {self.field: shape, self.output: shape}

    def points(self, periodic: bool) -> dict[str, np.ndarray]:
        """Coordinates by axis."""
        return {axis: points(count, periodic) for axis, count in zip(self.axes, self.grid, strict=True)}

    def called(self, name: str) -> str:
        """The field or the output of a name, with its key where that is another one."""
        if self.keys == ["fields"]:
            return name
        key = self.keys[name == OUTPUT]
        return name if name == key else f"{name} ({key!r})"

    def read(self, rows: slice) -> dict[str, np.ndarray]:
        """Input and output of some examples by name."""
        values = [array.read(rows) for array in self.arrays]
        pair = values[0].swapaxes(0, 1) if len(values) == 1 else values
        return dict(zip((self.field, self.output), pair, strict=True))


Layout = Pair | Trajectories


def find(container: Container, system: type[AbstractSystem] | None) -> Layout:
    """The layout of an open file, of a known system or of none. Raises ValueError for a missing key, and for
    shapes that do not fit each other or the system."""
    arrays = [container.variable(key) for key in _keys(container)]
    if system is not None and issubclass(system, AbstractTrajectories):
        return trajectories.find(container, arrays, system.channels[0], is_square=True)
    if system is None and _are_trajectories(container, arrays):
        return trajectories.find(container, arrays, OUTPUT, is_square=False)
    return _pair(container, arrays, system)


def _keys(container: Container) -> list[str]:
    for alone in (BARE, "fields"):
        if alone in container.keys:
            return [alone]
    begun = [pair for pair in _PAIRS if pair[0] in container.keys]
    if begun:
        return list(next((pair for pair in begun if pair[1] in container.keys), begun[0]))
    if "u" in container.keys and trajectories.have_times(container, container.variable("u")):
        return ["u"]
    first, *others = (f"{one!r} and {other!r}" for one, other in _PAIRS)
    raise ValueError(
        f"{container.path} has no key 'fields', nor {first}, {' or '.join(others)}, nor 'u' with the times 't' "
        f"of trajectories; it has {container.keys}: rename or add them"
    )


def _are_trajectories(container: Container, arrays: list[Variable]) -> bool:
    """Whether these are frames, in a file of no known system: it has times, and more axes at them than before."""
    *first, last = arrays
    if last.name == BARE:
        return True
    return (
        last.name == "u"
        and trajectories.have_times(container, last)
        and all(len(array.shape) < len(last.shape) for array in first)
    )


def _pair(container: Container, arrays: list[Variable], system: type[AbstractSystem] | None) -> Pair:
    path, keys = container.path, [array.name for array in arrays]
    if keys == ["fields"]:
        axes = _AXES[2]
        arrays = [array.in_order(axes) for array in arrays]
        _check_fields(path, arrays[0].shape, system)
    else:
        alone, expected = keys[-1], f"'source' and 'solution', {_shape_of_pair(system)}, and no trajectories"
        check_shape(path, alone, arrays[0].shape, len(arrays) == 2, expected)
        axes = _AXES.get(len(arrays[0].shape) - 1, ())
        arrays = _examples_first([array.in_order(axes) for array in arrays])
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
    return Pair(keys, arrays, axes, field, "tensor" if keys == ["fields"] else "coefficients")


def _examples_first(arrays: list[Variable]) -> list[Variable]:
    """Two arrays with the examples on their first axis. Files by MATLAB may have them on the last: it is taken to
    be that where the axes before it make a square or a cube, and those after the first do not, in both."""
    shape, axes = arrays[0].shape, _AXES.get(len(arrays[0].shape) - 1, ())
    is_named = any(array.names_all(axes) for array in arrays)
    cube_first, cube_last = (len(set(part)) == 1 for part in (shape[:-1], shape[1:]))
    if len(axes) < 2 or shape != arrays[1].shape or is_named or not cube_first or cube_last:
        return arrays
    log.info(
        f"{arrays[0].path}: {' and '.join(array.name for array in arrays)} have shape {shape}, which is read as "
        f"{shape[-1]} examples, the last axis, on {' x '.join(map(str, shape[:-1]))} points"
    )
    last = len(shape) - 1
    return [array.turned((last, *range(last))) for array in arrays]


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
