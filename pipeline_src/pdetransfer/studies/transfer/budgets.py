"""Savings of pre-training by budget, what both arms have alike: epochs, steps, or compute.

At equal epochs or steps data are compared: the n_train of the two arms (``savings``). At equal compute, training
examples processed are, every example of every batch of the chosen run: what training from scratch on any n_train
processes for the fine-tuned error, against fine-tuning with and without its pre-training. Tuning is left out, as
both arms have as many runs.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.savings import ScratchCurve, equivalent_columns, equivalents, scratch_curves
from pdetransfer.analysis.tables import AXES
from pdetransfer.plan.entries import SCRATCH
from pdetransfer.plan.study import Curve, Study

ASKED = "data"  # the question that budgets are compared for
NOT_RUN = "not run"
_CELL = ["dataset", "model", "init", "n_train"]
_COLUMNS = [*AXES, "budget", "test_error", "fine_tuned", "scratch", "scratch_low", "scratch_high"]
_COLUMNS += ["ratio", "ratio_low", "ratio_high", "bound", "censored"]


def savings_by_budget(study: Study, names: list[str], replicates: Replicates) -> pd.DataFrame:
    """A row for each fine-tuned cell that asks for data savings and each budget, from the experiments ``names``
    that have been run.

    ``fine_tuned`` is what fine-tuning takes, in examples, or in examples processed at equal compute; ``scratch``
    what training from scratch takes for the same test error, with its 95 % interval, conditional on the
    pre-trained weights; ``ratio`` the second over the first. ``bound`` says whether they are exact or bounds
    (``savings.Equivalent``), or that the budget was not run.
    """
    rows: list[dict[str, Any]] = []
    for name in (name for name in names if name in study.asking(ASKED)):
        for curve in (curve for curve in study.curves(name) if curve.is_fine_tuned):
            alike = _by_unit(study, names, curve)
            for n in study.experiments[name].n_train:
                rows += _rows(study, replicates, curve, n, alike)
    return pd.DataFrame(rows, columns=_COLUMNS).drop_duplicates([*_CELL, "budget"])


def _by_unit(study: Study, names: list[str], curve: Curve) -> dict[str, Curve]:
    """The first curve in each unit of length that differs from ``curve`` in its recipe alone."""
    found: dict[str, Curve] = {}
    for other in (other for name in names for other in study.curves(name)):
        if replace(other, recipe=curve.recipe) == curve:
            found.setdefault(study.recipes[other.recipe].length_unit, other)
    return found


def _rows(
    study: Study, replicates: Replicates, curve: Curve, n: int, alike: dict[str, Curve]
) -> Iterator[dict]:
    for unit in ("epochs", "steps"):
        other = alike.get(unit, replace(curve, recipe=""))
        yield _row(replicates, other, n, f"equal {unit}", scratch_curves(_scratch(replicates, other)), n)
    compute = _compute_curves(study, replicates, [*alike.values()])
    spent = study.run_examples(curve, n) if n else 0
    before = study.run_examples(*study.pretraining(curve.init, curve.model))
    yield _row(replicates, curve, n, "equal compute", compute, spent)
    yield _row(replicates, curve, n, "equal compute with pre-training", compute, spent + before)


def _scratch(replicates: Replicates, curve: Curve) -> dict[int, np.ndarray]:
    return replicates.curve(curve.dataset, curve.model, SCRATCH, curve.recipe)


def _compute_curves(study: Study, replicates: Replicates, alike: list[Curve]) -> list[ScratchCurve]:
    """Smallest test error from scratch within a number of examples processed, over every n_train and the recipes
    of ``alike``: a curve for each replicate."""
    errors: dict[int, np.ndarray] = {}
    for curve in alike:
        for n, of_cell in _scratch(replicates, curve).items():
            if n:
                spent = study.run_examples(curve, n)
                errors[spent] = np.minimum(errors.get(spent, np.inf), of_cell)
    if not errors:
        return []
    ordered = sorted(errors)
    smallest = np.minimum.accumulate(np.stack([errors[spent] for spent in ordered], axis=1), axis=1)
    return [ScratchCurve(np.array(ordered, float), row) for row in smallest]


def _row(
    replicates: Replicates, curve: Curve, n: int, budget: str, scratch: list[ScratchCurve], spent: int
) -> dict:
    axes = (curve.dataset, curve.model, curve.init, curve.recipe, n)
    named = {**dict(zip(AXES, axes, strict=True)), "budget": budget}
    if not scratch or axes not in replicates.means:
        return named | {"bound": NOT_RUN}
    found = equivalent_columns(equivalents(scratch, replicates.means[axes]))
    ratios = {
        f"ratio{end}": found[f"equivalent_{name}"] / spent if spent else np.inf
        for end, name in (("", "n"), ("_low", "low"), ("_high", "high"))
    }
    return {
        **named,
        "test_error": replicates.means[axes][0],
        "fine_tuned": spent,
        "scratch": found["equivalent_n"],
        "scratch_low": found["equivalent_low"],
        "scratch_high": found["equivalent_high"],
        **ratios,
        "bound": found["bound"],
        "censored": found["censored"],
    }
