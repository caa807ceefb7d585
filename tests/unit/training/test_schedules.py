"""The learning rate over a run, for one group of parameters and for several."""

import math

import pytest
import torch

from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.schedules import schedule

NUM_STEPS = 40


def rates(recipe_changes, base=0.1, share=0.25):
    """Of two groups, after each step."""
    keys = {
        "learning_rates": [base],
        "batch_size": 8,
        "length": 20,
        "length_unit": "epochs",
        "validation_interval": 5,
        "num_validation": 1,
    }
    recipe = Recipe(**keys | recipe_changes)
    parameters = [torch.nn.Parameter(torch.ones(1)) for _ in range(2)]
    groups = [{"params": [p], "lr": base * of} for p, of in zip(parameters, (1, share), strict=True)]
    optimiser = torch.optim.Adam(groups)
    made, found = schedule(optimiser, recipe, n_train=16), []
    for _ in range(NUM_STEPS):
        found.append(tuple(group["lr"] for group in optimiser.param_groups))
        optimiser.step()
        made.step()
    found.append(tuple(made.get_last_lr()))
    first, second = zip(*found, strict=True)
    assert [share * rate for rate in first] == pytest.approx(second)
    return first


def test_cosine():
    expected = [0.05 * (1 + math.cos(math.pi * step / NUM_STEPS)) for step in range(NUM_STEPS + 1)]
    assert rates({}) == pytest.approx(expected, abs=1e-12)


def test_halved_at_milestones():
    found = rates({"schedule": "halving", "milestones": [5, 15]})
    assert found == (0.1,) * 10 + (0.05,) * 20 + (0.025,) * 11


def test_one_cycle_is_pytorchs():
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.ones(1))], lr=0.1)
    keys = {"total_steps": NUM_STEPS + 2, "pct_start": 0.3, "cycle_momentum": False}
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.1, **keys)
    expected = []
    for _ in range(NUM_STEPS + 1):
        expected.append(theirs.get_last_lr()[0])
        optimiser.step()
        theirs.step()
    found = rates({"schedule": "one_cycle"})
    assert max(found) == pytest.approx(0.1)
    assert found[0] == pytest.approx(0.1 / 25)
    assert found[-1] == pytest.approx(0.1 / 25e4, rel=1e-6)
    assert found == pytest.approx(expected, abs=0.006)  # theirs has its top between two steps
