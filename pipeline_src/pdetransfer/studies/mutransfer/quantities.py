"""What claims of the study are judged by: evidence and selections of cells -> an estimate with its replicates."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import Estimate
from pdetransfer.analysis.claims import Evidence, NotInStudy
from pdetransfer.plan.entries import Selection
from pdetransfer.studies.mutransfer.optima import lost, moved, sweep
from pdetransfer.studies.mutransfer.slopes import at_last_step, exponents


def transferred_over_tuned(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Test error of the largest model of a family at the best setting of the smallest, over that at its own best
    one (``optima.lost``)."""
    return lost(*_ends(evidence, cells))


def grid_steps(evidence: Evidence, cells: Selection) -> Estimate:
    """Steps of a factor of two from the best setting of the smallest model of a family to that of the largest
    (``optima.moved``)."""
    return moved(*_ends(evidence, cells))


def growth_of_activations_with_width(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Exponent of the change of a family's activations over its first steps, by width (``slopes.exponents``);
    NotInStudy where its members have a single one."""
    table = evidence.table("coordinates")
    curves = {(curve.dataset, curve.model) for curve, _ in evidence.select(cells)}
    measured = table[pd.MultiIndex.from_frame(table[["dataset", "model"]]).isin(curves)]
    found = exponents(at_last_step(measured), "activations_change")
    if "width" not in found:
        raise NotInStudy(cells)
    return found["width"]


def _ends(evidence: Evidence, cells: Selection) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The sweeps of the smallest and the largest model."""
    curves = dict.fromkeys(curve for curve, _ in evidence.select(cells))
    runs = sweep(pd.concat([evidence.rows(curve) for curve in curves]))
    smallest, *_, largest = (of_model for _, of_model in runs.groupby("model", sort=False))
    return smallest, largest


QUANTITIES: dict[str, Callable] = {
    "transferred_over_tuned": transferred_over_tuned,
    "grid_steps": grid_steps,
    "growth_of_activations_with_width": growth_of_activations_with_width,
}
