"""Figures of the study's experiments: one function for each kind, (tables, entry, study) -> figure. They read
nothing else. ``entry`` is the figure's in config, ``study`` a part with ``datasets`` and ``pretrainings``."""

from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from pdetransfer.analysis.savings import SIGNS, savings_at
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.systems.words import system_in_words
from pdetransfer.plan import entries
from pdetransfer.plan.entries import SCRATCH
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import (
    DOWNSTREAM_COLOUR,
    OWN_COLOURS,
    PANEL_AXES,
    WIDTH,
    Tables,
    arms,
    called,
    grid_of_panels,
    is_mixed,
    label,
    label_ends,
    labelled_n,
    log_log,
    nothing_drawn,
    panel_name,
    plain_log,
    positions,
    systems,
)
from pdetransfer.studies.transfer.questions import times

_MARKERS = {"exact": "o", "lower": "^", "upper": "v"}  # by bound
_DISTANCES = {  # columns of the table of distances, with what they are called
    "wasserstein": "Wasserstein distance of the physics parameter\n(standard deviations of the pre-training's)",
    "mass_in_common": "share of the parameter's mass in common",
    "spectral_distance": "distance of the solutions' spectra (decades)",
    "zero_shot_error": "zero-shot error",
}
_HEIGHT = 2.7  # of a row of panels


def draw_error_vs_data(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Test error against the number of downstream examples, fine-tuned and from scratch.

    Lines are means over seeds, bands their quartiles where there are several; 0 examples stand for the
    pre-trained model as it is (zero-shot), and for the untrained network. Larger models are darker. All panels
    have the same scale of errors. Above, where they are known: the ranges of the physics parameter.
    """
    panels = [
        (dataset, (called(dataset, study.in_words(dataset)), recipe), rows)
        for (dataset, recipe), rows in tables.cells.groupby(["dataset", "recipe"], sort=False)
    ]
    figure, axes = grid_of_panels(panels, _HEIGHT, with_ranges=True)
    ends = []
    for (ranges, curves), (dataset, names, rows) in zip(axes, panels, strict=True):
        _draw_ranges(ranges, dataset, rows, study)
        ends.append(_draw_curves(curves, rows, study))
        ranges.set_title(panel_name(names, [named[1:] for named in panels]))
    for (_, curves), of_panel in zip(axes, ends, strict=True):  # now that all share their scale of errors
        label_ends(curves, of_panel)
    figure.suptitle(entry.title, fontsize=10)
    return figure


def _draw_curves(axes: Axes, rows: pd.DataFrame, study: Study) -> list[tuple]:
    """A line for each arm and model; their last points, names and colours."""
    rows = rows.assign(x=positions(rows["n_train"]))
    models = _models(rows)
    ends = []
    for arm in arms(rows, study):
        of_arm = rows[rows["init"] == arm.init]
        for shade, (model, size) in enumerate(models.items(), start=1):
            colour = _lightened(arm.colour, 0.75 * (1 - shade / len(models)))
            curve = of_arm[of_arm["model"] == model]
            trained, zero = curve[curve["n_train"] > 0], curve[curve["n_train"] == 0]
            style = {"color": colour, "marker": "o", "markeredgewidth": 0}
            sns.lineplot(trained, x="x", y="test_error", errorbar=("pi", 50), ax=axes, **style)
            if not zero.empty:
                axes.plot(zero["x"].iloc[0], zero["test_error"].mean(), "D", color=colour, markersize=5)
            means = trained.groupby("x")["test_error"].mean()
            ends.append((means.index[-1], means.iloc[-1], f"{arm.name} {size}".rstrip(), colour))
    _label_without_training(axes, rows, study)
    log_log(axes, rows)
    axes.set(xlabel="downstream training examples", ylabel="relative L2 test error")
    return ends


def _lightened(colour: tuple[float, float, float], share: float) -> tuple[float, ...]:
    return tuple(channel + share * (1 - channel) for channel in colour)


def _models(rows: pd.DataFrame) -> dict[str, str]:
    """The models of a panel, the smallest first, with what tells them apart: their size, or else their name."""
    sizes = rows.groupby("model", sort=False)["num_parameters"].max().sort_values(kind="stable")
    if len(sizes) == 1:
        return {sizes.index[0]: ""}
    if sizes.nunique() < len(sizes):
        return {model: model for model in sizes.index}
    return {
        model: f"{size / 1e6:.3g}M" if size >= 1e6 else f"{size / 1e3:.0f}K" for model, size in sizes.items()
    }


def _label_without_training(axes: Axes, rows: pd.DataFrame, study: Study) -> None:
    """Names above the highest points of n_train 0: once for the untrained networks, once for the pre-trained."""
    zero = rows[rows["n_train"] == 0]
    by_init = {arm.init: arm for arm in arms(rows, study)}
    for inits in ([SCRATCH], [init for init in by_init if init != SCRATCH]):
        means = zero[zero["init"].isin(inits)].groupby(["init", "model"])["test_error"].mean()
        if len(means):
            name = "untrained" if inits == [SCRATCH] else "zero-shot"
            colour = by_init[inits[0]].colour if len(inits) == 1 else "0.35"
            label(axes, name, zero["x"].iloc[0], means.max(), (-12, 8), colour)


def _draw_ranges(axes: Axes, dataset: str, rows: pd.DataFrame, study: Study) -> None:
    """The interval of the shifted parameter of the downstream dataset, below that of each pre-training.

    Left empty for datasets without one system or without ranges, such as a user's files.
    """
    system = study.datasets[dataset].system
    tuned = [arm for arm in arms(rows, study) if arm.init != SCRATCH]
    bars = [
        (arm.name.replace("fine-tuned", "pre-training"), interval, arm.colour)
        for arm in tuned
        for interval in _intervals(study.pretrainings[arm.init].dataset, system, study)
    ]
    bars += [("downstream", interval, DOWNSTREAM_COLOUR) for interval in _intervals(dataset, system, study)]
    sns.despine(ax=axes, left=True)
    if not bars:
        axes.set_axis_off()
        return
    ends = [end for _, interval, _ in bars for end in interval]
    left, right = min(ends), max(ends)
    for height, (role, interval, colour) in enumerate(reversed(bars)):
        _draw_range(axes, height, role, interval, colour, (left, right))
    pad = 0.04 * (right - left)
    axes.set(yticks=[], xlim=(left - pad, right + pad), ylim=(-0.6, len(bars) - 0.4))
    if any(low == high for _, (low, high), _ in bars):  # single values, whose digits need room
        axes.xaxis.set_major_locator(MaxNLocator(4))
    parameter = SYSTEMS[system].shifted
    axes.set_xlabel(f"{parameter} ${SYSTEMS[system].symbols[parameter]}$", labelpad=1)


def _draw_range(
    axes: Axes, height: int, role: str, interval: tuple, colour: tuple, ends: tuple[float, float]
) -> None:
    """A bar, or a line of a single value, with its words within or beside it; ``ends`` are those of the axis."""
    low, high = interval
    axes.barh(height, high - low, left=low, height=0.72, color=colour, alpha=0.3)
    if low == high:
        axes.plot([low, low], [height - 0.36, height + 0.36], color=colour)
    is_narrow, is_left = high - low < 0.45 * (ends[1] - ends[0]), low - ends[0] < ends[1] - high
    x, ha, offset = (low + high) / 2, "center", 0
    if is_narrow:  # the text stands beside the bar
        x, ha, offset = (high, "left", 3) if is_left else (low, "right", -3)
    style = {"textcoords": "offset points", "ha": ha, "va": "center", "fontsize": 8}
    words = f"U({low:g}, {high:g})" if low < high else f"{low:g}"
    axes.annotate(f"{role}  {words}", (x, height), (offset, 0), **style)


def _intervals(name: str, system: str | None, study: Study) -> list[tuple[float, float]]:
    """Ranges of the system's shifted parameter in a dataset, or in the datasets of a mixture."""
    if system is None:
        return []
    key = f"{SYSTEMS[system].shifted}_range"
    parts = [study.datasets[component] for component in study.components(name)]
    return [part.options[key] for part in parts if part.system == system and key in part.options]


def draw_data_savings(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Examples that training from scratch needs to reach the error of the fine-tuned model.

    An upward arrow is a lower bound: fine-tuning is better than the largest training from scratch. A
    downward arrow is an upper bound: the smallest one is already better. Thin vertical lines are 95 %
    intervals over test examples and seeds, which end where the curve from scratch ends. Below the dashed
    line pre-training does harm. The point left of all others is zero-shot.
    """
    titles = systems(tables.savings["dataset"], study).map(system_in_words)
    savings = tables.savings.assign(system=titles)
    panels = list(savings.groupby(["system", "model", "recipe"], sort=False))
    figure, axes = grid_of_panels(panels, 3.1)
    for panel, (names, rows) in zip(axes, panels, strict=True):
        _draw_savings(panel, rows, study)
        panel.set_title(panel_name(names, panels))
    figure.suptitle(entry.title, fontsize=10)
    return figure


def draw_savings_by_distance(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Data savings at one number of downstream examples, against how far the dataset lies from the pre-training.

    Examples that training from scratch needs for the error of the fine-tuned model, over those fine-tuned.
    Farther is to the right. Arrows up are lower bounds, arrows down upper bounds, thin vertical lines 95 %
    intervals. Below the dashed line pre-training does harm. Open: pre-trained on a mixture, whose distance is
    that of the dataset of the same system in it.
    """
    points = savings_at(tables.savings, tables.tables["distances"], entry.n_train)
    points = points.assign(system=systems(points["dataset"], study))
    names = points["system"].unique()
    colours = dict(zip(names, sns.color_palette("viridis", len(names) + 1), strict=False))
    figure, axes = plt.subplots(2, 2, figsize=(WIDTH, 5.9), sharey=True, layout="constrained")
    for panel, (distance, words) in zip(axes.flat, _DISTANCES.items(), strict=True):
        for point in points.dropna(subset=distance).itertuples():
            _draw_point(
                panel, getattr(point, distance), point, colours[point.system], is_mixed(point.init, study)
            )
        panel.axhline(1, linestyle="--", color="0.4", linewidth=1)
        panel.set(yscale="log", xlabel=words)
        panel.margins(y=0.08)
        plain_log(panel.yaxis)
        sns.despine(ax=panel)
    axes[0, 1].invert_xaxis()
    axes[1, 1].set_xscale("log")
    axes[1, 1].xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    for system, colour in colours.items():
        axes[0, 0].plot([], [], "o", color=colour, label=system_in_words(system))
    axes[0, 0].plot([], [], "o", color="0.3", markerfacecolor="none", label="pre-trained on a mixture")
    figure.legend(loc="outside lower center", ncols=len(colours) + 1, frameon=False, fontsize=8)
    figure.supylabel("data savings, times as many examples", fontsize=9)
    figure.suptitle(f"{entry.title}, n = {entry.n_train}", fontsize=10)
    return figure


def _draw_point(axes: Axes, x: float, point: Any, colour: Any, is_open: bool) -> None:
    """A ratio of savings with its interval, as a marker that says whether it is a bound."""
    ends = [point.equivalent_low / point.n_train, point.equivalent_high / point.n_train]
    axes.plot([x] * 2, ends, "-", color=colour, linewidth=0.9, alpha=0.8)
    face = {"markerfacecolor": "none"} if is_open else {}
    axes.plot(x, point.ratio, _MARKERS[point.bound], color=colour, markersize=9 if is_open else 5, **face)


def _draw_savings(axes: Axes, rows: pd.DataFrame, study: Study) -> None:
    """A line for each dataset and init; ratios are written where there is a single line."""
    rows = rows.assign(x=positions(rows["n_train"])).sort_values("x", kind="stable")
    lines = list(rows.groupby(["dataset", "init"], sort=False))
    shades = sns.color_palette("viridis", len(lines) + 1)[:-1]
    colours, labelled = [OWN_COLOURS[0]] if len(lines) == 1 else shades, labelled_n(rows["n_train"])
    for index, (((dataset, init), curve), colour) in enumerate(zip(lines, colours, strict=True)):
        curve = curve.assign(x=curve["x"] * 1.07 ** (index - (len(lines) - 1) / 2))  # side by side
        axes.plot(curve["x"], curve["equivalent_n"], color=colour, linewidth=1.2, alpha=0.6)
        for point in curve.itertuples():
            ends = [point.equivalent_low, point.equivalent_high]
            axes.plot([point.x] * 2, ends, "-", color=colour, linewidth=0.9, alpha=0.8)
            axes.plot(point.x, point.equivalent_n, _MARKERS[point.bound], color=colour, markersize=6)
            if point.n_train in labelled - {0} and len(lines) == 1:
                ratio = f"{SIGNS[point.bound]}{times(point.ratio)}×"
                label(axes, ratio, point.x, point.equivalent_n, (0, 7), colour, "center")
        if len(lines) > 1:
            name = called(dataset, study.in_words(dataset))
            name = name if rows["init"].nunique() == 1 else f"{name}, {init}"
            axes.plot([], [], "o-", color=colour, label=name)
    trained = rows[rows["n_train"] > 0].drop_duplicates("n_train")
    axes.plot(trained["x"], trained["n_train"], "--", color="0.4", linewidth=1)
    middle = trained.iloc[len(trained) // 2]
    label(axes, "no savings", middle["x"], middle["n_train"], (4, -12), "0.35")
    log_log(axes, rows)
    if len(lines) > 1:  # below the panel, where it hides nothing
        axes.legend(frameon=False, fontsize=7.5, loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2)
    axes.set(xlabel="downstream examples, fine-tuned", ylabel="examples needed from scratch")


def draw_error_by_parameter(tables: Tables, entry: entries.Figure, study: Study) -> Figure:
    """Test error against the physics parameter whose range makes the shift.

    Points are means over the test examples of a value or bin of the parameter, of models trained on the given
    number of downstream examples; shaded is the range of the pre-training.
    """
    rows = tables.by_parameter
    rows = rows[rows["n_train"] == entry.n_train].drop_duplicates(["dataset", "model", "init", "parameter"])
    rows = rows.assign(system=systems(rows["dataset"], study))
    panels = list(rows.groupby("system", sort=False))
    if not panels:
        return nothing_drawn("These datasets are users' files, of which no physics parameter is known.")
    figure, axes = grid_of_panels(panels, 2.9)
    for panel, (system, points) in zip(axes, panels, strict=True):
        for arm in arms(points, study):
            of_arm = points[points["init"] == arm.init]
            for _, curve in of_arm.groupby(PANEL_AXES, sort=False):
                curve = curve.sort_values("parameter")
                panel.plot(curve["parameter"], curve["test_error"], "o-", color=arm.colour, markersize=3)
            if arm.init != SCRATCH:
                for low, high in _intervals(study.pretrainings[arm.init].dataset, system, study):
                    panel.axvspan(low, high, color=arm.colour, alpha=0.08, linewidth=0)
            panel.plot([], [], "o-", color=arm.colour, label=arm.name, markersize=3)
        parameter = SYSTEMS[system].shifted
        panel.set(
            yscale="log",
            xlabel=f"{parameter} ${SYSTEMS[system].symbols[parameter]}$",
            title=system_in_words(system),
        )
        plain_log(panel.yaxis)
        panel.legend(frameon=False, fontsize=7.5)
        sns.despine(ax=panel)
    axes[0].set_ylabel("relative L2 test error")
    figure.suptitle(f"{entry.title}, n = {entry.n_train}", fontsize=10)
    return figure


FIGURES: dict[str, Callable[[Tables, entries.Figure, Study], Figure]] = {
    "error_vs_data": draw_error_vs_data,
    "data_savings": draw_data_savings,
    "error_by_parameter": draw_error_by_parameter,
    "savings_by_distance": draw_savings_by_distance,
}
