"""Print how fast the Fourier neural operator trains, against one that is written with ``torch.fft`` as the
published model is, and against neuraloperator's where that is installed (``pip install neuraloperator``).

    python benchmarks/training.py [width,modes,grid,batch ...]

A step is forward, backward and Adam, with one thread. All models have the same weights, and their outputs are
asserted equal first. Steps are interleaved; printed is the median, and the median of the ratios of neighbouring
steps with its quartiles.
"""

import itertools
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pdetransfer.evaluation import squared_error
from pdetransfer.models import FNO

try:
    import neuralop.models
except ImportError:
    neuralop = None

SIZES = ["16,8,32,16", "16,4,64,16", "32,32,64,8"]  # width, modes, points a side, batch
CHANNELS = 4
REPEATS = 20
# Else glibc gives large blocks back to the system after each step, and the kernel's clearing them anew is timed.
MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**36)}


class PublishedConvolution(nn.Module):
    """Complex weights ``(in, out, *modes)``, those of either sign of k_y apart; channels first."""

    def __init__(self, weight: Tensor):  # (modes, 2 modes, in, 2 out) of this package
        super().__init__()
        real, imag = weight.chunk(2, dim=-1)
        weight = torch.complex(real, imag).permute(2, 3, 1, 0)  # (in, out, 2 modes, modes)
        self.positive, self.negative = (nn.Parameter(w.contiguous()) for w in weight.chunk(2, dim=2))

    def forward(self, v: Tensor) -> Tensor:  # (batch, width, y, x)
        modes = self.positive.shape[-1]
        v_hat = torch.fft.rfft2(v)
        out_hat = torch.zeros_like(v_hat)
        for rows, weight in ((slice(modes), self.positive), (slice(-modes, None), self.negative)):
            out_hat[:, :, rows, :modes] = torch.einsum("bixy,ioxy->boxy", v_hat[:, :, rows, :modes], weight)
        return torch.fft.irfft2(out_hat, s=v.shape[-2:])


class PublishedFNO(nn.Module):
    def __init__(self, fno: FNO):
        super().__init__()
        self.lifting = conv_of(fno.lifting)
        self.convolutions = nn.ModuleList(PublishedConvolution(c.weight.detach()) for c in fno.convolutions)
        self.bypasses = nn.ModuleList(conv_of(bypass) for bypass in fno.bypasses)
        first, gelu, second = fno.projection
        self.projection = nn.Sequential(conv_of(first), gelu, conv_of(second))

    def forward(self, x: Tensor) -> Tensor:
        v = self.lifting(x)
        last = len(self.bypasses) - 1
        for layer, (convolution, bypass) in enumerate(zip(self.convolutions, self.bypasses, strict=True)):
            v = convolution(v) + bypass(v)
            if layer < last:
                v = F.gelu(v)
        return self.projection(v)


def neuraloperators(fno: FNO, width: int, modes: int) -> nn.Module:
    """neuraloperator's model with the weights of ours. Its modes of the first axis begin with the most negative;
    the bias that our bypasses have is its convolutions'."""
    model = neuralop.models.FNO(
        n_modes=(2 * modes, 2 * modes - 1),
        in_channels=CHANNELS,
        out_channels=1,
        hidden_channels=width,
        n_layers=4,
        lifting_channel_ratio=0,
        projection_channel_ratio=2,
        use_channel_mlp=False,
        positional_embedding=None,
    )
    state = {
        "lifting.fcs.0.weight": fno.lifting.weight[:, :, None],
        "lifting.fcs.0.bias": fno.lifting.bias,
        **{f"projection.fcs.{i}.weight": fno.projection[2 * i].weight[:, :, None] for i in (0, 1)},
        **{f"projection.fcs.{i}.bias": fno.projection[2 * i].bias for i in (0, 1)},
    }
    for layer, (convolution, bypass) in enumerate(zip(fno.convolutions, fno.bypasses, strict=True)):
        weight = torch.complex(*convolution.weight.chunk(2, dim=-1)).permute(2, 3, 1, 0)
        state[f"fno_blocks.convs.{layer}.weight.tensor"] = torch.fft.fftshift(weight, dim=2)
        state[f"fno_blocks.convs.{layer}.bias"] = bypass.bias[:, None, None]
        state[f"fno_blocks.fno_skips.{layer}.conv.weight"] = bypass.weight[:, :, None]
    # neuraloperator 2.0 applies the non-linearity twice where there is no channel MLP.
    calls = itertools.count()
    model.fno_blocks.non_linearity = lambda v: v if next(calls) % 2 else F.gelu(v)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(state.pop(name))
    assert not state, f"neuraloperator has no {list(state)}"
    return model


def conv_of(linear: nn.Linear) -> nn.Conv2d:
    conv = nn.Conv2d(linear.in_features, linear.out_features, 1)
    conv.load_state_dict({"weight": linear.weight[:, :, None, None], "bias": linear.bias})
    return conv


def seconds_of_step(model: nn.Module, optimiser: torch.optim.Optimizer, x: Tensor, target: Tensor) -> float:
    start = time.perf_counter()
    optimiser.zero_grad(set_to_none=True)
    squared_error(model(x), target).mean().backward()
    optimiser.step()
    return time.perf_counter() - start


def compare(width: int, modes: int, num_points: int, batch: int) -> None:
    torch.manual_seed(0)
    ours = FNO(width, modes, num_layers=4, in_channels=CHANNELS, out_channels=1)
    x, target = (
        torch.randn(batch, CHANNELS, num_points, num_points),
        torch.randn(batch, 1, num_points, num_points),
    )
    # Fused, Adam takes no complex weights.
    others = {"published": PublishedFNO(ours)}
    if neuralop:
        others["neuraloperator"] = neuraloperators(ours, width, modes)
    with torch.no_grad():
        for other in others.values():
            torch.testing.assert_close(ours(x), other(x), rtol=1e-4, atol=1e-5)
    runs = [(ours, torch.optim.Adam(ours.parameters(), lr=1e-3, fused=True))]
    runs += [(other, torch.optim.Adam(other.parameters(), lr=1e-3)) for other in others.values()]
    for _ in range(3):
        for run in runs:
            seconds_of_step(*run, x, target)
    times = [[seconds_of_step(*run, x, target) for run in runs] for _ in range(REPEATS)]
    rates = [batch / statistics.median(column) for column in zip(*times, strict=True)]
    line = f"  ({width}, {modes}), {num_points} x {num_points}, batch {batch}: {rates[0]:.0f}"
    for index, name in enumerate(others, start=1):
        low, median, high = statistics.quantiles((row[index] / row[0] for row in times), n=4)
        line += f"; {name} {rates[index]:.0f}, ratio {median:.2f} ({low:.2f} to {high:.2f})"
    print(line)


if __name__ == "__main__":
    if not MALLOC.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], MALLOC | os.environ)
    torch.set_num_threads(1)
    print(f"training, examples/s, medians of {REPEATS} steps; ratios with quartiles")
    for size in sys.argv[1:] or SIZES:
        compare(*(int(value) for value in size.split(",")))
