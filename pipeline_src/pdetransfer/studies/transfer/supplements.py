"""Tables that stand beside a question's figures in the report, with what they say in words."""

from typing import Any

import pandas as pd

from pdetransfer.analysis.savings import SIGNS, savings_at
from pdetransfer.analysis.tables import AXES, CURVE_AXES
from pdetransfer.plan.study import Study
from pdetransfer.report.page import Experiment, Picture, Supplement
from pdetransfer.studies.transfer.budgets import ASKED, NOT_RUN
from pdetransfer.studies.transfer.questions import answer_budget, answer_distance, saved

_EDGES = {"inside": "", "low": " ↓", "high": " ↑"}
_DISTANCES = """
Mass in common and Wasserstein distance are those of the physics parameter as sampled, the latter in standard
deviations of the pre-training's; the spectral distance is that of the solutions, in decades. Distances from a
mixture are those from its dataset of the same system.
"""
_BUDGETS = """
Equal epochs and equal steps compare examples. Equal compute compares examples processed, every one of every batch:
what the cheapest training from scratch, on any n, processes for the fine-tuned error, against fine-tuning without
and with the whole pre-training, which all datasets that start from it could share. Below 1, training from scratch
is cheaper. In brackets 95 % intervals, conditional on one pre-training; ≥ and ≤ are bounds, where the curve from
scratch ends. A budget that was not run belongs to the controls.
"""


def supplements(
    experiments: list[Experiment],
    pictures: list[Picture],
    tables: dict[str, pd.DataFrame],
    study: Study,
) -> list[Supplement]:
    """All of a report: budgets and learning rates of the experiments that ask for data savings, and the distances
    of each figure that draws them. ``tables`` are the study's own by name; what is made of one that is empty, or
    not there, is left out."""
    there = {name: table for name, table in tables.items() if not table.empty}
    found = [by_budget(there["budgets"])] if "budgets" in there else []
    asked = [experiment.cells for experiment in experiments if experiment.entry.question == ASKED]
    found += [learning_rates(pd.concat(asked))] if asked else []
    by_distance = [picture.entry for picture in pictures if picture.entry.kind == "savings_by_distance"]
    for entry in by_distance if "distances" in there else ():
        drawn = [experiment for experiment in experiments if experiment.name in entry.experiments]
        savings = pd.concat([experiment.savings for experiment in drawn])
        found.append(distances(drawn[0].entry.question, there["distances"], savings, entry.n_train))
    return found


def distances(question: str, table: pd.DataFrame, savings: pd.DataFrame, n_train: int) -> Supplement:
    """The distances (``distances.distances_table``), and how the ``savings`` at an n_train go with them."""
    said = [answer_distance(savings_at(savings, table, n_train)), _DISTANCES]
    return Supplement(question, "Measured shifts", said, _worded(table))


def by_budget(budgets: pd.DataFrame) -> Supplement:
    """Savings at equal epochs, steps and compute side by side (``budgets.savings_by_budget``)."""
    rows = budgets.assign(shown=[_ratio(row) for row in budgets.itertuples()])
    table = _wide(rows, ["dataset", "model", "init", "n_train"], "budget")
    said = [*answer_budget(budgets), _BUDGETS]
    return Supplement(ASKED, "Savings at equal epochs, steps and compute", said, _worded(table))


def _ratio(row: Any) -> str:
    if row.bound == NOT_RUN:
        return NOT_RUN
    if not row.fine_tuned:
        return "no training"
    return saved(row, "ratio", SIGNS)


def learning_rates(cells: pd.DataFrame) -> Supplement:
    """The learning rate that was chosen for each cell, and whether it is at an edge of its grid."""
    chosen = cells[cells["n_train"] > 0].drop_duplicates(AXES)
    edges = chosen["learning_rate_edge"]
    chosen = chosen.assign(shown=chosen["learning_rate"].map("{:g}".format) + edges.map(_EDGES))
    said = (
        f"Of {len(chosen)} cells, {(edges == 'high').sum()} have the largest rate of their grid (↑) and "
        f"{(edges == 'low').sum()} the smallest (↓), beyond which a better one may lie."
    )
    table = _wide(chosen.assign(n=chosen["n_train"].map("n = {:,}".format)), CURVE_AXES, "n")
    return Supplement(ASKED, "Chosen learning rates", [said], _worded(table))


def _wide(rows: pd.DataFrame, index: list[str], columns: str) -> pd.DataFrame:
    """What is ``shown`` of rows, side by side by ``columns``, both in the order of the rows."""
    wide = rows.pivot(index=index, columns=columns, values="shown")[[*rows[columns].unique()]].fillna("")
    return (
        wide.loc[pd.MultiIndex.from_frame(rows[index].drop_duplicates())]
        .reset_index()
        .rename_axis(columns=None)
    )


def _worded(table: pd.DataFrame) -> pd.DataFrame:
    words = {"n_train": "n", "base": "against", "zero_shot_error": "zero-shot error"}
    return table.rename(columns=lambda name: words.get(name, name.replace("_", " ")))
