"""Print how long the runs of a small cell take together, as one batched model, and one by one.

    python benchmarks/cell.py [width,modes,grid,n_train ...]

A cell has 5 learning rates and 3 seeds. Both ways train the same runs for the same steps, in turn; printed are
medians and the median of the ratios, with quartiles. On a GPU, too, what a step takes for each of the runs: of one
by itself, as it is and compiled, and of several together.
"""

import copy
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pdetransfer.data.examples import Examples
from pdetransfer.models.operators import Inputs, NeuralOperator
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs
from pdetransfer.training.steps import Adam, StepTogether
from rows import Row, case, show, spread
from training import DEVICE, our_step, recipe_of, seconds_of, step_inputs

SIZES = ["8,4,32,8", "8,4,32,16", "16,8,32,16", "16,4,64,16"]
RATES, SEEDS, STEPS, REPEATS = [1e-4, 3e-4, 1e-3, 3e-3, 1e-2], [0, 1, 2], 20, 5
TOGETHER = (4, 15)  # runs, of whose steps each is timed


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


def compare_steps(width: int, modes: int, num_points: int, batch: int) -> Row:
    """Milliseconds that a step takes for each run."""
    torch.compiler.reset()
    operator, x, target = step_inputs(width, modes, num_points, batch)
    steps = {
        "alone": (our_step(copy.deepcopy(operator), x, target, compiled=False), 1),
        "compiled": (our_step(copy.deepcopy(operator), x, target, compiled=True), 1),
        **{f"{count} together": (_together(count, operator, x, target), count) for count in TOGETHER},
    }
    for step, _ in steps.values():
        for _ in range(3):  # compiles
            step()
    times = [{name: seconds_of(step) / runs for name, (step, runs) in steps.items()} for _ in range(REPEATS)]
    name = f"{case(width, modes, num_points, batch)}, ms of a step for each run"
    return {"case": name} | {way: spread(1e3 * taken[way] for taken in times) for way in steps}


def _together(count: int, operator: NeuralOperator, x: Tensor, target: Tensor) -> Callable[[], Tensor]:
    """A step of so many runs as one batched model."""
    models = [copy.deepcopy(operator.model) for _ in range(count)]
    optimisers = [Adam(model.parameters(), lr=1e-3, fused=True) for model in models]
    inputs, rows = Inputs(x[:, :1], x[:, 1:, 0, 0]), torch.arange(len(x), device=DEVICE)
    step = StepTogether(models, optimisers, [inputs] * count, [target] * count, recipe_of(len(x)))
    return lambda: step([rows] * count)


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"a cell of {len(RATES) * len(SEEDS)} runs of {STEPS} steps, on {DEVICE.type}")
    for size in sys.argv[1:] or SIZES:
        for measure in (compare, compare_steps) if DEVICE.type == "cuda" else (compare,):
            show(measure(*(int(value) for value in size.split(","))))
