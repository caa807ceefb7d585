"""The questions of the study, and their answers in sentences, with numbers from the tables."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pdetransfer.analysis.tables import mean_errors
from pdetransfer.plan.answers import Needs, Question
from pdetransfer.plan.entries import from_init
from pdetransfer.studies.transfer.questions import BOTH_ARMS, TWO_PRETRAININGS, answer_data, saved

PERSISTENCE = "persistence"  #: in the column of models: repeating the last input frame

Tables = dict[str, pd.DataFrame]


def _by_geometric_mean(means: pd.DataFrame, axis: str) -> pd.Series:
    """Error by a value of an axis, geometric mean over datasets, in the order of config."""
    errors = means.pivot_table(index=axis, columns="dataset", values="test_error", sort=False)
    return errors.pipe(lambda found: found.prod(axis=1) ** (1 / found.shape[1]))


def headline_size(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """Zero-shot errors of all models, mean over datasets, beside repeating the last frame."""
    found = _by_geometric_mean(mean_errors(cells), "model")
    told = ", ".join(f"{error:.2g} ({model})" for model, error in found.items())
    floor = mean_of_persistence(tables["by_frame"], cells)
    return (
        f"Without further training, roll-outs on unseen trajectories of the mixture have an error of {told}, "
        f"geometric mean over {cells['dataset'].nunique()} datasets; repeating the last frame has {floor:.2g}."
    )


def mean_of_persistence(by_frame: pd.DataFrame, cells: pd.DataFrame) -> float:
    """Error of repeating the last input frame, geometric mean over the datasets of some cells."""
    rows = by_frame[(by_frame["model"] == PERSISTENCE) & by_frame["dataset"].isin(cells["dataset"])]
    of_all = rows[rows["frame"] == 0]["error"]
    return float(of_all.prod() ** (1 / len(of_all)))


def headline_noise(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """What noise in pre-training does to roll-outs, mean over datasets."""
    found = _by_geometric_mean(mean_errors(cells), "init")
    told = ", ".join(f"{error:.2g} ({init})" for init, error in found.items())
    return f"The error of roll-outs by pre-training, geometric mean over datasets: {told}."


def headline_data(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """Savings at the smallest number of trajectories."""
    fewest = savings.loc[savings["n_train"] > 0, "n_train"].min()
    rows = savings[savings["n_train"] == fewest]
    told = ", ".join(f"{saved(row, 'equivalent_n')} ({row.dataset})" for row in rows.itertuples())
    return (
        f"Fine-tuned on {fewest:.0f} trajectories, a model has the error of one from scratch on so many, both "
        f"trained for as many steps: {told}. Of a dataset that is in the mixture, the pre-training has seen these "
        f"trajectories, and others."
    )


def headline_control(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    return "Pre-trainings and fine-tunings that differ from the study in one setting each."


def answer_errors(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """The errors by dataset, of all models and inits."""
    for (dataset, n_train), rows in mean_errors(cells).groupby(["dataset", "n_train"], sort=False):
        told = ", ".join(
            f"{row.test_error:.3g} ({row.model}, {from_init(row.init)}{_with(row, cells)})"
            for row in rows.itertuples()
        )
        yield f"On {dataset} at n = {n_train}: {told}."


def _with(row: Any, cells: pd.DataFrame) -> str:
    return f", {row.recipe}" if cells["recipe"].nunique() > 1 else ""


_ZERO_SHOT: Needs = {"no n_train but 0": lambda entry: entry.n_train == (0,)}

#: By name, in the order of the report.
QUESTIONS: dict[str, Question] = {
    "size": Question(
        "How good is the pre-trained model as it is, and does its size matter?",
        headline_size,
        answer_errors,
        _ZERO_SHOT,
    ),
    "noise": Question(
        "Does noise in pre-training make roll-outs better?", headline_noise, answer_errors, TWO_PRETRAININGS
    ),
    "data": Question("How many trajectories does pre-training save?", headline_data, answer_data, BOTH_ARMS),
    "control": Question("Controls", headline_control, answer_errors),
}
