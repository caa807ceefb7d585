"""Where the trajectories of a user's file stand: by which keys, on which axes, at which times
(``docs/data-format.md``)."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pdetransfer.data.containers import BARE, Container, Variable, check_shape
from pdetransfer.data.grid import points
from pdetransfer.data.systems._trajectories import FRAMES, initial

log = logging.getLogger(__name__)

_NAMES = ("t", "y", "x")
_ORDER = "ntyx"  # of axes, as they are read
_ORDERS = ("nyxt", _ORDER, "yxtn")  # as files have them, the public ones of arXiv 2010.08895 first
_EQUAL = 1e-3  # relative difference of steps in time that are taken to be equal: times may be in float32
_FEWEST_POINTS = 4  # along y and x


@dataclass(frozen=True)
class Trajectories:
    """``arrays`` are all frames of one ``channel``, ``(n, t, y, x)``, or the first ``(n, y, x)`` and the later
    ones, ``time_step`` apart, which is None where the file does not say it."""

    arrays: list[Variable]
    channel: str
    time_step: float | None
    axes = ("y", "x")
    coefficients = "coefficients"

    @property
    def keys(self) -> list[str]:
        return [array.name for array in self.arrays]

    @property
    def field(self) -> str:
        return initial(self.channel)

    @property
    def output(self) -> str:
        return self.channel

    @property
    def count(self) -> int:
        return self.arrays[-1].shape[0]

    @property
    def num_frames(self) -> int:
        return len(self.arrays[:-1]) + self.arrays[-1].shape[1]

    @property
    def grid(self) -> tuple[int, ...]:
        return self.arrays[-1].shape[2:]

    @property
    def sample(self) -> str:
        """The name of the axis of examples, empty where the file gives none."""
        return self.arrays[-1].dims[0]

    @property
    def size(self) -> str:
        """Of an example, in words."""
        return (
            f"{self.num_frames} frames, {self.time_step:g} apart, of {' x '.join(map(str, self.grid))} points"
        )

    @property
    def stored(self) -> dict[str, dict[str, int]]:
        """What is stored: by name the axes of one example, with their lengths."""
        sizes = zip(("t", "channel", *self.axes), (self.num_frames, 1, *self.grid), strict=True)
        return {FRAMES: dict(sizes)}

    def points(self, periodic: bool) -> dict[str, np.ndarray]:
        """Coordinates by axis, time from the first frame on."""
        in_space = zip(self.axes, self.grid, strict=True)
        assert self.time_step is not None
        times = self.time_step * np.arange(self.num_frames)
        return {"t": times} | {axis: points(count, periodic) for axis, count in in_space}

    def called(self, name: str) -> str:
        """The channel, with its keys."""
        return f"{self.channel} ({', '.join(map(repr, self.keys))})"

    def read(self, rows: slice) -> dict[str, np.ndarray]:
        """The frames of some examples, ``(count, t, 1, y, x)``."""
        *first, later = (array.read(rows) for array in self.arrays)
        frames = np.concatenate([*(values[:, None] for values in first), later], axis=1)
        return {FRAMES: frames[:, :, None]}

    def mirrored(self) -> "Trajectories":
        """With the axes y and x one for the other."""
        return replace(self, arrays=list(map(_mirrored, self.arrays)))


def _mirrored(array: Variable) -> Variable:
    *others, y, x = range(len(array.shape))
    return array.turned((*others, x, y))


def have_times(container: Container, frames: Variable) -> bool:
    """Whether a file says that an array is one of frames."""
    return "t" in container.keys or frames.names_all(("t",))


def find(container: Container, arrays: list[Variable], channel: str, is_square: bool) -> Trajectories:
    """The trajectories of a file in these arrays: a bare one, ``u``, or ``a`` and ``u``. The initial state ``a``
    is their first frame where the times of ``u`` say that it is one step before, else it is left out.

    Raises ValueError for other arrays, shapes that do not fit each other and the times, steps that are not equal,
    and less than two frames; where it ``is_square`` also for another grid.
    """
    path, times = container.path, _times(container)
    *first, frames = _turned(arrays, times)
    begin, step = (np.nan, None) if times is None or not times.size else (times[0], _step(path, times))
    if first and not (step and np.isclose(begin, step, rtol=_EQUAL)):
        start = "at a time that no key 't' gives" if step is None else f"at the time {begin:g}"
        log.info(
            f"{path}: a is left out, as u starts {start}; a u that starts one step after 0 has it before"
        )
        first = []
    found = Trajectories([*first, frames], channel, step)
    what = "the frames" if frames.name == BARE else f"the frames {frames.name!r}"
    for is_right, expected in (
        (found.count > 0, "an example at least"),
        (found.num_frames > 1, "two frames at least"),
        (min(found.grid) >= _FEWEST_POINTS, f"{_FEWEST_POINTS} points at least along y and x"),
        (not is_square or len(set(found.grid)) == 1, "as many points in y as in x"),
    ):
        check_shape(path, what, frames.shape, is_right, f"{expected}, as (n, t, y, x)")
    return found


def _turned(arrays: list[Variable], times: np.ndarray | None) -> list[Variable]:
    """With the axes (n, t, y, x), or (n, y, x) of a first frame. Where the file does not name its axes they are in
    the first of the orders that fit the shapes and the number of times, one with square frames before others."""
    *first, frames = (array.in_order(_NAMES[-len(array.shape) + 1 :]) for array in arrays)
    fitting = [order for order in _orders(frames) if _fits(order, first, frames, times)]
    if [array.name for array in arrays] not in ([BARE], ["u"], ["a", "u"]) or not fitting:
        raise ValueError(_no_order(arrays, times))
    order = min(fitting, key=lambda order: frames.shape[order.index("y")] != frames.shape[order.index("x")])
    if order != _orders(frames)[0]:
        log.info(
            f"{frames.path}: {frames.name} has shape {frames.shape}, which is read as ({', '.join(order)})"
        )
    of_first = order.replace("t", "")
    return [
        *(one.turned(tuple(map(of_first.index, "nyx"))) for one in first),
        frames.turned(tuple(map(order.index, _ORDER))),
    ]


def _no_order(arrays: list[Variable], times: np.ndarray | None) -> str:
    path, keys = arrays[0].path, " and ".join(array.name for array in arrays)
    shapes = " and ".join(str(array.shape) for array in arrays)
    if keys == BARE:
        return f"{path}: {BARE} has shape {shapes}; expected (n, t, y, x)"
    at = "" if times is None else f" at {len(times)} times 't'"
    return (
        f"{path}: {keys}{at} have shape {shapes}; expected 'u' (n, y, x, t), with as many times 't', and 'a', "
        f"if it is there, (n, y, x)"
    )


def _orders(frames: Variable) -> list[str]:
    """In which the axes of frames may be, by their names."""
    if frames.name == BARE or frames.names_all(_NAMES):
        return [_ORDER]
    names = [name.lower() for name in frames.dims]
    return [order for order in _ORDERS if "t" not in names or order.index("t") == names.index("t")]


def _fits(order: str, first: list[Variable], frames: Variable, times: np.ndarray | None) -> bool:
    if len(frames.shape) != len(order):
        return False
    sizes = dict(zip(order, frames.shape, strict=True))
    of_first = tuple(sizes[axis] for axis in order if axis != "t")
    return (times is None or sizes["t"] == len(times)) and all(one.shape == of_first for one in first)


def _times(container: Container) -> np.ndarray | None:
    """Those of the frames of ``u``, where the file has them."""
    return container.variable("t").read().astype(np.float64).ravel() if "t" in container.keys else None


def _step(path: Path, times: np.ndarray) -> float | None:
    """Between two times, of a single one from time 0. Raises ValueError if not all are equal, and above 0."""
    steps = np.diff(times) if len(times) > 1 else times
    if not (np.isfinite(times).all() and (steps > 0).all() and np.ptp(steps) <= _EQUAL * steps.mean()):
        raise ValueError(
            f"{path}: the steps of the times 't' are {steps.min():g} to {steps.max():g}; "
            f"expected equal ones above 0"
        )
    return float(steps.mean())
