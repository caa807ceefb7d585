"""What claims of the study are judged by: evidence and selections of cells -> an estimate with its replicates."""

from collections.abc import Callable

import numpy as np

from pdetransfer.analysis.claims import Evidence
from pdetransfer.plan.entries import Selection
from pdetransfer.plan.study import Cell


def transferred_over_tuned(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Test error of the largest model of a family at the best rate of the smallest, over that at its own best one.

    Rates are chosen by validation error, mean over seeds; replicates are of the two test errors.
    """
    by_model: dict[str, list[Cell]] = {}
    for cell in evidence.select(cells):
        by_model.setdefault(cell[0].model, []).append(cell)
    smallest, *_, largest = sorted(
        by_model.values(), key=lambda own: _first_row(evidence, own[0])["num_parameters"]
    )
    transferred = _rate(evidence, _best(evidence, smallest))
    (served,) = (cell for cell in largest if _rate(evidence, cell) == transferred)
    return evidence.error(*served) / evidence.error(*_best(evidence, largest))


def _best(evidence: Evidence, cells: list[Cell]) -> Cell:
    return min(cells, key=lambda cell: evidence.rows(cell[0])["validation_error"].mean())


def _rate(evidence: Evidence, cell: Cell) -> float:
    return _first_row(evidence, cell)["learning_rate"]


def _first_row(evidence: Evidence, cell: Cell):
    return evidence.rows(cell[0]).iloc[0]


QUANTITIES: dict[str, Callable] = {"transferred_over_tuned": transferred_over_tuned}
