"""Figures of the study of muTransfer: one function for each kind, (tables, entry, study) -> figure."""

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

from pdetransfer.plan import entries
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import PALETTE, WIDTH, Tables, called, plain_log
from pdetransfer.studies.mutransfer.optima import (
    in_words,
    optima,
    size_of,
    sweep,
    sweeps,
    swept,
    transfers,
)
from pdetransfer.studies.mutransfer.slopes import MEASURED, at_last_step, exponents, varied

_HEIGHT = 3.2  # of a row of panels


def draw_error_by_setting(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Test error against the setting that is swept, for models of all sizes.

    Lines are means over seeds, bands their range; larger models are darker. A cross at the top marks a setting at
    which a run diverged. A diamond marks the best one by validation error, the vertex of a parabola through three
    settings, with its 95 % interval over seeds; an open one is at an end of the settings that train. Where the
    diamonds stand above each other, what was tuned on the smallest model serves the largest.
    """
    runs, best = sweep(tables.cells), optima(tables.cells)
    panels = list(best.groupby(["dataset", "family"], sort=False))
    columns = min(len(panels), 2)
    lines = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        lines,
        columns,
        figsize=(WIDTH, _HEIGHT * lines),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, ((dataset, family), rows) in zip(axes.flat, panels, strict=False):
        colours = sns.color_palette("crest", len(rows))
        for number, (colour, row) in enumerate(zip(colours, rows.itertuples(), strict=True)):
            own = runs[(runs["dataset"] == dataset) & (runs["model"] == row.model)]
            _draw_curve(panel, own, row, colour)
            means = own.groupby("setting")["test_error"].mean()
            _mark_diverged(panel, means.index[np.isinf(means)], colour, number)
        panel.set_title(_named(family, dataset, best, study))
        panel.set(xscale="log", yscale="log", xlabel=in_words(swept(tables.cells)))
        _label_settings(panel, runs["setting"].unique())
    for panel in axes[:, 0]:
        panel.set_ylabel("relative L2 test error")
    for panel in axes.flat[len(panels) :]:
        panel.set_axis_off()
    axes.flat[len(panels) - 1].legend(title=in_words(size_of(tables.cells)), frameon=False)
    figure.suptitle(entry.title, fontsize=10)
    return figure


def _draw_curve(axes: Axes, runs: pd.DataFrame, best: Any, colour: tuple) -> None:
    """A model's errors by setting, and its best one."""
    errors = runs.groupby("setting")["test_error"].agg(["mean", "min", "max"]).replace(np.inf, np.nan)
    axes.plot(errors.index, errors["mean"], "o-", color=colour, markersize=3, label=f"{best.size:,.0f}")
    axes.fill_between(errors.index, errors["min"], errors["max"], color=colour, alpha=0.15, linewidth=0)
    logs = np.log(errors["mean"].dropna())
    if logs.empty:
        return
    error = float(np.exp(np.interp(np.log(best.vertex), np.log(logs.index), logs)))
    face = "none" if best.edge else colour
    if best.low == best.low:
        axes.plot([best.low, best.high], [error, error], color=colour, linewidth=2)
    axes.plot(best.vertex, error, "D", color=colour, markerfacecolor=face, markersize=7, markeredgewidth=1.5)


def _mark_diverged(axes: Axes, at: pd.Series | pd.Index, colour: tuple, number: int) -> None:
    """Crosses at the top of a panel, those of each number in a row of their own."""
    if len(at):
        heights = np.full(len(at), 0.97 - 0.04 * number)
        axes.plot(at, heights, "x", color=colour, markersize=5, transform=axes.get_xaxis_transform())


def _label_settings(axes: Axes, settings: np.ndarray) -> None:
    axes.xaxis.set_major_locator(FixedLocator(sorted(settings)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.tick_params(axis="x", rotation=45)
    plain_log(axes.yaxis)


def draw_optimum_by_size(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """The best setting against the size of the model, with its 95 % interval over seeds.

    The vertex of a parabola through three settings around the best one by validation error; open marks are at an
    end of the settings that train, and there is none where runs diverged at all. A line that is level lets the
    smallest model be tuned for all.
    """
    best = optima(tables.cells)
    figure, axes = plt.subplots(figsize=(5.2, _HEIGHT), layout="constrained")
    for colour, name, rows in _families(best, study):
        inside = rows[~rows["edge"]]
        axes.plot(rows["size"], rows["vertex"], "o-", color=colour, markerfacecolor="none", label=name)
        axes.plot(inside["size"], inside["vertex"], "o", color=colour)
        axes.vlines(rows["size"], rows["low"], rows["high"], color=colour, linewidth=1.5)
    column = size_of(tables.cells)
    axes.set(
        xscale="log", yscale="log", xlabel=in_words(column), ylabel=f"best {in_words(swept(tables.cells))}"
    )
    axes.xaxis.set_major_locator(FixedLocator(sorted(best["size"].unique())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    plain_log(axes.yaxis)
    axes.legend(frameon=False)
    axes.set_title(entry.title, fontsize=10)
    return figure


def draw_transferred_over_tuned(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Test error at the best setting of the smallest model over that at the model's own best one.

    Both are chosen by validation error on the grid, also in each of the replicates, with seeds drawn anew, that
    the 95 % intervals are of. At 1 nothing is lost by tuning the smallest model alone. A cross at the top marks a
    model that diverged at that setting; an interval that ends at its mark has no upper end, as replicates did.
    """
    table = pd.concat(map(transfers, sweeps(tables.cells)))
    figure, axes = plt.subplots(figsize=(5.2, _HEIGHT), layout="constrained")
    axes.axhline(1, color="0.6", linewidth=1)
    for number, (colour, name, rows) in enumerate(_families(table, study)):
        _mark_diverged(axes, rows.loc[np.isinf(rows["ratio"]), "num_parameters"], colour, number)
        ratios, *ends = rows[["ratio", "low", "high"]].replace(np.inf, np.nan).to_numpy().T
        spread = np.abs(np.where(np.isnan(ends), ratios, ends) - ratios)
        axes.errorbar(rows["num_parameters"], ratios, spread, marker="o", capsize=3, color=colour, label=name)
    axes.set(xscale="log", yscale="log", xlabel="parameters", ylabel="error at the transferred rate / tuned")
    plain_log(axes.xaxis)
    plain_log(axes.yaxis)
    axes.yaxis.set_major_locator(LogLocator(subs=[1, 1.2, 1.5, 2, 3, 5]))
    axes.legend(frameon=False)
    axes.set_title(entry.title, fontsize=10)
    return figure


def draw_error_by_cost(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Test error against the cost of finding it, in seconds of training for a seed.

    A filled mark is a model that is trained once at the setting of the smallest, whose sweep is counted; the open
    one that it is joined to is tuned itself, over its whole sweep. One that diverged has no mark.
    """
    table = pd.concat(map(transfers, sweeps(tables.cells)))
    figure, axes = plt.subplots(figsize=(5.2, _HEIGHT), layout="constrained")
    for colour, name, rows in _families(table, study):
        seconds = rows[["seconds_transferred", "seconds_tuned"]].to_numpy().T
        errors = rows[["error_transferred", "error_tuned"]].replace(np.inf, np.nan).to_numpy().T
        axes.plot(seconds, errors, color=colour, linewidth=1)
        axes.plot(seconds[0], errors[0], "o", color=colour, label=name)
        axes.plot(seconds[1], errors[1], "o", color=colour, markerfacecolor="none")
    axes.set(xscale="log", yscale="log", xlabel="seconds of training", ylabel="relative L2 test error")
    plain_log(axes.yaxis)
    plain_log(axes.xaxis)
    axes.legend(frameon=False)
    axes.set_title(entry.title, fontsize=10)
    return figure


def _families(table: pd.DataFrame, study: Study) -> Iterator[tuple[tuple, str, pd.DataFrame]]:
    """The rows of each family on each dataset, with a colour and a name."""
    groups = table.groupby(["dataset", "family"], sort=False)
    for colour, ((dataset, family), rows) in zip(PALETTE, groups, strict=False):
        yield colour, _named(family, dataset, table, study), rows


def _named(family: str, dataset: str, table: pd.DataFrame, study: Study) -> str:
    """A family, with its dataset in words where a table has several."""
    return family if table["dataset"].nunique() == 1 else f"{family}, {study.in_words(dataset)}"


_CHECKED = ("activations_change", "outputs_change", "spectral_change")


def draw_coordinate_check(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """What the first steps of Adam change, against the size of the model, at a constant learning rate below those
    of the sweep.

    Of activations (of each Fourier layer, before σ) and of outputs it is the root mean square over validation
    examples, of spectral weights the largest spectral norm over modes, means over layers. Lines are means over
    seeds, dots the seeds. The legend has the slope, the power of the size that a quantity goes with: 0 is what muP
    is made for.
    """
    shown = tables.cells[["dataset", "model"]].drop_duplicates()
    rows = at_last_step(tables.tables["coordinates"]).merge(shown)
    panels = [
        (dataset, size, of_dataset)
        for dataset, of_dataset in rows.groupby("dataset", sort=False)
        for size in varied(of_dataset)
    ]
    figure, axes = plt.subplots(
        len(panels),
        len(_CHECKED),
        figsize=(WIDTH, _HEIGHT * len(panels)),
        squeeze=False,
        layout="constrained",
    )
    for of_row, (dataset, size, of_dataset) in zip(axes, panels, strict=True):
        for panel, quantity in zip(of_row, _CHECKED, strict=True):
            _draw_growth(panel, of_dataset, size, quantity)
            panel.set_title(called(dataset, study.in_words(dataset)) if rows["dataset"].nunique() > 1 else "")
    steps, rates = rows["step"].max(), ", ".join(map("{:g}".format, rows["learning_rate"].unique()))
    figure.suptitle(f"{entry.title}: {steps} steps, learning rate {rates}", fontsize=10)
    return figure


def _draw_growth(axes: Axes, rows: pd.DataFrame, size: str, quantity: str) -> None:
    """A quantity against a size, a line for each family whose members differ in it."""
    for colour, (family, of_family) in zip(PALETTE, rows.groupby("family", sort=False), strict=False):
        growth = exponents(of_family, quantity)
        if size not in growth:
            continue
        means = of_family.groupby(size)[quantity].mean()
        axes.plot(of_family[size], of_family[quantity], ".", color=colour, markersize=4, alpha=0.5)
        name = f"{family}, slope {growth[size][0]:z.2f}"
        axes.plot(means.index, means, "o-", color=colour, markersize=4, label=name)
    axes.set(xscale="log", yscale="log", xlabel=size, ylabel=MEASURED[quantity])
    axes.xaxis.set_major_locator(FixedLocator(sorted(rows[size].unique())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    plain_log(axes.yaxis)
    axes.margins(y=0.3)  # room for the legend
    low, high = axes.get_ylim()
    if high < 10 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=[1, 1.5, 2, 3, 4, 5, 7]))
    axes.legend(frameon=False)


FIGURES: dict[str, Callable[[Tables, entries.Figure, Study], Figure]] = {
    "error_by_setting": draw_error_by_setting,
    "optimum_by_size": draw_optimum_by_size,
    "transferred_over_tuned": draw_transferred_over_tuned,
    "error_by_cost": draw_error_by_cost,
    "coordinate_check": draw_coordinate_check,
}
