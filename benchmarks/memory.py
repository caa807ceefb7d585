"""Print the peak memory and the rate of a step in which activations are kept for the gradient, and of one in which
they are computed again: by default of a small model, and of the study's largest on its grid, with its batch.

    python benchmarks/memory.py [width,modes,grid,batch ...]

Each is a process of its own, in turn; printed are medians of three.
"""

import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch

from pdetransfer.models.operators import Channels, Inputs, NeuralOperator
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.steps import Step
from rows import Row, case, show, spread
from training import recipe_of, run_tuned

SIZES = ["16,4,128,32", "128,32,128,128"]
SECONDS, REPEATS = 5, 3


def measure(width: int, modes: int, num_points: int, batch: int, recompute: bool) -> tuple[float, float]:
    """Peak memory in MB, and examples/s."""
    torch.set_num_threads(1)
    hardware = Hardware(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    device = hardware.device
    architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
    channels = Channels(("source",), ("k11", "k22", "k12"), ("solution",))
    operator = NeuralOperator(architecture, channels, {}, seed=0)
    model = operator.model.to(device)
    model.recompute = recompute
    field = torch.randn(batch, 1, num_points, num_points, device=device)
    inputs, rows = Inputs(field, torch.ones(batch, 3, device=device)), torch.arange(batch, device=device)
    part = hardware.micro_batch(operator, num_points**2, batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    step = Step(model, optimiser, inputs, field, recipe_of(batch), part, False)
    seconds: list[float] = []
    while sum(seconds) < SECONDS:
        start = time.perf_counter()
        float(step(rows))  # waits for the device
        seconds.append(time.perf_counter() - start)
    return hardware.peak_memory_mb(), batch / statistics.median(seconds)


def in_a_process(*arguments) -> tuple[float, float]:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def compare(width: int, modes: int, num_points: int, batch: int) -> Iterator[Row]:
    measured: dict[bool, list] = {False: [], True: []}
    for _ in range(REPEATS):
        for recompute, values in measured.items():
            values.append(in_a_process(width, modes, num_points, batch, recompute))
    for recompute, values in measured.items():
        memory, rate = map(statistics.median, zip(*values, strict=True))
        name = f"{case(width, modes, num_points, batch)}, {'computed again' if recompute else 'kept'}"
        row: Row = {"case": name, "peak memory, MB": memory, "examples/s": rate}
        if recompute:
            kept_and_again = zip(*measured.values(), strict=True)
            row["rate over that of kept"] = spread(again[1] / kept[1] for kept, again in kept_and_again)
        yield row


if __name__ == "__main__":
    run_tuned()
    for size in sys.argv[1:] or SIZES:
        for row in compare(*(int(value) for value in size.split(","))):
            show(row)
