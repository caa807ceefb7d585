"""The interactive charts: what they hold is what the tables hold."""

import json

import pandas as pd
import pytest
import vl_convert

from cases import cell_table, error_table
from pdetransfer.analysis.comparison import compare
from pdetransfer.analysis.tables import PROVENANCE
from pdetransfer.plan.study import Study
from pdetransfer.report.charts import comparison_chart, error_chart, libraries

STUDY = Study(
    pretrainings={
        init: {"dataset": dataset, "n_train": 99, "recipe": "r"}
        for init, dataset in (("poisson", "near"), ("mixed", "all"))
    },
    datasets={
        "near": {"system": "poisson"},
        "far": {"system": "poisson"},
        "waves": {"system": "helmholtz"},
        "all": {"mix": ["near", "waves"]},
    },
)
SIZES = (0, 8, 32)


def table(dataset, inits=("scratch", "poisson")):
    points = [
        (dataset, "m", init, "r", n, seed, (1 + seed) / max(n, 2))
        for init in inits
        for n in SIZES
        for seed in (0, 1)
    ]
    return cell_table(points)


def rows_of(chart):
    (rows,) = chart["datasets"].values()
    return pd.DataFrame(rows)


def test_a_chart_has_every_point_of_its_experiments_once():
    rows = rows_of(error_chart([table("far"), table("near"), table("far")], STUDY))
    assert len(rows) == 2 * 2 * len(SIZES) * 2
    assert set(rows["panel"]) == {"SYS-1\nfar", "SYS-1\nnear"}
    at = rows[(rows["panel"] == "SYS-1\nfar") & (rows["init"] == "poisson") & (rows["n_train"] == 8)]
    assert at["test_error"].to_list() == [1 / 8, 2 / 8]
    assert at["cell"].to_list() == ["far/m/poisson/r/n8"] * 2
    assert set(rows.loc[rows["n_train"] == 0, "cell"]) == {""}


def test_panels_of_one_dataset_are_told_apart_by_what_differs():
    models = [table("far").assign(model=model) for model in ("small", "large")]
    assert {*rows_of(error_chart(models, STUDY))["panel"]} == {"small", "large"}


def test_a_sweep_at_one_n_is_drawn_against_the_learning_rate():
    one = table("far").query("n_train == n_train.max()")
    sweep = [one.assign(recipe=f"sweep.{rate}", learning_rate=rate) for rate in (1e-3, 1e-2)]
    chart = error_chart(sweep, STUDY)
    rows = rows_of(chart)
    assert set(rows["x"]) == {1e-3, 1e-2}
    assert chart["spec"]["layer"][0]["encoding"]["x"]["title"] == "learning rate"
    vl_convert.vegalite_to_svg(chart)


def test_a_run_that_diverged_is_no_point():
    cells = table("far")
    cells.loc[cells["seed"] == 1, "test_error"] = float("inf")
    chart = error_chart([cells], STUDY)
    assert set(rows_of(chart)["seed"]) == {0}
    json.dumps(chart, allow_nan=False)


def test_the_arms_have_the_names_and_colours_of_the_figures():
    chart = error_chart([table("far", ("scratch", "poisson", "mixed"))], STUDY)
    scale = chart["spec"]["layer"][1]["encoding"]["color"]["scale"]
    assert scale["domain"] == ["from scratch", "fine-tuned, own system", "fine-tuned, mixed"]
    assert scale["range"] == ["#de8f05", "#0173b2", "#cc78bc"]


def test_hovering_a_point_shows_its_row():
    points = error_chart([table("far")], STUDY)["spec"]["layer"][1]
    shown = [entry["field"] for entry in points["encoding"]["tooltip"]]
    assert {"dataset", "model", "init", "recipe", "n_train", "seed", "learning_rate", "steps", "cell"} <= {
        *shown
    }
    assert {*PROVENANCE, "seconds"} <= {*shown}
    assert set(shown) <= set(rows_of(error_chart([table("far")], STUDY)))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_chart_draws_a_mark_for_each_point():
    drawn = vl_convert.vegalite_to_svg(error_chart([table("far"), table("near")], STUDY))
    assert drawn.count('aria-roledescription="circle"') == 2 * 2 * len(SIZES) * 2


def test_the_libraries_can_stand_in_a_page():
    """None ends the element that it stands in."""
    ends = {"vega": "</script", "datatables": "</script", "datatables_css": "</style"}
    for name, text in libraries().items():
        assert ends[name] not in text, name
    assert "vegaEmbed" in libraries()["vega"]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_chart_of_a_comparison_has_a_point_and_an_interval_for_each_cell():
    points = [("far", "m", "scratch", "r", n, seed, (1 + seed) / n) for n in (8, 32) for seed in (0, 1)]
    errors = error_table(points).assign(experiment="e")
    chart = comparison_chart(compare(errors, errors.assign(error=errors["error"] * 2), {"far"}))
    assert chart["layer"][0]["encoding"]["y"]["datum"] == 1  # where nothing differs
    drawn = vl_convert.vegalite_to_svg(chart)
    assert drawn.count('aria-roledescription="circle"') == 2
    assert drawn.count('aria-roledescription="rule mark"') == 2
