"""Savings by budget, on power laws for which they are known."""

import numpy as np
import pytest

from cases import error_table
from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.plan.study import Study
from pdetransfer.studies.transfer.budgets import savings_by_budget

SIZES = (16, 64, 256, 1024)
AXES = {"dataset": ["far"], "model": ["m"], "init": ["scratch", "own"]}
RECIPE = {
    "batch_size": 16,
    "validation_interval": 1,
    "num_validation": 1,
    "learning_rates": {"scratch": [1e-3]},
}
STUDY = Study(
    datasets={"near": {"system": "poisson"}, "far": {"system": "poisson"}},
    pretrainings={"poisson": {"dataset": "near", "n_train": 100, "recipe": "epochs"}},
    recipes={
        "epochs": RECIPE | {"length": 10, "length_unit": "epochs"},
        "steps": RECIPE | {"length": 100, "length_unit": "steps"},
    },
    experiments={
        "asked": {"question": "data", **AXES, "recipe": ["epochs"], "n_train": [0, *SIZES]},
        "control": {
            "question": "control",
            **AXES,
            "recipe": ["epochs", "steps"],
            "n_train": [0, *SIZES[:3]],
        },
    },
)
PRETRAINING = 10 * 100  # examples processed


def replicates(control=True):
    """From scratch n^-1/2 at equal epochs, as on 64 examples at equal steps; fine-tuned, half of that."""
    points = [
        ("far", "m", init, "epochs", n, 0, scale * max(n, 4) ** -0.5)
        for init, scale in (("scratch", 1.0), ("poisson", 0.5))
        for n in (0, *SIZES)
    ]
    points += [
        ("far", "m", init, "steps", n, 0, 64**-0.5 * scale)
        for init, scale in (("scratch", 1.0), ("poisson", 0.5))
        for n in (0, *SIZES[:3])
        if control
    ]
    return Replicates([error_table(points)])


def rows(names=("asked", "control"), **options):
    table = savings_by_budget(STUDY, list(names), replicates(**options))
    return table.set_index(["n_train", "budget"])


def test_examples_and_examples_processed_of_known_laws():
    """Half the error takes four times the data; at 10 epochs, four times the 10 n examples that are processed."""
    table = rows()
    data = table.loc[(64, "equal epochs")]
    assert data[["fine_tuned", "scratch", "ratio"]].to_list() == pytest.approx([64, 256, 4])
    compute = table.loc[(64, "equal compute")]
    assert compute[["fine_tuned", "scratch", "ratio"]].to_list() == pytest.approx([640, 2560, 4])
    counted = table.loc[(64, "equal compute with pre-training")]
    spent = 640 + PRETRAINING
    assert counted[["fine_tuned", "scratch", "ratio"]].to_list() == pytest.approx([spent, 2560, 2560 / spent])
    for found in (data, compute, counted):
        assert found["bound"] == "exact"
        assert found["ratio_low"] == pytest.approx(found["ratio"])
        assert found["ratio_high"] == pytest.approx(found["ratio"])


def test_what_scratch_does_not_reach_is_a_bound():
    table = rows()
    assert table.loc[(1024, "equal epochs"), ["ratio", "bound"]].to_list() == [1, "lower"]
    assert table.loc[(1024, "equal compute"), ["scratch", "bound"]].to_list() == [10_240, "lower"]
    assert table.loc[(64, "equal steps"), ["scratch", "bound"]].to_list() == [256, "lower"]


def test_zero_shot_costs_nothing_but_its_pre_training():
    """Its error, 1 / 4, is that of scratch on 16 examples."""
    table = rows()
    assert table.loc[(0, "equal compute"), ["fine_tuned", "ratio"]].to_list() == [0, np.inf]
    counted = table.loc[(0, "equal compute with pre-training")]
    assert counted[["fine_tuned", "scratch", "ratio"]].to_list() == pytest.approx([1000, 160, 0.16])


def test_the_cheapest_scratch_counts_whatever_its_recipe():
    """Were 100 steps of 16 to reach the least error of all, no more than 1,600 examples processed would count."""
    errors = replicates()
    best = errors.means["far", "m", "scratch", "epochs", 1024]
    errors.means["far", "m", "scratch", "steps", 256] = best / 10
    table = savings_by_budget(STUDY, ["asked", "control"], errors).set_index(["n_train", "budget"])
    for n in (256, 1024):
        assert table.loc[(n, "equal compute"), "scratch"] <= 1600
    assert table.loc[(1024, "equal epochs"), "scratch"] == 1024  # data are compared recipe by recipe


def test_a_budget_that_was_not_run_says_so():
    """Before the controls, and at n_train that a control leaves out."""
    before = rows(["asked"], control=False)
    assert set(before.xs("equal steps", level="budget")["bound"]) == {"not run"}
    assert before.xs("equal steps", level="budget")["ratio"].isna().all()
    assert before.loc[(64, "equal compute"), "ratio"] == pytest.approx(4)
    assert rows().loc[(1024, "equal steps"), "bound"] == "not run"


def test_without_training_from_scratch_nothing_is_compared():
    asked = STUDY.experiments["asked"].model_copy(update={"init": ("own",)})
    study = STUDY.model_copy(update={"experiments": {"asked": asked}})
    alone = Replicates([error_table([("far", "m", "poisson", "epochs", n, 0, 0.1) for n in (0, *SIZES)])])
    assert set(savings_by_budget(study, ["asked"], alone)["bound"]) == {"not run"}
    assert savings_by_budget(study, [], alone).empty
