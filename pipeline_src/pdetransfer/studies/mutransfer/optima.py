"""The best setting by size of the model, most often the learning rate, and what the proxy's costs a larger model.

A family of models, such as ``mup``, has a member for each size; its smallest is the proxy. A sweep varies one
setting over recipes: the learning rate, the batch size, or Adam's second beta. The best one is chosen by
validation error, mean over seeds, which is infinite where the run of any seed diverged; what is reported at a
chosen setting are test errors. Seeds are paired, as they draw the same batches at every learning rate.
"""

import json
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import t

from pdetransfer.analysis.bootstrap import Estimate, interval

_FAMILY = ["dataset", "family"]
_REPLICATES = 1000
#: What a sweep may vary, by the column of it, in words; the learning rate where nothing else is.
SETTINGS = {"recipe_batch_size": "batch size", "recipe_betas": "1 - β₂", "learning_rate": "learning rate"}
_SIZES = {"model_modes": "modes", "model_width": "width", "num_parameters": "parameters"}


def swept(cells: pd.DataFrame) -> str:
    """The column that tells the recipes of a sweep apart, one of SETTINGS."""
    return next(
        name for name in SETTINGS if name in cells and (name == "learning_rate" or cells[name].nunique() > 1)
    )


def size_of(cells: pd.DataFrame) -> str:
    """The column that tells the sizes of a family apart."""
    return next(name for name in _SIZES if name in cells and cells[name].nunique() > 1)


def in_words(column: str) -> str:
    """What a column of ``swept`` or ``size_of`` is called."""
    return (SETTINGS | _SIZES)[column]


def sweeps(cells: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The cells of each of several sweeps: those of a dataset and a family of recipes."""
    groups = cells.groupby([cells["dataset"], family_of(cells["recipe"])], sort=False)
    return (of_sweep for _, of_sweep in groups)


def sweep(cells: pd.DataFrame) -> pd.DataFrame:
    """The runs of the table of an experiment, smaller models first, with the ``family`` of their model, its
    ``size`` and the ``setting`` that is swept, both numbers."""
    trained = cells[cells["n_train"] > 0].sort_values("num_parameters", kind="stable")
    column = swept(trained)
    return trained.assign(
        family=family_of(trained["model"]),
        size=trained[size_of(trained)] if trained["model"].nunique() > 1 else trained["num_parameters"],
        setting=trained[column].map(_complement if column == "recipe_betas" else float),
    )


def family_of(members: pd.Series) -> pd.Series:
    """The families of models or recipes, with whose names those of their members begin."""
    return members.str.partition(".")[0]


def _complement(betas: str | list) -> float:
    """1 - β₂, whose logarithm a sweep is even in."""
    return round(1 - (json.loads(betas) if isinstance(betas, str) else betas)[1], 12)


def optima(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each model: its best ``setting`` on the grid by validation, ``edge`` where that is an end of the
    settings at which no run diverged, the ``test_error`` there, and the vertex of a parabola through its
    neighbours, ``vertex`` with ``low`` and ``high``, Student's 95 % interval over seeds, of logarithms, as far as
    these settings reach. Where runs diverged at all of them the error is infinite, and there is no best one."""
    rows = []
    for (dataset, family, model), runs in sweep(cells).groupby([*_FAMILY, "model"], sort=False):
        named = {"dataset": dataset, "family": family, "model": model}
        named |= {name: runs[name].iloc[0] for name in ("size", "num_parameters")}
        rows.append(named | _optimum(runs))
    families = list(dict.fromkeys(family_of(cells["model"])))  # in the order of the config
    return pd.DataFrame(rows).sort_values(
        ["dataset", "family"],
        key=lambda of: of.map(families.index) if of.name == "family" else of,
        kind="stable",
    )


def _optimum(runs: pd.DataFrame) -> dict:
    """What ``optima`` has of the runs of a model."""
    by_setting = runs.groupby("setting")["validation_error"].mean()
    by_setting = by_setting[np.isfinite(by_setting)]
    if by_setting.empty:
        none = dict.fromkeys(("setting", "vertex", "low", "high"), np.nan)
        return none | {"test_error": np.inf, "edge": False}
    best, ends = by_setting.idxmin(), (by_setting.index.min(), by_setting.index.max())
    trained = runs[runs["setting"].isin(by_setting.index)]
    vertices = [
        _vertex(of_seed.set_index("setting")["validation_error"].sort_index())
        for _, of_seed in trained.groupby("seed")
    ]
    vertex, *bounds = _geometric_mean(vertices)
    low, high = np.clip(bounds, *ends)
    test_error = runs.loc[runs["setting"] == best, "test_error"].mean()
    found = {"setting": best, "test_error": test_error, "edge": best in ends}
    return found | {"vertex": vertex, "low": low, "high": high}


def transfers(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each model but the proxies: test error at the proxy's best setting over that at its own best one,
    ``ratio`` with ``low`` and ``high`` (``lost``), and what either way costs a seed: the whole sweep of the proxy
    and one run of the model, or the model's whole sweep, in ``examples`` processed and ``seconds`` of training.
    The ratio is infinite where the model diverged at the proxy's best setting."""
    runs, rows = sweep(cells), []
    for (dataset, family), of_family in optima(cells).groupby(_FAMILY, sort=False):
        of_dataset = runs[runs["dataset"] == dataset]
        proxy, *larger = (of_dataset[of_dataset["model"] == model] for model in of_family["model"])
        transferred = of_family["setting"].iloc[0]
        for own, row in zip(larger, of_family.iloc[1:].itertuples(), strict=True):
            ratios = lost(proxy, own)
            low, high = interval(ratios)
            at_transferred = own[own["setting"] == transferred]
            once, tuned = (_cost(proxy) + _cost(at_transferred), _cost(own))
            rows.append(
                {
                    "dataset": dataset,
                    "family": family,
                    "model": row.model,
                    "size": row.size,
                    "num_parameters": row.num_parameters,
                    "transferred": transferred,
                    "tuned": row.setting,
                    "error_transferred": at_transferred["test_error"].mean(),
                    "error_tuned": row.test_error,
                    "ratio": ratios[0],
                    "low": low,
                    "high": high,
                    "examples_transferred": once["examples"],
                    "examples_tuned": tuned["examples"],
                    "seconds_transferred": once["seconds"],
                    "seconds_tuned": tuned["seconds"],
                }
            )
    return pd.DataFrame(rows)


def _cost(runs: pd.DataFrame) -> pd.Series:
    """Examples processed and seconds of training of a seed's runs, the mean over seeds."""
    examples = runs["epochs"] * runs["n_train"]
    return runs.assign(examples=examples).groupby("seed")[["examples", "seconds"]].sum().mean()


def lost(proxy: pd.DataFrame, own: pd.DataFrame) -> np.ndarray:
    """Test error of a model at the proxy's best setting over that at its own, of the runs of both: the estimate
    and, for seeds drawn anew, its replicates, in each of which both are chosen again. Errors are geometric
    means; NaN where either has no best setting, as runs diverged at all."""
    if not (_has_best(proxy) and _has_best(own)):
        return np.full(1 + _REPLICATES, np.nan)
    errors = np.log(_by_seed(own, "test_error"))
    seeds, each = seeds_drawn(len(errors)), np.arange(_REPLICATES + 1)
    transferred, tuned = (_chosen(runs, seeds) for runs in (proxy, own))
    means = errors[seeds].mean(axis=1)
    return np.exp(means[each, transferred] - means[each, tuned])


def moved(smallest: pd.DataFrame, largest: pd.DataFrame) -> Estimate:
    """Binary logarithm of the best setting of the largest model over that of the smallest, from the runs of both:
    the estimate and its replicates, as ``lost`` has them. Settings are those of the grid; where one is its end, a
    better one may lie beyond it, and the logarithm is censored."""
    if not (_has_best(smallest) and _has_best(largest)):
        return Estimate.exact(np.full(1 + _REPLICATES, np.nan))
    seeds = seeds_drawn(smallest["seed"].nunique())
    (from_, end_of_from), (to, end_of_to) = (_best_setting(runs, seeds) for runs in (smallest, largest))
    at_the_same = (end_of_from == end_of_to) & (end_of_to != 0)
    return Estimate(np.log2(to / from_), np.where(at_the_same, 2, np.sign(end_of_to - end_of_from)))


def _best_setting(runs: pd.DataFrame, seeds: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each choice of seeds the best setting by validation, and of which end of the settings it is: 1 of the
    upper, -1 of the lower, else 0."""
    settings, chosen = np.sort(runs["setting"].unique()), _chosen(runs, seeds)
    return settings[chosen], (chosen == len(settings) - 1).astype(int) - (chosen == 0)


def _has_best(runs: pd.DataFrame) -> bool:
    """Whether there is a setting at which no run of a model diverged."""
    return bool(np.isfinite(_by_seed(runs, "validation_error")).all(axis=0).any())


def seeds_drawn(count: int) -> np.ndarray:
    """Seeds as they are, and drawn anew, ``(1 + replicates, count)``."""
    drawn = np.random.default_rng(0).integers(count, size=(_REPLICATES, count))
    return np.concatenate([np.arange(count)[None], drawn])


def _chosen(runs: pd.DataFrame, seeds: np.ndarray) -> np.ndarray:
    """The number of the best setting by validation, for each choice of seeds."""
    return _by_seed(runs, "validation_error")[seeds].mean(axis=1).argmin(axis=1)


def _by_seed(runs: pd.DataFrame, column: str) -> np.ndarray:
    """``(seed, setting)``, both in order."""
    return runs.pivot(index="seed", columns="setting", values=column).sort_index(axis=1).to_numpy()


def _vertex(errors: pd.Series) -> float:
    """The setting at the vertex of the parabola through the smallest error and its neighbours, in logarithms;
    where the smallest error is at an end of the grid, that end. ``errors`` are by setting, in order."""
    at = int(np.argmin(errors))
    if at in (0, len(errors) - 1):
        return float(errors.index[at])
    x, y = (np.log(of[at - 1 : at + 2].to_numpy()) for of in (errors.index, errors))
    curvature, slope, _ = np.polyfit(x - x[1], y, 2)
    return float(np.exp(x[1] - slope / (2 * curvature)))


def _geometric_mean(values: Iterable[float]) -> tuple[float, float, float]:
    """Mean and 95 % interval of values, of their logarithms; no interval of a single one."""
    logs = np.log(np.asarray(values, dtype=float))
    mean, count = logs.mean(), len(logs)
    if count == 1:
        return float(np.exp(mean)), float("nan"), float("nan")
    half = t.ppf(0.975, count - 1) * logs.std(ddof=1) / np.sqrt(count)
    middle, low, high = (float(np.exp(mean + side * half)) for side in (0, -1, 1))
    return middle, low, high
