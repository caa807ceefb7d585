"""Errors of roll-outs by frame, and those of repeating the last input."""

import numpy as np
import pandas as pd

from pdetransfer.analysis.tables import AXES, error_columns
from pdetransfer.data.windows import Windows
from pdetransfer.studies.dpot.questions import PERSISTENCE

_COLUMNS = [*AXES, "frame", "error", "low", "high"]


def by_frame(errors: pd.DataFrame) -> pd.DataFrame:
    """The error at each frame after the inputs, 1, 2, ..., and at frame 0 that of all of them together: mean and
    quartiles over trajectories and seeds. ``errors`` are those of ``jobs.evaluate``, and may be infinite."""
    rows = errors[errors["by_frame"].notna()].drop_duplicates([*AXES, "seed", "example"])
    of_all = rows.assign(frame=0)
    of_each = rows.assign(error=rows["by_frame"]).explode("error")
    of_each["frame"] = of_each.groupby([*AXES, "seed", "example"], observed=True).cumcount() + 1
    both = pd.concat([of_all, of_each]).astype({"error": float})
    found = error_columns(both, [*AXES, "frame"])
    names = {"test_error": "error", "test_error_q25": "low", "test_error_q75": "high"}
    return found.rename(columns=names)[_COLUMNS]


def persistence(dataset: str, windows: Windows) -> pd.DataFrame:
    """Errors of repeating the last input frame on test trajectories, as ``jobs.evaluate`` has those of a model."""
    axes = {"dataset": dataset, "model": PERSISTENCE, "init": "", "recipe": "", "n_train": 0, "seed": 0}
    sizes = zip(windows.first, windows.num_frames, windows.num_channels, strict=True)
    rows = []
    for example, (first, num_frames, num_channels) in enumerate(sizes):
        planes = windows.planes[first : first + num_frames * num_channels].astype(np.float64)
        frames = planes.reshape(num_frames, num_channels, -1)
        truth, last = frames[windows.num_inputs :], frames[windows.num_inputs - 1]
        error, size = (np.square(values).sum(axis=2) for values in (truth - last, truth))  # (time, channel)
        of_all = np.sqrt(error.sum(axis=0) / size.sum(axis=0)).mean()
        of_each = np.sqrt(error / size).mean(axis=1)
        rows.append(axes | {"example": example, "error": of_all, "by_frame": of_each.tolist()})
    return pd.DataFrame(rows)
