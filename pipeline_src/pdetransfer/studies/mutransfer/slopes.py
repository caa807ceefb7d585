"""How what the first steps change grows with the size of the model: exponents, from the table of coordinates."""

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import interval
from pdetransfer.studies.mutransfer.optima import family_of, seeds_drawn

SIZES = ("width", "modes")
#: Quantities of the table, in words.
MEASURED = {
    "activations": "initial activations, RMS",
    "activations_change": "change of activations, RMS",
    "outputs_change": "change of outputs, RMS",
    "spectral_change": "change of R, largest norm",
    "pointwise_change": "change of W and Q₁, norm",
}


def at_last_step(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of the last step, with the family of their model."""
    return table[table["step"] == table["step"].max()].assign(family=family_of(table["model"]))


def varied(rows: pd.DataFrame) -> list[str]:
    """The sizes that differ among some rows."""
    return [size for size in SIZES if rows[size].nunique() > 1]


def exponents(rows: pd.DataFrame, quantity: str) -> dict[str, np.ndarray]:
    """By size that differs among the rows of a family at a step: the exponent p of ``quantity`` ~ size^p, a linear
    fit, in all such sizes, of the logarithms of means over seeds: the estimate and, for seeds drawn anew, its
    replicates."""
    sizes = varied(rows)
    by_seed = rows.pivot(index="seed", columns=["dataset", *SIZES], values=quantity)
    logs = np.log(by_seed.to_numpy()[seeds_drawn(len(by_seed))].mean(axis=1))
    points = by_seed.columns.to_frame()[sizes].to_numpy(float)
    design = np.column_stack([np.ones(len(points)), np.log(points)])
    return dict(zip(sizes, np.linalg.pinv(design)[1:] @ logs.T, strict=True))


def slopes(table: pd.DataFrame) -> pd.DataFrame:
    """A row for each dataset, family, size and quantity at the last step: its exponent, ``slope``, with ``low``
    and ``high``, a 95 % interval over seeds."""
    rows = []
    for (dataset, family), of_family in at_last_step(table).groupby(["dataset", "family"], sort=False):
        for quantity in MEASURED:
            for size, found in exponents(of_family, quantity).items():
                low, high = interval(found)
                named = {"dataset": dataset, "family": family, "size": size, "quantity": quantity}
                rows.append(named | {"slope": found[0], "low": low, "high": high})
    columns = ["dataset", "family", "size", "quantity", "slope", "low", "high"]
    return pd.DataFrame(rows, columns=columns)
