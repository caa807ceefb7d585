"""Windows of trajectories on a device: a batch is an index."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from pdetransfer.data.streams import key
from pdetransfer.data.windows import Windows

_DRAWN = 2**13  # windows whose times go to a device at once: each time waits for the device
_VALIDATED = 4  # windows of each trajectory that a validation computes


@torch.no_grad()
def roll_out(model: nn.Module, seen: Tensor, is_there: Tensor, num_steps: int) -> Tensor:
    """``num_steps`` frames after ``seen``, ``(count, T, channel, *grid)``, each predicted from the T before it:
    ``(count, num_steps, channel, *grid)``. A channel that is not there, ``(count, channel)``, stays what it is."""
    is_there = is_there[:, :, *(None for _ in seen.shape[3:])]
    first, constants, predicted = seen[:, 0], seen.new_empty((len(seen), 0)), []
    for _ in range(num_steps):
        predicted.append(torch.where(is_there, model(seen.flatten(1, 2), constants), first))
        seen = torch.cat([seen[:, 1:], predicted[-1][:, None]], dim=1)
    return torch.stack(predicted, dim=1)


def _holds(device: torch.device, num_bytes: int) -> bool:
    """Whether trajectories of so many bytes leave a device room for a model."""
    return device.type != "cuda" or 2 * num_bytes <= torch.cuda.get_device_properties(device).total_memory


@dataclass(frozen=True)
class WindowInputs:
    """What ``Windows`` are on a device, in a network's units and channels.

    ``planes`` ``(num_planes + 1, *grid)``, of which the last stands for channels that a trajectory lacks: on the
    device, or where they would take more than half of its memory on the host, which then sends each batch; by
    trajectory the plane ``first`` ``(count,)``, the planes of a frame ``stride`` ``(count,)``, and the ``place``
    ``(count, channel)`` of a channel among them, -1 where it is lacking; by window its ``trajectory`` and
    ``start``."""

    planes: Tensor
    first: Tensor
    stride: Tensor
    place: Tensor
    trajectory: Tensor
    start: Tensor
    first_window: Tensor
    num_windows: Tensor
    num_inputs: int
    validated: Tensor  #: the windows that a validation computes

    @classmethod
    def of(
        cls, windows: Windows, planes: np.ndarray, place: np.ndarray, device: torch.device
    ) -> "WindowInputs":
        """Of ``planes`` in the network's units, with one more for channels that are lacking, and the ``place`` of
        each of its channels."""
        trajectory = np.repeat(np.arange(len(windows)), windows.num_windows)
        start = np.arange(len(trajectory)) - windows.first_window[trajectory]

        def table(values: np.ndarray) -> Tensor:
            return torch.from_numpy(np.asarray(values)).to(device)

        return cls(
            planes=torch.from_numpy(planes).to(device if _holds(device, planes.nbytes) else "cpu"),
            first=table(windows.first),
            stride=table(windows.num_channels),
            place=table(place),
            trajectory=table(trajectory),
            start=table(start),
            first_window=table(windows.first_window),
            num_windows=table(windows.num_windows),
            num_inputs=windows.num_inputs,
            validated=table(windows.spread(_VALIDATED)),
        )

    def __len__(self) -> int:
        return len(self.trajectory)

    @property
    def num_points(self) -> int:
        return self.planes[0].numel()

    def frames(self, numbers: Tensor | slice, times: range) -> Tensor:
        """Frames of some windows, at times counted from the first input, ``(count, len(times), channel,
        *grid)``."""
        trajectory = self.trajectory[numbers]
        first, stride, place = (
            table[trajectory].flatten(1)[:, None]
            for table in (self.first[:, None], self.stride[:, None], self.place)
        )
        offset = torch.arange(times.start, times.stop, device=first.device)
        time = self.start[numbers][:, None] + offset
        index = first + time[:, :, None] * stride + place
        index = torch.where(place < 0, len(self.planes) - 1, index)
        return self.planes[index.to(self.planes.device)].to(index.device)

    def batch(self, numbers: Tensor | slice) -> tuple[Tensor, Tensor]:
        """What the model takes: the inputs of some windows, frame by frame, ``(count, T * channel, *grid)``, and
        no constants."""
        fields = self.frames(numbers, range(self.num_inputs)).flatten(1, 2)
        return fields, fields.new_empty((len(fields), 0))

    def drawn(self, batches: Iterator[Tensor], seed: int) -> Iterator[Tensor]:
        """For batches of trajectories a window of each, from a time that the seed draws, in a stream of its own:
        in that of the batches, the time would follow from the trajectory."""
        generator = torch.Generator().manual_seed(key("windows", seed))
        shares = self.num_windows[:0]
        for rows in batches:
            if len(shares) < len(rows):
                count = max(_DRAWN, len(rows))
                shares = torch.rand(count, generator=generator, dtype=torch.float64).to(rows.device)
            share, shares = shares[: len(rows)], shares[len(rows) :]
            yield self.first_window[rows] + (share * self.num_windows[rows]).long()


@dataclass(frozen=True)
class Targets:
    """The frames after the inputs of windows."""

    inputs: WindowInputs

    def __getitem__(self, numbers: Tensor | slice) -> Tensor:
        after = self.inputs.num_inputs
        return self.inputs.frames(numbers, range(after, after + 1))[:, 0]
