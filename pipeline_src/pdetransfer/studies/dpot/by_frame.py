"""Errors of roll-outs by frame, beside those of repeating the last input."""

from collections.abc import Iterable

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


def persistence(tests: Iterable[tuple[str, Windows]]) -> pd.DataFrame:
    """Rows of the same table for repeating the last input frame, of test trajectories by dataset."""
    return pd.concat([_of_dataset(dataset, windows) for dataset, windows in tests])


def _of_dataset(dataset: str, windows: Windows) -> pd.DataFrame:
    inputs = windows.num_inputs
    frames = windows.planes.reshape(len(windows), -1, len(windows.channels), *windows.grid).astype(np.float64)
    truth, last = frames[:, inputs:], frames[:, inputs - 1 : inputs]
    grid = tuple(range(3, frames.ndim))
    error, size = (
        np.square(values).sum(axis=grid) for values in (truth - last, truth)
    )  # (count, time, channel)
    of_each = np.sqrt(error / size).mean(axis=2)
    of_all = np.sqrt(error.sum(axis=1) / size.sum(axis=1)).mean(axis=1)
    both = np.concatenate([of_all[:, None], of_each], axis=1)
    low, high = np.quantile(both, [0.25, 0.75], axis=0)
    rows = {"frame": np.arange(both.shape[1]), "error": both.mean(axis=0), "low": low, "high": high}
    axes = {"dataset": dataset, "model": PERSISTENCE, "init": "", "recipe": "", "n_train": 0}
    return pd.DataFrame(axes | rows)[_COLUMNS]
