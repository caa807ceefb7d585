"""The best learning rate by size of the model, and what the proxy's costs a larger model.

A family of models, such as ``mup``, has a member for each size; its smallest is the proxy. Rates are chosen by
validation error, mean over seeds; what is reported of the chosen ones are test errors. Seeds are paired, as they
draw the same batches at every rate.
"""

import numpy as np
import pandas as pd
from scipy.stats import t

_FAMILY = ["dataset", "family"]
_REPLICATES = 1000


def sweep(cells: pd.DataFrame) -> pd.DataFrame:
    """The runs of the table of an experiment, with the family of their model, smaller models first."""
    trained = cells[cells["n_train"] > 0].sort_values("num_parameters", kind="stable")
    return trained.assign(family=family_of(trained["model"]))


def family_of(models: pd.Series) -> pd.Series:
    """The families of models, whose names a family's stands before."""
    return models.str.partition(".")[0]


def optima(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each model: its best learning rate on the grid by validation, ``edge`` where that is an end of the
    grid, the ``test_error`` there, and the vertex of a parabola through its neighbours, ``vertex`` with ``low``
    and ``high``, Student's 95 % interval over seeds, of logarithms."""
    rows = []
    for (dataset, family, model), runs in sweep(cells).groupby([*_FAMILY, "model"], sort=False):
        by_rate = runs.groupby("learning_rate")["validation_error"].mean()
        vertices = [
            _vertex(of_seed.set_index("learning_rate")["validation_error"].sort_index())
            for _, of_seed in runs.groupby("seed")
        ]
        best, low, high = _geometric_mean(vertices)
        rows.append(
            {
                "dataset": dataset,
                "family": family,
                "model": model,
                "num_parameters": runs["num_parameters"].iloc[0],
                "learning_rate": by_rate.idxmin(),
                "test_error": runs.loc[runs["learning_rate"] == by_rate.idxmin(), "test_error"].mean(),
                "edge": by_rate.idxmin() in (by_rate.index.min(), by_rate.index.max()),
                "vertex": best,
                "low": low,
                "high": high,
            }
        )
    families = list(dict.fromkeys(family_of(cells["model"])))  # in the order of the config
    return pd.DataFrame(rows).sort_values(
        ["dataset", "family"],
        key=lambda of: of.map(families.index) if of.name == "family" else of,
        kind="stable",
    )


def transfers(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each model but the proxies: test error at the proxy's best rate over that at its own best one,
    ``ratio`` with ``low`` and ``high`` (``lost``)."""
    runs, rows = sweep(cells), []
    for (dataset, family), of_family in optima(cells).groupby(_FAMILY, sort=False):
        of_dataset = runs[runs["dataset"] == dataset]
        proxy, *larger = (of_dataset[of_dataset["model"] == model] for model in of_family["model"])
        for own, row in zip(larger, of_family.iloc[1:].itertuples(), strict=True):
            ratio, *replicates = lost(proxy, own)
            low, high = np.quantile(replicates, [0.025, 0.975])
            rows.append(
                {
                    "dataset": dataset,
                    "family": family,
                    "model": row.model,
                    "num_parameters": row.num_parameters,
                    "transferred": of_family["learning_rate"].iloc[0],
                    "tuned": row.learning_rate,
                    "ratio": ratio,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows)


def lost(proxy: pd.DataFrame, own: pd.DataFrame) -> np.ndarray:
    """Test error of a model at the proxy's best rate over that at its own, of the runs of both: the estimate and,
    for seeds drawn anew, its replicates, in each of which both rates are chosen again. Errors are geometric
    means."""
    validation, of_own = _by_seed(proxy, "validation_error"), _by_seed(own, "validation_error")
    errors = np.log(_by_seed(own, "test_error"))
    count = len(errors)
    drawn = np.random.default_rng(0).integers(count, size=(_REPLICATES, count))
    seeds = np.concatenate([np.arange(count)[None], drawn])
    transferred, tuned = (values[seeds].mean(axis=1).argmin(axis=1) for values in (validation, of_own))
    means, each = errors[seeds].mean(axis=1), np.arange(len(seeds))
    return np.exp(means[each, transferred] - means[each, tuned])


def _by_seed(runs: pd.DataFrame, column: str) -> np.ndarray:
    """``(seed, learning rate)``, both in order."""
    return runs.pivot(index="seed", columns="learning_rate", values=column).sort_index(axis=1).to_numpy()


def _vertex(errors: pd.Series) -> float:
    """The rate at the vertex of the parabola through the smallest error and its neighbours, in logarithms; where
    the smallest error is at an end of the grid, that end. ``errors`` are by rate, in order."""
    at = int(np.argmin(errors))
    if at in (0, len(errors) - 1):
        return float(errors.index[at])
    x, y = (np.log(of[at - 1 : at + 2].to_numpy()) for of in (errors.index, errors))
    curvature, slope, _ = np.polyfit(x - x[1], y, 2)
    return float(np.exp(x[1] - slope / (2 * curvature)))


def _geometric_mean(values) -> tuple[float, float, float]:
    """Mean and 95 % interval of values, of their logarithms; no interval of a single one."""
    logs = np.log(np.asarray(values, dtype=float))
    mean, count = logs.mean(), len(logs)
    if count == 1:
        return float(np.exp(mean)), float("nan"), float("nan")
    half = t.ppf(0.975, count - 1) * logs.std(ddof=1) / np.sqrt(count)
    return tuple(float(np.exp(mean + side * half)) for side in (0, -1, 1))
