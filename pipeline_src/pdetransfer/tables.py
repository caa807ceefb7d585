"""Rows -> tidy tables: one row for each cell and seed; errors by physics parameter."""

import numpy as np
import pandas as pd

CURVE_AXES = ["dataset", "model", "init", "recipe"]
AXES = [*CURVE_AXES, "n_train"]
_MOST_VALUES = 16  # of a parameter that is taken value by value
_NUM_BINS = 8  # of one that is not


def error_columns(errors: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, median and quartiles of the relative L2 errors of examples, column ``error``, by other columns."""
    groups = errors.groupby(by, observed=True, sort=False)["error"]
    return pd.DataFrame(
        {
            "test_error": groups.mean(),
            "test_error_median": groups.median(),
            "test_error_q25": groups.quantile(0.25),
            "test_error_q75": groups.quantile(0.75),
        }
    ).reset_index()


def cell_rows(cells: list[dict], errors: pd.DataFrame) -> pd.DataFrame:
    """The table of an experiment: a row for each cell and seed.

    ``cells`` holds the axes of each trained cell and the content of its ``cell.json``; ``errors`` the
    per-example test errors (``jobs.evaluate``). Zero-shot rows, n_train 0, come of no training: their
    learning rate, edge flag, seconds and validation error are empty.
    """
    training = [
        {axis: cell[axis] for axis in AXES}
        | {
            "seed": run["seed"],
            "learning_rate": cell["learning_rate"],
            "learning_rate_edge": cell["edge"],
            "epochs": run["epochs"],
            "steps": run["steps"],
            "best_step": run["best_step"],
            "seconds": run["seconds"],
            "validation_error": run["validation_error"],
        }
        for cell in cells
        for run in cell["chosen"]
    ]
    columns = "seed learning_rate learning_rate_edge epochs steps best_step seconds validation_error"
    rows = error_columns(errors, [*AXES, "seed", "num_parameters"]).merge(
        pd.DataFrame(training, columns=[*AXES, *columns.split()]),
        on=[*AXES, "seed"],
        how="left",
        validate="1:1",
    )
    rows[["epochs", "steps"]] = rows[["epochs", "steps"]].fillna(0)
    return rows


def mean_errors(cells: pd.DataFrame) -> pd.DataFrame:
    """Test error of each cell: the mean over its seeds of the means over test examples."""
    return cells.groupby(AXES, as_index=False, sort=False)["test_error"].mean()


def errors_by_parameter(errors: pd.DataFrame) -> pd.DataFrame:
    """Test errors of each cell, over all seeds, by the shifted physics parameter.

    The parameter is taken by value where a dataset has few of them (integers), else in bins of equally many
    examples, named by the bin's median. Empty for datasets without a parameter.
    """
    errors = errors.dropna(subset="parameter")
    examples = errors.drop_duplicates(["dataset", "example"]).groupby("dataset", observed=True)["parameter"]
    bins = {dataset: bin_edges(values, _NUM_BINS) for dataset, values in examples}
    named = [
        rows.assign(bin=np.searchsorted(bins[dataset], rows["parameter"], side="right"))
        for dataset, rows in errors.groupby("dataset", observed=True, sort=False)
    ]
    if not named:
        return pd.DataFrame(columns=[*AXES, "parameter", "num_examples", "test_error"])
    errors = pd.concat(named)
    by = [*AXES, "bin"]
    groups = errors.groupby(by, observed=True, sort=False)
    facts = groups.agg(parameter=("parameter", "median"), num_examples=("example", "nunique")).reset_index()
    return facts.merge(error_columns(errors, by), on=by).drop(columns="bin")


def bin_edges(values: np.ndarray | pd.Series, num_bins: int) -> np.ndarray:
    """Inner edges of bins: between neighbouring values if there are few, else quantiles, so that ``num_bins`` bins
    hold equally many values."""
    distinct = np.unique(values)
    if len(distinct) <= _MOST_VALUES:
        return (distinct[1:] + distinct[:-1]) / 2
    return np.quantile(values, np.linspace(0, 1, num_bins + 1)[1:-1])
