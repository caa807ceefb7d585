"""Claims: which cells they select, and the verdicts."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from cases import error_table
from facts import facts
from pdetransfer.analysis.bootstrap import Estimate, Replicates
from pdetransfer.analysis.claims import Evidence, NotInStudy, judge, summary
from pdetransfer.plan.entries import Claim, Selection
from pdetransfer.plan.study import Curve, Study

SIZES = (16, 64, 256)
FNO = {"kind": "fno", "modes": 4, "num_layers": 4, "rate": 1}
STUDY = Study(
    bounds="reduced",
    datasets={
        "near": {"system": "poisson", "eigenvalue_range": [1.0, 5.0]},
        "far": {"system": "poisson", "eigenvalue_range": [5.0, 20.0]},
        "farther": {"system": "poisson", "eigenvalue_range": [10.0, 15.0]},
        "wave": {"system": "helmholtz", "omega_range": [1, 5]},
    },
    models={
        "wide": FNO | {"width": 32},
        "narrow": FNO | {"width": 8},
        "m.width16": FNO | {"width": 16},
        "m.width24": FNO | {"width": 24},
        "raw": FNO | {"width": 8, "input_normalisation": False},
    },
    pretrainings={
        "poisson": {"dataset": "near", "n_train": 99, "recipe": "r"},
        "helmholtz": {"dataset": "wave", "n_train": 99, "recipe": "r"},
    },
    experiments={
        "shift": {
            "question": "q",
            "dataset": ["near", "far", "farther", "wave"],
            "model": ["narrow"],
            "init": ["scratch", "own"],
            "recipe": ["r"],
            "n_train": [0, *SIZES],
        },
        "sizes": {
            "question": "q",
            "dataset": ["near"],
            "model": ["wide", "narrow", "m.width16", "m.width24", "raw"],
            "init": ["scratch"],
            "recipe": ["r"],
            "n_train": [8],
        },
    },
    families={"models": {"m": {"m.width16": {"width": 16}, "m.width24": {"width": 24}}}},
)
SCALES = {"scratch": 1.0, "poisson": 0.25}


@pytest.fixture(scope="module")
def evidence():
    """Errors of one dataset are scale · n^-1/2, and scale without training; two seeds a tenth around them."""
    points = [
        ("near", "narrow", init, "r", n, seed, scale * factor * max(n, 1) ** -0.5)
        for init, scale in SCALES.items()
        for n in (0, *SIZES)
        for seed, factor in ((0, 0.9), (1, 1.1))
    ]
    return Evidence(STUDY, Replicates([error_table(points)]), pd.DataFrame())


def selected(evidence, axis, **asked):
    cells = evidence.select(Selection(**({"n": "most"} | asked)))
    return list(dict.fromkeys(getattr(curve, axis) for curve, _ in cells))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, ["near", "far", "farther", "wave"]),
        ("far", ["far"]),
        (["wave", "near"], ["near", "wave"]),  # in the order of the experiment
        ({"system": "helmholtz"}, ["wave"]),
        ({"eigenvalue_range": [1, 5]}, ["near"]),
        ({"eigenvalue_range": "smallest"}, ["near"]),
        ({"eigenvalue_range": "largest"}, ["farther"]),  # ranges compare by their lower ends first
        ({"omega_range": "largest"}, ["wave"]),
        ({"eigenvalue_range": "largest", "system": "poisson"}, ["farther"]),
    ],
)
def test_datasets_are_selected_by_name_and_by_setting(evidence, asked, expected):
    assert selected(evidence, "dataset", experiment="shift", dataset=asked) == expected


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("m", ["m.width16", "m.width24"]),
        (["wide", "m"], ["wide", "m.width16", "m.width24"]),
        ("smallest", ["narrow", "raw"]),
        ("largest", ["wide"]),
        ({"input_normalisation": False}, ["raw"]),
        ({"input_normalisation": True, "width": "smallest"}, ["narrow"]),
    ],
)
def test_models_are_selected_by_family_size_and_setting(evidence, asked, expected):
    assert selected(evidence, "model", experiment="sizes", model=asked) == expected


def test_the_own_init_is_that_of_each_dataset(evidence):
    assert selected(evidence, "init", experiment="shift", init="own") == ["poisson", "helmholtz"]
    assert selected(evidence, "init", experiment="shift", init=["scratch", "helmholtz"]) == [
        "scratch",
        "helmholtz",
    ]


@pytest.mark.parametrize(
    ("word", "sizes"),
    [("zero", [0]), ("few", [64]), ("middle", [64]), ("most", [256]), ("trained", [16, 64, 256])],
)
def test_n_train_is_selected_by_word(evidence, word, sizes):
    cells = evidence.select(Selection(experiment="shift", dataset="far", init="scratch", n=word))
    assert [n for _, n in cells] == sizes


def gain(evidence, cells):
    """Error from scratch over error fine-tuned of the first cell."""
    curve, n = evidence.select(cells)[0]
    scratch = next(c for c in evidence.study.curves("shift") if c.dataset == curve.dataset)
    return evidence.error(scratch, n) / evidence.error(curve, n)


def test_rows_of_a_curve_are_all_that_were_trained(evidence):
    curve = Curve("near", "narrow", "scratch", "r")
    cells = pd.DataFrame([asdict(curve) | {"n_train": n} for n in (0, 1, 16)])
    found = Evidence(STUDY, evidence.replicates, cells).rows(curve)
    assert found["n_train"].tolist() == [1, 16]


def of_table(evidence):
    return np.array([evidence.table("own")["x"].max()])


QUANTITIES = {function.__name__: function for function in (gain, of_table)}
FEW = {"experiment": "shift", "dataset": "near", "init": "own", "n": "few"}


def claim(bounds, scale="reduced", **other):
    told = {"statement": "s", "place": "p", "quantity": "gain", "cells": FEW, "bounds": {scale: bounds}}
    return Claim(**({key: value for key, value in (told | other).items() if value is not None}))


def verdict(evidence, *args, **other):
    return judge("c", claim(*args, **other), evidence, QUANTITIES).verdict


def test_a_verdict_compares_the_interval_with_the_bounds(evidence):
    """The gain is 4, its interval some tenths around it, as seeds differ."""
    found = judge("c", claim({"at_least": 2}), evidence, QUANTITIES)
    assert found.verdict == "holds"
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(4)
    assert found.cells == ["near/narrow/poisson/r/n64"]
    assert verdict(evidence, {"at_most": 2}) == "fails"
    assert verdict(evidence, {"at_least": 4}) == "inconclusive"
    assert verdict(evidence, {"at_least": 3, "at_most": 4}) == "inconclusive"
    assert verdict(evidence, {"at_least": 2}, scale="paper") == "not judged"


def test_a_claim_without_results_was_not_run(evidence):
    found = judge("c", claim({"at_least": 2}, cells=FEW | {"dataset": "far"}), evidence, QUANTITIES)
    assert (found.verdict, found.value) == ("not run", None)
    assert found.cells == ["far/narrow/poisson/r/n64"]
    unknown = {"of_table": lambda evidence: np.array([np.nan])}
    alone = claim({"at_least": 2}, quantity="of_table", cells=None)
    assert judge("c", alone, evidence, unknown).verdict == "not run"


@pytest.mark.parametrize(
    "asked",
    [
        {"experiment": "elsewhere"},
        {"dataset": "elsewhere"},
        {"dataset": {"psi_range": "largest"}},
        {"dataset": {"eigenvalue_range": [1, 6]}},
        {"model": "elsewhere"},
        {"model": "wide"},  # of the study, and not of the experiment
        {"init": "mixed"},
        {"experiment": "sizes", "init": "own"},
    ],
    ids=str,
)
def test_a_claim_about_what_the_study_does_not_have_is_not_judged(evidence, asked):
    with pytest.raises(NotInStudy):
        evidence.select(Selection(**(FEW | asked)))
    found = judge("c", claim({"at_least": 2}, cells=FEW | asked), evidence, QUANTITIES)
    assert (found.verdict, found.value, found.cells) == ("not judged", None, [])


def test_so_is_a_claim_about_a_table_or_a_model_that_is_not_there(evidence):
    of_own = {"quantity": "of_table", "cells": None}
    assert verdict(evidence, {"at_most": 2}, **of_own) == "not judged"
    there = Evidence(STUDY, evidence.replicates, None, tables={"own": pd.DataFrame({"x": [1, 2]})})
    assert verdict(there, {"at_most": 2}, **of_own) == "holds"


def test_a_claim_is_worded_as_it_is_tested_at_the_scale(evidence):
    words = {"tested": {"reduced": "a part of it", "paper": "another"}}
    assert judge("c", claim({"at_most": 2}, **words), evidence, QUANTITIES).tested == "a part of it"
    assert judge("c", claim({"at_most": 2}), evidence, QUANTITIES).tested == "s"


def test_a_number_alone_has_no_interval_and_decides_by_itself(evidence):
    alone = claim({"at_least": 2}, quantity="of_table", cells=None)
    there = Evidence(STUDY, evidence.replicates, None, tables={"own": pd.DataFrame({"x": [1, 2]})})
    found = judge("c", alone, there, QUANTITIES)
    assert (found.verdict, found.value, found.low, found.high) == ("holds", 2, None, None)


SPREAD = np.linspace(3, 5, 401)
TOP = np.where(SPREAD > 4, 1, 0)  #: the larger half is known to be as large or larger
ALL = np.ones(401, int)


@pytest.mark.parametrize(
    ("beyond", "bounds", "expected"),
    [
        (0 * ALL, {"at_least": 2}, "holds"),
        (TOP, {"at_least": 2}, "holds"),  # the lower end is not censored
        (ALL, {"at_least": 2}, "censored"),  # any larger effect would have the same lower end
        (-ALL, {"at_least": 2}, "censored"),  # the true one may be below
        (TOP, {"at_most": 6}, "censored"),
        (-ALL, {"at_most": 6}, "censored"),
        (ALL, {"at_most": 2}, "fails"),  # larger still
        (-ALL, {"at_least": 6}, "fails"),  # smaller still
        (ALL, {"at_least": 6}, "censored"),
        (2 * ALL, {"at_least": 6}, "censored"),
        (2 * ALL, {"at_most": 2}, "censored"),
        (2 * ALL, {"at_least": 2}, "censored"),
        (TOP, {"at_least": 4}, "inconclusive"),
    ],
)
def test_a_claim_does_not_hold_by_an_end_of_the_data(evidence, beyond, bounds, expected):
    quantities = {"gain": lambda evidence, cells: Estimate(SPREAD, beyond)}
    found = judge("c", claim(bounds), evidence, quantities)
    assert found.verdict == expected
    assert found.censored == pytest.approx(np.mean(beyond[1:] != 0))


def test_the_summary_counts_every_verdict_that_there_is():
    assert facts(summary(["holds", "holds", "fails", "censored", "not run"])) == [5, 2, 1, 1, 1]


def test_bootstrap_draws_the_same_test_examples_for_all_arms():
    """Where one arm is a fixed multiple of the other on each example, their ratio has no uncertainty."""
    random = np.random.default_rng(0)
    errors = random.uniform(0.1, 1, 50)
    table = error_table([("near", "m", init, "r", 16, 0, 1.0) for init in ("scratch", "poisson")], 50)
    table["error"] = errors[table["example"]]
    table.loc[table["init"] == "poisson", "error"] /= 3
    means = Replicates([table]).means
    ratio = means["near", "m", "scratch", "r", 16] / means["near", "m", "poisson", "r", 16]
    np.testing.assert_allclose(ratio, 3)
    assert means["near", "m", "scratch", "r", 16].std() > 0
