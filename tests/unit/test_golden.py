"""The numbers that belong to each numerics version.

If one of these fails, the numbers of a stage have changed: raise its version in ``pdetransfer.numerics``,
so that users' results of it are made again, and put the new numbers here. If only a library's rounding has
changed, the tolerance says so by passing.
"""

import numpy as np
import pytest
import torch

from cases import as_examples
from pdetransfer import numerics
from pdetransfer.evaluation import errors_by_example
from pdetransfer.operators import NeuralOperator
from pdetransfer.training import Recipe, train_cell

ARCHITECTURE = {"kind": "fno", "width": 4, "modes": 4, "num_layers": 2}
RECIPE = Recipe([1e-2], [0], 8, 30, "steps", 15, 8, False)

# system: coefficients of example 1000, RMS of its source and solution, the solution at (3, 5)
SOLVER = {
    "poisson": [
        0.0141160605443,
        0.0105610815211,
        0.00151968599097,
        0.196449156497,
        0.243604255514,
        -0.362580506438,
    ]
}
TRAINING = [20.56643, 17.73332, 14.76031]  # validation losses before, and after steps 15 and 30
EVALUATION = [0.8022382, 0.8814132, 0.899096]  # errors of the first three test examples


@pytest.fixture
def cell(small_split):
    train, validation = as_examples(small_split(), 16), as_examples(small_split(split="validation"), 8)
    return train_cell(ARCHITECTURE, RECIPE, 16, train, validation, None, torch.device("cpu"))


@pytest.mark.parametrize("system", SOLVER)
def test_solver(small_split, system):
    coefficients, source, solution, _ = small_split(system).examples(1000, 1001)
    numbers = [*coefficients[0], source.std(), solution.std(), solution[0, 3, 5]]
    np.testing.assert_allclose(numbers, SOLVER[system], rtol=1e-9)
    assert numerics.SOLVER == 1


def test_training(cell):
    losses = [row["validation_loss"] for row in cell.chosen[0].history]
    np.testing.assert_allclose(losses, TRAINING, rtol=1e-4)
    assert numerics.TRAINING == 1


def test_evaluation(cell, small_split):
    operator = NeuralOperator(ARCHITECTURE, cell.channels, cell.chosen[0].references, seed=0)
    operator.model.load_state_dict(cell.chosen[0].best)
    test = as_examples(small_split(split="test"), 3)
    np.testing.assert_allclose(errors_by_example(operator, test, torch.device("cpu")), EVALUATION, rtol=1e-4)
    assert numerics.EVALUATION == 1
