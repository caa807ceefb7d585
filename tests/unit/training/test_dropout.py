"""Whatever a model does in training alone, such as dropout, it does in steps alone."""

import numpy as np
import pytest
import torch
from torch import nn

from cases import architecture_of, data_of
from pdetransfer.data.windows import Windows
from pdetransfer.models.operators import NeuralOperator
from pdetransfer.models.registry import MODELS
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.evaluation import errors_of, relative_l2, rolled_out
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

CPU = torch.device("cpu")
RECIPE = Recipe(
    learning_rates=[1e-3],
    seeds=[0],
    num_tuning_seeds=1,
    batch_size=4,
    length=4,
    length_unit="steps",
    validation_interval=2,
    num_validation=4,
)


@pytest.fixture(params=MODELS)
def task(request, small_split):
    data = data_of(request.param, small_split, train=8, validation=4)
    return Task(architecture_of(request.param), RECIPE, 8, *data)


@pytest.fixture
def passes(task, monkeypatch):
    """For each pass through a model, which has a dropout at its end, whether it has a gradient, and whether the
    model is in training."""
    kind, found = task.architecture["kind"], []

    class WithDropout(MODELS[kind]):
        def forward(self, *given):
            found.append((torch.is_grad_enabled(), self.training))
            return nn.functional.dropout(super().forward(*given), 0.5, self.training)

    monkeypatch.setitem(MODELS, kind, WithDropout)
    return found


def answers(operator, examples):
    """What each way of asking a model gives, of one that a step has left in training."""
    windows = isinstance(examples, Windows)

    def by_name():
        if windows:
            frames = examples.planes.reshape(len(examples), -1, len(examples.channels), *examples.grid)
            return operator.roll_out(
                1, **dict(zip(examples.channels, np.moveaxis(frames, 2, 0), strict=True))
            )
        fields = dict(zip(examples.field_names, examples.fields.swapaxes(0, 1), strict=True))
        constants = dict(zip(examples.coefficient_names, examples.coefficients.T, strict=True))
        return operator.predict(**fields, **constants)

    asked = [
        lambda: operator.apply(operator.samples(examples, CPU)[0]),
        lambda: (rolled_out if windows else NeuralOperator.outputs)(operator, examples),
        lambda: np.concatenate([*by_name().values()]),
        lambda: errors_of(operator, examples, CPU)["error"],
    ]
    for ask in asked:
        operator.model.train()
        yield np.asarray(ask())


def test_evaluations_and_roll_outs_are_those_without_dropout(task, request):
    def found():
        operator = NeuralOperator(task.architecture, task.channels, task.train.references(), seed=0)
        return answers(operator, task.train)

    expected = [*found()]
    passes = request.getfixturevalue("passes")
    for with_dropout, without in zip(found(), expected, strict=True):
        np.testing.assert_array_equal(with_dropout, without)
    assert {*passes} == {(False, False)}


def test_dropout_is_at_work_in_steps_and_in_no_validation(task, passes):
    (run,) = train_runs(task, [(1e-3, 0)], Hardware(CPU))
    assert {*passes} == {(True, True), (False, False)}
    assert passes.count((True, True)) == 4
    operator = NeuralOperator(task.architecture, task.channels, run.references, 0)
    operator.model.load_state_dict(run.best)
    inputs, targets = operator.samples(task.validation, CPU)
    numbers = inputs.validated
    errors = relative_l2(operator.apply(inputs, numbers), targets[numbers])
    assert float(errors.mean()) == pytest.approx(run.validation_error, rel=1e-6)
