"""Tables that stand beside the study's figures in the report, with what they say in words."""

import pandas as pd

from pdetransfer.analysis.tables import mean_errors
from pdetransfer.plan.entries import SCRATCH
from pdetransfer.plan.study import Study
from pdetransfer.report.page import Experiment, Picture, Supplement
from pdetransfer.studies.dpot.published import PUBLISHED
from pdetransfer.studies.dpot.questions import PERSISTENCE

_PUBLISHED = """
The datasets are of the same equations as the paper's, made here, at this scale with other grids, times and
viscosities (see the cards): the numbers of arXiv 2403.03542, Table 1, stand beside ours for orientation. Of
ours those without further training are of this section, fine-tuned ones, on as many trajectories as there are,
of the last. The paper's mixture has more datasets, which are not generated here and are left out by name:
FNO-1e-5, compressible Navier-Stokes (1, 0.1), (1, 0.01), (0.1, 0.1) and (0.1, 0.01), PDEArena's smoke, with and
without conditions, and CFDBench. Left out, too, are ablations of patches and heads, roll-outs of 500 steps, and
super-resolution.
"""
_HARMED = """
Where fine-tuning has a larger mean error than training from scratch on as many trajectories, or than the pre-
trained model as it is. Differences of a few per cent may be chance.
"""


def supplements(
    experiments: list[Experiment],
    pictures: list[Picture],
    tables: dict[str, pd.DataFrame],
    study: Study,
) -> list[Supplement]:
    """Published errors beside ours, and where fine-tuning harms; what is made of experiments or a table that are
    not there is left out."""
    sizes, data = (_cells(experiments, question) for question in ("size", "data"))
    rows, found = tables.get("by_frame", pd.DataFrame()), []
    if sizes and not rows.empty:
        beside = beside_published(pd.concat(sizes), pd.concat(data) if data else None, rows)
        found.append(Supplement("size", "Beside the paper's", [_PUBLISHED], beside))
    if data:
        found.append(Supplement("data", "Where fine-tuning harms", [_HARMED], harmed(pd.concat(data))))
    return found


def _cells(experiments: list[Experiment], question: str) -> list[pd.DataFrame]:
    return [experiment.cells for experiment in experiments if experiment.entry.question == question]


def beside_published(
    zero_shot: pd.DataFrame, fine_tuned: pd.DataFrame | None, by_frame: pd.DataFrame
) -> pd.DataFrame:
    """Errors by dataset, of ours and of the paper's: without further training, and fine-tuned."""
    ours = mean_errors(zero_shot).pivot_table(
        index="dataset", columns="model", values="test_error", sort=False
    )
    rows = by_frame[(by_frame["model"] == PERSISTENCE) & (by_frame["frame"] == 0)]
    ours[PERSISTENCE] = rows.set_index("dataset")["error"]
    if fine_tuned is not None:
        most = fine_tuned[(fine_tuned["init"] != SCRATCH) & (fine_tuned["n_train"] > 0)]
        most = most[most["n_train"] == most["n_train"].max()]
        tuned = mean_errors(most)
        named = ["model", *(axis for axis in ("init", "recipe") if tuned[axis].nunique() > 1)]
        for names, rows in tuned.groupby(named, sort=False):
            ours[", ".join([*names, "fine-tuned"])] = rows.set_index("dataset")["test_error"]
    return ours.join(PUBLISHED.reindex(ours.index)).reset_index()


def harmed(cells: pd.DataFrame) -> pd.DataFrame:
    """Fine-tuned cells whose error is larger than from scratch on as many, or than without training."""
    means = mean_errors(cells)
    axes = ["dataset", "model", "recipe"]
    tuned = means[(means["init"] != SCRATCH) & (means["n_train"] > 0)]
    scratch = means[means["init"] == SCRATCH][[*axes, "n_train", "test_error"]]
    zero = means[(means["init"] != SCRATCH) & (means["n_train"] == 0)][[*axes, "init", "test_error"]]
    both = tuned.merge(scratch, on=[*axes, "n_train"], suffixes=("", "_scratch"), how="left")
    both = both.merge(zero, on=[*axes, "init"], suffixes=("", "_zero_shot"), how="left")
    worse = both[
        (both["test_error"] > both["test_error_scratch"])
        | (both["test_error"] > both["test_error_zero_shot"])
    ]
    columns = {
        "test_error": "fine-tuned",
        "test_error_scratch": "from scratch",
        "test_error_zero_shot": "zero-shot",
    }
    return worse[["dataset", "model", "init", "n_train", *columns]].rename(columns=columns)
