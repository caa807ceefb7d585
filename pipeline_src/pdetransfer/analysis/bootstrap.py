"""Uncertainty of test errors: a bootstrap over test examples and seeds."""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from pdetransfer.analysis.tables import AXES

NUM_REPLICATES = 400
_SEED = 0


class Replicates:
    """Mean test error of every cell, and of bootstrap replicates of it.

    A replicate draws test examples with replacement, the same ones for every cell of a dataset, so that arms
    and n_train are compared on the same examples; and seeds with replacement, for each cell by itself. With a
    single seed what is left is the uncertainty of the test set. Pre-trained weights are not drawn again: all
    is conditional on them. A mean over seeds of which one diverged is infinite.

    ``errors`` are per-example test errors (``jobs.evaluate``); a cell that several experiments share counts once.
    """

    def __init__(self, errors: Iterable[pd.DataFrame]):
        random = np.random.default_rng(_SEED)
        weights: dict[str, np.ndarray] = {}
        self.means: dict[tuple, np.ndarray] = {}  #: by axes, ``(1 + NUM_REPLICATES,)``, first the estimate
        for table in errors:
            for axes, cell in table.groupby(AXES, observed=True, sort=False):
                if axes in self.means:
                    continue
                by_seed = cell.pivot(index="seed", columns="example", values="error").to_numpy()
                num_seeds, num_examples = by_seed.shape
                if axes[0] not in weights:
                    drawn = random.multinomial(
                        num_examples, np.full(num_examples, 1 / num_examples), NUM_REPLICATES
                    )
                    weights[axes[0]] = drawn / num_examples
                seeds = (
                    random.multinomial(num_seeds, np.full(num_seeds, 1 / num_seeds), NUM_REPLICATES)
                    / num_seeds
                )
                finite = np.isfinite(by_seed)
                replicated, infinite = (
                    np.einsum("re,se,rs->r", weights[axes[0]], values, seeds, optimize=True)
                    for values in (np.where(finite, by_seed, 0), ~finite)
                )
                replicated[infinite > 0] = np.inf
                self.means[axes] = np.concatenate([[by_seed.mean()], replicated])

    @property
    def finite(self) -> dict[tuple, np.ndarray]:
        """The means of the cells in which no run diverged."""
        return {axes: mean for axes, mean in self.means.items() if np.isfinite(mean[0])}

    def curve(self, dataset: str, model: str, init: str, recipe: str) -> dict[int, np.ndarray]:
        """The finite means of a curve by n_train, in increasing order; empty if there is none."""
        found = {
            axes[4]: mean for axes, mean in self.finite.items() if axes[:4] == (dataset, model, init, recipe)
        }
        return dict(sorted(found.items()))


class Estimate(NamedTuple):
    """A number with its bootstrap replicates, ``(1 + NUM_REPLICATES,)``, or alone, ``(1,)``; ``beyond`` says of
    each whether it is censored: 1 where the true one is as large or larger, -1 as small or smaller, 2 either,
    else 0."""

    values: np.ndarray
    beyond: np.ndarray

    @classmethod
    def exact(cls, values: np.ndarray) -> "Estimate":
        return cls(values, np.zeros(len(values), int))

    @property
    def censored(self) -> float:
        """Share of the replicates that are; of a number alone, whether it is."""
        return float(np.mean(self.beyond[1:] != 0 if len(self.beyond) > 1 else self.beyond != 0))

    def ends(self) -> tuple[tuple[float, int], tuple[float, int]]:
        """Both ends of the 95 % interval, each with whether it is censored; of a number alone, itself."""
        if len(self.values) == 1:
            return ((float(self.values[0]), int(self.beyond[0])),) * 2
        order = np.argsort(self.values[1:], kind="stable")
        at = int(0.025 * len(order))
        low, high = interval(self.values)
        return (low, int(self.beyond[1:][order[at]])), (high, int(self.beyond[1:][order[-1 - at]]))


def interval(values: np.ndarray) -> tuple[float, float]:
    """The 95 % percentile interval of an estimate with its replicates, ``(1 + NUM_REPLICATES,)``; some may be
    infinite."""
    # Nothing lies between a number and infinity.
    method: Literal["higher", "linear"] = "higher" if np.isinf(values).any() else "linear"
    low, high = np.quantile(values[1:], [0.025, 0.975], method=method)
    return float(low), float(high)
