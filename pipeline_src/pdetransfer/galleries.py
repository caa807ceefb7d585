"""Pictures of data: the card of a dataset, the shifts, and what sources and solutions look like."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from pdetransfer.cards import Card
from pdetransfer.grid import Grid
from pdetransfer.sources import SparseGaussians
from pdetransfer.systems import SYSTEMS
from pdetransfer.systems.poisson import diffusion_tensor

_SOURCE, _SOLUTION = "cividis", "RdBu_r"  # colour maps that print, and that colour-blind readers can read
_PALETTE = sns.color_palette("colorblind")


def _show(axes: Axes, field: np.ndarray, is_source: bool) -> None:
    """A field with y upwards; a solution with white at zero."""
    limit = np.abs(field).max()
    limits = {} if is_source else {"vmin": -limit, "vmax": limit}
    axes.imshow(field, origin="lower", cmap=_SOURCE if is_source else _SOLUTION, **limits)
    axes.set(xticks=[], yticks=[])


def draw_card(card: Card) -> Figure:
    """Examples of a dataset, its physics parameters as sampled, the RMS and the spectra of its fields."""
    figure = plt.figure(figsize=(7.6, 6.4), layout="constrained")
    gallery, parameters, fields = figure.subfigures(3, 1, height_ratios=[3.2, 1.35, 1.9])
    axes = gallery.subplots(2, len(card.gallery), squeeze=False)
    for column, pair in enumerate(card.gallery):
        for row, (field, name) in enumerate(zip(pair, ("source f", "solution u"), strict=True)):
            _show(axes[row, column], field, is_source=row == 0)
            axes[row, 0].set_ylabel(name)
    if card.parameters.shape[1]:
        axes = parameters.subplots(1, card.parameters.shape[1], squeeze=False)[0]
        for panel, (name, values) in zip(axes, card.parameters.items(), strict=True):
            panel.hist(values, bins=30, color=_PALETTE[0], linewidth=0)
            panel.set(xlabel=name.replace("_", " "), yticks=[])
            sns.despine(ax=panel, left=True)
    _draw_scales(*fields.subplots(1, 2), card)
    figure.suptitle(f"{card.facts['dataset']}:  {card.facts['equation']}", fontsize=9.5)
    return figure


def _draw_scales(rms: Axes, spectra: Axes, card: Card) -> None:
    """RMS over examples, and mean energy by wavenumber, of source and solution."""
    bins = np.geomspace(card.rms.min().min(), card.rms.max().max(), 40)
    for (name, values), colour in zip(card.rms.items(), _PALETTE, strict=False):
        rms.hist(values, bins=bins, color=colour, alpha=0.6, linewidth=0)
        energy = card.spectra[name].iloc[1:]
        spectra.plot(energy.index, energy, color=colour, label=name)
    rms.set(xscale="log", xlabel="RMS", yticks=[])
    rms.xaxis.set_major_locator(LogLocator(subs=[1, 2, 5]))
    rms.xaxis.set_minor_locator(NullLocator())
    spectra.set(xscale="log", yscale="log", xlabel="wavenumber", ylabel="energy")
    spectra.legend(frameon=False, fontsize=8)
    for axes in (rms, spectra):
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        sns.despine(ax=axes)


def draw_shifts(table: pd.DataFrame) -> Figure:
    """The range of each dataset's shifted parameter; what overlaps with the pre-training range is dark."""
    table = table[table["parameter"].notna()]
    systems = list(table.groupby("system", sort=False))
    if not systems:  # users' files alone have no ranges
        return plt.figure(figsize=(5.6, 0.4))
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
            style = {"height": 0.7, "color": _PALETTE[0 if is_base else 2], "linewidth": 0}
            panel.barh(height, row.high - row.low, left=row.low, alpha=0.35, **style)
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


def draw_systems(law: SparseGaussians, num_points: int) -> Figure:
    """Fig. 2 of arXiv 2306.00258: sources of growing sparsity, and solutions of the three systems for one
    source while one coefficient grows."""
    grid = Grid(num_points)
    uniforms = np.random.default_rng(3).random((1, law.num_uniforms))
    sparsities = (0.2, 0.5, 0.8)
    laws = [SparseGaussians(law.num_centres, law.sigma, (s, s)) for s in sparsities]
    sources = [law.fields(law.amplitudes(uniforms), grid)[0] for law in laws]
    figure, axes = plt.subplots(3, 5, figsize=(7.6, 5.1), layout="constrained")
    for row, (sparsity, source) in enumerate(zip(sparsities, sources, strict=True)):
        _show(axes[row, 0], source, is_source=True)
        axes[row, 0].set_title(f"source, sparsity {sparsity:g}")
    for row, (name, values, coefficients) in enumerate(_growing()):
        system = SYSTEMS[name]
        source = sources[1][None] - (sources[1].mean() if system.zero_mean else 0)
        for column, (label, c) in enumerate(zip(values, coefficients, strict=True)):
            solution = system.solve(c[None], source, grid)[0]
            _show(axes[row, column + 1], solution, is_source=False)
            axes[row, column + 1].set_title(label)
        axes[row, 1].set_ylabel(name.replace("_", "-"))
    figure.suptitle("Sources, and solutions for the middle one while one coefficient grows", fontsize=9.5)
    return figure


def _growing():
    """For each system the labels and coefficients of four solutions in which one coefficient grows."""
    angle = np.full(4, np.pi / 6)
    eigenvalues = np.array([1.0, 5.0, 10.0, 20.0])
    yield "poisson", [f"$e = {e:g}$" for e in eigenvalues], diffusion_tensor(eigenvalues, angle)
    speeds = np.array([0.0, 0.3, 1.0, 4.0])[:, None]
    convex = np.concatenate([diffusion_tensor(np.full(4, 2.0), angle), speeds, 0 * speeds], axis=1) / (
        1 + speeds
    )
    yield "advection_diffusion", [f"$s = {s:g}$" for s in speeds[:, 0]], convex
    omega = np.array([1.0, 5.0, 10.0, 15.0])
    helmholtz = np.stack([np.full(4, 0.01), np.full(4, 0.01), omega], axis=1)
    yield "helmholtz", [rf"$\omega = {w:g}$" for w in omega], helmholtz
