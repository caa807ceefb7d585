"""Print how fast DPOT trains against one that is written plainly, with convolutions, ``torch.fft`` and complex
matrices (``tests/unit/oracles.py``), and how many operations of the architecture each does in a second; then how
both roll out, what memory the published Tiny takes, and how the two ways to transform tokens compare.

    python benchmarks/dpot.py [width,num_layers,num_heads,patch,grid,batch ...]

A step is forward, backward and Adam, of 10 frames of 2 channels, on a GPU or on one thread. Both models have the
same weights, and their outputs are asserted equal first. Steps are interleaved; printed are medians, and how many
times faster ours is: medians of the ratios of neighbouring steps, with quartiles.
"""

import copy
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from torch import Tensor, nn

from pdetransfer.models import mixers
from pdetransfer.models.dpot import DPOT
from pdetransfer.models.frames import roll_out
from pdetransfer.training.evaluation import squared_error
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.steps import Adam
from rows import Row, show, spread
from training import DEVICE, run_tuned, seconds_of

sys.path.append(str(Path(__file__).parents[1] / "tests/unit"))
from oracles import dpot_by_fft

SIZES = ["32,3,4,4,32,16", "64,4,4,4,32,16", "128,4,4,4,32,16", "64,4,4,4,64,8", "512,4,4,8,128,2"]
FRAMES, CHANNELS, MLP_RATIO, READOUT_WIDTH = 10, 2, 1, 16
TOKENS = [8, 10, 12, 16]  # on an axis
SECONDS, MOST = 12.0, 30  # of a size: so long, or so often


def operations(
    width: int,
    num_layers: int,
    num_heads: int,
    mlp_ratio: int,
    patch: int,
    readout_width: int,
    num_frames: int,
    out_channels: int,
    grid: tuple[int, int],
) -> int:
    """Multiply-adds of an example's outputs as the architecture is published, without those of the transforms;
    a step takes three times as many. Ours are fewer: frames are never as wide as tokens."""
    n_y, n_x = (n // patch for n in grid)
    tokens, narrow = n_y * n_x, out_channels * patch + 3
    of_token = patch**2 * (out_channels + 3) * narrow + narrow * width + width**2
    mixer = 8 * width**2 // num_heads * n_y * (n_x // 2 + 1)
    mlp = 2 * mlp_ratio * width**2 * tokens
    head = tokens * patch**2 * (width * readout_width + readout_width**2 + readout_width * out_channels)
    return num_frames * tokens * of_token + num_layers * (mixer + mlp) + head


class Plain(nn.Module):
    """The same model, evaluated plainly."""

    def __init__(self, model: DPOT):
        super().__init__()
        self.model = model

    def forward(self, fields: Tensor) -> Tensor:
        return dpot_by_fft(self.model, fields)


def step_of(model: nn.Module, x: Tensor, target: Tensor) -> Callable[[], None]:
    optimiser = Adam(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        squared_error(model(x), target).mean().backward()
        optimiser.step()

    return step


def interleaved(steps: dict[str, Callable[[], None]]) -> list[dict[str, float]]:
    """Seconds of each, again and again."""
    for step in steps.values():
        for _ in range(3):
            step()
    start, times = time.perf_counter(), []
    while len(times) < 3 or (len(times) < MOST and time.perf_counter() - start < SECONDS):
        times.append({name: seconds_of(step) for name, step in steps.items()})
    return times


def compare(width: int, num_layers: int, num_heads: int, patch: int, num_points: int, batch: int) -> Row:
    """Training steps."""
    models, x = both_models(width, num_layers, num_heads, patch, num_points, batch)
    target = torch.randn_like(x[:, :CHANNELS])
    times = interleaved({name: step_of(one, x, target) for name, one in models.items()})
    sizes = width, num_layers, num_heads, MLP_RATIO, patch, READOUT_WIDTH
    count = operations(*sizes, FRAMES, CHANNELS, (num_points, num_points))
    case = f"width {width}, {num_layers} layers, {num_heads} heads, patch {patch}"
    row: Row = {"case": f"{case}, {num_points} x {num_points}, batch {batch}"}
    for name in models:
        seconds = statistics.median(taken[name] for taken in times)
        row[f"{name}, examples/s"] = batch / seconds
        row[f"{name}, GFLOP/s"] = 3 * 2 * count * batch / seconds / 1e9
    return row | {"plain / ours": spread(taken["plain"] / taken["ours"] for taken in times)}


def both_models(
    width: int, num_layers: int, num_heads: int, patch: int, num_points: int, batch: int
) -> tuple[dict[str, nn.Module], Tensor]:
    """The model and the plain one, with the same weights, and inputs."""
    torch.manual_seed(0)
    sizes = width, num_layers, num_heads, patch, num_points // patch, READOUT_WIDTH
    model = DPOT(*sizes, FRAMES * CHANNELS, CHANNELS, MLP_RATIO)
    x = torch.randn(batch, FRAMES * CHANNELS, num_points, num_points)
    with torch.no_grad():  # on a processor: of what is not a real field's spectrum, irfft2 differs on a GPU
        torch.testing.assert_close(model(x[:2]), dpot_by_fft(model, x[:2]), rtol=1e-4, atol=1e-5)
    return {"ours": model.to(DEVICE), "plain": Plain(copy.deepcopy(model))}, x.to(DEVICE)


def compare_roll_outs(
    width: int, num_layers: int, num_heads: int, patch: int, num_points: int, batch: int
) -> Row:
    """Roll-outs of ``FRAMES`` frames."""
    models, x = both_models(width, num_layers, num_heads, patch, num_points, batch)
    seen = x.unflatten(1, (FRAMES, CHANNELS))
    is_there = torch.ones(batch, CHANNELS, dtype=torch.bool, device=DEVICE)
    steps = {
        "ours": lambda: roll_out(models["ours"], seen, is_there, FRAMES),
        "plain": lambda: roll_out(
            lambda fields, _: dpot_by_fft(models["ours"], fields), seen, is_there, FRAMES
        ),
    }
    times = interleaved(steps)
    seconds = statistics.median(taken["ours"] for taken in times)
    case = f"width {width}, {num_points} x {num_points}, {batch} trajectories"
    ratio = spread(taken["plain"] / taken["ours"] for taken in times)
    return {"case": case, "ours, frames/s": FRAMES * batch / seconds, "plain / ours": ratio}


def peak_memory_mb(recompute: bool) -> float:
    """Of a step of the published Tiny on its grid, 128 x 128 points of 4 channels, one example at once."""
    torch.set_num_threads(1)
    model = DPOT(512, 4, 4, 8, 16, 32, 4 * FRAMES, 4).to(DEVICE)
    model.recompute = recompute
    x = torch.randn(1, 4 * FRAMES, 128, 128, device=DEVICE)
    step_of(model, x, torch.randn_like(x[:, :4]))()
    return Hardware(DEVICE).peak_memory_mb()


def compare_transforms(tokens: int, width: int = 64, batch: int = 8) -> Row:
    """There and back, forward and gradient."""
    v = torch.randn(1, width * batch, tokens, tokens, device=DEVICE, requires_grad=True)

    def step(by_products: bool) -> None:
        mixers.takes_products = lambda tokens: by_products
        mixers.to_points(mixers.to_modes(v, None), None, v.shape[2:]).sum().backward()

    times = interleaved({"products": lambda: step(True), "FFTs": lambda: step(False)})
    ratios = spread(taken["FFTs"] / taken["products"] for taken in times)
    return {"case": f"{tokens} x {tokens} tokens, width {width}, batch {batch}", "FFTs / products": ratios}


if __name__ == "__main__":
    run_tuned()
    print(f"training, on {DEVICE.type}: medians, with quartiles")
    for size in sys.argv[1:] or SIZES:
        show(compare(*(int(value) for value in size.split(","))))
    print("roll-outs")
    for size in SIZES[1:4]:
        show(compare_roll_outs(*(int(value) for value in size.split(","))))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        kept, computed_again = pool.map(peak_memory_mb, (False, True))
    show(
        {"case": "a step of Tiny at 128 x 128", "MB": kept, "MB, activations computed again": computed_again}
    )
    print("transforms: time over that of the products")
    for tokens in TOKENS:
        show(compare_transforms(tokens))
