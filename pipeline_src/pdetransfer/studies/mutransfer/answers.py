"""What the study of muTransfer asks and draws."""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from pdetransfer.plan.answers import Answers, FigureKind, Needs, Question
from pdetransfer.plan.entries import SCRATCH

if TYPE_CHECKING:  # planning imports this module
    import pandas as pd

_SWEEP: Needs = {
    "several recipes, one for each setting": lambda entry: len(entry.recipe) > 1,
    "several models, the sizes of a family": lambda entry: len(entry.model) > 1,
    "training from scratch alone": lambda entry: set(entry.init) == {SCRATCH},
    "a single n_train": lambda entry: len(entry.n_train) == 1,
}


def headline(cells: "pd.DataFrame", savings: "pd.DataFrame", tables: "dict[str, pd.DataFrame]") -> str:
    """What the proxy's setting costs the largest model of each family, and how first steps grow with the size."""
    import pandas as pd

    from pdetransfer.studies.mutransfer.optima import sweeps, transfers
    from pdetransfer.studies.mutransfer.slopes import slopes

    largest = pd.concat(
        transfers(of_sweep).groupby("family", sort=False).tail(1) for of_sweep in sweeps(cells)
    )
    grown = slopes(tables["coordinates"]).query("quantity == 'activations_change'")
    told = _by_dataset(largest, _ratio)
    powers = _by_dataset(
        grown, lambda row: f"{row.size}^{row.slope:z.2f} ({row.low:z.2f} to {row.high:z.2f})"
    )
    return (
        f"At the best learning rate of the smallest model, the largest has this many times the error that it has "
        f"at its own: {told}. Over the first steps the change of activations goes as: {powers}."
    )


def _by_dataset(rows: "pd.DataFrame", worded: Callable[[Any], str]) -> str:
    """A number of each family, dataset by dataset."""
    return "; ".join(
        f"{dataset}, " + ", ".join(f"{row.family} {worded(row)}" for row in of_dataset.itertuples())
        for dataset, of_dataset in rows.groupby("dataset", sort=False)
    )


def headline_control(
    cells: "pd.DataFrame", savings: "pd.DataFrame", tables: "dict[str, pd.DataFrame]"
) -> str:
    """What the controls are."""
    return "Sweeps over other settings, other grids and other systems: the best settings stand below."


def answer(cells: "pd.DataFrame", savings: "pd.DataFrame") -> Iterator[str]:
    """The best setting of every size, by family."""
    from pdetransfer.studies.mutransfer.optima import in_words, optima, size_of, swept

    setting, size = in_words(swept(cells)), in_words(size_of(cells))
    for (dataset, family), rows in optima(cells).groupby(["dataset", "family"], sort=False):
        sizes = ", ".join(map("{:,.0f}".format, rows["size"]))
        best = ", ".join(map(_best, rows.itertuples()))
        errors = ", ".join(f"{error:.3g}" for error in rows["test_error"])
        yield (
            f"On {dataset}, the best {setting} of {family} with {size} {sizes} is {best}; "
            f"with the best one on the grid, the error is {errors}."
        )


def _best(row: Any) -> str:
    """A row of ``optima``; at an end of the settings a better one may lie beyond it."""
    if math.isnan(row.vertex):
        return "unknown (runs diverged at all)"
    of_end = " (an end of those that train)" if row.edge else ""
    return _with_interval(row.vertex, row.low, row.high) + of_end


def _ratio(row: Any) -> str:
    """A row of ``transfers``."""
    if math.isnan(row.ratio):
        return "unknown (runs of one diverged at all)"
    return "∞ (it diverged)" if math.isinf(row.ratio) else _with_interval(row.ratio, row.low, row.high)


def _with_interval(value: float, low: float, high: float) -> str:
    return f"{value:.2g}" + (f" ({low:.2g} to {high:.2g})" if low == low else "")


ANSWERS = Answers(
    questions={
        "learning_rate": Question("Does the best learning rate stay?", headline, answer, _SWEEP),
        "control": Question("Controls", headline_control, answer, _SWEEP),
    },
    figures={
        "error_by_setting": FigureKind(needs=_SWEEP),
        "optimum_by_size": FigureKind(needs=_SWEEP),
        "transferred_over_tuned": FigureKind(needs=_SWEEP),
        "error_by_cost": FigureKind(needs=_SWEEP),
        "coordinate_check": FigureKind(tables=("coordinates",), needs=_SWEEP),
    },
    tables=("coordinates",),
)
