"""Tables that stand beside the study's figures in the report, with what they say in words."""

import pandas as pd

from pdetransfer.analysis.tables import mean_errors
from pdetransfer.plan.entries import SCRATCH
from pdetransfer.plan.study import Study
from pdetransfer.report.page import Experiment, Picture, Supplement
from pdetransfer.studies.dpot.published import PUBLISHED
from pdetransfer.studies.dpot.questions import PERSISTENCE

_PUBLISHED = """
The datasets are our regeneration, at this scale's sizes, and not the paper's files: the numbers of arXiv
2403.03542, Table 1, stand beside ours for orientation. Its pre-trained models are tested as they are, its fine-
tuned ones after 200 epochs more. Its mixture has eight datasets more, which are not generated here: Navier-
Stokes flow with a viscosity of 1e-5, compressible flow (four), PDEArena's smoke (two) and CFDBench. Left out,
too, are ablations of patches and heads, roll-outs of 500 steps, and super-resolution.
"""
_HARMED = """
Where fine-tuning has a larger error than training from scratch on as many trajectories, or than the pre-trained
model as it is.
"""


def supplements(
    experiments: list[Experiment],
    pictures: list[Picture],
    tables: dict[str, pd.DataFrame],
    study: Study,
) -> list[Supplement]:
    """Published errors beside ours, and where fine-tuning harms."""
    found = [
        Supplement(
            "size", "Beside the paper's", [_PUBLISHED], beside_published(experiments, tables["by_frame"])
        )
    ]
    cells = pd.concat([of.cells for of in experiments if of.entry.question == "data"])
    return [*found, Supplement("data", "Where fine-tuning harms", [_HARMED], harmed(cells))]


def beside_published(experiments: list[Experiment], by_frame: pd.DataFrame) -> pd.DataFrame:
    """Errors without further training by dataset, of ours and of the paper's."""
    cells = pd.concat([of.cells for of in experiments if of.entry.question == "size"])
    ours = mean_errors(cells).pivot_table(index="dataset", columns="model", values="test_error", sort=False)
    rows = by_frame[(by_frame["model"] == PERSISTENCE) & (by_frame["frame"] == 0)]
    ours[PERSISTENCE] = rows.set_index("dataset")["error"]
    published = PUBLISHED.reindex(ours.index)
    return ours.join(published).reset_index()


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
