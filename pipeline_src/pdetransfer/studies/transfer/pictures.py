"""Figs. 1 and 2 of arXiv 2306.00258, drawn anew: what the study does, and what its data look like."""

from collections.abc import Callable, Iterator
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems.poisson import diffusion_tensor
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import PALETTE
from pdetransfer.report.galleries import add_scale, show


def draw_stages(study: Study) -> Figure:
    """Fig. 1 of arXiv 2306.00258, drawn anew: what is trained on what, and what is compared."""
    figure = plt.figure(figsize=(8.8, 3.1))
    canvas = figure.add_axes([0, 0, 1, 1])
    canvas.set(xlim=(0, 8.8), ylim=(0, 3.1))
    canvas.set_axis_off()
    law, grid = _law(study), Grid(study.grid.num_points)
    source = law.fields(law.amplitudes(np.random.default_rng(3).random((1, law.num_uniforms))), grid)
    for row, (name, _, coefficients) in enumerate(_growing()):
        system, bottom = SYSTEMS[name], 1.98 - 0.94 * row
        canvas.text(0.1, bottom + 0.66, system.title, fontsize=8, color=PALETTE[0])
        centred = source - (source.mean() if system.zero_mean else 0)
        solutions = system.solve(coefficients[1:3], np.repeat(centred, 2, axis=0), grid)
        panels = [figure.add_axes([left / 8.8, bottom / 3.1, 0.6 / 8.8, 0.6 / 3.1]) for left in (0.1, 0.73)]
        first, second = map(partial(show, is_source=False), panels, solutions)
        first.set_norm(second.norm)
        second.norm.vmax = np.abs(solutions).max()
        second.norm.vmin = -second.norm.vmax
        add_scale(panels[1], second)
    boxes = [
        (
            1.75,
            1.35,
            1.75,
            0.95,
            "pre-training",
            "one system, or all mixed\nlearning rate tuned",
            PALETTE[0],
        ),
        (4.35, 1.9, 2.0, 0.85, "fine-tuned", "from pre-trained weights\nn = 0 is zero-shot", PALETTE[0]),
        (4.35, 0.2, 2.0, 0.85, "from scratch", "from random weights", PALETTE[1]),
        (7.15, 1.0, 1.5, 0.95, "test error", "against n:\ndata savings", PALETTE[7]),
    ]
    for left, bottom, width, height, name, text, colour in boxes:
        box = plt.Rectangle(
            (left, bottom), width, height, facecolor=(*colour, 0.12), edgecolor=colour, linewidth=1.2
        )
        canvas.add_patch(box)
        canvas.text(left + width / 2, bottom + height - 0.2, name, ha="center", va="center", weight="bold")
        canvas.text(left + width / 2, bottom + height / 2 - 0.17, text, ha="center", va="center", fontsize=8)
    downstream = "n downstream examples,\nranges shifted or not;\nlearning rate tuned"
    canvas.text(5.35, 1.475, downstream, ha="center", va="center", fontsize=8, color=PALETTE[2])
    arrows = [
        ((1.42, 1.82), (1.74, 1.82)),
        ((3.5, 1.6), (4.34, 2.3)),
        ((6.35, 2.3), (7.14, 1.65)),
        ((6.35, 0.65), (7.14, 1.3)),
    ]
    for start, end in arrows:
        canvas.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": "0.3", "linewidth": 1.2})
    canvas.text(0.1, 2.93, "data: equations solved", weight="bold")
    return figure


def draw_systems(study: Study) -> Figure:
    """Fig. 2 of arXiv 2306.00258: sources of growing sparsity, and solutions of the three systems for one
    source while one coefficient grows."""
    law, grid = _law(study), Grid(study.grid.num_points)
    uniforms = np.random.default_rng(3).random((1, law.num_uniforms))
    sparsities = (0.2, 0.5, 0.8)
    laws = [SparseGaussians(law.num_centres, law.sigma, (s, s)) for s in sparsities]
    sources = [law.fields(law.amplitudes(uniforms), grid)[0] for law in laws]
    figure, axes = plt.subplots(3, 5, figsize=(7.6, 4.4), layout="constrained")
    for row, (sparsity, source) in enumerate(zip(sparsities, sources, strict=True)):
        add_scale(axes[row, 0], show(axes[row, 0], source, is_source=True))
        axes[row, 0].set(title=f"sparsity {sparsity:g}", ylabel="source")
    for row, (name, values, coefficients) in enumerate(_growing()):
        system = SYSTEMS[name]
        source = sources[1][None] - (sources[1].mean() if system.zero_mean else 0)
        for column, (label, c) in enumerate(zip(values, coefficients, strict=True)):
            solution = system.solve(c[None], source, grid)[0]
            add_scale(axes[row, column + 1], show(axes[row, column + 1], solution, is_source=False))
            axes[row, column + 1].set_title(label)
        axes[row, 1].set_ylabel(system.title)
    figure.suptitle("Sources, and solutions for the middle one while one coefficient grows", fontsize=9.5)
    return figure


def _law(study: Study) -> SparseGaussians:
    return SparseGaussians(**study.source.model_dump())


def _growing() -> Iterator[tuple[str, list[str], np.ndarray]]:
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


PICTURES: dict[str, Callable[[Study], Figure]] = {"stages": draw_stages, "systems": draw_systems}
