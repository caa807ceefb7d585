"""What the study of muTransfer asks and draws."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pdetransfer.plan.answers import Answers, FigureKind, Needs, Question

if TYPE_CHECKING:  # planning imports this module
    import pandas as pd

_SWEEP: Needs = {
    "several recipes, one for each setting": lambda entry: len(entry.recipe) > 1,
    "several models, the sizes of a family": lambda entry: len(entry.model) > 1,
    "training from scratch alone": lambda entry: set(entry.init) == {"scratch"},
    "a single n_train": lambda entry: len(entry.n_train) == 1,
}


def headline(cells: "pd.DataFrame", savings: "pd.DataFrame", tables: "dict[str, pd.DataFrame]") -> str:
    """What the proxy's setting costs the largest model of each family, and how first steps grow with the size."""
    from pdetransfer.studies.mutransfer.optima import transfers
    from pdetransfer.studies.mutransfer.slopes import slopes

    told = " and ".join(
        f"{_with_interval(row.ratio, row.low, row.high)} times the error in {row.family} ({dataset})"
        for dataset, of_dataset in cells.groupby("dataset", sort=False)
        for row in transfers(of_dataset).groupby("family", sort=False).tail(1).itertuples()
    )
    grown = slopes(tables["coordinates"]).query("quantity == 'activations_change'")
    powers = " and ".join(
        f"{row.size}^{row.slope:z.2f} ({row.low:z.2f} to {row.high:z.2f}) in {row.family} ({row.dataset})"
        for row in grown.itertuples()
    )
    return (
        f"At the best learning rate of the smallest model, the largest has {told} that it has at its own. Over "
        f"the first steps the change of activations goes as {powers}."
    )


def headline_control(cells: "pd.DataFrame", savings: "pd.DataFrame", tables: "dict[str, pd.DataFrame]") -> str:
    """What the controls are."""
    return "Sweeps over other settings, other grids and other systems: the best settings stand below."


def answer(cells: "pd.DataFrame", savings: "pd.DataFrame") -> Iterator[str]:
    """The best setting of every size, by family."""
    from pdetransfer.studies.mutransfer.optima import in_words, optima, size_of, swept

    setting, size = in_words(swept(cells)), in_words(size_of(cells))
    for (dataset, family), rows in optima(cells).groupby(["dataset", "family"], sort=False):
        sizes = ", ".join(map("{:,.0f}".format, rows["size"]))
        best = ", ".join(
            f"{_with_interval(row.vertex, row.low, row.high)}{' (an end of the grid)' if row.edge else ''}"
            for row in rows.itertuples()
        )
        errors = ", ".join(f"{error:.3g}" for error in rows["test_error"])
        yield (
            f"On {dataset}, the best {setting} of {family} with {size} {sizes} is {best}; "
            f"with the best one on the grid, the error is {errors}."
        )


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
