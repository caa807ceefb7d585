"""Errors by frame, and those of repeating the last input, against loops."""

import numpy as np
import pandas as pd
import pytest

from pdetransfer.data.windows import Windows
from pdetransfer.studies.dpot.by_frame import by_frame, persistence
from pdetransfer.studies.dpot.questions import PERSISTENCE


def rows(dataset, model, n_train, errors, init="mixture", recipe="r", by_seed=(1.0,)):
    """As ``jobs.evaluate`` writes them; ``errors`` are those of frames, by example."""
    return [
        {
            "dataset": dataset,
            "model": model,
            "init": init,
            "recipe": recipe,
            "n_train": n_train,
            "seed": seed,
            "example": example,
            "error": scale * 10 * example,
            "by_frame": [scale * error for error in of_example],
        }
        for seed, scale in enumerate(by_seed)
        for example, of_example in enumerate(errors)
    ]


SMALL, LARGE, OTHER = (
    [[1.0, 2.0], [3.0, 5.0], [4.0, 9.0]],
    [[0.5, 0.6], [0.1, 0.2], [0.7, 0.9]],
    [[7.0, 8.0, 9.0]],
)
ERRORS = pd.DataFrame(
    [
        *rows("far", "small", 0, SMALL),
        *rows("far", "large", 0, LARGE),
        *rows("far", "small", 8, SMALL, by_seed=(1.0, 2.0)),
        *rows("near", "small", 0, OTHER),
    ]
)


@pytest.mark.parametrize("repeated", [False, True])
@pytest.mark.parametrize("stored", [False, True])
def test_every_frame_has_mean_and_quartiles_over_trajectories_and_seeds(repeated, stored, tmp_path):
    """An experiment that has a curve of another one gives it again; 0 stands for all frames together."""
    errors = pd.concat([ERRORS, ERRORS[:6]]) if repeated else ERRORS
    if stored:
        errors.astype({"dataset": "category", "model": "category"}).to_parquet(
            tmp_path / "e.parquet", index=False
        )
        errors = pd.read_parquet(tmp_path / "e.parquet")
    table = by_frame(errors)
    assert not table.duplicated(["dataset", "model", "init", "recipe", "n_train", "frame"]).any()
    for dataset, model, n_train, of_examples, seeds in (
        ("far", "small", 0, SMALL, (1.0,)),
        ("far", "large", 0, LARGE, (1.0,)),
        ("far", "small", 8, SMALL, (1.0, 2.0)),
        ("near", "small", 0, OTHER, (1.0,)),
    ):
        axes = (table["dataset"] == dataset) & (table["model"] == model) & (table["n_train"] == n_train)
        found = table[axes].set_index("frame").sort_index()
        whole = np.concatenate([scale * 10 * np.arange(len(of_examples)) for scale in seeds])
        each = np.concatenate([scale * np.array(of_examples) for scale in seeds])
        assert list(found.index) == list(range(each.shape[1] + 1))
        for frame, values in enumerate([whole, *each.T]):
            expected = values.mean(), *np.quantile(values, [0.25, 0.75])
            assert found.loc[frame, ["error", "low", "high"]].tolist() == pytest.approx(expected)


def test_what_is_no_roll_out_has_no_frames():
    steady = ERRORS.assign(dataset="steady", by_frame=None)
    assert set(by_frame(pd.concat([steady, ERRORS]))["dataset"]) == {"far", "near"}


def test_of_runs_that_diverged_mean_and_quartiles_are_infinite():
    table = by_frame(pd.DataFrame(rows("far", "m", 0, [[1.0, np.inf]] * 3 + [[2.0, np.inf]])))
    of_frame = table.set_index("frame")
    assert np.isfinite(of_frame.loc[1, ["error", "low", "high"]].astype(float)).all()
    assert np.isposinf(of_frame.loc[2, ["error", "low", "high"]].astype(float)).all()


@pytest.mark.parametrize("num_channels", [1, 2])
def test_persistence_repeats_the_last_input(num_channels):
    random, inputs = np.random.default_rng(0), 3
    frames = random.standard_normal((5, 7, num_channels, 4, 6)).astype(np.float32) + 1
    windows = Windows.of(frames, ("a", "b")[:num_channels], inputs)
    table = by_frame(pd.concat([persistence("far", windows), persistence("near", windows[:2])]))
    assert set(table["model"]) == {PERSISTENCE}
    assert set(table["n_train"]) == {0}
    for dataset, count in (("far", 5), ("near", 2)):
        found = table[table["dataset"] == dataset].set_index("frame")
        assert list(found.index) == [0, 1, 2, 3, 4]
        for frame in found.index:
            times = range(inputs, 7) if frame == 0 else [inputs - 1 + frame]
            errors = []
            for trajectory in frames[:count].astype(float):
                of_channels = []
                for channel in range(num_channels):
                    truth = trajectory[times, channel]
                    of_channels.append(
                        np.linalg.norm(truth - trajectory[inputs - 1, channel]) / np.linalg.norm(truth)
                    )
                errors.append(np.mean(of_channels))
            expected = np.mean(errors), *np.quantile(errors, [0.25, 0.75])
            assert found.loc[frame, ["error", "low", "high"]].tolist() == pytest.approx(expected)
