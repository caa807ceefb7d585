"""How fast a device trains a model, measured."""

import numpy as np
import torch

from pdetransfer.data.examples import Examples
from pdetransfer.data.windows import Windows
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

_STEPS = 12  # of which the first, in a run of its own, are not counted


def examples_per_second(
    architecture: dict, grid: tuple[int, ...], batch_size: int, num_coefficients: int, device: torch.device
) -> float:
    """Training examples per second on ``device``, over some steps on random examples."""
    examples = _random_examples(architecture, grid, batch_size, num_coefficients)
    seconds = 0.0
    for steps in (2, _STEPS):
        recipe = Recipe(
            learning_rates=(1e-3,),
            batch_size=batch_size,
            length=steps,
            length_unit="steps",
            validation_interval=steps,
            num_validation=1,
        )
        task = Task(architecture, recipe, batch_size, examples, examples[:1])
        (run,) = train_runs(task, [(1e-3, 0)], Hardware(device))
        seconds = run.seconds
    return _STEPS * batch_size / seconds


def _random_examples(
    architecture: dict, grid: tuple[int, ...], count: int, num_coefficients: int
) -> Examples | Windows:
    """What a model trains on, of ``grid`` the axes that it takes."""
    random = np.random.default_rng(0)
    grid = grid[-architecture.get("num_dims", 2) :]
    if num_frames := architecture.get("num_frames"):
        channels = tuple(architecture.get("channels", ["c0"]))
        frames = random.standard_normal((count, num_frames + 1, len(channels), *grid))
        return Windows.of(frames.astype(np.float32), channels, num_frames)
    field = random.standard_normal((count, 1, *grid)).astype(np.float32)
    names = tuple(f"c{index}" for index in range(num_coefficients))
    coefficients = random.uniform(1, 2, (count, num_coefficients))
    return Examples(field, coefficients, field, ("source",), names, ("solution",))
