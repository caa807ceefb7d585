"""What claims are judged by, on tables for which it is known; and the shipped claims."""

import re

import numpy as np
import pandas as pd
import pytest

from cases import cell_table, error_table
from configs import SCALES, load_study
from pdetransfer.analysis.bootstrap import Estimate, Replicates
from pdetransfer.analysis.claims import Evidence, judge
from pdetransfer.plan.entries import Claim, Selection
from pdetransfer.plan.study import Study
from pdetransfer.studies.transfer.quantities import QUANTITIES, _smallest

SIZES = (16, 64, 256)
AXES = {
    "question": "shift",
    "model": ["m"],
    "init": ["scratch", "own"],
    "recipe": ["r"],
    "n_train": [0, *SIZES],
}
STUDY = Study(
    bounds="reduced",
    datasets={
        "near": {"system": "poisson"},
        "far": {"system": "poisson"},
        "own": {"system": "poisson", "files": {"train": "t", "validation": "v", "test": "s"}},
    },
    models={"m": {"kind": "fno", "width": 16, "modes": 4, "num_layers": 4, "rate": 1}},
    pretrainings={"poisson": {"dataset": "near", "n_train": 99, "recipe": "r"}},
    experiments={
        "e": AXES | {"dataset": ["near", "far"]},
        "tuned": AXES | {"dataset": ["near"], "init": ["own"], "recipe": ["alone"]},
        "scratch": AXES | {"dataset": ["near"], "init": ["scratch"]},
    },
)
ERRORS = {
    ("near", "scratch"): 1.0,
    ("near", "poisson"): 0.25,
    ("far", "scratch"): 2.0,
    ("far", "poisson"): 1.0,
}


def card(dataset, source, coefficients, residual):
    """The facts of a dataset, with the smallest and largest scale of its sources and coefficients."""
    source, coefficients = (
        dict(zip(("smallest", "largest"), ends, strict=True)) for ends in (source, coefficients)
    )
    facts = {"dataset": dataset, "system": "poisson", "largest_residual": residual}
    return facts | {"rms": {"source": source}, "coefficients": coefficients}


@pytest.fixture(scope="module")
def evidence():
    """Errors are scale · n^-1/2, without training scale; two seeds a tenth around them, from scratch a fifth."""
    rows = [
        (dataset, "m", init, "r", n, seed, scale * (1 + sign * spread) * max(n, 1) ** -0.5)
        for (dataset, init), scale in ERRORS.items()
        for spread in (0.2 if init == "scratch" else 0.1,)
        for n in (0, *SIZES)
        for seed, sign in ((0, -1), (1, 1))
    ]
    rows += [("near", "m", "poisson", "alone", n, 0, 0.1) for n in (0, *SIZES)]
    cards = [card("near", (1, 2), (0.01, 0.05), 1e-13), card("far", (1, 3), (0.1, 0.4), 2e-13)]
    cards.append(card("own", (1, 1e6), (1, 1), 1e-3))  # a user's file
    cells = cell_table(rows)
    cells.loc[cells["n_train"] == 16, "learning_rate"] = 2.5e-4
    tables = {"invariance": pd.DataFrame({"change": [1e-8, 3e-8]})}
    return Evidence(STUDY, Replicates([error_table(rows)]), cells, cards, tables)


def select(dataset, n, init="own", experiment="e"):
    return Selection(experiment=experiment, dataset=dataset, init=init, n=n)


KNOWN = [
    ("smallest_gain", {"cells": select(["near", "far"], "trained")}, 2),
    ("largest_gain", {"cells": select(["near", "far"], "trained")}, 4),
    ("gain_ratio", {"cells": select("near", "few"), "over": select("far", "few")}, 2),
    ("smallest_error", {"cells": select("near", "trained", ["scratch", "own"])}, 0.25 / 16),
    ("largest_error", {"cells": select("far", "zero", ["scratch", "own"])}, 2),
    ("mean_ratio", {"cells": select("far", "zero"), "over": select("far", "most")}, 16),
    ("smallest_step", {"cells": select(["near", "far"], "zero")}, 4),
    ("largest_step", {"cells": select("near", "trained")}, 0.5),
    ("smallest_savings", {"cells": select("far", "few")}, 4),  # 64 examples do what takes 256
    ("smallest_savings", {"cells": select("near", "few")}, 4),  # a lower bound: scratch ends at 256
    ("smallest_difference", {"cells": select("far", "few")}, 256 - 64),
    ("seed_spread_ratio", {"cells": select(["near", "far"], "trained")}, 2),
    ("learning_rate_ratio", {"cells": select(["near", "far"], "trained")}, 0.25),
    (
        "hours_as_published",
        {"cells": select(["near", "far"], "few")},
        32768 * 500 / 4 * 2 / (4 * 64) / 3600,
    ),
    ("largest_span", {}, 40),
    ("largest_residual", {}, 2e-13),
    ("change_under_rescaling", {}, 3e-8),
    ("parameters", {"model": {"kind": "fno", "width": 16, "modes": 4, "num_layers": 4}}, 67_281),
]


@pytest.mark.parametrize(("quantity", "arguments", "expected"), KNOWN)
def test_quantities_of_known_laws(evidence, quantity, arguments, expected):
    found = QUANTITIES[quantity](evidence, **arguments)
    values = found.values if isinstance(found, Estimate) else found
    assert values[0] == pytest.approx(expected)


def test_the_spread_over_seeds_is_that_of_the_asked_cells_whatever_else_was_run(evidence):
    """Other models of the same recipe, as of a control, are none of them."""
    asked = select(["near", "far"], "trained")
    expected = QUANTITIES["seed_spread_ratio"](evidence, asked)
    others = evidence.cells.assign(
        model="other", test_error=lambda rows: rows["test_error"] * (1 + rows["seed"])
    )
    more = Evidence(evidence.study, evidence.replicates, pd.concat([evidence.cells, others]))
    np.testing.assert_array_equal(QUANTITIES["seed_spread_ratio"](more, asked), expected)


def test_each_quantity_is_known_somewhere():
    assert {quantity for quantity, *_ in KNOWN} == set(QUANTITIES)


def judged(evidence, quantity, **asked):
    told = {"statement": "s", "place": "p", "quantity": quantity, "bounds": {"reduced": {"at_most": 1}}}
    return judge("c", Claim(**told, **asked), evidence, QUANTITIES).verdict


def test_a_step_takes_two_cells(evidence):
    assert judged(evidence, "largest_step", cells=select("near", "zero")) == "not run"
    assert judged(evidence, "largest_step", cells=select("near", "trained")) == "holds"


@pytest.mark.parametrize("quantity", ["smallest_savings", "smallest_gain"])
def test_without_an_arm_nothing_is_compared(evidence, quantity):
    """What is fine-tuned alone has nothing beside it that was run; from scratch alone, nothing is asked."""
    assert judged(evidence, quantity, cells=select("near", "few", experiment="tuned")) == "not run"
    assert judged(evidence, quantity, cells=select("near", "few", "scratch", "scratch")) == "not judged"


def test_a_claim_on_what_was_not_recorded_is_not_judged_or_was_not_run():
    nothing = Evidence(STUDY, Replicates([]), None)
    assert judged(nothing, "change_under_rescaling") == "not judged"
    for quantity in ("largest_span", "largest_residual"):
        assert judged(nothing, quantity) == "not run"


STUDIES = {scale: load_study(scale) for scale in SCALES}
CLAIMS = STUDIES["paper"].claims


def test_every_claim_of_the_study_has_an_entry():
    numbers = {int(re.match(r"TL(\d+)", name)[1]) for name in CLAIMS}
    assert numbers == set(range(1, 21))


def cells(scale, name, key="cells"):
    evidence = Evidence(STUDIES[scale], Replicates([]), None)
    return [f"{curve.path}/n{n}" for curve, n in evidence.select(getattr(CLAIMS[name], key))]


@pytest.mark.parametrize("scale", ["paper", "laptop"])
@pytest.mark.parametrize("name", CLAIMS)
def test_the_shipped_claims_can_be_judged(name, scale):
    """Their selections hold cells, and their quantities exist."""
    assert CLAIMS[name].quantity in QUANTITIES
    assert set(CLAIMS[name].bounds) <= {study.bounds for study in STUDIES.values()}
    for key in ("cells", "over"):
        assert getattr(CLAIMS[name], key) is None or cells(scale, name, key)


# n_train, by word, and curves that claims speak of.
EXPECTED = {
    ("TL1", "cells"): ("few", ["poisson_e5-10/fno_medium/poisson/{recipe}"]),
    ("TL5c", "cells"): (
        "most_of_ladder",
        [
            f"advection_diffusion_psi1-2/fno_{size}/advection_diffusion/downstream"
            for size in ("tiny", "small", "medium", "large")
        ],
    ),
    ("TL5d", "cells"): (
        "few",
        [
            "poisson_e5-10/fno_large/poisson/downstream",
            "advection_diffusion_psi1-2/fno_large/advection_diffusion/downstream",
        ],
    ),
    ("TL6", "over"): ("few", ["poisson_e1-2.5/fno_medium/poisson/downstream"]),
    ("TL8b", "cells"): ("few", ["poisson_e10-20/fno_medium/poisson/downstream"]),
    ("TL10a", "cells"): (
        "few",
        [
            "helmholtz_w11-15/fno_medium/scratch/{extended}",
            "helmholtz_w11-15/fno_medium/helmholtz/{extended}",
        ],
    ),
    ("TL10a", "over"): (
        "few",
        ["helmholtz_w1-5/fno_medium/scratch/downstream", "helmholtz_w1-5/fno_medium/helmholtz/downstream"],
    ),
    ("TL13", "cells"): (
        "few",
        [
            "poisson_e5-10/fno_raw/poisson/downstream",
            "advection_diffusion_psi1-2/fno_raw/advection_diffusion/downstream",
        ],
    ),
    ("TL13", "over"): (
        "few",
        [
            "poisson_e5-10/fno_medium/poisson/downstream",
            "advection_diffusion_psi1-2/fno_medium/advection_diffusion/downstream",
        ],
    ),
}
FACTS = {
    "paper": {"few": 16, "most_of_ladder": 32768, "recipe": "downstream", "extended": "downstream"},
    "laptop": {
        "few": 64,
        "most_of_ladder": 256,
        "recipe": "downstream_seeds",
        "extended": "downstream_extended",
    },
}


@pytest.mark.parametrize("scale", FACTS)
@pytest.mark.parametrize(("name", "key"), EXPECTED)
def test_the_shipped_claims_speak_of_the_cells_that_they_spoke_of_by_name(name, key, scale):
    word, curves = EXPECTED[name, key]
    facts = FACTS[scale]
    assert cells(scale, name, key) == [f"{curve.format(**facts)}/n{facts[word]}" for curve in curves]


@pytest.mark.parametrize("scale", SCALES)
def test_the_papers_sizes_of_models_are_judged_at_every_scale(scale):
    evidence = Evidence(STUDIES[scale], Replicates([]), None)
    for name in ("TL16a", "TL16b", "TL16c", "TL16d"):
        assert judge(name, CLAIMS[name], evidence, QUANTITIES).verdict == "holds"


def test_the_papers_sizes_are_those_of_paper_scale():
    named = {"TL16a": "fno_tiny", "TL16b": "fno_large", "TL16c": "fno_small", "TL16d": "fno_medium"}
    for name, model in named.items():
        assert CLAIMS[name].model == STUDIES["paper"].models[model].architecture


def test_the_smallest_savings_are_open_where_one_of_them_is():
    """Of a curve that scratch reaches, one that it never does, and one that its smallest n is better than."""
    values = np.array([[4.0, 4.0], [8.0, 2.0], [6.0, 6.0]])
    beyond = np.array([[0, 0], [1, 1], [-1, 0]])
    found = _smallest([Estimate(*of_cell) for of_cell in zip(values, beyond, strict=True)])
    assert found.values.tolist() == [4, 2]
    assert found.beyond.tolist() == [-1, 1]
    assert _smallest([Estimate(values[0], beyond[0])]).beyond.tolist() == [0, 0]


@pytest.mark.parametrize("scale", SCALES)
def test_no_claim_fails_to_be_judged_at_any_scale(scale):
    """Nor before anything was run, nor where a study has fewer entries."""
    study = STUDIES[scale]
    bare = study.model_copy(update={"experiments": {}, "models": {}, "datasets": {}})
    for given in (study, bare):
        evidence = Evidence(given, Replicates([]), pd.DataFrame())
        found = {judge(name, claim, evidence, QUANTITIES).verdict for name, claim in CLAIMS.items()}
        assert found <= {"not run", "not judged", "holds"}
