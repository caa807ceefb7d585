"""Figures of the study of muTransfer: one function for each kind, (tables, entry, study) -> figure."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, LogLocator, NullLocator, StrMethodFormatter

from pdetransfer.plan import entries
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import PALETTE, WIDTH, Tables, plain_log
from pdetransfer.studies.mutransfer.optima import optima, sweep, transfers
from pdetransfer.studies.mutransfer.slopes import MEASURED, at_last_step, exponents, varied

_HEIGHT = 3.2  # of a row of panels


def draw_error_vs_learning_rate(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Test error against the learning rate, for models of all sizes.

    Lines are means over seeds, bands their range; larger models are darker. A diamond marks the best rate by
    validation error, the vertex of a parabola through three rates, with its 95 % interval over seeds; an open one
    is at an end of the grid. Where the diamonds stand above each other, a rate that was tuned on the smallest
    model serves the largest.
    """
    runs, best = sweep(tables.cells), optima(tables.cells)
    panels = list(best.groupby(["dataset", "family"], sort=False))
    figure, axes = plt.subplots(
        1,
        len(panels),
        figsize=(WIDTH, _HEIGHT),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for panel, ((dataset, family), rows) in zip(axes.flat, panels, strict=True):
        colours = sns.color_palette("crest", len(rows))
        for colour, row in zip(colours, rows.itertuples(), strict=True):
            own = runs[(runs["dataset"] == dataset) & (runs["model"] == row.model)]
            _draw_curve(panel, own, row, colour)
        panel.set_title(family if best["dataset"].nunique() == 1 else f"{family}, {dataset}")
        panel.set(xscale="log", yscale="log", xlabel="learning rate")
        _label_rates(panel, runs["learning_rate"].unique())
    axes.flat[0].set_ylabel("relative L2 test error")
    axes.flat[-1].legend(title="parameters", frameon=False)
    figure.suptitle(entry.title, fontsize=10)
    return figure


def _draw_curve(axes: Axes, runs: pd.DataFrame, best, colour: tuple) -> None:
    """A model's errors by rate, and its best rate."""
    by_rate = runs.groupby("learning_rate")["test_error"]
    rates, means = by_rate.mean().index.to_numpy(), by_rate.mean().to_numpy()
    axes.plot(rates, means, "o-", color=colour, markersize=3, label=f"{best.num_parameters:,}")
    axes.fill_between(rates, by_rate.min(), by_rate.max(), color=colour, alpha=0.15, linewidth=0)
    error = float(np.exp(np.interp(np.log(best.vertex), np.log(rates), np.log(means))))
    face = "none" if best.edge else colour
    if best.low == best.low:
        axes.plot([best.low, best.high], [error, error], color=colour, linewidth=2)
    axes.plot(best.vertex, error, "D", color=colour, markerfacecolor=face, markersize=7, markeredgewidth=1.5)


def _label_rates(axes: Axes, rates: np.ndarray) -> None:
    axes.xaxis.set_major_locator(FixedLocator(sorted(rates)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.tick_params(axis="x", rotation=45)
    plain_log(axes.yaxis)


def draw_transferred_over_tuned(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Test error at the best learning rate of the smallest model over that at the model's own best one.

    Both rates are chosen by validation error on the grid, also in each of the replicates, with seeds drawn anew,
    that the 95 % intervals are of. At 1 nothing is lost by tuning the smallest model alone.
    """
    table = transfers(tables.cells)
    figure, axes = plt.subplots(figsize=(5.2, _HEIGHT), layout="constrained")
    axes.axhline(1, color="0.6", linewidth=1)
    families = list(table.groupby(["dataset", "family"], sort=False))
    for colour, ((dataset, family), rows) in zip(PALETTE, families, strict=False):
        name = family if table["dataset"].nunique() == 1 else f"{family}, {dataset}"
        spread = np.abs(rows[["low", "high"]].to_numpy().T - rows["ratio"].to_numpy())
        axes.errorbar(
            rows["num_parameters"], rows["ratio"], spread, marker="o", capsize=3, color=colour, label=name
        )
    axes.set(xscale="log", xlabel="parameters", ylabel="error at the transferred rate / tuned")
    axes.legend(frameon=False)
    axes.set_title(entry.title, fontsize=10)
    return figure


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
            panel.set_title(dataset if rows["dataset"].nunique() > 1 else "")
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
    low, high = axes.get_ylim()
    if high < 10 * low:
        axes.yaxis.set_major_locator(LogLocator(subs=[1, 1.5, 2, 3, 4, 5, 7]))
    axes.legend(frameon=False)


FIGURES: dict[str, Callable[[Tables, entries.Figure, Study], Figure]] = {
    "error_vs_learning_rate": draw_error_vs_learning_rate,
    "transferred_over_tuned": draw_transferred_over_tuned,
    "coordinate_check": draw_coordinate_check,
}
