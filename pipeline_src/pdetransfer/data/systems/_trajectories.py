"""What every time-dependent system has."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from pdetransfer.data.grid import cells, points
from pdetransfer.data.systems._system import AbstractSystem

#: What the manifest of trajectories says of them; None where it is not known (``docs/data-format.md``).
OF_TRAJECTORIES = ("channels", "time_step", "boundary", "conserved")
FRAMES = "frames"  #: the array of trajectories, ``(sample, t, channel, y, x)``


def as_block(frames: np.ndarray, channels: Sequence[str]) -> dict[str, np.ndarray]:
    """Trajectories ``(count, time, channel, *grid)`` as fields and outputs by name, ``(count, time, *grid)``: the
    first frame of each channel, at all times, and all of its frames."""
    outputs = {name: frames[:, :, index] for index, name in enumerate(channels)}
    first = {
        initial(name): np.repeat(values[:, :1], len(values[0]), axis=1) for name, values in outputs.items()
    }
    return first | outputs


def initial(channel: str) -> str:
    """What the first frame of a channel is called, as a field."""
    return f"initial_{channel}"


class AbstractTrajectories(AbstractSystem):
    """A time-dependent equation: an example is a trajectory, ``num_frames`` frames of its channels from time 0 to
    ``time`` at equal distances, stored as one array, ``FRAMES``.

    A model learns it as windows, from some frames to the next one (``windows.Windows``), or as a block in space
    and time, from the first frame to all (``as_block``).
    """

    channels: ClassVar[tuple[str, ...]]  #: in the order of the array
    channel_units: ClassVar[str]  #: units of the channels, and of time
    boundary: ClassVar[str]  #: "periodic", "zero flux" or "outflow"
    conserved: ClassVar[str]  #: what the equation conserves, in words
    axes = ("t", "y", "x")
    said_by_files: ClassVar = {"time": 1.0, "num_frames": 2}

    time: float
    num_frames: int

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.fields, cls.outputs = tuple(map(initial, cls.channels)), cls.channels
        cls.field_units = dict.fromkeys(cls.fields + cls.outputs, cls.channel_units)
        cls.periodic = cls.boundary == "periodic"

    @property
    def time_step(self) -> float:
        """Time between two frames."""
        return self.time / (self.num_frames - 1)

    @property
    def attributes(self) -> dict[str, object]:
        """What a manifest says of trajectories alone."""
        own = {name: getattr(self, name) for name in OF_TRAJECTORIES}
        return own | {"channels": list(self.channels)}

    def grid(self, num_points: int) -> dict[str, np.ndarray]:
        space = points(num_points, periodic=True) if self.periodic else cells(num_points)
        return {"t": np.linspace(0, self.time, self.num_frames), "y": space, "x": space}

    def stored(self, num_points: int) -> dict[str, dict[str, int]]:
        axes = {"t": self.num_frames, "channel": len(self.channels), "y": num_points, "x": num_points}
        return {FRAMES: axes}


def check_frames(time: float, num_frames: int) -> None:
    """Raise ValueError unless there are two frames and a time between them."""
    if num_frames < 2:
        raise ValueError(f"num_frames is {num_frames}; expected 2 at least")
    if not time > 0:
        raise ValueError(f"time is {time}; expected more than 0")
