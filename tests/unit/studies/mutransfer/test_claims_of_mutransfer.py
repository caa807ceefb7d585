"""What the study's claims are judged by, on a sweep whose answer is known."""

import itertools
import math

import pandas as pd
import pytest

from cases import error_table
from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.claims import Evidence, judge
from pdetransfer.plan.entries import Claim
from pdetransfer.plan.study import Study
from pdetransfer.studies.mutransfer.quantities import QUANTITIES

RATES = {"low": 1e-3, "middle": 2e-3, "high": 4e-3}
WIDTHS = {"wide": 16, "narrow": 4}  # the smallest need not come first
#: By model and rate, of validation and test.
ERRORS = {("narrow", "low"): 0.9, ("narrow", "middle"): 0.8, ("narrow", "high"): 0.5}
ERRORS |= {("wide", "low"): 0.2, ("wide", "middle"): 0.3, ("wide", "high"): 0.5}
SELECTION = {"experiment": "widths", "n": "trained"}


@pytest.fixture
def evidence():
    models = {
        name: {"kind": "fno", "width": width, "modes": 2, "num_layers": 2, "rate": 1}
        for name, width in WIDTHS.items()
    }
    axes = {"question": "learning_rate", "dataset": ["d"], "init": ["scratch"], "n_train": [8]}
    study = Study(
        bounds="reduced",
        datasets={"d": {"system": "poisson"}},
        models=models,
        experiments={"widths": axes | {"model": list(WIDTHS), "recipe": list(RATES)}},
    )
    points, rows = [], []
    for model, recipe, seed in itertools.product(WIDTHS, RATES, range(3)):
        error = ERRORS[model, recipe] * (1 + 0.01 * seed)
        points.append(("d", model, "scratch", recipe, 8, seed, error))
        rows.append(
            {"dataset": "d", "model": model, "init": "scratch", "recipe": recipe, "n_train": 8, "seed": seed}
        )
        rows[-1] |= {
            "num_parameters": WIDTHS[model],
            "learning_rate": RATES[recipe],
            "validation_error": error,
            "test_error": error,
        }
    return Evidence(study, Replicates([error_table(points)]), pd.DataFrame(rows))


def judged_by(bounds, evidence):
    claim = Claim(
        statement="s",
        place="p",
        quantity="transferred_over_tuned",
        cells=SELECTION,
        bounds={"reduced": bounds},
    )
    return judge("MW", claim, evidence, QUANTITIES)


@pytest.mark.parametrize(("bounds", "verdict"), [({"at_least": 1.2}, "holds"), ({"at_most": 1.1}, "fails")])
def test_the_error_at_the_narrowest_models_rate_over_that_at_the_widests_own(evidence, bounds, verdict):
    judged = judged_by(bounds, evidence)
    assert judged.value == pytest.approx(0.5 / 0.2)
    assert judged.low <= judged.value <= judged.high
    assert judged.verdict == verdict


@pytest.mark.parametrize(("bounds", "verdict"), [({"at_least": 1.2}, "holds"), ({"at_most": 1.1}, "fails")])
def test_a_model_that_diverges_at_the_narrowest_models_rate_has_lost_all(evidence, bounds, verdict):
    at = (evidence.cells["model"] == "wide") & (evidence.cells["recipe"] == "high")
    evidence.cells.loc[at, ["validation_error", "test_error"]] = math.inf
    judged = judged_by(bounds, evidence)
    assert judged.value == math.inf
    assert judged.verdict == verdict


def test_rates_are_chosen_by_validation(evidence):
    evidence.cells.loc[evidence.cells["model"] == "narrow", "validation_error"] = evidence.cells[
        "learning_rate"
    ]
    claim = Claim(
        statement="s",
        place="p",
        quantity="transferred_over_tuned",
        cells=SELECTION,
        bounds={"reduced": {"at_most": 1.1}},
    )
    assert judge("MW", claim, evidence, QUANTITIES).value == pytest.approx(1)
