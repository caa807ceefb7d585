"""Print what bfloat16 in the pointwise products changes: the final error and the time of a training.

    python benchmarks/precision.py [num_seeds]

Trains from scratch, with either precision in turn: the laptop's default FNO on Poisson equations, and its larger
DPOT on Navier-Stokes flow.
"""

import sys
from collections.abc import Iterator

import numpy as np
import torch

from pdetransfer.data.examples import Examples
from pdetransfer.data.generation import Split
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._trajectories import FRAMES
from pdetransfer.data.windows import Windows
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs
from rows import Row, show, spread

ARCHITECTURES: dict[str, dict] = {
    "fno": {"kind": "fno", "width": 16, "modes": 8, "num_layers": 4},
    "dpot": {"kind": "dpot", "num_frames": 10, "input_normalisation": False, "width": 64, "num_layers": 4}
    | {"num_heads": 4, "patch": 4, "num_patches": 8, "readout_width": 16},
}
RATES = {"fno": 4e-3, "dpot": 1e-3}
RECIPE = Recipe(
    learning_rates=[4e-3],
    batch_size=16,
    length=500,
    length_unit="steps",
    validation_interval=50,
    num_validation=128,
)


def trajectories(split: str, count: int) -> Windows:
    options = {"viscosity_range": [1e-3, 1e-3], "time": 19, "num_frames": 20, "amplitude": 4, "num_modes": 8}
    options |= {"solver_points": 48, "tolerance": 5e-3}
    solved = Split("precision", split, "navier_stokes", options, 32, None, 0, count).examples(0, count)
    return Windows.of(solved.arrays[FRAMES].astype(np.float32), ("vorticity",), 10)


def examples(split: str, count: int) -> Examples:
    law = SparseGaussians(num_centres=6, sigma=1 / 16, sparsity_range=(0.2, 0.8))
    made = Split("precision", split, "poisson", {"eigenvalue_range": (1.0, 5.0)}, 32, law, 0, count)
    solved = made.examples(0, count)
    fields = (
        values[:, None].astype(np.float32) for values in (solved.arrays["source"], solved.arrays["solution"])
    )
    source, solution = fields
    names = made.build_system().coefficient_names
    return Examples(source, solved.arrays["coefficients"], solution, ("source",), names, ("solution",))


def compare(kind: str, num_seeds: int, num_steps: int = RECIPE.length) -> Iterator[Row]:
    """A row for each precision, and one for their ratio."""
    if kind == "dpot":
        train, validation = trajectories("train", 64), trajectories("validation", 32)
    else:
        train, validation = examples("train", 512), examples("validation", 128)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found: dict[str, list] = {"float32": [], "bfloat16": []}
    for seed in range(num_seeds):
        for precision, runs in found.items():
            recipe = RECIPE.model_copy(update={"precision": precision, "length": num_steps})
            task = Task(ARCHITECTURES[kind], recipe, len(train), train, validation)
            runs += train_runs(task, [(RATES[kind], seed)], Hardware(device))
    for precision, runs in found.items():
        yield {
            "case": f"{kind}, {precision}",
            "validation error": spread(run.validation_error for run in runs),
            "examples/s": spread(run.steps * RECIPE.batch_size / run.seconds for run in runs),
        }
    pairs = zip(*found.values(), strict=True)
    yield {
        "case": f"{kind}, bfloat16 over float32, by seed",
        "validation error": spread(low.validation_error / full.validation_error for full, low in pairs),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"validation error after {RECIPE.length} steps: medians over seeds, with quartiles")
    for kind in ARCHITECTURES:
        for row in compare(kind, int(sys.argv[1]) if len(sys.argv) > 1 else 5):
            show(row)
