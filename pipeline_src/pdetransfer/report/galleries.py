"""Pictures of data: cards of datasets, their ranges, inputs and solutions, predictions."""

from collections.abc import Callable
from itertools import cycle
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, StrMethodFormatter

from pdetransfer.data.cards import Card
from pdetransfer.data.disjoint import in_words
from pdetransfer.data.examples import Examples
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan import entries
from pdetransfer.plan.entries import SCRATCH, from_init
from pdetransfer.report.figures import PALETTE, nothing_drawn

if TYPE_CHECKING:  # else a dataset's card waits for PyTorch to be imported
    from pdetransfer.report.predictions import Prediction, Spectra

_SOURCE, _SOLUTION = "cividis", "RdBu_r"  # colour maps that print, and that colour-blind readers can read
_ERROR = "magma_r"
_SHARED = 3  # sentences on a card about what its sets have in common with others
_ROLLED_OUT = 5  # frames of a roll-out that are shown
GALLERY_EXAMPLES = 4  #: of each dataset in its system's gallery


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


def add_scale(axes: Axes, image: AxesImage | None) -> None:
    """The scale of an image, a bar right of its axes with a few numbers; of a line a few numbers at its axes."""
    if image is None:
        axes.yaxis.set(major_locator=MaxNLocator(2), major_formatter=StrMethodFormatter("{x:g}"))
        axes.tick_params(axis="y", labelsize=5.5, length=1.5, width=0.4, pad=1)
        return
    beside = axes.inset_axes((1.05, 0, 0.07, 1))
    bar = axes.figure.colorbar(image, cax=beside, ticks=MaxNLocator(2), format=StrMethodFormatter("{x:g}"))
    bar.outline.set_linewidth(0.4)
    beside.tick_params(labelsize=5.5, length=1.5, width=0.4, pad=1)


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
            show(axes[row, column], field, is_source=row == 0)
            axes[row, 0].set_ylabel(name.replace("_", " "))
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
    title = ":  ".join(filter(None, (card.facts["dataset"], card.facts["equation"])))
    if "channels" in card.facts:
        known = {key: card.facts[key] for key in ("boundary", "conserved") if card.facts[key]}
        told = [f"frames {card.facts['time_step']:.3g} apart", *(f"{key}: {of}" for key, of in known.items())]
        title += f"\n{'; '.join(told)}"
    shared = [*map(in_words, card.facts["shared"])]
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
        figsize=(5.6, 0.36 * len(table) + 0.75 * len(systems)),
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
        panel.set_yticks(range(len(rows)), rows["dataset"][::-1])
        parameter = rows["parameter"].iloc[0]
        panel.set_xlabel(f"{parameter} ${SYSTEMS[system].symbols[parameter]}$", labelpad=1)
        sns.despine(ax=panel, left=True)
        panel.tick_params(axis="y", length=0)
    figure.suptitle("Shifts: pre-training ranges blue, downstream ranges green, overlap dark", fontsize=9.5)
    return figure


def draw_gallery(examples: dict[str, Examples]) -> Figure:
    """Inputs and, to the right of each, solutions of the first training examples, a row for each dataset. Each
    field has a scale of its own; where a solution is zero it is white."""
    columns = 2 * GALLERY_EXAMPLES
    figure, axes = plt.subplots(
        len(examples), columns, figsize=(8.8, 1.16 * len(examples) + 0.3), squeeze=False, layout="constrained"
    )
    for row, (dataset, first) in zip(axes, examples.items(), strict=True):
        for panel in row[2 * len(first) :]:  # a dataset may have fewer than there are columns
            panel.set_axis_off()
        for index, (source, solution) in enumerate(zip(first.fields[:, 0], first.outputs[:, 0], strict=True)):
            show(row[2 * index], source, is_source=True)
            show(row[2 * index + 1], solution, is_source=False)
        last = dataset.split("_")[-1]  # the range, behind the system's name
        row[0].set_ylabel(dataset if last in (first.system or "").split("_") else last, fontsize=8)
    first = next(iter(examples.values()))
    for index in range(max(map(len, examples.values()))):
        axes[0, 2 * index].set_title(first.field_names[0].replace("_", " "), fontsize=8)
        axes[0, 2 * index + 1].set_title(first.output_names[0], fontsize=8)
    return figure


def draw_predictions(rows: "list[Prediction]", entry: entries.Figure) -> Figure:
    """Input, true solution, and for each init a prediction with its error beside it, of two test examples of each
    dataset: those with the median and the worst error of the fine-tuned model. Solutions and predictions of a row
    share the scale right of the solution, errors that right of the first; the number is the relative L2 error."""
    columns = 2 + 2 * max(len(row.predictions) for row in rows)
    figure, axes = plt.subplots(
        len(rows), columns, figsize=(8.8, 1.3 * len(rows) + 0.35), squeeze=False, layout="constrained"
    )
    for panels, row in zip(axes, rows, strict=True):
        worst = max(np.abs(p - row.solution).max() for p in row.predictions.values())
        add_scale(panels[0], show(panels[0], row.source, is_source=True))
        solution = show(panels[1], row.solution, is_source=False)
        add_scale(panels[1], solution)
        panels[0].set_ylabel(f"{_short(row.dataset)}\n{row.rank}", fontsize=7)
        for panel, name in zip(panels, row.shown, strict=False):
            panel.set_title(name.replace("_", " "), fontsize=8)
        for index, init in enumerate(row.predictions):
            prediction, error = panels[2 + 2 * index], panels[3 + 2 * index]
            _show_like(panels[1], solution, prediction, row.predictions[init])
            image = _show_error(error, np.abs(row.predictions[init] - row.solution), worst)
            if index == 0:
                add_scale(error, image)
            prediction.set_title(from_init(_short(init)), fontsize=7)
            error.set_title(f"error {row.errors[init]:.2g}", fontsize=8)
        for panel in panels[2 + 2 * len(row.predictions) :]:
            panel.set_axis_off()
    figure.suptitle(f"{entry.title}, n = {entry.n_train}", fontsize=10)
    return figure


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


def _short(name: str) -> str:
    """A name as long as a panel is wide."""
    return name.replace("advection_diffusion", "adv-diff")


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
    some frames after the inputs, and what models predict. All frames of a trajectory share the scale right of the
    last one; the number is the relative L2 error of the frame."""
    heights = [1 + len(row.predictions) for row in rows]
    figure, axes = plt.subplots(
        sum(heights),
        _ROLLED_OUT,
        figsize=(8.8, 1.35 * sum(heights) + 0.35),
        squeeze=False,
        layout="constrained",
    )
    for row, last in zip(rows, np.cumsum(heights), strict=True):
        _draw_roll_out(axes[last - 1 - len(row.predictions) : last], row)
    figure.suptitle(f"{entry.title}, n = {entry.n_train}", fontsize=10)
    return figure


def _draw_roll_out(axes: np.ndarray, row: "Prediction") -> None:
    """The truth in the first line of axes, and a prediction in each other one."""
    times = np.unique(np.linspace(0, len(row.solution) - 1, _ROLLED_OUT).astype(int))
    low, high = row.solution.min(), row.solution.max()
    limits = {"vmin": -max(-low, high), "vmax": max(-low, high)} if low < 0 else {"vmin": low, "vmax": high}
    shown = {f"{_short(row.dataset)}\n{row.shown[1]}": row.solution} | {
        from_init(init): frames for init, frames in row.predictions.items()
    }
    for line, (name, frames) in zip(axes, shown.items(), strict=True):
        line[0].set_ylabel(name, fontsize=7)
        for panel, time in zip(line, times, strict=False):
            panel.set(xticks=[], yticks=[])
            image = panel.imshow(
                frames[time], origin="lower", cmap=_SOLUTION if low < 0 else _SOURCE, **limits
            )
            truth = row.solution[time]
            error = np.linalg.norm(frames[time] - truth) / np.linalg.norm(truth)
            panel.set_title(
                f"frame {time + 1}" if frames is row.solution else f"error {error:.2g}", fontsize=7
            )
        for panel in line[len(times) :]:
            panel.set_axis_off()
        if frames is row.solution:
            add_scale(line[len(times) - 1], image)


#: What draws the kinds of figures that show what models predict.
GALLERIES: dict[str, Callable[..., Figure]] = {
    "predictions": draw_predictions,
    "spectra": draw_spectra,
    "roll_outs": draw_roll_outs,
}
