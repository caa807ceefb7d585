"""Interactive charts of the report: the points of a question's curves, each with its row on hover."""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

import altair as alt
import numpy as np
import pandas as pd
import vl_convert
from matplotlib.colors import to_hex

from pdetransfer.analysis.tables import AXES, CURVE_AXES, with_short_hashes
from pdetransfer.plan.study import Curve, Study
from pdetransfer.report.figures import PANEL_AXES, arms, called, panel_name, positions

# What hovering a point shows, by column.
_SHOWN = {
    "dataset": "dataset",
    "model": "model",
    "init": "init",
    "recipe": "recipe",
    "n_train": "n",
    "seed": "seed",
    "learning_rate": "learning rate",
    "learning_rate_edge": "edge of grid",
    "test_error": "test error, mean",
    "test_error_median": "test error, median",
    "validation_error": "validation error",
    "steps": "steps",
    "seconds": "seconds",
    "cell": "cell",
    "device": "device",
    "torch": "PyTorch",
    "pdetransfer": "pdetransfer",
    "commit": "commit",
    "data": "data, SHA-256",
    "weights": "checkpoint, SHA-256",
}


def error_chart(tables: Iterable[pd.DataFrame], study: Study) -> dict:
    """The Vega-Lite specification of test error against n_train, a panel for each dataset, model and recipe; where
    all have one n_train, against the learning rate, a panel for each dataset and model.

    ``tables`` are those of a question's experiments (``tables.cell_rows``); a row that several of them have is one
    point, a run that diverged none. Lines are means over seeds. A click on the legend leaves one arm.
    """
    rows = pd.concat(tables).drop_duplicates([*AXES, "seed"])
    rows = rows[np.isfinite(rows["test_error"])]
    at_one_n = rows["n_train"].nunique() == 1 and rows["learning_rate"].nunique() > 1
    x = rows["learning_rate"] if at_one_n else positions(rows["n_train"])
    rows = with_short_hashes(rows.assign(x=x, cell=_folders(rows)))
    rows, colours = _with_arms_and_panels(rows, study, PANEL_AXES[:2] if at_one_n else PANEL_AXES)
    title, axis = "downstream training examples", _axis(rows)
    if at_one_n:
        title, axis = "learning rate", alt.Axis(values=sorted(rows["x"].unique()), format="~g", grid=False)
    picked = alt.selection_point(fields=["arm"], bind="legend")
    shared = {
        "x": alt.X("x:Q", title=title, axis=axis, scale=_log(rows["x"])),
        "color": alt.Color("arm:N", title=None).scale(domain=[*colours], range=[*colours.values()]),
        "opacity": alt.when(picked).then(alt.value(1)).otherwise(alt.value(0.08)),
    }
    error = {"title": "relative L2 test error", "scale": _log(rows["test_error"])}
    lines = (
        alt.Chart()
        .transform_filter(alt.datum.n_train > 0)
        .mark_line(strokeWidth=1.5)
        .encode(y=alt.Y("mean(test_error):Q", **error), **shared)
    )
    points = (
        alt.Chart()
        .mark_circle(size=45)
        .encode(y=alt.Y("test_error:Q", **error), **shared)
        .encode(tooltip=[alt.Tooltip(f"{column}:N", title=name) for column, name in _SHOWN.items()])
        .add_params(picked)
    )
    panels = alt.layer(lines, points, data=_rounded(rows[["x", "arm", "panel", *_SHOWN]]))
    lines_of_name = alt.Header(labelExpr="split(datum.label, '\\n')")
    panel = alt.Facet("panel:N", title=None, sort=list(rows["panel"].unique()), header=lines_of_name)
    chart = panels.properties(width=250, height=190).facet(panel, columns=3)
    return _styled(chart).to_dict()


def comparison_chart(table: pd.DataFrame) -> dict:
    """The Vega-Lite specification of the other's test error over ours against ours (``comparison.compare``)."""
    rows = table.assign(outcome=table["differs"].map({True: "differs", False: "no difference shown"}))
    picked = alt.selection_point(fields=["outcome"], bind="legend")
    outcomes = alt.Scale(domain=["no difference shown", "differs"], range=["#949494", "#d55e00"])
    bounds = pd.concat([rows["ratio_low"], rows["ratio_high"], pd.Series([1.0])])
    chart = alt.Chart(_rounded(rows)).encode(
        x=alt.X(
            "test_error:Q",
            title="our relative L2 test error",
            scale=_log(rows["test_error"]),
            axis=alt.Axis(grid=False),
        ),
        color=alt.Color("outcome:N", title=None, scale=outcomes),
        opacity=alt.when(picked).then(alt.value(1)).otherwise(alt.value(0.08)),
    )
    ratio = {"title": "the other's error / ours", "scale": _log(bounds)}
    layers = [
        alt.Chart().mark_rule(strokeDash=[4, 3], color="currentColor").encode(y=alt.datum(1)),
        chart.mark_rule().encode(y=alt.Y("ratio_low:Q", **ratio), y2="ratio_high:Q"),
        chart.mark_circle(size=45)
        .encode(y=alt.Y("ratio:Q", **ratio))
        .encode(tooltip=[alt.Tooltip(f"{name}:N", title=name.replace("_", " ")) for name in table])
        .add_params(picked),
    ]
    return _styled(alt.layer(*layers).properties(width=720, height=360)).to_dict()


def _rounded(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers to five digits, and nothing for what is not known: what a point shows, and a smaller file."""
    return (
        rows.astype(object)
        .where(rows.notna(), "")
        .map(lambda value: float(f"{value:.5g}") if isinstance(value, float) else value)
    )


def _folders(rows: pd.DataFrame) -> pd.Series:
    """The folder of each row's cell; none where nothing was trained."""
    paths = [
        f"{Curve(*curve).path}/n{n}" if n else ""
        for *curve, n in rows[[*CURVE_AXES, "n_train"]].itertuples(index=False)
    ]
    return pd.Series(paths, rows.index)


def _with_arms_and_panels(
    rows: pd.DataFrame, study: Study, axes: list[str]
) -> tuple[pd.DataFrame, dict[str, str]]:
    """The rows with the names of their arm and panel, and the arms' colours, as in the figures."""
    panels = [
        ((called(dataset, study.in_words(dataset)), *names), of_panel)
        for (dataset, *names), of_panel in rows.groupby(axes, sort=False)
    ]
    colours: dict[str, str] = {}
    named = []
    for names, of_panel in panels:
        drawn = arms(of_panel, study)
        colours |= {arm.name: to_hex(arm.colour) for arm in drawn}
        arm_of = of_panel["init"].map({arm.init: arm.name for arm in drawn})
        named.append(of_panel.assign(arm=arm_of, panel=panel_name(names, panels) or names[0]))
    return pd.concat(named), colours


def _axis(rows: pd.DataFrame) -> alt.Axis:
    """A tick at each n_train; 0 stands left of the smallest positive one."""
    ticks = sorted(rows.groupby("n_train")["x"].first().items())
    zero = f"datum.value < {ticks[1][1] * 0.99} ? '0' : " if ticks[0][0] == 0 else ""
    return alt.Axis(values=[x for _, x in ticks], labelExpr=f"{zero}format(datum.value, ',d')", grid=False)


def _log(values: pd.Series) -> alt.Scale:
    """A logarithmic scale with some room on either side of the values."""
    return alt.Scale(type="log", domain=[values.min() / 1.3, values.max() * 1.3], nice=False)


def _styled(chart: alt.TopLevelMixin) -> alt.TopLevelMixin:
    """Texts and lines in the colour of the page's text, so that light, dark and print need no other chart."""
    text = {"labelColor": "currentColor", "titleColor": "currentColor"}
    lines = {"domainColor": "currentColor", "tickColor": "currentColor", "gridColor": "currentColor"}
    return (
        chart.configure(background="transparent", font="system-ui, sans-serif")
        .configure_axis(**text, **lines, gridOpacity=0.15, titleFontWeight="normal")
        .configure_header(labelColor="currentColor", labelFontSize=11)
        .configure_legend(**text, orient="top", symbolOpacity=1)
        .configure_view(stroke=None)
    )


@cache
def libraries() -> dict[str, str]:
    """What the report inlines: ``vega``, a script that makes ``vegaEmbed``; ``datatables``, a module that exports
    ``jQuery`` with DataTables; ``datatables_css``, its style."""
    html = files("itables") / "html"
    return {
        "vega": vl_convert.javascript_bundle(),
        "datatables": (html / "dt_bundle.js").read_text(),
        "datatables_css": (html / "dt_bundle.css").read_text(),
    }
