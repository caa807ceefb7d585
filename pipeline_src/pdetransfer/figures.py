"""Figures: one function for each kind, (table, options) -> figure. They read nothing but the table.

``options`` holds the ``title``, and for the physics ranges drawn above the curves ``datasets`` (the entries
of config by name) and ``pretrainings`` (the pre-training dataset of each init).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from pdetransfer.experiments import SCRATCH
from pdetransfer.files import atomic
from pdetransfer.systems import SYSTEMS
from pdetransfer.tables import data_savings

_PALETTE = sns.color_palette("colorblind")
_SCRATCH_COLOUR, _FINE_TUNED_COLOURS = _PALETTE[1], [_PALETTE[i] for i in (0, 4, 2)]
_DOWNSTREAM_COLOUR = _PALETTE[2]
_BOUNDS = {"exact": ("o", ""), "lower": ("^", "≥ "), "upper": ("v", "≤ ")}  # marker, sign
_PANEL_AXES = ["dataset", "model", "recipe"]
_STYLE = {
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "font.size": 8.5,
    "svg.hashsalt": "pdetransfer",  # the same table gives the same file
}
_PANEL = (4.3, 3.1)  # inches, width and height of one pair of axes


@dataclass(frozen=True)
class _Arm:
    """How the curve of an init is drawn and called."""

    init: str
    name: str
    zero_name: str  #: of its point without training
    colour: tuple[float, float, float]


def _arms(table: pd.DataFrame) -> list[_Arm]:
    """The arms of a table, scratch first, always in the same colours."""
    inits = [init for init in table["init"].unique() if init != SCRATCH]
    arms = (
        [_Arm(SCRATCH, "from scratch", "untrained", _SCRATCH_COLOUR)] if SCRATCH in set(table["init"]) else []
    )
    for init, colour in zip(inits, cycle(_FINE_TUNED_COLOURS), strict=False):
        of = f", {init}" if len(inits) > 1 else ""
        arms.append(_Arm(init, f"fine-tuned{of}", f"zero-shot{of}", colour))
    return arms


def draw_error_vs_data(table: pd.DataFrame, options: dict) -> Figure:
    """Test error against the number of downstream examples, fine-tuned and from scratch.

    Lines are means over seeds, bands their quartiles; 0 examples stand for the pre-trained model as it is
    (zero-shot), and for the untrained network. Above: the ranges of the physics parameter.
    """
    panels = list(table.groupby(_PANEL_AXES, sort=False))
    figure, axes = plt.subplots(
        2,
        len(panels),
        figsize=(_PANEL[0] * len(panels), _PANEL[1] + 1.0),
        height_ratios=[1, 4.2],
        squeeze=False,
        layout="constrained",
    )
    for (ranges, curves), (names, rows) in zip(axes.T, panels, strict=True):
        _draw_ranges(ranges, names[0], rows, options)
        _draw_curves(curves, rows)
        _name_panel(ranges, names, panels)
    figure.suptitle(options["title"], fontsize=9.5)
    return figure


def _name_panel(axes: Axes, names: tuple[str, ...], panels: list) -> None:
    """The names that tell a panel from the others, above it."""
    columns = zip(*(other for other, _ in panels), strict=True)
    differing = [name for name, values in zip(names, columns, strict=True) if len(set(values)) > 1]
    axes.set_title(", ".join(differing))


def _draw_curves(axes: Axes, rows: pd.DataFrame) -> None:
    rows = rows.assign(x=_positions(rows["n_train"]))
    for arm in _arms(rows):
        curve = rows[rows["init"] == arm.init]
        zero, trained = curve[curve["n_train"] == 0], curve[curve["n_train"] > 0]
        style = {"color": arm.colour, "marker": "o", "markeredgewidth": 0}
        sns.lineplot(trained, x="x", y="test_error", errorbar=("pi", 50), ax=axes, **style)
        # Of falling lines, the first point has room above, the last one below.
        point, offset, ha = (0, (0, 8), "left") if arm.init == SCRATCH else (-1, (0, -15), "right")
        means = trained.groupby("x")["test_error"].mean()
        _label(axes, arm.name, means.index[point], means.iloc[point], offset, arm.colour, ha)
        if not zero.empty:
            x, y = zero["x"].iloc[0], zero["test_error"].mean()
            axes.plot(x, y, "D", color=arm.colour, markersize=5)
            _label(axes, arm.zero_name, x, y, (0, 8), arm.colour, "center")
    _log_log(axes, rows)
    axes.set(xlabel="downstream training examples", ylabel="relative L2 test error")


def _draw_ranges(axes: Axes, dataset: str, rows: pd.DataFrame, options: dict) -> None:
    """The interval of the shifted parameter of the downstream dataset, below that of each pre-training.

    Left empty for datasets without one system or without ranges, such as a user's files.
    """
    system = options["datasets"][dataset].get("system")
    arms = [arm for arm in _arms(rows) if arm.init != SCRATCH]
    bars = [
        (f"pre-training{'' if len(arms) == 1 else f', {arm.init}'}", interval, arm.colour)
        for arm in arms
        for interval in _intervals(options["pretrainings"][arm.init], system, options["datasets"])
    ]
    bars += [
        ("downstream", interval, _DOWNSTREAM_COLOUR)
        for interval in _intervals(dataset, system, options["datasets"])
    ]
    sns.despine(ax=axes, left=True)
    if not bars:
        axes.set_axis_off()
        return
    for height, (role, (low, high), colour) in enumerate(reversed(bars)):
        axes.barh(height, high - low, left=low, height=0.72, color=colour, alpha=0.3)
        text = f"{role}  U({low:g}, {high:g})"
        axes.text((low + high) / 2, height, text, ha="center", va="center", fontsize=8)
    ends = [end for _, interval, _ in bars for end in interval]
    pad = 0.04 * (max(ends) - min(ends))
    axes.set(yticks=[], xlim=(min(ends) - pad, max(ends) + pad), ylim=(-0.6, len(bars) - 0.4))
    parameter = SYSTEMS[system].shifted
    axes.set_xlabel(f"{parameter} ${SYSTEMS[system].symbols[parameter]}$", labelpad=1)


def _intervals(name: str, system: str | None, datasets: dict) -> list[tuple[float, float]]:
    """Ranges of the system's shifted parameter in a dataset, or in the datasets of a mixture."""
    if system is None:
        return []
    key = f"{SYSTEMS[system].shifted}_range"
    entries = [datasets[component] for component in datasets[name].get("mix", [name])]
    return [entry[key] for entry in entries if entry.get("system") == system and key in entry]


def draw_data_savings(table: pd.DataFrame, options: dict) -> Figure:
    """Examples that training from scratch needs to reach the error of the fine-tuned model.

    An upward arrow is a lower bound: fine-tuning is better than the largest training from scratch. A
    downward arrow is an upper bound. Below the dashed line pre-training does harm.
    """
    savings = data_savings(table)
    panels = list(savings.groupby(_PANEL_AXES, sort=False))
    figure, axes = plt.subplots(
        1, len(panels), figsize=(_PANEL[0] * len(panels), _PANEL[1]), squeeze=False, layout="constrained"
    )
    for panel, (names, rows) in zip(axes[0], panels, strict=True):
        _draw_savings(panel, rows)
        _name_panel(panel, names, panels)
    figure.suptitle(options["title"], fontsize=9.5)
    return figure


def _draw_savings(axes: Axes, rows: pd.DataFrame) -> None:
    rows = rows.assign(x=_positions(rows["n_train"])).sort_values("x")
    arms = _arms(rows)
    for arm in arms:
        curve = rows[rows["init"] == arm.init]
        axes.plot(curve["x"], curve["equivalent_n"], color=arm.colour, linewidth=1.2, alpha=0.5)
        for point in curve.itertuples():
            marker, sign = _BOUNDS[point.bound]
            axes.plot(point.x, point.equivalent_n, marker, color=arm.colour, markersize=6)
            if point.n_train:
                ratio = f"{sign}{point.ratio:.{0 if point.ratio >= 10 else 1}f}×"
                _label(axes, ratio, point.x, point.equivalent_n, (0, 7), arm.colour, "center")
        if len(arms) > 1:
            last = curve.iloc[-1]
            _label(axes, arm.name, last["x"], last["equivalent_n"], (0, -15), arm.colour, "right")
    trained = rows[rows["n_train"] > 0]
    axes.plot(trained["x"], trained["n_train"], "--", color="0.4", linewidth=1)
    middle = trained.iloc[len(trained) // 2]
    _label(axes, "no savings", middle["x"], middle["n_train"], (4, -12), "0.35")
    _log_log(axes, rows)
    axes.set(xlabel="downstream examples, fine-tuned", ylabel="examples needed from scratch")


def _log_log(axes: Axes, rows: pd.DataFrame) -> None:
    """Logarithmic axes in plain numbers, with a tick at each n_train."""
    ticks = sorted(rows.groupby("n_train")["x"].first().items())
    axes.set(xscale="log", yscale="log")
    axes.xaxis.set_major_locator(FixedLocator([x for _, x in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{n:g}" for n, _ in ticks])
    axes.yaxis.set_major_locator(LogLocator(subs=[1, 2, 5]))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.margins(x=0.12, y=0.13)
    sns.despine(ax=axes)


def _positions(n_train: pd.Series) -> pd.Series:
    """Where n_train stands on a logarithmic axis: 0 stands left of the smallest positive one."""
    smallest = n_train[n_train > 0].min()
    return n_train.astype(float).where(n_train > 0, smallest / 3)


def _label(
    axes: Axes, text: str, x: float, y: float, offset: tuple[int, int], colour, ha: str = "left"
) -> None:
    """A direct label, readable where it crosses a line."""
    halo = [withStroke(linewidth=2.5, foreground="white")]
    axes.annotate(
        text, (x, y), offset, textcoords="offset points", color=colour, ha=ha, fontsize=8.5, path_effects=halo
    )


FIGURES: dict[str, Callable[[pd.DataFrame, dict], Figure]] = {
    "error_vs_data": draw_error_vs_data,
    "data_savings": draw_data_savings,
}


def save(draw: Callable[[], Figure], paths: list[Path]) -> None:
    """Draw a figure in the house style and save it to each path, in the format of its suffix."""
    with plt.rc_context(), sns.axes_style("ticks"):
        plt.rcParams.update(_STYLE)
        figure = draw()
        for path in paths:
            metadata = {"Date": None} if path.suffix == ".svg" else {}
            with atomic(path) as temporary:
                figure.savefig(temporary, format=path.suffix[1:], dpi=200, metadata=metadata)
        plt.close(figure)
