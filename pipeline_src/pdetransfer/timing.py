"""How fast a device trains a model, measured."""

import numpy as np
import torch

from pdetransfer.datasets import Examples
from pdetransfer.operators import Channels, NeuralOperator
from pdetransfer.training import Recipe, Run, train_run

_STEPS = 12  # of which the first, in a run of its own, are not counted


def examples_per_second(
    architecture: dict, num_points: int, batch_size: int, num_coefficients: int, device: torch.device
) -> float:
    """Training examples per second on ``device``, over some steps on random examples."""
    random = np.random.default_rng(0)
    field = random.standard_normal((batch_size, 1, num_points, num_points)).astype(np.float32)
    names = tuple(f"c{index}" for index in range(num_coefficients))
    coefficients = random.uniform(1, 2, (batch_size, num_coefficients))
    examples = Examples(field, coefficients, field, ("source",), names, ("solution",))
    operator = NeuralOperator(architecture, Channels.of(examples), examples.references(), seed=0)
    seconds = 0.0
    for steps in (2, _STEPS):
        recipe = Recipe([1e-3], [0], 1, batch_size, steps, "steps", steps, 1, False, False)
        run = Run(1e-3, 0, operator.references)
        train_run(run, operator, examples, examples[:1], recipe, False, device, "timing")
        seconds = run.seconds
    return _STEPS * batch_size / seconds
