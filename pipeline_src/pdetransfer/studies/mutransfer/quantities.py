"""What claims of the study are judged by: evidence and selections of cells -> an estimate with its replicates."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from pdetransfer.analysis.claims import Evidence
from pdetransfer.plan.entries import Selection
from pdetransfer.studies.mutransfer.optima import lost, sweep


def transferred_over_tuned(evidence: Evidence, cells: Selection) -> np.ndarray:
    """Test error of the largest model of a family at the best rate of the smallest, over that at its own best one
    (``optima.lost``)."""
    curves = dict.fromkeys(curve for curve, _ in evidence.select(cells))
    runs = sweep(pd.concat([evidence.rows(curve) for curve in curves]))
    smallest, *_, largest = (of_model for _, of_model in runs.groupby("model", sort=False))
    return lost(smallest, largest)


QUANTITIES: dict[str, Callable] = {"transferred_over_tuned": transferred_over_tuned}
