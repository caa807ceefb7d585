"""Tables that stand beside the study's figures in the report, with what they say in words."""

import pandas as pd

from pdetransfer.plan.study import Study
from pdetransfer.report.page import Experiment, Picture, Supplement
from pdetransfer.studies.mutransfer.optima import in_words, swept, transfers
from pdetransfer.studies.mutransfer.slopes import MEASURED, slopes

_TOLD = """
Transferred: the whole sweep of the smallest model, and one training of the model at the best setting found. Tuned:
the model's own sweep. Costs are those of one seed, the mean over seeds. The paper (arXiv 2506.19396) has for Darcy
flow in two dimensions 1.22 % at 1.38 times the cost against 1.25 %, and for Navier-Stokes in three 5.34 % at 0.30
times against 5.69 %, by FLOPs; its proxies have fewer modes.
"""
_SAID = """
A quantity that goes as a power of the size has its slope on logarithmic axes; in brackets the 95 % interval over
seeds. Slopes near 0 say that a step means as much to a large model as to a small one; that the best learning rate
stays is what the sweep shows.
"""
_COLUMNS = {
    "dataset": "dataset",
    "family": "family",
    "size": "size",
    "transferred": "transferred",
    "tuned": "tuned",
    "error_transferred": "test error, transferred",
    "error_tuned": "tuned ",
    "ratio": "ratio",
    "low": "95 % from",
    "high": "to",
    "examples_ratio": "examples, over tuning",
    "seconds_ratio": "seconds, over tuning",
}


def supplements(
    experiments: list[Experiment],
    pictures: list[Picture],
    tables: dict[str, pd.DataFrame],
    study: Study,
) -> list[Supplement]:
    """What tuning the proxy costs and loses, a table for each experiment, and slopes of the coordinate check, if
    there is one."""
    found = [
        Supplement(
            experiment.entry.question,
            f"{experiment.name}: the {in_words(swept(experiment.cells))} of the smallest model, or each its own",
            [_TOLD] if experiment is experiments[0] else [],
            transfer_table(experiment.cells),
        )
        for experiment in experiments
    ]
    if "coordinates" in tables:
        found.append(slopes_of_first_steps(tables["coordinates"]))
    return found


def transfer_table(cells: pd.DataFrame) -> pd.DataFrame:
    """``optima.transfers`` as it is shown, costs as ratios."""
    found = transfers(cells)
    for cost in ("examples", "seconds"):
        found[f"{cost}_ratio"] = found[f"{cost}_transferred"] / found[f"{cost}_tuned"]
    return found[[*_COLUMNS]].rename(columns=_COLUMNS)


def slopes_of_first_steps(coordinates: pd.DataFrame) -> Supplement:
    """The slopes of the coordinate check (``slopes.slopes``)."""
    found = slopes(coordinates)
    shown = found["slope"].map("{:z.2f}".format)
    shown += " (" + found["low"].map("{:z.2f}".format) + " to " + found["high"].map("{:z.2f}".format) + ")"
    lines = ["dataset", "family", "size"]
    wide = found.assign(shown=shown).pivot(index=lines, columns="quantity", values="shown")[[*MEASURED]]
    in_order = wide.loc[pd.MultiIndex.from_frame(found[lines].drop_duplicates())]
    table = in_order.rename(columns=MEASURED).reset_index().rename_axis(columns=None)
    return Supplement("learning_rate", "Coordinate check: slopes by size", [_SAID], table)
