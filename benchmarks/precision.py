"""Print what bfloat16 in the pointwise products changes: the final error and the time of a training.

    python benchmarks/precision.py [num_seeds]

Trains the laptop's default model on Poisson equations, from scratch, with either precision in turn.
"""

import statistics
import sys

import numpy as np
import torch

from pdetransfer.data.datasets import Examples
from pdetransfer.data.generation import Split
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

ARCHITECTURE = {"kind": "fno", "width": 16, "modes": 8, "num_layers": 4}
RECIPE = Recipe(
    learning_rates=[4e-3],
    batch_size=16,
    length=500,
    length_unit="steps",
    validation_interval=50,
    num_validation=128,
)


def examples(split: str, count: int) -> Examples:
    law = SparseGaussians(num_centres=6, sigma=1 / 16, sparsity_range=(0.2, 0.8))
    made = Split("precision", split, "poisson", {"eigenvalue_range": (1.0, 5.0)}, 32, law, 0, count)
    solved = made.examples(0, count)
    fields = (values[:, None].astype(np.float32) for values in (solved.source, solved.solution))
    source, solution = fields
    names = made.build_system().coefficient_names
    return Examples(source, solved.coefficients, solution, ("source",), names, ("solution",))


if __name__ == "__main__":
    torch.set_num_threads(1)
    train, validation = examples("train", 512), examples("validation", 128)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found: dict[str, list] = {"float32": [], "bfloat16": []}
    for seed in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        for precision, runs in found.items():
            recipe = RECIPE.model_copy(update={"precision": precision})
            task = Task(ARCHITECTURE, recipe, len(train), train, validation)
            runs += train_runs(task, [(4e-3, seed)], Hardware(device))
    print(f"validation error after {RECIPE.length} steps on {device.type}, {len(found['float32'])} seeds")
    for precision, runs in found.items():
        errors = [run.validation_error for run in runs]
        speed = statistics.median(run.epochs * len(train) / run.seconds for run in runs)
        spread = f"{statistics.mean(errors):.5f} ({min(errors):.5f} to {max(errors):.5f})"
        print(f"  {precision:9} {spread}, {speed:.0f} examples/s")
    ratios = [low.validation_error / full.validation_error for full, low in zip(*found.values(), strict=True)]
    print(f"  ratio by seed: {statistics.mean(ratios):.4f} ({min(ratios):.4f} to {max(ratios):.4f})")
