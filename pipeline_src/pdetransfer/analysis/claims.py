"""Published claims -> verdicts, from the results at hand, by quantities of their study."""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import Estimate, Replicates, interval
from pdetransfer.analysis.tables import CURVE_AXES
from pdetransfer.plan.entries import OWN, SCRATCH, Claim, Entry, Selection, few_of
from pdetransfer.plan.study import Cell, Curve, Study

_EXTREMES: dict[str, Callable] = {"smallest": min, "largest": max}


class NotInStudy(Exception):
    """What a claim is about is no part of the study at this scale."""


class NotRun(Exception):
    """What a claim is about has no results."""


@dataclass(frozen=True)
class Evidence:
    """What claims are judged by: the study, bootstrapped test errors, the table of all cells, the facts of the
    datasets' ``cards``, and the study's own ``tables`` by name."""

    study: Study
    replicates: Replicates
    cells: pd.DataFrame
    cards: list[dict] = field(default_factory=list)
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)

    def select(self, selection: Selection) -> list[Cell]:
        """Cells of a selection, in the order of config; NotInStudy if there are none."""
        if selection.experiment not in self.study.experiments:
            raise NotInStudy(selection.experiment)
        experiment = self.study.experiments[selection.experiment]
        datasets = self._chosen("datasets", experiment.dataset, selection.dataset)
        models = self._chosen("models", experiment.model, selection.model)
        chosen = [
            curve
            for curve in self.study.curves(selection.experiment)
            if curve.dataset in datasets
            and curve.model in models
            and curve.init in self._inits(curve.dataset, selection.init or curve.init)
        ]
        sizes = sorted(experiment.trained_n)
        words = {
            "zero": [n for n in experiment.n_train if n == 0],
            "few": [few_of(sizes)] if sizes else [],
            "middle": sizes[len(sizes) // 2 :][:1],
        }
        words |= {"most": sizes[-1:], "trained": sizes}
        cells = [(curve, n) for curve in chosen for n in words[selection.n]]
        if not cells:
            raise NotInStudy(selection)
        return cells

    def table(self, name: str) -> pd.DataFrame:
        """A table of the study."""
        if name not in self.tables:
            raise NotInStudy(name)
        return self.tables[name]

    def errors(self, selection: Selection) -> list[np.ndarray]:
        """Test errors of a selection with their replicates."""
        return [self.error(curve, n) for curve, n in self.select(selection)]

    def error(self, curve: Curve, n_train: int) -> np.ndarray:
        """The test error of a cell with its replicates; NotRun if there is none."""
        axes = (*asdict(curve).values(), n_train)
        if axes not in self.replicates.means:
            raise NotRun(axes)
        return self.replicates.means[axes]

    def rows(self, curve: Curve) -> pd.DataFrame:
        """The rows of a curve in the table of all cells, less those without training."""
        of_curve = (self.cells[CURVE_AXES] == [*asdict(curve).values()]).all(axis=1)
        return self.cells[of_curve & (self.cells["n_train"] > 0)]

    def _chosen(
        self, section: str, names: Iterable[str], asked: str | tuple[str, ...] | dict[str, Any] | None
    ) -> list[str]:
        """Those of some entries that a selection asks for; NotInStudy if there are none."""
        entries: dict[str, Any] = {name: getattr(self.study, section)[name] for name in names}
        if asked is None:
            return [*entries]
        if isinstance(asked, dict):
            found = _with_settings(entries, asked)
        elif section == "models" and asked in _EXTREMES:
            sizes = {name: model.planned_parameters for name, model in entries.items()}
            found = _with_values(sizes, asked)
        else:
            members = self._members(section, asked)
            found = [name for name in names if name in members]
        if not found:
            raise NotInStudy(asked)
        return found

    def _inits(self, dataset: str, asked: str | tuple[str, ...]) -> list[str | None]:
        """The names of inits, in which ``own`` depends on the dataset."""
        wanted = self._members("pretrainings", asked, SCRATCH, OWN)
        return [self.study.init_of(init, dataset) for init in wanted]

    def _members(self, section: str, asked: str | tuple[str, ...], *words: str) -> list[str]:
        """Names in a section, with the members of families for these; NotInStudy for those that are neither."""
        families = self.study.families.get(section, {})
        found = [
            member
            for name in ([asked] if isinstance(asked, str) else asked)
            for member in families.get(name, [name])
        ]
        for name in found:
            if name not in getattr(self.study, section) and name not in words:
                raise NotInStudy(name)
        return found


def _with_settings(entries: dict[str, Entry], asked: dict[str, Any]) -> list[str]:
    """Entries whose settings have some values; the words among these compare those that the others leave."""
    left = list(entries)
    for setting, value in sorted(asked.items(), key=lambda item: item[1] in ("smallest", "largest")):
        given = {name: entries[name].model_dump(mode="json").get(setting) for name in left}
        left = _with_values({name: own for name, own in given.items() if own is not None}, value)
    return left


def _with_values(values: dict[str, Any], asked: Any) -> list[str]:
    """The names with a value, or with the smallest or largest one."""
    if values and isinstance(asked, str) and asked in _EXTREMES:
        asked = _EXTREMES[asked](values.values())
    return [name for name, value in values.items() if value == asked]


@dataclass(frozen=True)
class Verdict:
    """A claim judged, with how it is ``tested`` at this scale, in words: "holds", "fails", "inconclusive" (the
    interval crosses a bound), "censored" (the end of the interval that decides is where the data end, which it
    would be for any larger effect), "not run" (results are missing) or "not judged" (no bounds at this scale, or
    about what the study does not have there). Without an interval, ``low`` and ``high`` are None and the value
    decides; ``censored`` is the share of its replicates that are."""

    claim: str
    statement: str
    tested: str
    place: str
    quantity: str
    verdict: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    censored: float | None = None
    bounds: dict = field(default_factory=dict)
    cells: list[str] = field(default_factory=list)


VERDICTS = ("holds", "fails", "inconclusive", "censored", "not run", "not judged")


def judge(name: str, claim: Claim, evidence: Evidence, quantities: dict[str, Callable]) -> Verdict:
    """The verdict on a claim by its quantity, one of ``quantities``: a function of evidence and of the claim's
    ``cells``, ``over`` and ``model``, where it has them, to an ``Estimate``, or to the values of an exact one; NaN
    where it is not known."""
    at = evidence.study.bounds
    told: dict[str, Any] = {
        "claim": name,
        "statement": claim.statement,
        "place": claim.place,
        "quantity": claim.quantity,
    }
    told |= {"tested": claim.tested.get(at, claim.statement)}
    if at not in claim.bounds:
        return Verdict(**told, verdict="not judged")
    bounds, selections = claim.bounds[at], [claim.cells, claim.over]
    arguments = {key: getattr(claim, key) for key in ("cells", "over", "model")}
    arguments = {key: value for key, value in arguments.items() if value is not None}
    judged = told | {"bounds": bounds}
    try:
        cells = [cell for selection in selections if selection for cell in evidence.select(selection)]
        judged |= {"cells": [f"{curve.path}/n{n}" for curve, n in cells]}
        for cell in cells:
            evidence.error(*cell)  # that there is one
        found = quantities[claim.quantity](evidence, **arguments)
    except NotInStudy:
        return Verdict(**told, verdict="not judged")
    except NotRun:
        return Verdict(**judged, verdict="not run")
    estimate = found if isinstance(found, Estimate) else Estimate.exact(found)
    if np.isnan(estimate.values[0]):
        return Verdict(**judged, verdict="not run")
    verdict = _verdict(estimate, bounds.get("at_least", -math.inf), bounds.get("at_most", math.inf))
    judged |= {"value": float(estimate.values[0]), "censored": estimate.censored}
    if len(estimate.values) > 1:
        judged |= dict(zip(("low", "high"), interval(estimate.values), strict=True))
    return Verdict(**judged, verdict=verdict)


def _verdict(estimate: Estimate, at_least: float, at_most: float) -> str:
    """A claim holds or fails by an end of the interval that is not censored: at a censored one, it is the end of
    the data that is compared with the bound."""
    (low, below), (high, above) = estimate.ends()
    deciding = []
    if at_least <= low and high <= at_most:
        verdict, deciding = "holds", [below] * (at_least > -math.inf) + [above] * (at_most < math.inf)
    elif high < at_least or low > at_most:
        verdict, deciding = "fails", [above > 0 if high < at_least else below in (-1, 2)]
    else:
        verdict = "inconclusive"
    return "censored" if any(deciding) else verdict


def spelled(value: float) -> str:
    """A value or a bound, with three digits; counts in full."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def summary(verdicts: Iterable[str]) -> str:
    """How many claims have each verdict, in a sentence."""
    counts = Counter(verdicts)
    named = [f"{verdict} {counts[verdict]}" for verdict in VERDICTS if counts[verdict]]
    return f"Verdicts of {counts.total()} claims: {', '.join(named)}."
