"""Print how fast the Fourier neural operator trains, as it is and compiled, against one that is written with
``torch.fft`` as the published model is, and against neuraloperator's where that is installed
(``pip install neuraloperator``).

    python benchmarks/training.py [width,modes,grid,batch ...]

A step is forward, backward and Adam, on a GPU or on one thread. All models have the same weights, and their
outputs are asserted equal first. Steps are interleaved; printed are medians, and how many times faster ours are:
medians of the ratios of neighbouring steps, with quartiles.
"""

import copy
import functools
import itertools
import os
import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pdetransfer.models.fno import FNO
from pdetransfer.models.operators import Channels, Inputs, NeuralOperator
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.evaluation import squared_error
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.steps import Adam, Step
from rows import Row, case, show, spread

try:
    import neuralop.models
except ImportError:
    neuralop = None

# width, modes, points a side, batch: the laptop's default, and the study's
SIZES = [
    "16,8,32,16",
    *(f"{size},{batch}" for size in ("16,4,64", "16,16,64", "32,32,64") for batch in (8, 32)),
    *(f"{size},{batch}" for size in ("16,4,128", "16,16,128", "32,32,128") for batch in (8, 32)),
    "128,32,64,8",
    "128,32,64,32",
]
LARGE_SIZES = [f"{size},{batch}" for size in ("16,4,128", "16,16,128", "32,32,128") for batch in (128, 256)]
CHANNELS = 4
SECONDS, REPEATS = (
    {"cpu": 40.0, "cuda": 5.0},
    (5, 20),
)  #: of a size: so long, and so often at least and at most
_MOMENT = 0.05  # seconds
# Else glibc gives large blocks back to the system after each step, and the kernel's clearing them anew is timed.
TUNABLES = {"hugetlb": 1, "mmap_threshold": 2**25, "trim_threshold": 2**36}
MALLOC = {"GLIBC_TUNABLES": ":".join(f"glibc.malloc.{name}={value}" for name, value in TUNABLES.items())}
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


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


def step_of(model: nn.Module, x: Tensor, target: Tensor):
    """A step of a model that takes all channels. Fused, Adam takes no complex weights."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimiser.zero_grad(set_to_none=True)
        squared_error(model(x), target).mean().backward()
        optimiser.step()

    return step


def recipe_of(batch: int, precision: str = "float32") -> Recipe:
    """A recipe whose steps are timed."""
    return Recipe(
        learning_rates=[1e-3],
        batch_size=batch,
        length=1,
        length_unit="steps",
        validation_interval=1,
        num_validation=1,
        precision=precision,
    )


def our_step(
    operator: NeuralOperator, x: Tensor, target: Tensor, compiled: bool, precision: str = "float32"
) -> functools.partial:
    """A step as training takes it: one field, the other channels constant, in micro-batches."""
    model = operator.model
    optimiser = Adam(model.parameters(), lr=1e-3, fused=True)
    recipe = recipe_of(len(x), precision)
    inputs, rows = Inputs(x[:, :1], x[:, 1:, 0, 0]), torch.arange(len(x), device=DEVICE)
    size = x[0, 0].numel(), len(x)
    hardware = Hardware(DEVICE)
    model.recompute = hardware.recomputes(operator, *size)
    part = hardware.micro_batch(operator, *size)
    return functools.partial(Step(model, optimiser, inputs, target, recipe, part, compiled), rows)


def seconds_of(step) -> float:
    """Of one step; on a GPU, mean of as many as take a moment, after some that are not timed, in which memory that
    other models had is taken back."""
    if DEVICE.type == "cpu":
        return _seconds(step, 1)
    step()
    return _seconds(step, max(1, round(_MOMENT / _seconds(step, 1))))


def _seconds(step, count: int) -> float:
    synchronise = torch.cuda.synchronize if DEVICE.type == "cuda" else lambda: None
    synchronise()
    start = time.perf_counter()
    for _ in range(count):
        step()
    synchronise()
    return (time.perf_counter() - start) / count


def step_inputs(width: int, modes: int, num_points: int, batch: int) -> tuple[NeuralOperator, Tensor, Tensor]:
    """An operator, inputs with one field, the other channels being constant, and targets."""
    torch.manual_seed(0)
    architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
    channels = Channels(("f",), tuple(f"c{number}" for number in range(1, CHANNELS)), ("u",))
    operator = NeuralOperator(architecture, channels, {}, seed=0)
    operator.model.to(DEVICE)
    fields, constants = torch.randn(batch, 1, num_points, num_points), torch.randn(batch, CHANNELS - 1, 1, 1)
    x = torch.cat([fields, constants.expand(-1, -1, num_points, num_points)], dim=1).to(DEVICE)
    return operator, x, torch.randn(batch, 1, num_points, num_points, device=DEVICE)


def compare(width: int, modes: int, num_points: int, batch: int) -> Row:
    """Examples/s of every model, and how many times faster ours is than each. A model that fails is said to."""
    torch.compiler.reset()  # it gives up after some sizes
    operator, x, target = step_inputs(width, modes, num_points, batch)
    # On a processor: of what is not the spectrum of a real field, FFTs on a GPU make something else (gpu_parts).
    ours, few = copy.deepcopy(operator.model).cpu(), x[:2].cpu()
    others: dict[str, nn.Module] = {"published": PublishedFNO(ours)}
    if neuralop:
        others["neuraloperator"] = neuraloperators(ours, width, modes)
    for other in others.values():
        with torch.no_grad():
            torch.testing.assert_close(ours(few), other(few), rtol=1e-4, atol=1e-5)
        other.to(DEVICE)
    steps = {
        "ours": our_step(operator, x, target, False),
        "compiled": our_step(copy.deepcopy(operator), x, target, True),
    }
    steps |= {name: step_of(other, x, target) for name, other in others.items()}
    failed = {name: why for name, step in steps.items() if (why := _why_it_fails(step))}
    steps = {name: step for name, step in steps.items() if name not in failed}
    seconds, (least, most) = SECONDS[DEVICE.type], REPEATS
    start, times = time.perf_counter(), []
    while len(times) < least or (len(times) < most and time.perf_counter() - start < seconds):
        times.append({name: seconds_of(step) for name, step in steps.items()})
    row: Row = {"case": case(width, modes, num_points, batch)}
    for name in steps:
        row[f"{name}, examples/s"] = batch / statistics.median(taken[name] for taken in times)
    for name, mine in itertools.product(others, ("ours", "compiled")):
        if name in steps and mine in steps:
            row[f"{name} / {mine}"] = spread(taken[name] / taken[mine] for taken in times)
    return row | {f"{name}, examples/s": why for name, why in failed.items()}


def _why_it_fails(step) -> str | None:
    """Take some steps, which compile; where one cannot be taken, or not as it should be, the reason."""
    try:
        for _ in range(3):
            step()
    except RuntimeError as error:  # of memory, too
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"
    if isinstance(step, functools.partial) and step.func.falls_back:
        return "cannot be compiled"
    return None


def run_tuned() -> None:
    """Start the script again with the memory allocator tuned, if it is not; take one thread, and single precision
    for all, which PyTorch would lower for convolutions on a GPU and for products not."""
    if not MALLOC.keys() <= os.environ.keys():
        os.execve(sys.executable, [sys.executable, *sys.argv], MALLOC | os.environ)
    torch.set_num_threads(1)
    torch.backends.cudnn.allow_tf32 = False


if __name__ == "__main__":
    run_tuned()
    print("training, examples/s, and how many times faster ours is: medians, with quartiles")
    for size in sys.argv[1:] or SIZES + (LARGE_SIZES if DEVICE.type == "cuda" else []):
        show(compare(*(int(value) for value in size.split(","))))
