"""What claims of the study are judged by: evidence and selections of cells -> an estimate with its replicates."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pdetransfer.analysis.claims import Evidence
from pdetransfer.plan.entries import Selection
from pdetransfer.studies.mutransfer.optima import lost, moved, sweep


def transferred_over_tuned(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Test error of the largest model of a family at the best setting of the smallest, over that at its own best
    one (``optima.lost``)."""
    return lost(*_ends(evidence, cells))


def grid_steps(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Steps of a factor of two from the best setting of the smallest model of a family to that of the largest
    (``optima.moved``)."""
    return moved(*_ends(evidence, cells))


def _ends(evidence: Evidence, cells: Selection) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sweeps of the smallest and the largest model."""
    curves = dict.fromkeys(curve for curve, _ in evidence.select(cells))
    runs = sweep(pd.concat([evidence.rows(curve) for curve in curves]))
    smallest, *_, largest = (of_model for _, of_model in runs.groupby("model", sort=False))
    return smallest, largest


QUANTITIES: dict[str, Callable] = {
    "transferred_over_tuned": transferred_over_tuned,
    "grid_steps": grid_steps,
}
