"""Rows -> tidy tables: one row for each cell and seed; errors by physics parameter. ``docs/tables.md`` says what
every column is."""

from pathlib import Path

import numpy as np
import pandas as pd

from pdetransfer.base.bins import bin_edges
from pdetransfer.base.files import atomic
from pdetransfer.plan.study import Curve

CURVE_AXES = ["dataset", "model", "init", "recipe"]
AXES = [*CURVE_AXES, "n_train"]
#: Where a cell's weights come from: keys of its ``cell.json``, which cells of early versions have in part.
PROVENANCE = ["device", "torch", "pdetransfer", "commit", "data", "weights"]
_HASH_DIGITS = 12  # that are shown
_NUM_BINS = 8  # of one that is not


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table as CSV to ``path``, and as parquet beside it: the same values, empty texts being missing."""
    table = table.astype(dict.fromkeys(table.select_dtypes("category"), "str")).replace("", np.nan)
    with atomic(path) as temporary:
        table.to_csv(temporary, index=False)
    with atomic(Path(path).with_suffix(".parquet")) as temporary:
        table.to_parquet(temporary, index=False)


def error_columns(errors: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Mean, median and quartiles of the relative L2 errors of examples, column ``error``, by other columns. Errors
    may be infinite."""
    groups = errors.groupby(by, observed=True, sort=False)["error"]
    columns = pd.DataFrame(
        {
            "test_error": groups.mean(),
            "test_error_median": groups.median(),
            "test_error_q25": groups.quantile(0.25),
            "test_error_q75": groups.quantile(0.75),
        }
    )
    return columns.fillna(np.inf).reset_index()  # between infinite errors pandas finds no quartile


def cell_rows(cells: list[dict], errors: pd.DataFrame) -> pd.DataFrame:
    """The table of an experiment: a row for each cell and seed.

    ``cells`` holds the axes of each cell and the content of its ``cell.json``; ``errors`` the per-example test
    errors (``jobs.evaluate``). Zero-shot rows, n_train 0, come of no training: their learning rate, edge flag,
    seconds and validation error are empty. Among ``cells`` they have no runs, but the provenance of the
    pre-trained weights. Errors of a run that diverged are infinite. What cells have under ``columns``
    (``Study.columns``) stands in columns behind the axes.
    """
    training = [
        {axis: cell[axis] for axis in AXES}
        | {
            "seed": run["seed"],
            "learning_rate": cell["learning_rate"],
            "learning_rate_edge": cell["edge"],
            "num_learning_rates": len(cell["learning_rates"]),
            "epochs": run["epochs"],
            "steps": run["steps"],
            "best_step": run["best_step"],
            "seconds": run["seconds"],
            "memory_mb": run["memory_mb"],
            "validation_error": np.inf if run["validation_error"] is None else run["validation_error"],
        }
        for cell in cells
        for run in cell["chosen"]
    ]
    provenance = [
        {axis: cell[axis] for axis in AXES}
        | {"cell_seconds": training_seconds(cell)}
        | {name: cell.get(name, np.nan) for name in PROVENANCE}
        for cell in cells
    ]
    columns = (
        "seed learning_rate learning_rate_edge num_learning_rates epochs steps best_step seconds memory_mb"
    )
    rows = error_columns(errors, [*AXES, "seed", "num_parameters"]).merge(
        pd.DataFrame(training, columns=[*AXES, *columns.split(), "validation_error"]),
        on=[*AXES, "seed"],
        how="left",
        validate="1:1",
    )
    rows[["epochs", "steps"]] = rows[["epochs", "steps"]].fillna(0)
    known = pd.DataFrame(provenance, columns=[*AXES, "cell_seconds", *PROVENANCE])
    rows = rows.merge(known, on=AXES, how="left", validate="m:1")
    varied = _varied(cells)
    first = [*AXES, *varied.columns.drop(CURVE_AXES)]
    rows = rows.merge(varied, on=CURVE_AXES, how="left", validate="m:1")
    return rows[[*first, *rows.columns.drop(first)]]


def _varied(cells: list[dict]) -> pd.DataFrame:
    """What tells the curves of cells from others of their families, a row for each."""
    curves = [{axis: cell[axis] for axis in CURVE_AXES} | cell.get("columns", {}) for cell in cells]
    names = dict.fromkeys([*CURVE_AXES, *(name for curve in curves for name in curve)])
    return pd.DataFrame(curves, columns=[*names]).drop_duplicates(CURVE_AXES)


def training_seconds(cell: dict) -> float:
    """Training time of all runs of a cell, every learning rate and seed, from its ``cell.json``."""
    return sum(run["seconds"] for run in cell["runs"])


def seconds_by_cell(cells: pd.DataFrame) -> dict[tuple[Curve, int], float]:
    """The same of every trained cell in the table of an experiment."""
    trained = cells[cells["n_train"] > 0].drop_duplicates(AXES)
    return {
        (Curve(*axes), n): seconds
        for *axes, n, seconds in trained[[*AXES, "cell_seconds"]].itertuples(index=False)
    }


def with_short_hashes(cells: pd.DataFrame) -> pd.DataFrame:
    """The table with as much of its hashes as a reader compares."""
    short = {name: cells[name].astype("string").fillna("").str[:_HASH_DIGITS] for name in ("data", "weights")}
    return cells.assign(**short)


def mean_errors(cells: pd.DataFrame) -> pd.DataFrame:
    """Test error of each cell: the mean over its seeds of the means over test examples."""
    return cells.groupby(AXES, as_index=False, sort=False)["test_error"].mean()


def spread_over_seeds(errors: np.ndarray) -> np.ndarray:
    """Distance of the quartiles of errors ``(..., seed)``, over their mean; NaN where runs diverged."""
    with np.errstate(invalid="ignore"):
        low, high = np.quantile(errors, [0.25, 0.75], axis=-1)
        return (high - low) / errors.mean(axis=-1)


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
