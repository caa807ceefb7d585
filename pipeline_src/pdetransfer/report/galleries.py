"""Pictures of data: cards of datasets, their ranges, inputs and solutions, predictions."""

from collections.abc import Callable
from itertools import cycle, groupby
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from pdetransfer.data import cards, disjoint
from pdetransfer.data.cards import Card
from pdetransfer.data.examples import Examples
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.systems.words import dataset_in_words, unit_of
from pdetransfer.plan import entries
from pdetransfer.plan.entries import SCRATCH, from_init
from pdetransfer.report.figures import PALETTE, WIDTH, called, nothing_drawn

if TYPE_CHECKING:  # else a dataset's card waits for PyTorch to be imported
    from pdetransfer.report.predictions import Prediction, Spectra

_SOURCE, _SOLUTION = "cividis", "RdBu_r"  # colour maps that print, and that colour-blind readers can read
_ERROR = "magma_r"
_NUMBERS = {"labelsize": 6.5, "length": 1.5, "width": 0.4, "pad": 1}  # of scales
_HEADING = {"fontsize": 8.5, "x": 0.005, "ha": "left"}  # of a dataset's rows
_HEADING_HEIGHT = 0.4  # inches
_SHARED = 3  # sentences on a card about what its sets have in common with others
_ROLLED_OUT = 5  # frames of a roll-out that are shown
GALLERY_EXAMPLES = 3  #: of each dataset in its system's gallery


def show(axes: Axes, field: np.ndarray, is_source: bool) -> AxesImage | None:
    """A field with y upwards; a solution with white at zero, unless it is positive. In one dimension a line, of a
    block in time the last frame."""
    limit, is_source = np.abs(field).max(), is_source or field.min() > 0
    axes.set(xticks=[], yticks=[])
    if field.ndim == 3:  # a block in time
        field = field[-1]
    if field.ndim == 1:
        axes.plot(field, color=PALETTE[7] if is_source else PALETTE[0], linewidth=1)
        return None
    limits = {} if is_source else {"vmin": -limit, "vmax": limit}
    return axes.imshow(field, origin="lower", cmap=_SOURCE if is_source else _SOLUTION, **limits)


def add_scale(axes: Axes, image: AxesImage | None, unit: str = "") -> None:
    """The scale of an image, a bar right of its axes with a few numbers and the unit; of a line these at its
    axes."""
    if image is None:
        axes.yaxis.set(major_locator=MaxNLocator(3), major_formatter=StrMethodFormatter("{x:g}"))
        axes.tick_params(axis="y", **_NUMBERS)
        axes.set_ylabel(unit, fontsize=_NUMBERS["labelsize"], labelpad=1)
        return
    beside = axes.inset_axes((1.05, 0, 0.07, 1))
    style_scale(axes.figure.colorbar(image, cax=beside), unit)


def style_scale(bar: Colorbar, unit: str) -> None:
    """A few small numbers at a bar of colours, and their unit."""
    bar.locator, bar.formatter = MaxNLocator(3), StrMethodFormatter("{x:g}")
    bar.update_ticks()
    bar.outline.set_linewidth(0.4)
    bar.ax.tick_params(**_NUMBERS)
    bar.set_label(unit, fontsize=_NUMBERS["labelsize"], labelpad=1)


def draw_card(card: Card) -> Figure:
    """Examples of a dataset, its physics parameters as sampled, the RMS and the spectra of its fields."""
    heights = {"gallery": 3.2, "parameters": 1.35, "fields": 1.9}
    if card.parameters.empty:
        del heights["parameters"]
    figure = plt.figure(figsize=(7.6, sum(heights.values())), layout="constrained")
    bands = dict(
        zip(heights, figure.subfigures(len(heights), 1, height_ratios=[*heights.values()]), strict=True)
    )
    axes = bands["gallery"].subplots(2, len(card.gallery), squeeze=False)
    for column, pair in enumerate(card.gallery):
        for row, (field, name) in enumerate(zip(pair, card.shown, strict=True)):
            image = show(axes[row, column], field, is_source=row == 0)
            add_scale(axes[row, column], image, unit_of(card.facts["system"], name))
            axes[row, len(card.gallery) // 2].set_title(name.replace("_", " "), fontsize=8)
    if "parameters" in bands:
        axes = bands["parameters"].subplots(1, card.parameters.shape[1], squeeze=False)[0]
        for panel, (name, values) in zip(axes, card.parameters.items(), strict=True):
            panel.hist(values, bins=30, color=PALETTE[0], linewidth=0)
            panel.set(xlabel=name.replace("_", " "), yticks=[])
            if values.nunique() == 1:  # whose bins are one unit wide
                panel.set_xticks(values.unique(), [f"{value:g}" for value in values.unique()])
            sns.despine(ax=panel, left=True)
    rms, spectra = bands["fields"].subplots(1, 2)
    _draw_scales(rms, spectra, card)
    name = called(card.facts["dataset"], cards.in_words(card.facts))
    title = ":  ".join(filter(None, (name, card.facts["equation"])))
    if "channels" in card.facts:
        known = {key: card.facts[key] for key in ("boundary", "conserved") if card.facts[key]}
        told = [f"frames {card.facts['time_step']:.3g} apart", *(f"{key}: {of}" for key, of in known.items())]
        title += f"\n{'; '.join(told)}"
    shared = [*map(disjoint.in_words, card.facts["shared"])]
    more = [f"and {len(shared) - _SHARED} more, in datasets/disjoint.json"] if len(shared) > _SHARED else []
    figure.suptitle("\n".join([title, *shared[:_SHARED], *more]), fontsize=9.5)
    return figure


def _draw_scales(rms: Axes, spectra: Axes, card: Card) -> None:
    """RMS over examples, and mean energy by wavenumber, of fields and outputs."""
    bins = np.geomspace(card.rms.min().min(), card.rms.max().max(), 40)
    for (name, values), colour in zip(card.rms.items(), PALETTE, strict=False):
        rms.hist(values, bins=bins, color=colour, alpha=0.6, linewidth=0)
        energy = card.spectra[name].iloc[1:]
        spectra.plot(energy.index, energy, color=colour, label=name.replace("_", " "))
    rms.set(xscale="log", xlabel="RMS", yticks=[])
    several = bins[-1] > 100 * bins[0]  # decades, in which all of these labels would overlap
    rms.xaxis.set_major_locator(LogLocator(subs=[1] if several else [1, 2, 5]))
    rms.xaxis.set_minor_locator(NullLocator())
    spectra.set(xscale="log", yscale="log", xlabel="wavenumber", ylabel="energy")
    spectra.legend(frameon=False, fontsize=8)
    for axes in (rms, spectra):
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        sns.despine(ax=axes)


def draw_ranges(table: pd.DataFrame) -> Figure:
    """The range of each dataset's shifted parameter; what overlaps with the pre-training range is dark."""
    table = table[table["parameter"].notna()]
    systems = list(table.groupby("system", sort=False))
    if not systems:
        return nothing_drawn("No ranges of a parameter are known of these datasets.")
    figure, axes = plt.subplots(
        len(systems),
        1,
        figsize=(5.6, 0.42 * len(table) + 0.75 * len(systems)),
        height_ratios=[len(rows) + 0.5 for _, rows in systems],
        squeeze=False,
        layout="constrained",
    )
    for panel, (system, rows) in zip(axes[:, 0], systems, strict=True):
        base = rows[rows["role"] == "pre-training"]
        for height, row in enumerate(rows[::-1].itertuples()):
            is_base = row.role == "pre-training"
            style = {"height": 0.7, "color": PALETTE[0 if is_base else 2], "linewidth": 0}
            panel.barh(height, row.high - row.low, left=row.low, alpha=0.35, **style)
            if row.high == row.low:  # a single value
                panel.plot([row.low, row.low], [height - 0.35, height + 0.35], color=style["color"])
            for other in () if is_base else base.itertuples():
                low, high = max(row.low, other.low), min(row.high, other.high)
                panel.barh(height, max(0, high - low), left=low, **style)
        parameter = rows["parameter"].iloc[0]
        words = [
            dataset_in_words(system, {f"{parameter}_range": (row.low, row.high)}) for row in rows.itertuples()
        ]
        panel.set_yticks(range(len(rows)), [*map(called, rows["dataset"], words)][::-1])
        panel.set_xlabel(f"{parameter} ${SYSTEMS[system].symbols[parameter]}$", labelpad=1)
        sns.despine(ax=panel, left=True)
        panel.tick_params(axis="y", length=0)
    figure.suptitle("Shifts: pre-training ranges blue, downstream ranges green, overlap dark", fontsize=9.5)
    return figure


def draw_gallery(examples: dict[str, Examples]) -> Figure:
    """Inputs and, to the right of each, solutions of the first training examples, a row for each dataset. Each
    field has a scale of its own; where a solution is zero it is white."""
    figure, bands = _bands([1] * len(examples), height=1.3)
    for band, (dataset, first) in zip(bands, examples.items(), strict=True):
        band.suptitle(dataset, **_HEADING)
        axes = band.subplots(1, 2 * GALLERY_EXAMPLES)
        names = first.field_names[0], first.output_names[0]
        for index, pair in enumerate(zip(first.fields[:, 0], first.outputs[:, 0], strict=True)):
            for number, (panel, field, name) in enumerate(zip(axes[2 * index :], pair, names, strict=False)):
                add_scale(panel, show(panel, field, is_source=number == 0), unit_of(first.system, name))
                panel.set_title(name.replace("_", " "), fontsize=8)
        for panel in axes[2 * len(first) :]:  # a dataset may have fewer than there are columns
            panel.set_axis_off()
    return figure


def _bands(rows: list[int], height: float, title: str | None = None) -> tuple[Figure, list[SubFigure]]:
    """A figure with a band for each dataset, of so many rows of a height in inches, below a heading."""
    heights = [height * count + _HEADING_HEIGHT for count in rows]
    figure = plt.figure(figsize=(WIDTH, sum(heights) + (0.35 if title else 0)), layout="constrained")
    if title:
        figure.suptitle(title, fontsize=10)
    return figure, list(figure.subfigures(len(rows), 1, squeeze=False, height_ratios=heights)[:, 0])


def draw_predictions(rows: "list[Prediction]", entry: entries.Figure) -> Figure:
    """Input, true solution, and for each init a prediction with its error beside it, of two test examples of each
    dataset: those with the median and the worst error of the fine-tuned model. Solutions and predictions of a row
    share the scale right of the solution, errors that right of the first; the number is the relative L2 error."""
    columns = 2 + 2 * max(len(row.predictions) for row in rows)
    datasets = [list(of_dataset) for _, of_dataset in groupby(rows, lambda row: row.dataset)]
    title = f"{entry.title}, n = {entry.n_train}"
    figure, bands = _bands([*map(len, datasets)], 1.3, title)
    for band, of_dataset in zip(bands, datasets, strict=True):
        band.suptitle(of_dataset[0].dataset, **_HEADING)
        axes = band.subplots(len(of_dataset), columns, squeeze=False)
        for panels, row in zip(axes, of_dataset, strict=True):
            _draw_prediction(panels, row)
    return figure


def _draw_prediction(panels: np.ndarray, row: "Prediction") -> None:
    """A test example and what models predict, in a row of axes."""
    worst = max(np.abs(p - row.solution).max() for p in row.predictions.values())
    add_scale(panels[0], show(panels[0], row.source, is_source=True), row.units[0])
    solution = show(panels[1], row.solution, is_source=False)
    add_scale(panels[1], solution, row.units[1])
    for panel, name in zip(panels, row.shown, strict=False):
        panel.set_title(name.replace("_", " "), fontsize=8)
    panels[0].set_title(f"{row.rank}: {panels[0].get_title()}", fontsize=8)
    for index, init in enumerate(row.predictions):
        prediction, error = panels[2 + 2 * index], panels[3 + 2 * index]
        _show_like(panels[1], solution, prediction, row.predictions[init])
        image = _show_error(error, np.abs(row.predictions[init] - row.solution), worst)
        if index == 0:
            add_scale(error, image, row.units[1])
        short = init.replace("advection_diffusion", "adv-diff")  # as long as a panel is wide
        prediction.set_title(f"from {short.replace('_', '-')}", fontsize=7)
        error.set_title(f"error {row.errors[init]:.2g}", fontsize=8)
    for panel in panels[2 + 2 * len(row.predictions) :]:
        panel.set_axis_off()


def _show_like(axes: Axes, image: AxesImage | None, beside: Axes, field: np.ndarray) -> None:
    """A field ``beside`` the axes of another, which is shown as ``image`` or as a line, on the same scale."""
    shown = show(beside, field, is_source=False)
    if image is None:
        beside.set_ylim(axes.get_ylim())
    elif shown is not None:
        shown.set_norm(image.norm)


def _show_error(axes: Axes, error: np.ndarray, worst: float) -> AxesImage | None:
    axes.set(xticks=[], yticks=[])
    error = error[-1] if error.ndim == 3 else error
    if error.ndim == 1:
        axes.plot(error, color="0.3", linewidth=1)
        axes.set_ylim(0, worst)
        return None
    return axes.imshow(error, origin="lower", cmap=_ERROR, vmin=0, vmax=worst)


def draw_spectra(rows: "list[Spectra]", entry: entries.Figure) -> Figure:
    """Energy of the error by wavenumber, of models from scratch and fine-tuned, beside that of the solution: of
    the first output, and of roll-outs over all predicted frames.

    Where the line of an error meets the grey one, the model knows nothing of that scale; the distance between
    two models shows at which scales pre-training helps. Means over the first test examples, up to 64.
    """
    count = len(rows)
    columns = min(count, 3)
    lines = -(-count // columns)
    figure, axes = plt.subplots(
        lines, columns, figsize=(2.9 * columns + 0.4, 2.6 * lines + 0.3), squeeze=False, layout="constrained"
    )
    for panel, row in zip(axes.ravel(), rows, strict=False):
        wavenumbers = np.arange(1, len(row.solution))
        panel.plot(wavenumbers, row.solution[1:], color="0.6", linewidth=2, label="solution")
        own = cycle((PALETTE[0], PALETTE[4], PALETTE[9]))
        for init, energy in row.errors.items():
            colour = PALETTE[1] if init == SCRATCH else next(own)
            panel.plot(wavenumbers, energy[1:], color=colour, label=f"error {from_init(init)}")
        # A smooth solution falls to rounding, far below what a model is asked for.
        lowest = min(energy[1:].min() for energy in row.errors.values())
        panel.set(xscale="log", yscale="log", title=row.dataset, ylim=(lowest / 100, None))
        panel.xaxis.set_major_locator(LogLocator(subs=[1, 2, 5]))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        panel.legend(frameon=False, fontsize=7, loc="lower left")
        sns.despine(ax=panel)
    for panel in axes.ravel()[count:]:
        panel.set_axis_off()
    figure.supxlabel("wavenumber", fontsize=9)
    figure.supylabel("energy", fontsize=9)
    figure.suptitle(f"{entry.title}, n = {entry.n_train}", fontsize=10)
    return figure


def draw_roll_outs(rows: "list[Prediction]", entry: entries.Figure) -> Figure:
    """A test trajectory of each dataset, that with the median error of the fine-tuned model: the first channel at
    some frames after the inputs, and what models predict. All frames of a trajectory share the scale right of
    them; the number is the relative L2 error of the frame."""
    lines = [1 + len(row.predictions) for row in rows]
    figure, bands = _bands(lines, 1.35, f"{entry.title}, n = {entry.n_train}")
    for band, row, count in zip(bands, rows, lines, strict=True):
        band.suptitle(row.dataset, **_HEADING)
        axes = band.subplots(count, _ROLLED_OUT, squeeze=False)
        image = _draw_roll_out(axes, row)
        style_scale(band.colorbar(image, ax=axes, fraction=0.02, aspect=40, pad=0.01), row.units[1])
    return figure


def _draw_roll_out(axes: np.ndarray, row: "Prediction") -> AxesImage:
    """The truth in the first line of axes, and a prediction in each other one; its last frame is returned."""
    times = np.unique(np.linspace(0, len(row.solution) - 1, _ROLLED_OUT).astype(int))
    low, high = row.solution.min(), row.solution.max()
    limits = {"vmin": -max(-low, high), "vmax": max(-low, high)} if low < 0 else {"vmin": low, "vmax": high}
    style = {"origin": "lower", "cmap": _SOLUTION if low < 0 else _SOURCE, **limits}
    shown = {row.shown[1].replace("_", " "): row.solution} | {
        from_init(init): frames for init, frames in row.predictions.items()
    }
    for line, (name, frames) in zip(axes, shown.items(), strict=True):
        line[0].set_ylabel(name, fontsize=8)
        for panel, time in zip(line, times, strict=False):
            panel.set(xticks=[], yticks=[])
            image = panel.imshow(frames[time], **style)
            truth = row.solution[time]
            error = np.linalg.norm(frames[time] - truth) / np.linalg.norm(truth)
            title = f"frame {time + 1}" if frames is row.solution else f"error {error:.2g}"
            panel.set_title(title, fontsize=8)
        for panel in line[len(times) :]:
            panel.set_axis_off()
    return image


#: What draws the kinds of figures that show what models predict.
GALLERIES: dict[str, Callable[..., Figure]] = {
    "predictions": draw_predictions,
    "spectra": draw_spectra,
    "roll_outs": draw_roll_outs,
}
