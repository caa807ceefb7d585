"""What the figures of all studies are drawn with: tables, arms with their colours, panels, axes, labels."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, NullLocator, StrMethodFormatter

from pdetransfer.base.files import atomic
from pdetransfer.plan.entries import OWN, SCRATCH, from_init
from pdetransfer.plan.study import Study

PALETTE = sns.color_palette("colorblind")
SCRATCH_COLOUR, DOWNSTREAM_COLOUR = PALETTE[1], PALETTE[2]
OWN_COLOURS, MIXED_COLOURS = [PALETTE[0], PALETTE[9]], [PALETTE[4], PALETTE[6]]
PANEL_AXES = ["dataset", "model", "recipe"]
WIDTH = 8.8  #: inches of a whole figure
_STYLE = {
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "font.size": 8.5,
    "svg.hashsalt": "pdetransfer",  # the same table gives the same file
}
_MOST_LABELS = 8  # of n_train


@dataclass(frozen=True)
class Tables:
    """The tables of a figure's experiments: ``cells``, a row for each cell and seed, ``savings`` and
    ``by_parameter`` (``tables.cell_rows``, ``data_savings``, ``errors_by_parameter``); and ``tables`` of the study
    by name, those that the figure's kind asks for."""

    cells: pd.DataFrame
    savings: pd.DataFrame
    by_parameter: pd.DataFrame
    tables: dict[str, pd.DataFrame] = field(default_factory=dict)


@dataclass(frozen=True)
class Arm:
    """How the curve of an init is drawn and called."""

    init: str
    name: str
    colour: tuple[float, float, float]


def arms(rows: pd.DataFrame, study: Study) -> list[Arm]:
    """The arms of one panel, scratch first: in every figure, scratch is orange, a pre-training on one
    system blue, on a mixture purple."""
    found, colours = [], {False: cycle(OWN_COLOURS), True: cycle(MIXED_COLOURS)}
    own = {study.init_of(OWN, dataset) for dataset in rows["dataset"].unique()}
    inits = [init for init in rows["init"].unique() if init != SCRATCH]
    if SCRATCH in set(rows["init"]):
        found.append(Arm(SCRATCH, from_init(SCRATCH), SCRATCH_COLOUR))
    for init in inits:
        words = "" if len(inits) == 1 else "own system" if {init} == own else init.replace("_", " ")
        of = f", {words}" if words else ""
        found.append(Arm(init, f"fine-tuned{of}", next(colours[is_mixed(init, study)])))
    return found


def is_mixed(init: str, study: Study) -> bool:
    """Whether a pre-training is on a mixture."""
    return study.datasets[study.pretrainings[init].dataset].mix is not None


def systems(datasets: pd.Series, study: Study) -> pd.Series:
    """The system of each dataset, or its own name where it has none."""
    return datasets.map(lambda name: study.datasets[name].system or name)


def called(dataset: str, in_words: str) -> str:
    """How a figure names a dataset: in words, and below that as the config has it."""
    return dataset if in_words == dataset else f"{in_words}\n{dataset}"


def grid_of_panels(panels: list, height: float, with_ranges: bool = False) -> tuple[Figure, list]:
    """A figure with a panel for each of ``panels``, and its axes in their order; with ranges, pairs of axes: a low
    one above the panel's own."""
    count = len(panels)
    columns = 1 if count == 1 else 2
    rows = -(-count // columns)
    width = 5.2 if count == 1 else WIDTH
    figure = plt.figure(figsize=(width, rows * (height + 0.75 * with_ranges) + 0.3), layout="constrained")
    ratios = [0.75, height] * rows if with_ranges else [1] * rows
    grid = figure.add_gridspec(len(ratios), columns, height_ratios=ratios)
    axes: list = []
    for index in range(count):
        row, column = divmod(index, columns)
        shared = (axes[0][1] if with_ranges else axes[0]) if axes else None
        if with_ranges:
            axes.append(
                (
                    figure.add_subplot(grid[2 * row, column]),
                    figure.add_subplot(grid[2 * row + 1, column], sharey=shared),
                )
            )
        else:
            axes.append(figure.add_subplot(grid[row, column]))
    return figure, axes


def nothing_drawn(why: str) -> Figure:
    """A figure that says why it is empty."""
    figure = plt.figure(figsize=(WIDTH, 0.6))
    figure.text(0.5, 0.5, why, ha="center", va="center", fontsize=9.5)
    return figure


def panel_name(names: tuple[str, ...], panels: list) -> str:
    """The names that tell a panel from the others, the first so many that do."""
    columns = [*zip(*(other for other, _ in panels), strict=True)]
    told: list[int] = []
    for number, values in enumerate(columns):
        known = {tuple(other[column] for column in told) for other, _ in panels}
        if len(known) < len(panels) and len(set(values)) > 1:
            told.append(number)
    return ", ".join(names[number] for number in told)


def label_ends(axes: Axes, ends: list[tuple[float, float, str, tuple]]) -> None:
    """Names of lines, right of their last points, moved apart where these are close."""
    low, high = np.log(axes.get_ylim())
    gap = 0.055 * (high - low)
    height = np.inf
    for x, y, name, colour in sorted(ends, key=lambda end: -end[1]):
        height = min(np.log(y), height - gap)
        position = (1.02, (height - low) / (high - low))
        style = {"color": colour, "va": "center", "fontsize": 8, "annotation_clip": False}
        axes.annotate(name, (x, y), position, textcoords="axes fraction", **style)


def label(
    axes: Axes, text: str, x: float, y: float, offset: tuple[int, int], colour: Any, ha: str = "left"
) -> None:
    """A direct label, readable where it crosses a line."""
    halo = [withStroke(linewidth=2.5, foreground="white")]
    axes.annotate(
        text, (x, y), offset, textcoords="offset points", color=colour, ha=ha, fontsize=8.5, path_effects=halo
    )


def log_log(axes: Axes, rows: pd.DataFrame) -> None:
    """Logarithmic axes in plain numbers, with a tick at each n_train, all labelled if there is room."""
    ticks = sorted(rows.groupby("n_train")["x"].first().items())
    axes.set(xscale="log", yscale="log")
    axes.xaxis.set_major_locator(FixedLocator([x for _, x in ticks]))
    axes.xaxis.set_minor_locator(NullLocator())
    labelled = labelled_n(rows["n_train"])
    axes.set_xticklabels(
        [(f"{n}" if n % 1024 or not n else f"{n // 1024}K") * (n in labelled) for n, _ in ticks]
    )
    plain_log(axes.yaxis)
    axes.margins(x=0.12, y=0.13)
    sns.despine(ax=axes)


def plain_log(axis: Axis) -> None:
    """A logarithmic axis in plain numbers."""
    axis.set_major_locator(LogLocator(subs=[1, 2, 5]))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def labelled_n(n_train: pd.Series) -> set[int]:
    """The n_train that are written: all, or 0 and every other one back from the largest."""
    sizes = sorted(set(n_train))
    return {*sizes} if len(sizes) <= _MOST_LABELS else {*sizes[::-2], *(n for n in sizes if n == 0)}


def positions(n_train: pd.Series) -> pd.Series:
    """Where n_train stands on a logarithmic axis: 0 stands left of the smallest positive one."""
    smallest = n_train[n_train > 0].min()
    return n_train.astype(float).where(n_train > 0, smallest / 3)


def save(draw: Callable[[], Figure], paths: list[Path]) -> None:
    """Draw a figure in the house style and save it to each path, in the format of its suffix."""
    with plt.rc_context(), sns.axes_style("ticks"):
        plt.rcParams.update(_STYLE)
        figure = draw()
        for path in paths:
            metadata = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}.get(path.suffix, {})
            with atomic(path) as temporary:
                figure.savefig(temporary, format=path.suffix[1:], dpi=200, metadata=metadata)
        plt.close(figure)
