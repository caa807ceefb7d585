"""Training with the residual of a discrete equation beside the data (a physics-informed operator)."""

import dataclasses

import numpy as np
import pytest
import torch

from cases import as_examples
from pdetransfer.data.systems.darcy import Darcy
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

CPU = torch.device("cpu")
ARCHITECTURE = {
    "kind": "fno",
    "width": 8,
    "modes": 4,
    "num_layers": 2,
    "input_normalisation": False,
    "coordinates": True,
    "padding": [0.25, 0.25],
}
RECIPE = Recipe(
    learning_rates=[3e-3],
    batch_size=8,
    length=60,
    length_unit="steps",
    validation_interval=60,
    num_validation=8,
    objective="relative_l2",
)


@pytest.fixture
def examples(small_split):
    return as_examples(small_split("darcy"), 16)


def fields_of(examples, dtype):
    return tuple(
        {name: torch.tensor(values[:, 0], dtype=dtype)}
        for name, values in (("permeability", examples.fields), ("solution", examples.outputs))
    )


def test_the_defect_is_that_of_the_solvers_discretisation(small_split):
    solved = small_split("darcy").examples(0, 4)
    arrays = {name: torch.tensor(solved.arrays[name]) for name in ("permeability", "solution")}
    residuals = Darcy.equation_residual(
        {"permeability": arrays["permeability"]}, {"solution": arrays["solution"]}
    )
    assert residuals.max() < 1e-10
    twice = Darcy.equation_residual(
        {"permeability": arrays["permeability"]}, {"solution": 2 * arrays["solution"]}
    )
    np.testing.assert_allclose(twice, 1, rtol=1e-9)


def test_the_gradient_of_the_defect_is_that_of_finite_differences(examples):
    fields, outputs = fields_of(examples[:2], torch.float64)
    solution = (1.3 * outputs["solution"]).requires_grad_()
    assert torch.autograd.gradcheck(lambda u: Darcy.equation_residual(fields, {"solution": u}), solution)


def test_an_operators_defect_is_that_of_what_it_predicts(examples):
    """In the units of the data, whatever the network's are."""
    operator = NeuralOperator(
        ARCHITECTURE, Channels.of(examples, ARCHITECTURE), examples.references(), seed=0
    )
    inputs = operator.inputs(examples, CPU)
    with torch.no_grad():
        found = operator.equation_residuals(Darcy, inputs.fields, operator.apply(inputs))
    predicted = dataclasses.replace(examples, outputs=operator.outputs(examples))
    expected = Darcy.equation_residual(*fields_of(predicted, torch.float64))
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_weighing_the_equation_lowers_its_defect_and_takes_both_into_the_loss(examples):
    def residual_after(**changes):
        task = Task(ARCHITECTURE, RECIPE.model_copy(update=changes), 16, examples, examples[:8])
        (run,) = train_runs(task, [(3e-3, 0)], Hardware(CPU))
        operator = NeuralOperator(ARCHITECTURE, Channels.of(examples, ARCHITECTURE), run.references, seed=0)
        operator.model.load_state_dict(run.best)
        inputs = operator.inputs(examples, CPU)
        return operator.equation_residuals(Darcy, inputs.fields, operator.apply(inputs)).mean(), run

    without, _ = residual_after()
    both, run = residual_after(equation_weight=0.1)
    assert both < 0.8 * without
    assert run.history[-1]["train_loss"] > run.history[-1]["validation_loss"]


def test_the_systems_with_a_defect_are_known():
    assert [name for name, system in SYSTEMS.items() if system.has_equation_residual()] == ["darcy"]
