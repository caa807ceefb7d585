"""Noise on the input frames of a training (arXiv 2403.03542, 3.2)."""

import torch
from torch import Tensor

from pdetransfer.data.streams import key


class Noise:
    """Adds ρ · RMS(x) · N(0, 1) to the frames x of each example and channel, the RMS being that over frames and
    grid.

    The published strength ε multiplies a norm that is no mean: ρ = ε √(T H W) for T frames of H x W points. The
    noise of an example is drawn from a stream of its own, known by the seed, the number of the step and its
    position in the batch: it is the same however the batch is split (on a GPU, but for the RMS's rounding), and
    after a run has been stopped and resumed.
    """

    def __init__(self, strength: float, seed: int, num_channels: int, steps_taken: int):
        self._strength, self._seed, self._num_channels, self._step = strength, seed, num_channels, steps_taken

    def next_step(self) -> None:
        self._step += 1

    def added(self, fields: Tensor, positions: range) -> Tensor:
        """``fields`` ``(count, T * channel, *grid)``, those at these positions of a batch, with noise."""
        frames = fields.unflatten(1, (-1, self._num_channels))
        dims = (1, *range(3, frames.ndim))
        rms = frames.square().mean(dim=dims, keepdim=True).sqrt()
        generator = torch.Generator(fields.device)
        drawn = torch.empty_like(frames)
        for of_example, position in zip(drawn, positions, strict=True):
            generator.manual_seed(key(self._seed, self._step, position))
            of_example.normal_(generator=generator)
        return (frames + self._strength * rms * drawn).flatten(1, 2)
