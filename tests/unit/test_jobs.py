import pandas as pd
import pytest
import torch

from pdetransfer import jobs, numerics
from pdetransfer.checkpoints import saved_seeds
from pdetransfer.files import read_json
from pdetransfer.generation import generate

SETTINGS = {
    "architecture": {"kind": "fno", "width": 4, "modes": 4, "num_layers": 2},
    "recipe": {
        "learning_rates": [1e-3, 4e-3],
        "seeds": [0, 1],
        "batch_size": 8,
        "length": 2,
        "length_unit": "steps",
        "validation_interval": 1,
        "num_validation": 4,
        "subset_by_seed": False,
    },
}


class Project:
    """A results folder with one dataset; counts the cells that are really trained."""

    def __init__(self, path, small_split, monkeypatch):
        self.path = path
        self.trained = []  # n_train of each cell, in the order of training
        train_cell = jobs.train_cell

        def counted(architecture, recipe, n_train, *rest):
            self.trained.append(n_train)
            return train_cell(architecture, recipe, n_train, *rest)

        monkeypatch.setattr(jobs, "train_cell", counted)
        self.splits = {}
        for split, count in (("train", 16), ("validation", 8), ("test", 8)):
            self.generate(small_split(split=split, count=count))

    def generate(self, split):
        store, manifest = self.path / f"{split.split}.zarr", self.path / f"{split.split}.json"
        generate(split, store, manifest)
        self.splits[split.split] = jobs.Stored([store], [manifest])

    def train(self, *n_trains, name="cells", init=None, **recipe):
        cells = [SETTINGS | {"n_train": n, "recipe": SETTINGS["recipe"] | recipe} for n in n_trains]
        folders = [self.path / name / f"n{n}" for n in n_trains]
        before = len(self.trained)
        jobs.train(
            cells,
            folders,
            self.splits["train"],
            self.splits["validation"],
            init,
            self.path / "finished",
            torch.device("cpu"),
        )
        return len(self.trained) - before


@pytest.fixture
def project(tmp_path, small_split, monkeypatch):
    return Project(tmp_path, small_split, monkeypatch)


def test_a_cell_has_weights_history_and_results(project):
    project.train(8)
    folder = project.path / "cells/n8"
    assert sorted(path.name for path in folder.iterdir()) == [
        "cell.json",
        "history.csv",
        "weights.safetensors",
    ]
    assert saved_seeds(folder / "weights.safetensors") == [0, 1]
    history = pd.read_csv(folder / "history.csv")
    assert len(history) == 2 * 2 * 3  # learning rates, seeds, looks
    cell = read_json(folder / "cell.json")
    assert len(cell["runs"]) == 4
    assert [run["seed"] for run in cell["chosen"]] == [0, 1]
    assert cell["numerics_version"] == numerics.TRAINING


def test_what_is_finished_is_not_trained_again(project):
    assert project.train(4, 8) == 2
    weights = (project.path / "cells/n8/weights.safetensors").read_bytes()
    assert project.train(4, 8, 16) == 1
    assert project.trained == [4, 8, 16]
    assert project.train(8, name="elsewhere") == 0
    assert (project.path / "elsewhere/n8/weights.safetensors").read_bytes() == weights


@pytest.mark.parametrize(
    "recipe", [{"length": 3}, {"seeds": [0]}, {"learning_rates": [1e-3]}, {"num_validation": 8}]
)
def test_other_settings_are_trained(project, recipe):
    project.train(8)
    assert project.train(8, **recipe) == 1


def test_other_numerics_data_or_initial_weights_are_trained(project, small_split, monkeypatch):
    project.train(8)
    init = project.path / "cells/n8/weights.safetensors"
    assert project.train(8, name="tuned", init=init) == 1
    assert project.train(8, name="tuned", init=init) == 0
    project.train(16)
    assert project.train(8, name="tuned", init=project.path / "cells/n16/weights.safetensors") == 1
    project.generate(small_split(count=16, seed=1))
    assert project.train(8) == 1
    monkeypatch.setattr(numerics, "TRAINING", numerics.TRAINING + 1)
    assert project.train(8) == 1


def test_a_cell_that_fails_leaves_nothing_and_keeps_the_others(project):
    with pytest.raises(RuntimeError, match="every learning rate diverged"):
        project.train(8, learning_rates=[1e30])
    assert not (project.path / "cells").exists()
    with pytest.raises(ValueError, match="17 examples were asked of"):
        project.train(17)
    assert project.train(8) == 1


def test_evaluation_stores_every_test_error(project):
    project.train(8)
    weights = project.path / "cells/n8/weights.safetensors"
    project.train(8, name="tuned", init=weights)
    for name, zero_shot, zero_seeds in (
        ("cells", jobs.untrained(SETTINGS | {"n_train": 0}, project.splits["train"]), [0, 1]),
        ("tuned", jobs.pretrained(weights), [0]),
    ):
        output = project.path / f"{name}.parquet"
        jobs.evaluate(
            project.splits["test"],
            {8: project.path / name / "n8/weights.safetensors"},
            zero_shot,
            output,
            torch.device("cpu"),
        )
        errors = pd.read_parquet(output)
        counts = errors.groupby(["n_train", "seed"]).size()
        assert counts.to_dict() == {(0, seed): 8 for seed in zero_seeds} | {(8, 0): 8, (8, 1): 8}
        assert errors["error"].between(0, 100).all()


def test_cells_of_equal_content_share_no_file(project):
    """Snakemake touches the outputs of a job, and must not touch those of another."""
    project.train(8)
    project.train(8, name="elsewhere")
    files = [project.path / name / "n8/cell.json" for name in ("cells", "elsewhere")]
    assert not files[0].samefile(files[1])
    assert files[0].read_text() == files[1].read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_said():
    assert jobs.set_device("auto", 1) == jobs.set_device("cpu", 1) == torch.device("cpu")
    with pytest.raises(RuntimeError, match="device is 'cuda', but PyTorch finds no CUDA device"):
        jobs.set_device("cuda", 1)
