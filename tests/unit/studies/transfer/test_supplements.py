"""Tables beside the figures of the report."""

import pandas as pd
import pytest

from cases import cell_table, savings_table
from pdetransfer.plan import entries
from pdetransfer.plan.study import Study
from pdetransfer.report.page import Experiment, Picture
from pdetransfer.studies.transfer.supplements import by_budget, distances, learning_rates, supplements

POINTS = [
    (dataset, "m", init, "r", n, 0, scale * max(n, 2) ** -0.5)
    for dataset, tuned in (("near", 0.3), ("far", 0.6))
    for init, scale in (("scratch", 1.0), ("poisson", tuned))
    for n in (0, 8, 32, 128)
]
DISTANCES = pd.DataFrame(
    {
        "dataset": ["near", "far"],
        "model": "m",
        "init": "poisson",
        "base": "base",
        "mass_in_common": [0.5, 0.0],
        "wasserstein": [1.0, 4.0],
        "spectral_distance": [0.3, 0.1],
        "zero_shot_error": [0.2, 0.4],
    }
)
BUDGETS = pd.DataFrame(
    [
        ("equal epochs", None, None, None, None, "not run"),
        ("equal steps", 8, 4.0, 3.0, 5.0, "exact"),
        ("equal compute", 0, float("inf"), float("inf"), float("inf"), "exact"),
        ("equal compute with pre-training", 100, 0.5, 0.5, 0.75, "lower"),
    ],
    columns=["budget", "fine_tuned", "ratio", "ratio_low", "ratio_high", "bound"],
).assign(dataset="far", model="m", init="poisson", recipe="r", n_train=8, censored=0.0)


def experiment(name, question, points=POINTS):
    axes = {"dataset": ["near", "far"], "model": ["m"], "init": ["scratch", "own"], "recipe": ["r"]}
    entry = entries.Experiment(question=question, n_train=[0, 8, 32, 128], **axes)
    return Experiment(name, entry, cell_table(points), savings_table(points))


def test_distances_say_how_they_order_the_savings():
    """Savings fall with the zero-shot error, and rise with the spectral distance of these two."""
    found = distances("shift", DISTANCES, savings_table(POINTS), 32)
    assert "n = 32 of 2 pairs" in found.sentences[0]
    assert "-1.00 for the zero-shot error" in found.sentences[0]
    assert "1.00 for the distance of the solutions' spectra" in found.sentences[0]
    assert found.table["dataset"].to_list() == ["near", "far"]
    alone = distances("shift", DISTANCES[:1], savings_table(POINTS), 32)
    assert alone.sentences[0].startswith("No distance orders")


def test_budgets_are_side_by_side_with_bounds_and_intervals():
    found = by_budget(BUDGETS)
    (row,) = found.table.to_dict("records")
    assert row == {
        "dataset": "far",
        "model": "m",
        "init": "poisson",
        "n": 8,
        "equal epochs": "not run",
        "equal steps": "4 (3 to 5)",
        "equal compute": "no training",
        "equal compute with pre-training": "≥ 0.5",
    }
    assert found.sentences[0] == (
        "For the error of m fine-tuned on 8 examples of far, training from scratch takes this many times as much: "
        "not run at equal epochs, 4 (3 to 5) at equal steps, inf (inf to inf) at equal compute, at least 0.5 at "
        "equal compute with pre-training."
    )


def test_learning_rates_are_flagged_at_the_edges_of_their_grid():
    cells = cell_table(POINTS)
    cells.loc[cells["n_train"] == 8, ["learning_rate", "learning_rate_edge"]] = (5e-4, "low")
    cells.loc[cells["n_train"] == 128, "learning_rate_edge"] = "high"
    found = learning_rates(cells)
    assert found.sentences[0].startswith(
        "Of 12 cells, 4 have the largest rate of their grid (↑) and 4 the smallest"
    )
    assert list(found.table)[-3:] == ["n = 8", "n = 32", "n = 128"]
    for row in found.table.itertuples():
        assert list(row)[-3:] == ["0.0005 ↓", "0.001", "0.001 ↑"]
    assert found.table["init"].to_list() == ["scratch", "poisson"] * 2


@pytest.mark.parametrize("kind", ["savings_by_distance", "error_vs_data"])
def test_a_report_has_the_tables_of_its_questions_and_figures(kind):
    asked = [experiment("d", "data"), experiment("s", "shift")]
    drawn = [Picture("p", entries.Figure(kind=kind, experiments=["s"], n_train=32, title="t"), "<svg>", [])]
    found = supplements(asked, drawn, {"distances": DISTANCES, "budgets": BUDGETS}, Study())
    by_distance = ["shift"] if kind == "savings_by_distance" else []
    assert [supplement.question for supplement in found] == ["data", "data", *by_distance]
    for tables in ({}, {"distances": DISTANCES[:0], "budgets": BUDGETS[:0]}):
        assert supplements(asked[1:], drawn, tables, Study()) == []
