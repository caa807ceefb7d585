"""Claims: their quantities on tables for which they are known, and the verdicts."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from cases import cell_table, error_table
from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.claims import QUANTITIES, Evidence, judge
from pdetransfer.plan.costs import num_parameters

ROOT = Path(__file__).parents[3]
CLAIMS = yaml.safe_load((ROOT / "config/claims.yaml").read_text())
SIZES = (16, 64, 256)
CONFIG = {
    "datasets": {
        "near": {"system": "poisson"},
        "far": {"system": "poisson"},
        "own": {"system": "poisson", "files": {}},
    },
    "models": {"m": {"kind": "fno", "width": 16, "modes": 4, "num_layers": 4}},
    "experiments": {
        "e": {
            "dataset": ["near", "far"],
            "model": ["m"],
            "init": ["scratch", "own"],
            "recipe": ["r"],
            "n_train": [0, *SIZES],
        }
    },
}
SCALE = {
    ("near", "scratch"): 1.0,
    ("near", "poisson"): 0.25,
    ("far", "scratch"): 2.0,
    ("far", "poisson"): 1.0,
}


@pytest.fixture(scope="module")
def evidence():
    """Errors follow scale · n^-1/2, and 1 · scale without training; two seeds a tenth around them."""
    rows = [
        (dataset, "m", init, "r", n, seed, scale * factor * max(n, 1) ** -0.5)
        for (dataset, init), scale in SCALE.items()
        for n in (0, *SIZES)
        for seed, factor in ((0, 0.9), (1, 1.1))
    ]
    cards = [card("near", (1, 2), (0.01, 0.05), 1e-13), card("far", (1, 3), (0.1, 0.4), 2e-13)]
    cards.append(card("own", (1, 1e6), (1, 1), 1e-3))  # a user's file
    scaling = pd.DataFrame({"change": [1e-8, 3e-8]})
    return Evidence(CONFIG, Replicates([error_table(rows)]), cell_table(rows), cards, scaling)


def card(dataset, source, coefficients, residual):
    """The facts of a dataset, with the smallest and largest scale of its sources and coefficients."""
    source, coefficients = (
        dict(zip(("smallest", "largest"), ends, strict=True)) for ends in (source, coefficients)
    )
    facts = {"dataset": dataset, "system": "poisson", "largest_residual": residual}
    return facts | {"rms": {"source": source}, "coefficients": coefficients}


def select(dataset, n, init="own"):
    return {"experiment": "e", "dataset": dataset, "init": init, "n": n}


@pytest.mark.parametrize(
    ("quantity", "arguments", "expected"),
    [
        ("smallest_gain", {"cells": select(["near", "far"], "trained")}, 2),
        ("largest_gain", {"cells": select(["near", "far"], "trained")}, 4),
        ("gain_ratio", {"cells": select("near", "few"), "over": select("far", "few")}, 2),
        ("smallest_error", {"cells": select("near", "trained", ["scratch", "own"])}, 0.25 / 16),
        ("largest_error", {"cells": select("far", "zero", ["scratch", "own"])}, 2),
        ("largest_ratio", {"cells": select("far", "trained"), "over": select("near", "trained")}, 4),
        ("mean_ratio", {"cells": select("far", "zero"), "over": select("far", "most")}, 16),
        ("smallest_step", {"cells": select(["near", "far"], "zero")}, 4),
        ("largest_step", {"cells": select("near", "trained")}, 0.5),
        ("smallest_savings", {"cells": select("far", "few")}, 4),  # 64 examples do what takes 256
        ("smallest_savings", {"cells": select("near", "few")}, 4),  # a lower bound: scratch ends at 256
        ("smallest_difference", {"cells": select("far", "few")}, 256 - 64),
        (
            "hours_as_published",
            {"cells": select(["near", "far"], "few")},
            32768 * 500 / 4 * 2 / (4 * 64) / 3600,
        ),
        ("largest_span", {}, 40),
        ("largest_residual", {}, 2e-13),
        ("change_under_scaling", {}, 3e-8),
        ("parameters", {"model": "m"}, num_parameters(CONFIG["models"]["m"], 4)),
    ],
)
def test_quantities_of_known_laws(evidence, quantity, arguments, expected):
    values = QUANTITIES[quantity](evidence, **arguments)
    assert values[0] == pytest.approx(expected)


def claim(at_least=None, at_most=None, **other):
    bounds = {"at_least": at_least, "at_most": at_most}
    bounds = {word: value for word, value in bounds.items() if value is not None}
    told = {"statement": "s", "place": "p", "quantity": "smallest_gain", "cells": select("near", "few")}
    return told | {"bounds": {"reduced": bounds}} | other


def test_a_verdict_compares_the_interval_with_the_bounds(evidence):
    """The gain is 4, its interval some tenths around it, as seeds differ."""
    found = judge("c", claim(at_least=2), "reduced", evidence)
    assert found.verdict == "holds"
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(4)
    assert found.cells == ["near/m/poisson/r/n64"]
    assert judge("c", claim(at_most=2), "reduced", evidence).verdict == "fails"
    assert judge("c", claim(at_least=4), "reduced", evidence).verdict == "inconclusive"
    assert judge("c", claim(at_least=3, at_most=4), "reduced", evidence).verdict == "inconclusive"
    assert judge("c", claim(at_least=2), "paper", evidence).verdict == "not judged"


def test_a_claim_without_its_cells_was_not_run(evidence):
    for cells in (select("near", "few", "mixed"), select("elsewhere", "few")):
        found = judge("c", claim(at_least=1, cells=cells), "reduced", evidence)
        assert (found.verdict, found.value) == ("not run", None)
    single = claim(at_least=1, quantity="smallest_step", cells=select("near", "zero"))
    assert judge("c", single, "reduced", evidence).verdict == "not run"  # a step takes two cells
    other = CONFIG["experiments"]["e"] | {"recipe": ["other"]}
    config = CONFIG | {"experiments": {"e": other}}
    found = judge("c", claim(at_least=1), "reduced", Evidence(config, evidence.replicates, evidence.cells))
    assert found.verdict == "not run"


def test_a_note_is_that_of_the_scale(evidence):
    notes = {"notes": {"reduced": "a reason", "paper": "another"}}
    assert judge("c", claim(at_most=2, **notes), "reduced", evidence).note == "a reason"
    assert judge("c", claim(at_most=2), "reduced", evidence).note == ""


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


def test_a_claim_on_what_was_not_recorded_was_not_run():
    nothing = Evidence(CONFIG, Replicates([]), None)
    for quantity in ("largest_span", "largest_residual", "change_under_scaling"):
        entry = {"statement": "s", "place": "p", "quantity": quantity, "bounds": {"reduced": {"at_most": 1}}}
        assert judge("c", entry, "reduced", nothing).verdict == "not run"


def test_every_claim_of_the_study_has_an_entry():
    numbers = {int(re.match(r"TL(\d+)", name)[1]) for name in CLAIMS}
    assert numbers == set(range(1, 20))


@pytest.mark.parametrize("name", CLAIMS)
def test_the_shipped_claims_can_be_judged_at_paper_scale(name):
    """Their selections hold cells of the paper's config, and their quantities exist."""
    entry = CLAIMS[name]
    config = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    evidence = Evidence(config, Replicates([]), None)
    assert entry["quantity"] in QUANTITIES
    assert set(entry["bounds"]) <= {"paper", "reduced"}
    for key in {"cells", "over"} & set(entry):
        assert evidence.select(entry[key])
