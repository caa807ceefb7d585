"""What the jobs of the study's own rule read (``plan.inputs``)."""

from dataclasses import asdict
from typing import Any, NamedTuple

from pdetransfer.plan.inputs import SplitFiles, splits
from pdetransfer.plan.study import Cell, Curve, Study

#: Below those of the sweep, so that no model comes near its targets within five steps: changes are then
#: proportional to the rate, and what is seen is the parametrization.
_LEARNING_RATE = 1e-4
# More than a sweep has: narrow models differ much from seed to seed, and five steps cost next to nothing.
_SEEDS = range(10)


class Measured(NamedTuple):
    """A cell whose first steps are measured: its axes, and its settings, with a learning rate and seeds of the
    check's own."""

    axes: dict[str, Any]
    settings: dict[str, Any]


class MeasuredOn(NamedTuple):
    """The cells of a dataset."""

    train: list[SplitFiles]
    validation: list[SplitFiles]
    cells: list[Measured]


def coordinates(study: Study, experiments: list[str]) -> list[MeasuredOn]:
    """Of each dataset and model of some experiments one cell: the others differ in their learning rates."""
    cells: dict[tuple[str, str], Cell] = {}
    for name in experiments:
        for curve, n_train in study.downstream(name):
            cells.setdefault((curve.dataset, curve.model), (curve, n_train))
    return [
        MeasuredOn(
            splits(study, dataset, "train"),
            splits(study, dataset, "validation"),
            [_measured(study, *cell) for (of, _), cell in cells.items() if of == dataset],
        )
        for dataset in dict.fromkeys(dataset for dataset, _ in cells)
    ]


def _measured(study: Study, curve: Curve, n_train: int) -> Measured:
    settings = study.cell_settings(curve, n_train)
    own = {"seeds": [*_SEEDS], "learning_rates": [_LEARNING_RATE]}
    return Measured(asdict(curve) | {"n_train": n_train}, settings | {"recipe": settings["recipe"] | own})
