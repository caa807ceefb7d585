"""Figures of the study's experiments: one function for each kind, (tables, entry, study) -> figure."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pdetransfer.plan import entries
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import PALETTE, WIDTH, Tables, called, grid_of_panels, plain_log
from pdetransfer.studies.dpot.questions import PERSISTENCE
from pdetransfer.studies.transfer.figures import draw_data_savings, draw_error_vs_data

_TOLD_APART = ["dataset", "model", "init"]  # by which models are that are tested as they are
_FLOOR = {"color": "0.45", "linestyle": "--", "linewidth": 1}  # of repeating the last frame


def draw_error_by_size(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Errors of roll-outs by model and pre-training, a panel for each dataset: means over test trajectories, with
    quartiles as bars. The dashed line is repeating the last frame."""
    rows = tables.cells[tables.cells["n_train"] == 0].drop_duplicates(_TOLD_APART)
    curves = list(rows.groupby(["model", "init"], sort=False).groups)
    names = _named(rows)
    figure, axes = plt.subplots(
        1, rows["dataset"].nunique(), figsize=(WIDTH, 2.9), squeeze=False, sharey=True, layout="constrained"
    )
    for panel, (dataset, of_dataset) in zip(axes[0], rows.groupby("dataset", sort=False), strict=True):
        for place, row in enumerate(of_dataset.itertuples()):
            colour = _colour(curves.index((row.model, row.init)))
            panel.plot([place, place], [row.test_error_q25, row.test_error_q75], color=colour, linewidth=2)
            panel.plot(place, row.test_error, "o", color=colour)
        floor = _persistence(tables, dataset)
        for error in floor[floor["frame"] == 0]["error"]:  # none of a dataset that controls alone use
            panel.axhline(error, **_FLOOR)
        panel.set(yscale="log", xlim=(-0.6, len(of_dataset) - 0.4))
        panel.set_title(called(dataset, study.in_words(dataset).replace(", ", ",\n")))
        panel.set_xticks(
            range(len(of_dataset)), [names[row.model, row.init] for row in of_dataset.itertuples()]
        )
        panel.tick_params(axis="x", rotation=35)
        sns.despine(ax=panel)
    plain_log(axes[0, 0].yaxis)
    axes[0, 0].set_ylabel("relative L2 error of the roll-out")
    figure.suptitle(entry.title, fontsize=10)
    return figure


def draw_error_over_time(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Error at each frame after the inputs, without further training: means over test trajectories, bands are
    quartiles. The dashed line is repeating the last frame."""
    rows = tables.tables["by_frame"]
    drawn = tables.cells[tables.cells["n_train"] == 0][_TOLD_APART].drop_duplicates()
    rows = rows[(rows["frame"] > 0) & (rows["n_train"] == 0)]
    curves = list(drawn.groupby(["model", "init"], sort=False).groups)
    names = _named(drawn)
    panels = list(drawn.groupby("dataset", sort=False))
    figure, axes = grid_of_panels(panels, 2.5)
    for panel, (dataset, of_dataset) in zip(axes, panels, strict=True):
        for curve in of_dataset.itertuples():
            of_curve = rows[(rows[_TOLD_APART] == [dataset, curve.model, curve.init]).all(axis=1)]
            colour, name = _colour(curves.index((curve.model, curve.init))), names[curve.model, curve.init]
            panel.plot(of_curve["frame"], of_curve["error"], color=colour, label=name)
            panel.fill_between(
                of_curve["frame"], of_curve["low"], of_curve["high"], color=colour, alpha=0.15, lw=0
            )
        _draw_floor(panel, tables, dataset)
        panel.set(
            yscale="log", title=called(dataset, study.in_words(dataset)), xlabel="frames after the inputs"
        )
        panel.xaxis.set_major_locator(MaxNLocator(integer=True))
        plain_log(panel.yaxis)
        sns.despine(ax=panel)
    axes[0].set_ylabel("relative L2 error")
    shown = axes[0].get_legend_handles_labels()
    figure.legend(*shown, loc="outside lower center", ncols=3, frameon=False, fontsize=7)
    figure.suptitle(entry.title, fontsize=10)
    return figure


def _draw_floor(panel: Axes, tables: Tables, dataset: str) -> None:
    floor = _persistence(tables, dataset)
    of_frames = floor[floor["frame"] > 0]
    panel.plot(of_frames["frame"], of_frames["error"], label="last frame repeated", **_FLOOR)


def _persistence(tables: Tables, dataset: str) -> pd.DataFrame:
    rows = tables.tables["by_frame"]
    return rows[(rows["model"] == PERSISTENCE) & (rows["dataset"] == dataset)]


def _named(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """What tells models and pre-trainings from each other: the names of those that differ."""
    axes = [axis for axis in ("model", "init") if rows[axis].nunique() > 1] or ["model"]
    return {
        (row.model, row.init): ", ".join(getattr(row, axis) for axis in axes)
        for row in rows.drop_duplicates(["model", "init"]).itertuples()
    }


def _colour(number: int) -> tuple[float, float, float]:
    return PALETTE[number % len(PALETTE)]


FIGURES: dict[str, Callable[..., Figure]] = {
    "error_by_size": draw_error_by_size,
    "error_over_time": draw_error_over_time,
    "error_vs_data": draw_error_vs_data,
    "data_savings": draw_data_savings,
}
