"""The numbers that belong to each numerics version.

If one of these fails, the numbers of a stage have changed: raise its version in ``pdetransfer.base.numerics``,
so that users' results of it are made again, and put the new numbers here. If only a library's rounding has
changed, the tolerance says so by passing.
"""

import functools

import numpy as np
import pytest
import torch

from cases import arrays_by_name, as_examples
from pdetransfer.base import numerics
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.models.operators import NeuralOperator
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.cells import train_cell
from pdetransfer.training.evaluation import errors_by_example
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

ARCHITECTURE = {"kind": "fno", "width": 4, "modes": 4, "num_layers": 2}
RECIPE = Recipe(
    learning_rates=[1e-2, 3e-3],
    seeds=[0, 1],
    num_tuning_seeds=2,
    extend_grid=False,
    batch_size=8,
    length=30,
    length_unit="steps",
    validation_interval=15,
    num_validation=8,
    validation_at_most_n=False,
    subset_by_seed=False,
    fresh_readout=False,
    precision="float32",
)

# system: coefficients of example 1000, standard deviation of its input and solution, its solution at (3, 5) or 5
SOLVER = {
    "poisson": [0.01411606054, 0.01056108152, 0.001519685991, 0.1964491565, 0.2436042555, -0.3625805064],
    "advection_diffusion": [
        0.006726406059,
        0.01810456382,
        0.004221018321,
        -0.4385888896,
        0.1599600039,
        0.2483356433,
        0.150129061,
        -0.09364657525,
    ],
    "helmholtz": [0.01, 0.01, 3, 0.2355586554, 0.130459176, -0.03534927942],
    "burgers": [0.1744034735, 0.8189674785, 0.0007219407423, 0.0002056925719],
    "darcy": [4.496565462, 0.003902532494, 0.01048408998],
    "navier_stokes": [0.0188630252, 0.04494226068, 0.05175576794, -0.06979473282],
    "diffusion_reaction": [0.6722400288, 0.6279117568, -0.7496344598],
    "shallow_water": [0.2129527477, 0.1635943841, 1.001864882],
}
# arm: chosen learning rate, best validation losses of both seeds
TRAINING = {"scratch": [0.01, 14.9513, 17.86927], "fine_tuned": [0.003, 13.0145, 12.92444]}
# errors of the first three test examples, fine-tuned
EVALUATION = [0.7346425, 0.8380509, 0.8592308]


@pytest.fixture
def trained(small_split):
    """A cell from scratch, and one that fine-tunes it on other examples for a few epochs."""
    train, validation = as_examples(small_split(), 16), as_examples(small_split(split="validation"), 8)
    scratch = cell(Task(ARCHITECTURE, RECIPE, 16, train, validation))
    init = operator_of(scratch)
    downstream = as_examples(small_split(dataset="downstream"), 12)
    other = {"learning_rates": (3e-3, 1e-3), "length": 4, "length_unit": "epochs", "validation_interval": 2}
    recipe = RECIPE.model_copy(update=other)
    return {
        "scratch": scratch,
        "fine_tuned": cell(Task(ARCHITECTURE, recipe, 12, downstream, validation, init)),
    }


def cell(task):
    return train_cell(task, functools.partial(train_runs, task, hardware=Hardware(torch.device("cpu"))))


def operator_of(cell):
    operator = NeuralOperator(ARCHITECTURE, cell.channels, cell.chosen[0].references, seed=0)
    operator.model.load_state_dict(cell.chosen[0].best)
    return operator


def numbers_of_system(split):
    arrays, system = arrays_by_name(split, 1000, 1001), split.build_system()
    field, solution = (arrays[names[0]][0] for names in (system.fields, system.outputs))
    return [
        *arrays["coefficients"][0],
        field.std(),
        solution.std(),
        solution[(-1, 3, 5)[-solution.ndim :]],
    ]


def numbers_of_cell(cell):
    return [cell.learning_rate, *(run.validation_loss for run in cell.chosen)]


def test_every_system_has_its_numbers():
    assert set(SOLVER) == set(SYSTEMS)


@pytest.mark.parametrize("system", SOLVER)
def test_solver(small_split, system):
    np.testing.assert_allclose(numbers_of_system(small_split(system)), SOLVER[system], rtol=1e-7)
    assert numerics.SOLVER == 1


@pytest.mark.parametrize("arm", TRAINING)
def test_training(trained, arm):
    np.testing.assert_allclose(numbers_of_cell(trained[arm]), TRAINING[arm], rtol=1e-4)
    assert numerics.TRAINING == 2


def test_evaluation(trained, small_split):
    test = as_examples(small_split(split="test"), 3)
    errors = errors_by_example(operator_of(trained["fine_tuned"]), test, torch.device("cpu"))
    np.testing.assert_allclose(errors, EVALUATION, rtol=1e-4)
    assert numerics.EVALUATION == 1
