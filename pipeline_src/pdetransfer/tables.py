"""Rows -> tidy tables: one row for each cell and seed, and what follows from them."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import isotonic_regression

from pdetransfer.experiments import SCRATCH

AXES = ["dataset", "model", "init", "recipe", "n_train"]


def error_columns(errors: pd.DataFrame) -> pd.DataFrame:
    """Mean, median and quartiles of per-example errors by n_train and seed.

    ``errors`` has the columns n_train, seed, example, error: the relative L2 error of one test example.
    """
    by_model = errors.groupby(["n_train", "seed"])["error"]
    return pd.DataFrame(
        {
            "test_error": by_model.mean(),
            "test_error_median": by_model.median(),
            "test_error_q25": by_model.quantile(0.25),
            "test_error_q75": by_model.quantile(0.75),
        }
    ).reset_index()


def curve_rows(curve: dict[str, str], cells: dict[int, dict], errors: pd.DataFrame) -> pd.DataFrame:
    """The rows of one curve: a row for each n_train and seed.

    ``curve`` gives the axes but n_train, ``cells`` the content of each trained cell's ``cell.json`` by
    n_train, ``errors`` its per-example test errors. Zero-shot rows, n_train 0, come of no training: their
    learning rate, edge flag, seconds and validation error are empty.
    """
    training = [
        {
            "n_train": n_train,
            "seed": run["seed"],
            "learning_rate": cell["learning_rate"],
            "learning_rate_edge": cell["edge"],
            "epochs": run["epochs"],
            "steps": run["steps"],
            "best_step": run["best_step"],
            "seconds": run["seconds"],
            "validation_error": run["validation_error"],
        }
        for n_train, cell in cells.items()
        for run in cell["chosen"]
    ]
    columns = "n_train seed learning_rate learning_rate_edge epochs steps best_step seconds validation_error"
    rows = error_columns(errors).merge(
        pd.DataFrame(training, columns=columns.split()), on=["n_train", "seed"], how="left", validate="1:1"
    )
    rows[["epochs", "steps"]] = rows[["epochs", "steps"]].fillna(0)
    rows["num_parameters"] = errors["num_parameters"].iloc[0]
    return rows.assign(**curve)[[*AXES, *(name for name in rows if name != "n_train")]]


class Equivalent(NamedTuple):
    """Examples from scratch that reach an error, and what is known about that number: "exact", "lower"
    (the best scratch run does not reach it) or "upper" (the smallest scratch run is already better)."""

    n: float
    bound: str


def equivalent_n(n_scratch: np.ndarray, error_scratch: np.ndarray, error: float) -> Equivalent:
    """The n_train from scratch that reaches ``error`` (arXiv 2306.00258, B.1).

    The scratch curve is made monotone by an isotonic fit of log error on log n, and interpolated linearly in
    between; on a plateau the smallest n counts. ``n_scratch`` must be positive and increasing.
    """
    log_n = np.log(n_scratch)
    fit = isotonic_regression(np.log(error_scratch), increasing=False).x
    target = np.log(error)
    if target < fit[-1]:
        return Equivalent(float(n_scratch[-1]), "lower")
    if target > fit[0]:
        return Equivalent(float(n_scratch[0]), "upper")
    right = int(np.argmax(fit <= target))  # first point that reaches the target
    if right == 0 or fit[right] == target:
        return Equivalent(float(n_scratch[right]), "exact")
    share = (fit[right - 1] - target) / (fit[right - 1] - fit[right])
    return Equivalent(float(np.exp(log_n[right - 1] + share * (log_n[right] - log_n[right - 1]))), "exact")


def data_savings(table: pd.DataFrame) -> pd.DataFrame:
    """Data savings of each fine-tuned point of an experiment's table.

    Errors are means over test examples, then over seeds. ``equivalent_n`` is the n_train that scratch needs
    for the same error; ``ratio`` is it over n_train (infinite for zero-shot), ``difference`` it less n_train;
    ``bound`` says whether the three are exact or bounds.
    """
    means = table.groupby(AXES, as_index=False)["test_error"].mean()
    trained = means[(means["init"] == SCRATCH) & (means["n_train"] > 0)]
    rows = []
    for curve, fine_tuned in means[means["init"] != SCRATCH].groupby(["dataset", "model", "init", "recipe"]):
        dataset, model, _, recipe = curve
        scratch = trained[
            (trained["dataset"] == dataset) & (trained["model"] == model) & (trained["recipe"] == recipe)
        ].sort_values("n_train")
        if scratch.empty:
            continue
        for point in fine_tuned.itertuples():
            equivalent = equivalent_n(
                scratch["n_train"].to_numpy(float), scratch["test_error"].to_numpy(), point.test_error
            )
            rows.append(
                {
                    **{axis: getattr(point, axis) for axis in AXES},
                    "test_error": point.test_error,
                    "equivalent_n": equivalent.n,
                    "ratio": equivalent.n / point.n_train if point.n_train else np.inf,
                    "difference": equivalent.n - point.n_train,
                    "bound": equivalent.bound,
                }
            )
    columns = [*AXES, "test_error", "equivalent_n", "ratio", "difference", "bound"]
    return pd.DataFrame(rows, columns=columns)
