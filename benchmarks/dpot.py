"""Print how fast DPOT trains against one that is written plainly, with convolutions, ``torch.fft`` and complex
matrices (``tests/unit/oracles.py``), and how many operations of the architecture each does in a second; then how
both roll out, what a training step of a published size takes, and how the two ways to transform tokens compare.

    python benchmarks/dpot.py [width,num_layers,num_heads,patch,grid,batch ...]

A step is forward, backward and Adam, of 10 frames of 2 channels, on a GPU or on one thread. Both models have the
same weights, and their outputs are asserted equal first. Steps are interleaved; printed are medians, and how many
times faster ours is, as it is and compiled: medians of the ratios of neighbouring steps, with quartiles.
"""

import copy
import statistics
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pdetransfer.data.windows import Windows
from pdetransfer.models import mixers
from pdetransfer.models.dpot import DPOT
from pdetransfer.models.frames import roll_out
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.training.evaluation import squared_error
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.noise import Noise
from pdetransfer.training.steps import Adam, Step, compile_model
from rows import Row, show, spread
from training import DEVICE, recipe_of, run_tuned, seconds_of

sys.path.append(str(Path(__file__).parents[1] / "tests/unit"))
from oracles import dpot_by_fft

SIZES = ["32,3,4,4,32,16", "64,4,4,4,32,16", "128,4,4,4,32,16", "64,4,4,4,64,8", "512,4,4,8,128,2"]
FRAMES, CHANNELS, MLP_RATIO, READOUT_WIDTH = 10, 2, 1, 16
PUBLISHED = {  # width, num_layers, num_heads, mlp_ratio, readout_width
    "tiny": (512, 4, 4, 1, 32),
    "medium": (1024, 12, 8, 4, 32),
    "large": (1536, 24, 16, 4, 128),
    "huge": (2048, 27, 8, 4, 128),
}
# Of these the batches that are timed: the study's, or a GPU's share of it.
BATCHES = {"tiny": 160, "medium": 40, "large": 40, "huge": 40} if DEVICE.type == "cuda" else {"tiny": 1}
TOKENS = [8, 10, 12, 16, 32]  # on an axis
TOKENS_OF = (512, 40) if DEVICE.type == "cuda" else (64, 8)  # width, and examples
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


def step_of(
    model: nn.Module, x: Tensor, target: Tensor, forward: Callable | None = None
) -> Callable[[], None]:
    """A step of ``model``, which may be evaluated in another way."""
    optimiser = Adam(model.parameters(), lr=1e-3, fused=True)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        squared_error((model if forward is None else forward)(x), target).mean().backward()
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
    torch.compiler.reset()  # it gives up after some sizes
    models, x = both_models(width, num_layers, num_heads, patch, num_points, batch)
    target = torch.randn_like(x[:, :CHANNELS])
    steps = {name: step_of(one, x, target) for name, one in models.items()}
    ours = copy.deepcopy(models["ours"])
    steps["compiled"] = step_of(ours, x, target, compile_model(ours))
    times = interleaved(steps)
    sizes = width, num_layers, num_heads, MLP_RATIO, patch, READOUT_WIDTH
    count = operations(*sizes, FRAMES, CHANNELS, (num_points, num_points))
    row: Row = {"case": name_of(width, num_layers, num_heads, patch, num_points, batch)}
    for name in steps:
        seconds = statistics.median(taken[name] for taken in times)
        row[f"{name}, examples/s"] = batch / seconds
        row[f"{name}, GFLOP/s"] = 3 * 2 * count * batch / seconds / 1e9
    for name in ("ours", "compiled"):
        row[f"plain / {name}"] = spread(taken["plain"] / taken[name] for taken in times)
    return row


def both_models(
    width: int, num_layers: int, num_heads: int, patch: int, num_points: int, batch: int
) -> tuple[dict[str, nn.Module], Tensor]:
    """The model and the plain one, with the same weights, and inputs."""
    model, x = model_and_inputs(width, num_layers, num_heads, patch, num_points, batch)
    with torch.no_grad():  # on a processor: of what is not a real field's spectrum, irfft2 differs on a GPU
        torch.testing.assert_close(model(x[:2]), dpot_by_fft(model, x[:2]), rtol=1e-4, atol=1e-5)
    return {"ours": model.to(DEVICE), "plain": Plain(copy.deepcopy(model))}, x.to(DEVICE)


def model_and_inputs(
    width: int, num_layers: int, num_heads: int, patch: int, num_points: int, batch: int
) -> tuple[DPOT, Tensor]:
    torch.manual_seed(0)
    sizes = width, num_layers, num_heads, patch, num_points // patch, READOUT_WIDTH
    model = DPOT(*sizes, FRAMES * CHANNELS, CHANNELS, MLP_RATIO)
    return model, torch.randn(batch, FRAMES * CHANNELS, num_points, num_points)


def name_of(width: int, num_layers: int, num_heads: int, patch: int, num_points: int, batch: int) -> str:
    sizes = f"width {width}, {num_layers} layers, {num_heads} heads, patch {patch}"
    return f"{sizes}, {num_points} x {num_points}, batch {batch}"


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
    case = f"{name_of(width, num_layers, num_heads, patch, num_points, batch)}, roll-out"
    ratio = spread(taken["plain"] / taken["ours"] for taken in times)
    return {"case": case, "ours, frames/s": FRAMES * batch / seconds, "plain / ours": ratio}


def in_training(name: str, batch: int, num_points: int = 128) -> Row:
    """Peak memory and windows/s of steps of a published size as training takes them: from resident trajectories of
    4 channels, with noise on the inputs, without, and in bfloat16."""
    hardware, random = Hardware(DEVICE), np.random.default_rng(0)
    width, num_layers, num_heads, mlp_ratio, readout_width = PUBLISHED[name]
    sizes = {"width": width, "num_layers": num_layers, "num_heads": num_heads, "mlp_ratio": mlp_ratio}
    sizes |= {"patch": 8, "num_patches": 16, "readout_width": readout_width}
    architecture = {"kind": "dpot", "num_frames": FRAMES, "input_normalisation": False, **sizes}
    names = tuple("abcd")
    shape = batch, FRAMES + 1, len(names), num_points, num_points
    windows = Windows.of(random.standard_normal(shape, dtype=np.float32), names, FRAMES, None)
    operator = NeuralOperator(architecture, Channels(names, (), names), {}, seed=0)
    model, (inputs, targets) = operator.model.to(DEVICE), operator.samples(windows, DEVICE)
    part = hardware.micro_batch(operator, num_points**2, batch)
    model.recompute = hardware.recomputes(operator, num_points**2, batch)
    optimiser, rows = Adam(model.parameters(), lr=1e-4, fused=True), torch.arange(batch, device=DEVICE)
    given = model, optimiser, inputs, targets
    steps = {
        "noisy": Step(*given, recipe_of(batch), part, False, None, Noise(0.02, 0, len(names), 0)),
        "as they are": Step(*given, recipe_of(batch), part, False),
        "bfloat16": Step(*given, recipe_of(batch, "bfloat16"), part, False),
    }
    times = interleaved({kind: lambda step=step: step(rows) for kind, step in steps.items()})
    row: Row = {"case": f"{name}, {num_points} x {num_points}, batch {batch}", "at once": part}
    row["peak memory, MB"] = hardware.peak_memory_mb()
    for kind in steps:
        row[f"{kind}, windows/s"] = batch / statistics.median(taken[kind] for taken in times)
    return row


def in_a_process(*arguments) -> Row:
    """``in_training``, with a peak of memory of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(in_training, *arguments).result()


def compare_transforms(tokens: int) -> Row:
    """There and back, forward and gradient."""
    width, batch = TOKENS_OF
    v = torch.randn(1, width * batch, tokens, tokens, device=DEVICE, requires_grad=True)

    def step(by_products: bool) -> None:
        mixers.takes_products = lambda tokens, device: by_products
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
    print("training of published sizes")
    for size in BATCHES.items():
        show(in_a_process(*size))
    print("transforms: time over that of the products")
    for tokens in TOKENS:
        show(compare_transforms(tokens))
