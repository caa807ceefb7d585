"""Two results folders side by side: the test errors of the cells that both have, and whether they differ."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import stats

from pdetransfer.analysis.tables import AXES

LEVEL = 0.05  #: of the intervals, and of the false discovery rate


class Difference(NamedTuple):
    """The ratio of two test errors with its 95 % interval, and the p-value of there being none."""

    ratio: float
    low: float
    high: float
    p_value: float


def difference(ours: np.ndarray, other: np.ndarray, same_examples: bool, same_seeds: bool) -> Difference:
    """The second test error over the first, of errors ``(seed, example)`` each.

    By the delta method the logarithm of a mean varies as errors over their mean do. Its variance is that of the
    means over examples plus that of the means over seeds, each of the differences where examples or seeds are the
    same: two-way clustering (Cameron, Gelbach & Miller, J. Bus. Econ. Stat. 29, 2011) without the term of the
    interaction, which makes it no smaller; degrees of freedom after Welch and Satterthwaite, and Student's t. With
    a single seed on either side, seeds cannot enter: it is then about these trained models, not about training.
    """
    first, second = ours / ours.mean(), other / other.mean()
    parts = _parts(first.mean(axis=0), second.mean(axis=0), same_examples)
    if min(len(ours), len(other)) > 1:
        parts += _parts(first.mean(axis=1), second.mean(axis=1), same_seeds)
    variances = np.array([part.var(ddof=1) / len(part) for part in parts])
    freedoms = np.array([len(part) - 1 for part in parts])
    estimate, variance = np.log(other.mean() / ours.mean()), variances.sum()
    if variance == 0:  # the same errors, or errors that do not vary
        ratio = float(np.exp(estimate))
        return Difference(ratio, ratio, ratio, float(estimate == 0))
    law = stats.t(variance**2 / (variances**2 / freedoms).sum(), scale=np.sqrt(variance))
    low, high = np.exp(estimate + np.array(law.interval(1 - LEVEL)))
    return Difference(float(np.exp(estimate)), float(low), float(high), float(2 * law.sf(abs(estimate))))


def _parts(first: np.ndarray, second: np.ndarray, paired: bool) -> list[np.ndarray]:
    return [second - first] if paired else [first, second]


def compare(ours: pd.DataFrame, other: pd.DataFrame, same_data: set[str]) -> pd.DataFrame:
    """A row for each cell that both tables of per-example errors have (``jobs.evaluate``, with the column
    ``experiment``); a cell that several experiments have counts once, one in which a run diverged not at all.

    Datasets in ``same_data`` have the same test examples in both, so their errors are compared by pairs.
    ``p_adjusted`` is the p-value over all rows after Benjamini and Hochberg. Raises ValueError if no cell is in
    both.
    """
    cells, others = _cells(ours), _cells(other)
    rows = []
    for axes in filter(others.__contains__, cells):
        (facts, errors), (other_facts, other_errors) = cells[axes], others[axes]
        same_examples = axes[0] in same_data and errors.columns.equals(other_errors.columns)
        same_seeds = errors.index.equals(other_errors.index)
        found = difference(errors.to_numpy(), other_errors.to_numpy(), same_examples, same_seeds)
        rows.append(
            {
                **dict(zip(AXES, axes, strict=True)),
                **facts,
                **{f"{name}_other": value for name, value in other_facts.items() if name != "experiment"},
                "same_examples": same_examples,
                "ratio": found.ratio,
                "ratio_low": found.low,
                "ratio_high": found.high,
                "p_value": found.p_value,
            }
        )
    if not rows:
        raise ValueError(f"the two folders have no cell in common; expected some with the same {AXES}")
    table = pd.DataFrame(rows)
    adjusted = stats.false_discovery_control(table["p_value"], method="bh")
    return table.assign(p_adjusted=adjusted, differs=adjusted < LEVEL)


def _cells(errors: pd.DataFrame) -> dict[tuple, tuple[dict, pd.DataFrame]]:
    """Facts of each cell, and its errors, a row for each seed and a column for each example."""
    errors = errors.drop_duplicates([*AXES, "seed", "example"])
    cells = {}
    for axes, rows in errors.groupby(AXES, observed=True, sort=False):
        table = rows.pivot(index="seed", columns="example", values="error")
        facts = {
            "experiment": rows["experiment"].iloc[0],
            "num_parameters": rows["num_parameters"].max(),
            "seeds": len(table),
            "test_error": table.to_numpy().mean(),
        }
        if np.isfinite(facts["test_error"]):
            cells[axes] = facts, table
    return cells


def summary(table: pd.DataFrame) -> str:
    """What a comparison (``compare``) says, in a sentence or two."""
    differing, typical = table[table["differs"]], table["ratio"].median()
    larger = int((differing["ratio"] > 1).sum())
    text = (
        f"Of {len(table)} cells in both, {len(differing)} have test errors that differ at a false discovery rate "
        f"of {LEVEL:.0%}: {larger} larger and {len(differing) - larger} smaller in the other. "
        f"The other's errors are {typical:.3g} times ours at the median of all cells"
    )
    if differing.empty:
        return f"{text}."
    at = differing.loc[np.log(differing["ratio"]).abs().idxmax()]
    cell = "/".join(str(at[axis]) for axis in AXES[:-1])
    farthest = f"{cell} at n = {at['n_train']}, with {at['ratio']:.3g} times ours"
    return f"{text}; the farthest off of those that differ is {farthest}."
