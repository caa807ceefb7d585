"""Data savings of pre-training: how many examples training from scratch needs for the same error."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import Estimate, Replicates, interval
from pdetransfer.analysis.tables import AXES, CURVE_AXES
from pdetransfer.plan.entries import SCRATCH

#: What is known of a number, by the side on which the true one may lie.
BEYOND = {"exact": 0, "lower": 1, "upper": -1}
#: The same before the number, as a sign and in words.
SIGNS = {"exact": "", "lower": "≥ ", "upper": "≤ "}
IN_WORDS = {"exact": "", "lower": "at least ", "upper": "at most "}


class Equivalent(NamedTuple):
    """Examples from scratch that reach an error, and what is known about that number: "exact", "lower"
    (the best scratch run does not reach it) or "upper" (the smallest scratch run is already better)."""

    n: float
    bound: str


class ScratchCurve:
    """Test error against n_train of training from scratch, made monotone by an isotonic fit of log error on log n.

    ``n_train`` must be positive and increasing, ``errors`` are of the same length.
    """

    def __init__(self, n_train: np.ndarray, errors: np.ndarray):
        from scipy.optimize import isotonic_regression  # takes a second, and planning imports this module

        self.n_train = n_train
        self.log_error = isotonic_regression(np.log(errors), increasing=False).x

    def equivalent_n(self, error: float) -> Equivalent:
        """The n_train that reaches ``error`` (arXiv 2306.00258, B.1): linear in the logarithms between the points,
        on a plateau the smallest n; beyond the curve, its end and what that bounds."""
        target, fit = np.log(error), self.log_error
        if target < fit[-1]:
            return Equivalent(float(self.n_train[-1]), "lower")
        if target > fit[0]:
            return Equivalent(float(self.n_train[0]), "upper")
        right = int(np.argmax(fit <= target))  # the first point that reaches the target
        if right == 0 or fit[right] == target:
            return Equivalent(float(self.n_train[right]), "exact")
        share = (fit[right - 1] - target) / (fit[right - 1] - fit[right])
        left, n = self.n_train[right - 1], self.n_train[right]
        return Equivalent(float(left * (n / left) ** share), "exact")


def scratch_curves(curve: dict[int, np.ndarray]) -> list[ScratchCurve]:
    """A curve from scratch for each replicate of test errors by n_train; none without a trained point."""
    sizes = np.array([n for n in curve if n > 0], float)
    if not len(sizes):
        return []
    errors = np.stack([curve[int(n)] for n in sizes], axis=1)  # (replicate, n_train)
    return [ScratchCurve(sizes, row) for row in errors]


def equivalents(scratch: list[ScratchCurve], errors: np.ndarray) -> Estimate:
    """Examples that training from scratch takes for test errors ``(replicate,)``, by the curve of each replicate;
    beyond it, its end, which is censored."""
    found = [curve.equivalent_n(error) for curve, error in zip(scratch, errors, strict=True)]
    beyond = np.array([BEYOND[equivalent.bound] for equivalent in found])
    return Estimate(np.array([equivalent.n for equivalent in found]), beyond)


def equivalent_columns(found: Estimate) -> dict[str, Any]:
    """The estimate of ``equivalents``, its 95 % interval, what is known of it, and the share of replicates beyond
    the curve."""
    low, high = interval(found.values)
    return {
        "equivalent_n": found.values[0],
        "equivalent_low": low,
        "equivalent_high": high,
        "bound": {side: bound for bound, side in BEYOND.items()}[found.beyond[0]],
        "censored": found.censored,
    }


def _why(bound: str, scratch: ScratchCurve, zero_shot: np.ndarray | None) -> str:
    """Why savings are a bound, in words; empty where they are exact."""
    if bound == "exact":
        return ""
    if bound == "upper":
        return f"scratch is better on its smallest n, {scratch.n_train[0]:,.0f}"
    if zero_shot is not None and np.log(zero_shot[0]) < scratch.log_error[-1]:
        return f"never caught: scratch on {scratch.n_train[-1]:,.0f} is behind the model as pre-trained"
    return f"scratch ends at {scratch.n_train[-1]:,.0f}"


def savings_at(savings: pd.DataFrame, distances: pd.DataFrame, n_train: int) -> pd.DataFrame:
    """The savings at one n_train with their distances, a row for each of ``distances`` (``distances_table``): of
    several recipes the first."""
    at_n = savings[savings["n_train"] == n_train].drop_duplicates(["dataset", "model", "init"])
    return at_n.merge(distances, on=["dataset", "model", "init"])


def bounds_in_words(savings: pd.DataFrame) -> str:
    """How many of some data savings are bounds, and why; zero-shot ones, whose ratio is infinite, are left out."""
    trained = savings[savings["n_train"] > 0]
    reasons = trained["why"].fillna("").value_counts()
    told = [f"{count}: {why}" for why, count in reasons.items() if why]
    bounds = len(trained) - int(reasons.get("", 0))
    share = f" ({100 * bounds / len(trained):.0f} %)" if bounds else ""
    return "; ".join([f"{bounds} of {len(trained)}{share}", *told])


def data_savings(replicates: Replicates) -> pd.DataFrame:
    """Data savings of each fine-tuned cell.

    ``equivalent_n`` is the n_train that scratch needs for the same test error; ``ratio`` is it over n_train
    (infinite for zero-shot), ``difference`` it less n_train; ``bound`` says whether the three are exact or bounds.
    ``equivalent_low`` and ``equivalent_high`` are the 95 % bootstrap interval of ``equivalent_n``, in which
    replicates beyond the scratch curve count as its end; ``censored`` is their share; ``why`` says in words why
    it is a bound. ``gain`` is the test error
    from scratch on the same n_train over that fine-tuned, with its interval; NaN for zero-shot, and where the
    former diverged.
    """
    rows = []
    scratch: dict[tuple, list[ScratchCurve]] = {}
    for axes, errors in replicates.means.items():
        dataset, model, init, recipe, n_train = axes
        if init == SCRATCH:
            continue
        key = (dataset, model, SCRATCH, recipe)
        if key not in scratch:
            scratch[key] = scratch_curves(replicates.curve(*key))
        if not scratch[key]:
            continue
        found = equivalent_columns(equivalents(scratch[key], errors))
        n_scratch = found["equivalent_n"]
        zero_shot = replicates.means.get((*axes[:4], 0))
        rows.append(
            {
                **dict(zip(AXES, axes, strict=True)),
                "test_error": errors[0],
                **found,
                "ratio": n_scratch / n_train if n_train else np.inf,
                "difference": n_scratch - n_train,
                "why": _why(found["bound"], scratch[key][0], zero_shot),
                **_gain(replicates.finite.get((*key, n_train)) if n_train else None, errors),
            }
        )
    columns = "test_error equivalent_n equivalent_low equivalent_high ratio difference bound censored why"
    columns += " gain gain_low gain_high"
    table = pd.DataFrame(rows, columns=[*AXES, *columns.split()])
    order = {
        curve: index for index, curve in enumerate(dict.fromkeys(map(tuple, table[CURVE_AXES].to_numpy())))
    }
    position = [order[tuple(curve)] for curve in table[CURVE_AXES].to_numpy()]
    return table.assign(position=position).sort_values(["position", "n_train"]).drop(columns="position")


def _gain(scratch: np.ndarray | None, fine_tuned: np.ndarray) -> dict[str, float]:
    gains = np.full(2, np.nan) if scratch is None else scratch / fine_tuned
    low, high = interval(gains)
    return {"gain": gains[0], "gain_low": low, "gain_high": high}
