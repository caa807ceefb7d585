"""Print how long the runs of a small cell take together, as one batched model, and one by one.

    python benchmarks/cell.py [width,modes,grid,n_train ...]

A cell has 5 learning rates and 3 seeds. Both ways train the same runs for the same steps, in turn; printed are
medians and the median of the ratios, with quartiles.
"""

import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch

from pdetransfer.data.datasets import Examples
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs
from rows import Row, case, show, spread

SIZES = ["8,4,32,8", "8,4,32,16", "16,8,32,16", "16,4,64,16"]
RATES, SEEDS, STEPS, REPEATS = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2], [0, 1, 2], 20, 5
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@dataclass(frozen=True)
class Forced(Hardware):
    at_once: int = 1

    def runs_at_once(self, *_) -> int:
        return self.at_once


def noise(count: int, num_points: int) -> Examples:
    random = np.random.default_rng(0)
    field = random.standard_normal((count, 1, num_points, num_points), dtype=np.float32)
    coefficients = random.uniform(1, 2, (count, 3))
    return Examples(field, coefficients, field, ("source",), ("k11", "k22", "k12"), ("solution",))


def task_of(width: int, modes: int, num_points: int, n_train: int) -> Task:
    examples = noise(n_train, num_points)
    recipe = Recipe(
        learning_rates=RATES,
        seeds=SEEDS,
        num_tuning_seeds=3,
        batch_size=n_train,
        length=STEPS,
        length_unit="steps",
        validation_interval=STEPS,
        num_validation=1,
    )
    architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
    return Task(architecture, recipe, n_train, examples, examples[:1])


def seconds(task: Task, at_once: int) -> float:
    trials = [(rate, seed) for rate in RATES for seed in SEEDS]
    start = time.perf_counter()
    list(train_runs(task, trials, Forced(DEVICE, at_once=at_once)))
    return time.perf_counter() - start


def compare(width: int, modes: int, num_points: int, n_train: int) -> Row:
    task = task_of(width, modes, num_points, n_train)
    seconds(task, 1), seconds(task, len(RATES) * len(SEEDS))
    times = [(seconds(task, 1), seconds(task, len(RATES) * len(SEEDS))) for _ in range(REPEATS)]
    alone, together = (statistics.median(column) for column in zip(*times, strict=True))
    return {
        "case": case(width, modes, num_points, n_train),
        "one by one, s": alone,
        "together, s": together,
        "ratio": spread(one / other for one, other in times),
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"a cell of {len(RATES) * len(SEEDS)} runs of {STEPS} steps, on {DEVICE.type}")
    for size in sys.argv[1:] or SIZES:
        show(compare(*(int(value) for value in size.split(","))))
