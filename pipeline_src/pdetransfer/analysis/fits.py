"""Scaling laws: error = floor + amplitude x^-exponent, in examples, parameters or compute."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import least_squares

from pdetransfer.analysis.bootstrap import Replicates, interval
from pdetransfer.analysis.tables import AXES, CURVE_AXES
from pdetransfer.plan.entries import SCRATCH

_NUM_REPLICATES = 100  # of the bootstrap's; a fit takes milliseconds
_FEWEST = 4  # values of x that three numbers are fitted to
_FLAT = 1e-3  # an exponent below it is none
_NO_FLOOR = 0.01  # of the smallest error: a floor below it is none
_SCALE = 0.05  # deviation of a log error beyond which it counts linearly
_NUMBERS = ("floor", "amplitude", "exponent", "beside_scratch")
_COLUMNS = ["in", *AXES, "smallest", "largest", "points", "statement"]
_COLUMNS += [f"{name}{end}" for name in _NUMBERS for end in ("", "_low", "_high")]


@dataclass(frozen=True)
class Law:
    """error = floor + amplitude x^-exponent."""

    floor: float
    amplitude: float
    exponent: float


def fit(x: np.ndarray, errors: np.ndarray, with_floor: bool = True, near: Law | None = None) -> Law:
    """The law of positive ``errors`` at increasing positive ``x``: least squares of the log error, robust to
    single points (soft L1), with 0 <= floor < smallest error and exponent >= 0. Without a floor, a power law.
    A law of similar errors, ``near``, spares the search for a start."""
    smallest, log_errors = errors.min(), np.log(errors)
    unit = x / np.exp(
        np.log(x).mean()
    )  # at whose 1 the amplitude is fitted, so that it and the exponent part

    def deviations(numbers: np.ndarray) -> np.ndarray:
        share, log_amplitude, exponent = numbers if with_floor else (0.0, *numbers)
        return np.log(share * smallest + np.exp(log_amplitude) * unit**-exponent) - log_errors

    if near:
        share = np.clip(near.floor / smallest, 0.02, 0.98)
        starts = [[share, np.log(near.amplitude) - near.exponent * np.log(x[0] / unit[0]), near.exponent]]
    else:
        slope = max(0.01, -np.polyfit(np.log(unit), log_errors, 1)[0])
        starts = [[share, np.log(1 - share) + log_errors.mean(), slope] for share in (0.02, 0.8)]
    low, high = np.array([0, -np.inf, 0]), np.array([1, np.inf, np.inf])
    first = 0 if with_floor else 1
    found = [
        least_squares(
            deviations, start[first:], bounds=(low[first:], high[first:]), loss="soft_l1", f_scale=_SCALE
        )
        for start in (starts if with_floor else starts[:1])
    ]
    numbers = min(found, key=lambda result: result.cost).x
    share, log_amplitude, exponent = numbers if with_floor else (0.0, *numbers)
    amplitude = np.exp(log_amplitude) * (unit[0] / x[0]) ** -exponent
    return Law(float(share * smallest), float(amplitude), float(exponent))


def scaling_laws(
    replicates: Replicates, num_parameters: dict[str, int], seconds: dict[tuple, float]
) -> pd.DataFrame:
    """A law for each curve in n_train, and for each arm of several models in their parameters, at its largest
    n_train, and in compute: the device seconds of a run (by axes, ``seconds``), and the smallest error that any
    model on any n_train reaches in as many.

    ``low`` and ``high`` are 95 % bootstrap intervals, conditional on the pre-trained weights. ``statement`` says
    what is identified: a floor whose interval reaches 0, or that fewer than four points speak for, is left out,
    and the other numbers are those of a power law; so are they where errors do not fall. ``beside_scratch`` is
    the exponent less that of the arm from scratch.
    """
    groups = [
        *_in_examples(replicates),
        *_in_parameters(replicates, num_parameters),
        *_in_compute(replicates, seconds),
    ]
    laws = {tuple(axes.values()): _laws(x, errors) for axes, x, errors in groups}
    return pd.DataFrame([_row(axes, x, laws) for axes, x, _ in groups], columns=_COLUMNS)


def _in_examples(replicates: Replicates) -> Iterable[tuple[dict, np.ndarray, np.ndarray]]:
    """Axes of each curve, n_train, and errors ``(replicate, n_train)``."""
    for curve in dict.fromkeys(axes[:4] for axes in replicates.means):
        trained = {n: errors for n, errors in replicates.curve(*curve).items() if n > 0}
        if len(trained) > 1:
            axes = {"in": "examples", **dict(zip(CURVE_AXES, curve, strict=True)), "n_train": 0}
            yield axes, np.array([*trained], float), np.stack([*trained.values()], axis=1)


def _in_parameters(
    replicates: Replicates, num_parameters: dict[str, int]
) -> Iterable[tuple[dict, np.ndarray, np.ndarray]]:
    """The same, in the parameters of the models of an arm."""
    sizes: dict[tuple, dict] = {}
    for (dataset, model, init, recipe, n), errors in replicates.finite.items():
        sizes.setdefault((dataset, init, recipe, n), {})[num_parameters[model]] = errors
    largest: dict[tuple, int] = {}
    for *arm, n in sizes:
        largest[tuple(arm)] = max(n, largest.get(tuple(arm), 0))
    for (dataset, init, recipe, n), found in sizes.items():
        if n and n == largest[dataset, init, recipe] and len(found) > 1:
            ordered = dict(sorted(found.items()))
            axes = {"in": "parameters", "dataset": dataset, "model": "", "init": init, "recipe": recipe}
            yield axes | {"n_train": n}, np.array([*ordered], float), np.stack([*ordered.values()], axis=1)


def _in_compute(
    replicates: Replicates, seconds: dict[tuple, float]
) -> Iterable[tuple[dict, np.ndarray, np.ndarray]]:
    """The same, in compute, at the points where more of it makes the error smaller."""
    arms: dict[tuple, dict] = {}
    for (dataset, model, init, recipe, n), errors in replicates.finite.items():
        if n:
            arms.setdefault((dataset, init, recipe), {})[model, n] = errors
    for (dataset, init, recipe), cells in arms.items():
        if len({model for model, _ in cells}) == 1:
            continue
        by_cost: dict[float, np.ndarray] = {}
        for (model, n), errors in cells.items():
            cost = seconds[dataset, model, init, recipe, n]
            by_cost[cost] = np.minimum(by_cost.get(cost, np.inf), errors)
        costs = np.array(sorted(by_cost))
        smallest = np.minimum.accumulate(np.stack([by_cost[cost] for cost in costs], axis=1), axis=1)
        better = np.diff(smallest[0], prepend=np.inf) < 0
        if better.sum() > 1:
            axes = {"in": "compute", "dataset": dataset, "model": "", "init": init, "recipe": recipe}
            yield axes | {"n_train": 0}, costs[better], smallest[:, better]


def _laws(x: np.ndarray, errors: np.ndarray) -> tuple[list[Law], str]:
    """The law of the estimate and those of replicates, and what is identified."""
    estimate, *replicates = errors[: 1 + _NUM_REPLICATES]

    def fit_all(with_floor: bool) -> list[Law]:
        law = fit(x, estimate, with_floor)
        return [law, *(fit(x, row, with_floor, near=law) for row in replicates)]

    if fit(x, estimate, with_floor=False).exponent < _FLAT:
        return fit_all(with_floor=False), "flat: the error does not fall"
    if len(x) < _FEWEST:
        return fit_all(with_floor=False), f"power law: {len(x)} points"
    laws = fit_all(with_floor=True)
    low, _ = interval(np.array([law.floor for law in laws]))
    if low > _NO_FLOOR * estimate.min():
        return laws, "floor identified"
    return fit_all(with_floor=False), "power law: no floor identified"


def _row(axes: dict, x: np.ndarray, laws: dict) -> dict:
    key = tuple(axes.values())
    own, statement = laws[key]
    scratch, _ = laws.get((*key[:3], SCRATCH, *key[4:]), (None, ""))
    row = {**axes, "smallest": x[0], "largest": x[-1], "points": len(x), "statement": statement}
    for name in _NUMBERS[:3]:
        values = np.array([getattr(law, name) for law in own])
        low, high = interval(values)
        row |= {name: values[0], f"{name}_low": low, f"{name}_high": high}
    pairs = zip(own, scratch, strict=True) if scratch and axes["init"] != SCRATCH else ()
    beside = np.array([one.exponent - other.exponent for one, other in pairs])
    low, high = interval(beside) if len(beside) else (np.nan, np.nan)
    return row | {
        "beside_scratch": beside[0] if len(beside) else np.nan,
        "beside_scratch_low": low,
        "beside_scratch_high": high,
    }
