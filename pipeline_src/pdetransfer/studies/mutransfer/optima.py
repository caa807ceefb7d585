"""The best learning rate by size of the model, and what the proxy's costs a larger model.

A family of models, such as ``mup``, has a member for each size; its smallest is the proxy. Rates are chosen by
validation error, mean over seeds; what is reported of the chosen ones are test errors. Intervals, of 95 %, are
Student's t over seeds, of logarithms: seeds are paired, as they draw the same weights and batches at every rate.
"""

import numpy as np
import pandas as pd
from scipy.stats import t

_FAMILY = ["dataset", "family"]


def sweep(cells: pd.DataFrame) -> pd.DataFrame:
    """The runs of the table of an experiment, with the family of their model, smaller models first."""
    trained = cells[cells["n_train"] > 0].sort_values("num_parameters", kind="stable")
    return trained.assign(family=trained["model"].str.partition(".")[0])


def optima(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each model: its best learning rate on the grid by validation, ``edge`` where that is an end of the
    grid, and the vertex of a parabola through its neighbours, ``vertex`` with ``low`` and ``high`` over seeds."""
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
                "edge": by_rate.idxmin() in (by_rate.index.min(), by_rate.index.max()),
                "vertex": best,
                "low": low,
                "high": high,
            }
        )
    families = list(dict.fromkeys(cells["model"].str.partition(".")[0]))  # in the order of the config
    return pd.DataFrame(rows).sort_values(
        ["dataset", "family"],
        key=lambda of: of.map(families.index) if of.name == "family" else of,
        kind="stable",
    )


def transfers(cells: pd.DataFrame) -> pd.DataFrame:
    """A row for each model but the proxies: test error at the proxy's best rate over that at its own best one,
    ``ratio`` with ``low`` and ``high`` over seeds."""
    runs, best = sweep(cells), optima(cells)
    rows = []
    for (dataset, family), of_family in best.groupby(_FAMILY, sort=False):
        transferred = of_family["learning_rate"].iloc[0]
        for row in of_family.iloc[1:].itertuples():
            errors = runs[(runs["dataset"] == dataset) & (runs["model"] == row.model)]
            by_seed = errors.pivot(index="seed", columns="learning_rate", values="test_error")
            ratio, low, high = _geometric_mean(by_seed[transferred] / by_seed[row.learning_rate])
            rows.append(
                {
                    "dataset": dataset,
                    "family": family,
                    "model": row.model,
                    "num_parameters": row.num_parameters,
                    "transferred": transferred,
                    "tuned": row.learning_rate,
                    "ratio": ratio,
                    "low": low,
                    "high": high,
                }
            )
    return pd.DataFrame(rows)


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
