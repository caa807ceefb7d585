"""Trajectories in memory, from which windows are cut: some frames, and the next one."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pdetransfer.data.examples import unit


@dataclass(frozen=True)
class Windows:
    """Windows of ``num_inputs`` frames T and the frame after them, the target, of some trajectories.

    Trajectories may have any number of frames, and channels of their own: ``channels`` are those of all. In memory
    is what they have, nothing else: ``planes`` ``(num_planes, *grid)``, float32, one channel of one frame each,
    trajectory by trajectory, frame by frame. A trajectory starts at the plane ``first``, ``(count,)``, has
    ``num_frames``, ``(count,)``, and in each frame a channel at ``place``, ``(count, channel)``, -1 where its
    system lacks that. It is of the dataset of number ``part``, ``(count,)``, of a mixture.

    A window is a number: they are counted trajectory by trajectory, from the first time on. ``len`` and rows are
    those of trajectories.
    """

    planes: np.ndarray
    first: np.ndarray
    num_frames: np.ndarray
    place: np.ndarray
    part: np.ndarray
    channels: tuple[str, ...]
    num_inputs: int
    system: str | None = None

    own_units = True
    coefficient_names: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, frames: np.ndarray, channels: tuple[str, ...], num_inputs: int, system: str | None = None
    ) -> "Windows":
        """Those of trajectories of one dataset, ``(count, time, channel, *grid)``. Raises ValueError if they are
        too short for one."""
        count, num_frames, num_channels = frames.shape[:3]
        if num_frames <= num_inputs:
            raise ValueError(
                f"the trajectories have {num_frames} frames; expected {num_inputs + 1} at least, "
                f"{num_inputs} inputs and a target"
            )
        first = np.arange(count) * num_frames * num_channels
        place = np.tile(np.arange(num_channels), (count, 1))
        planes = frames.reshape(-1, *frames.shape[3:])
        number = np.zeros(count, dtype=int)
        return cls(planes, first, np.full(count, num_frames), place, number, channels, num_inputs, system)

    @classmethod
    def mixed(cls, parts: list["Windows"]) -> "Windows":
        """The trajectories of several datasets in turn, in one layout of channels by name."""
        channels = tuple(dict.fromkeys(name for part in parts for name in part.channels))
        starts = np.cumsum([0, *(len(part.planes) for part in parts)])
        turn = np.argsort(np.concatenate([np.arange(len(part)) for part in parts]), kind="stable")
        place = np.full((len(turn), len(channels)), -1)
        start = 0
        for part in parts:
            columns = [channels.index(name) for name in part.channels]
            place[start : start + len(part), columns] = part.place
            start += len(part)
        firsts = [part.first + offset for part, offset in zip(parts, starts[:-1], strict=True)]
        return cls(
            np.concatenate([part.planes for part in parts]),
            np.concatenate(firsts)[turn],
            np.concatenate([part.num_frames for part in parts])[turn],
            place[turn],
            np.repeat(np.arange(len(parts)), list(map(len, parts)))[turn],
            channels,
            parts[0].num_inputs,
            parts[0].system if len({part.system for part in parts}) == 1 else None,
        )

    def __len__(self) -> int:
        return len(self.first)

    def __getitem__(self, rows: slice | np.ndarray) -> "Windows":
        """Some trajectories; no others stay in memory."""
        if isinstance(rows, slice) and range(len(self))[rows] == range(len(self)):
            return self
        first, sizes = self.first[rows], (self.num_frames * self.num_channels)[rows]
        ranges = zip(first, first + sizes, strict=True)
        return replace(
            self,
            planes=np.concatenate([self.planes[start:stop] for start, stop in ranges]),
            first=np.cumsum(sizes) - sizes,
            num_frames=self.num_frames[rows],
            place=self.place[rows],
            part=self.part[rows],
        )

    @property
    def field_names(self) -> tuple[str, ...]:
        return self.channels

    @property
    def output_names(self) -> tuple[str, ...]:
        return self.channels

    @property
    def grid(self) -> tuple[int, ...]:
        return self.planes.shape[1:]

    @cached_property
    def num_channels(self) -> np.ndarray:
        """Channels of each trajectory, ``(count,)``."""
        return (self.place >= 0).sum(axis=1)

    @cached_property
    def num_windows(self) -> np.ndarray:
        """Windows of each trajectory, ``(count,)``."""
        return self.num_frames - self.num_inputs

    @cached_property
    def first_window(self) -> np.ndarray:
        """The number of each trajectory's first window, ``(count,)``."""
        return np.cumsum(self.num_windows) - self.num_windows

    def spread(self, each: int) -> np.ndarray:
        """The numbers of so many windows of each trajectory, equally far apart in time, or all that it has."""
        shares = np.linspace(0, 1, each)
        starts = [np.unique(np.rint(shares * (most - 1))).astype(int) for most in self.num_windows]
        return np.concatenate([first + of for first, of in zip(self.first_window, starts, strict=True)])

    @cached_property
    def channel_of_plane(self) -> np.ndarray:
        """The channel, by number, of each plane, ``(num_planes,)``."""
        found = np.empty(len(self.planes), dtype=int)
        for first, frames, place in zip(self.first, self.num_frames, self.place, strict=True):
            order = np.argsort(place)[(place < 0).sum() :]
            found[first : first + frames * len(order)] = np.tile(order, frames)
        return found

    def references(self) -> dict[str, float]:
        """The unit of each channel: the root mean square of its values, by which they are of order one; 1 of a
        channel that is zero everywhere."""
        squares = np.einsum("nk,nk->n", *[self.planes.reshape(len(self.planes), -1)] * 2, dtype=np.float64)
        total = np.bincount(self.channel_of_plane, squares, minlength=len(self.channels))
        count = np.bincount(self.channel_of_plane, minlength=len(self.channels)) * np.prod(self.grid)
        rms = np.sqrt(total / np.maximum(count, 1))
        return {
            unit(name): float(value) if value > 0 else 1.0
            for name, value in zip(self.channels, rms, strict=True)
        }
