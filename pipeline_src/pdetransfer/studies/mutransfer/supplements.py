"""The table that stands beside the study's figures in the report."""

import pandas as pd

from pdetransfer.plan.study import Study
from pdetransfer.report.page import Experiment, Picture, Supplement
from pdetransfer.studies.mutransfer.slopes import MEASURED, slopes

_SAID = """
A quantity that goes as a power of the size has its slope on logarithmic axes; in brackets the 95 % interval over
seeds. Slopes near 0 say that a step means as much to a large model as to a small one; that the best learning rate
stays is what the sweep shows.
"""


def supplements(
    experiments: list[Experiment],
    pictures: list[Picture],
    tables: dict[str, pd.DataFrame],
    study: Study,
) -> list[Supplement]:
    """The slopes of the coordinate check."""
    found = slopes(tables["coordinates"])
    shown = found["slope"].map("{:z.2f}".format)
    shown += " (" + found["low"].map("{:z.2f}".format) + " to " + found["high"].map("{:z.2f}".format) + ")"
    lines = ["dataset", "family", "size"]
    wide = found.assign(shown=shown).pivot(index=lines, columns="quantity", values="shown")[[*MEASURED]]
    in_order = wide.loc[pd.MultiIndex.from_frame(found[lines].drop_duplicates())]
    table = in_order.rename(columns=MEASURED).reset_index().rename_axis(columns=None)
    return [Supplement("learning_rate", "Coordinate check: slopes by size", [_SAID], table)]
