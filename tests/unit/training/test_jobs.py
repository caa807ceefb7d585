import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import zarr
from safetensors.torch import load_file

import pdetransfer
from cases import SETTINGS, architecture_of
from pdetransfer.analysis.tables import PROVENANCE, cell_rows, errors_by_parameter, write_table
from pdetransfer.base import numerics
from pdetransfer.base.files import read_json, sha256_of_file, write_json
from pdetransfer.base.provenance import commit
from pdetransfer.data.generation import generate
from pdetransfer.data.store import content_hash
from pdetransfer.models.checkpoints import load_model, saved_seeds
from pdetransfer.training import archive, jobs
from pdetransfer.training.archive import Record
from pdetransfer.training.evaluation import errors_by_example, errors_of_roll_outs
from pdetransfer.training.hardware import Hardware


class Project:
    """A results folder with one dataset; counts the runs that are really trained."""

    def __init__(self, path, small_split, monkeypatch):
        self.path = path
        self.trained = []  # trials, in the order of training
        train_runs = jobs.train_runs

        def counted(task, trials, *rest, **options):
            self.trained += trials
            return train_runs(task, trials, *rest, **options)

        monkeypatch.setattr(jobs, "train_runs", counted)
        self.splits = {}
        for split, count in (("train", 16), ("validation", 8), ("test", 8)):
            self.generate(small_split(split=split, count=count))

    def generate(self, split):
        store, manifest = self.path / f"{split.split}.zarr", self.path / f"{split.split}.json"
        generate(split, store, manifest)
        self.splits[split.split] = jobs.Stored([store], [manifest])

    def train(self, *n_trains, name="cells", archive="archive", init=None, device="cpu", **recipe):
        """Train cells; the trials of the runs that were not known."""
        settings = [SETTINGS | {"n_train": n, "recipe": SETTINGS["recipe"] | recipe} for n in n_trains]
        folders = [self.path / name / f"n{n}" for n in n_trains]
        before = len(self.trained)
        jobs.train(
            settings,
            folders,
            self.splits["train"],
            self.splits["validation"],
            init,
            self.path / archive,
            Hardware(torch.device(device)),
        )
        return self.trained[before:]

    def result(self, name="cells"):
        """The chosen rate, and the weights of every seed, of a cell with n_train 8."""
        folder = self.path / name / "n8"
        return read_json(folder / "cell.json")["learning_rate"], load_file(folder / "weights.safetensors")


WHOLE = [(rate, seed) for rate in (1e-3, 4e-3) for seed in (0, 1)]  # the trials of a cell of SETTINGS


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
    assert len(history) == 2 * 2 * 3  # learning rates, seeds, validations
    content = read_json(folder / "cell.json")
    assert len(content["runs"]) == 4
    assert [run["seed"] for run in content["chosen"]] == [0, 1]
    assert content["numerics_version"] == numerics.TRAINING
    assert content["weights"] == sha256_of_file(folder / "weights.safetensors")
    splits = [*project.splits["train"].manifests, *project.splits["validation"].manifests]
    assert content["data"] == content_hash(splits)
    assert {content[name] for name in PROVENANCE} >= {
        "cpu",
        torch.__version__,
        pdetransfer.__version__,
        commit(),
    }


def test_what_was_trained_by_an_earlier_version_is_found(tmp_path, monkeypatch):
    """Another place for a cell's files, by these settings, would train the cells of all results again."""
    monkeypatch.setattr(numerics, "TRAINING", 1)
    manifest, init = tmp_path / "manifest.json", tmp_path / "init"
    write_json(manifest, {"sha256": "content", "coefficient_names": ["k11"]})
    init.write_text("weights")
    recipe = {"learning_rates": [1e-3], "seeds": [0, 1], "length": 2}
    settings = {"architecture": {"width": 4}, "n_train": 8, "recipe": recipe}
    record = Record.of(tmp_path, settings, {"train": [manifest], "validation": [manifest]}, init)
    shared, trials = "52f12bcac8bb632eb43092f69ccfcce0", "61be8c394256882453f793f960d81cfb"
    assert record.folder == tmp_path / shared / trials
    assert record.lock == tmp_path / shared / f".{trials}.lock"
    with record.being_written() as unfinished:
        assert unfinished.folder == tmp_path / shared / f".{trials}"
        assert unfinished.key == f"{shared}/{trials}"


def test_what_is_finished_is_not_trained_again(project):
    assert project.train(4, 8) == 2 * WHOLE
    weights = (project.path / "cells/n8/weights.safetensors").read_bytes()
    assert project.train(4, 8, 16) == WHOLE
    assert project.train(8, name="elsewhere") == []
    assert (project.path / "elsewhere/n8/weights.safetensors").read_bytes() == weights


@pytest.mark.parametrize("recipe", [{"length": 3}, {"num_validation": 8}, {"validation_at_most_n": True}])
def test_other_settings_are_trained(project, recipe):
    project.train(8)
    assert project.train(8, **recipe) == WHOLE


LESS = {"seeds": [0], "num_tuning_seeds": 1}  # one seed, which tunes


@pytest.mark.parametrize(
    ("before", "after", "new"),
    [
        ({"seeds": [0]}, {"seeds": [0, 1]}, [(1e-3, 1), (4e-3, 1)]),
        ({"seeds": [1], "num_tuning_seeds": 1}, {}, [(1e-3, 0), (4e-3, 0)]),
        ({"learning_rates": [4e-3]}, {"learning_rates": [1e-3, 4e-3]}, [(1e-3, 0), (1e-3, 1)]),
        (LESS, LESS | {"seeds": [0, 1, 2]}, [(4e-3, 1), (4e-3, 2)]),
        ({"seeds": [0, 1]}, {"seeds": [0]}, []),
        ({"learning_rates": [1e-3, 4e-3]}, {"learning_rates": [4e-3]}, []),
    ],
    ids=[
        "a seed",
        "an earlier seed",
        "a rate",
        "seeds that do not tune",
        "fewer seeds",
        "fewer rates",
    ],
)
def test_only_new_runs_are_trained_and_the_cell_is_as_if_trained_at_once(project, before, after, new):
    project.train(8, name="before", **before)
    assert project.train(8, **after) == new
    project.train(8, name="at_once", archive="none", **after)
    (rate, weights), (expected_rate, expected) = project.result(), project.result("at_once")
    assert rate == expected_rate == 4e-3
    assert set(weights) == set(expected)
    for name, value in expected.items():
        torch.testing.assert_close(weights[name], value, rtol=0, atol=0)
    histories = [pd.read_csv(project.path / name / "n8/history.csv") for name in ("cells", "at_once")]
    pd.testing.assert_frame_equal(*histories, check_exact=True)


def test_on_either_device_known_runs_and_new_ones_are_stored_together(project, device):
    project.train(8, device=device, **LESS)
    project.train(8, device=device, **LESS | {"seeds": [0, 1]})
    assert saved_seeds(project.path / "cells/n8/weights.safetensors") == [0, 1]


def test_a_chosen_run_whose_weights_were_not_kept_is_trained_again(project):
    """Of the rates of a cell, only those of the best are kept."""
    project.train(8)
    assert project.train(8, learning_rates=[1e-3]) == [(1e-3, 0), (1e-3, 1)]
    assert project.train(8, learning_rates=[1e-3], seeds=[1], num_tuning_seeds=1) == []


def test_other_numerics_data_or_initial_weights_are_trained(project, small_split, monkeypatch):
    project.train(8)
    init = project.path / "cells/n8/weights.safetensors"
    assert project.train(8, name="tuned", init=init) == WHOLE
    assert project.train(8, name="tuned", init=init) == []
    project.train(16)
    assert project.train(8, name="tuned", init=project.path / "cells/n16/weights.safetensors") == WHOLE
    project.generate(small_split(count=16, seed=1))
    assert project.train(8) == WHOLE
    monkeypatch.setattr(numerics, "TRAINING", numerics.TRAINING + 1)
    assert project.train(8) == WHOLE


def test_a_cell_that_fails_leaves_nothing_and_keeps_the_others(project):
    with pytest.raises(RuntimeError, match="every learning rate diverged"):
        project.train(8, learning_rates=[1e30, 2e30])
    assert not (project.path / "cells").exists()
    with pytest.raises(ValueError, match="17 examples were asked of"):
        project.train(17)
    assert project.train(8) == WHOLE


@pytest.mark.parametrize("num_files", [1, 2, 3])
def test_writing_a_cell_that_is_interrupted_leaves_no_finished_cell(project, monkeypatch, num_files):
    """Interrupted after any of the three files: the cell is not taken for finished, and its runs are kept."""
    replace, done = os.replace, []

    def interrupted(source, target):
        replace(source, target)
        if Path(target).name in archive.FILES:
            done.append(target)
            if len(done) == num_files:
                raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", interrupted)
        with pytest.raises(KeyboardInterrupt):
            project.train(8)
    assert not list(project.path.glob("archive/*/[!.]*"))
    assert not (project.path / "cells").exists()
    assert project.train(8) == []
    assert project.train(8, name="elsewhere") == []


def test_a_finished_cell_leaves_nothing_of_the_unfinished(project):
    project.train(8)
    assert not list(project.path.glob("archive/*/.*"))


@pytest.mark.parametrize("name", ["weights.safetensors", "history.csv", "cell.json", "sha256.json"])
def test_a_finished_cell_that_was_changed_is_set_aside_and_made_again(project, name, caplog):
    project.train(8)
    expected = project.result()
    (kept,) = project.path.glob("archive/*/[!.]*")
    flip_a_byte(kept / name)
    assert project.train(8, name="again") == WHOLE
    assert "it is set aside" in caplog.text
    rate, weights = project.result("again")
    assert rate == expected[0]
    for tensor, value in expected[1].items():
        torch.testing.assert_close(weights[tensor], value, rtol=0, atol=0)
    assert project.train(8, name="elsewhere") == []


def test_fine_tuning_from_damaged_weights_fails(project):
    project.train(8)
    init = project.path / "cells/n8/weights.safetensors"
    flip_a_byte(init)
    with pytest.raises(ValueError, match=r"weights\.safetensors is damaged: its content"):
        project.train(8, name="tuned", init=init)


def flip_a_byte(path):
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.unlink()  # the file may be linked elsewhere
    path.write_bytes(content)


def test_evaluation_stores_every_test_error_of_every_curve(project):
    project.train(8)
    scratch, tuned = (project.path / name / "n8/weights.safetensors" for name in ("cells", "tuned"))
    project.train(8, name="tuned", init=scratch)
    untrained = jobs.untrained(SETTINGS | {"n_train": 0}, project.splits["train"])
    axes = {"dataset": "d", "model": "m", "recipe": "r"}
    test = project.splits["test"]
    curves = [
        jobs.Evaluated(axes | {"init": "scratch"}, test, {8: scratch}, untrained),
        jobs.Evaluated(axes | {"init": "a"}, test, {8: tuned}, jobs.pretrained(scratch)),
    ]
    output = project.path / "errors.parquet"
    jobs.evaluate(iter(curves), output, torch.device("cpu"))
    errors = pd.read_parquet(output)
    assert errors.groupby(["init", "n_train", "seed"], observed=True).size().to_dict() == dict.fromkeys(
        [("a", 0, 0), ("a", 8, 0), ("a", 8, 1)] + [("scratch", n, seed) for n in (0, 8) for seed in (0, 1)], 8
    )
    assert set(errors[["dataset", "model", "recipe"]].itertuples(index=False, name=None)) == {("d", "m", "r")}
    assert errors["num_parameters"].unique().tolist() == [untrained[0][1].num_parameters]
    by_axes = errors.set_index(["init", "n_train", "seed", "example"]).sort_index()["error"]
    examples = test.load()
    for at, operator in ((("scratch", 8, 1), load_model(scratch, 1)), (("a", 0, 0), load_model(scratch, 0))):
        expected = errors_by_example(operator, examples, torch.device("cpu"))
        np.testing.assert_array_equal(by_axes.loc[at], expected)
    parameter = errors.groupby("example")["parameter"].agg(["min", "max"])
    shifted = zarr.open_group(project.path / "test.zarr")["parameters"][:, 0]
    np.testing.assert_array_equal(parameter["min"], shifted)
    np.testing.assert_array_equal(parameter["max"], shifted)


def test_evaluation_of_roll_outs_stores_their_errors_by_frame(tmp_path, small_split):
    """Of a model that has channels of two systems, on each of them, and of one as it is before training."""
    splits = {}
    for system in ("navier_stokes", "shallow_water"):
        store, manifest = tmp_path / f"{system}.zarr", tmp_path / f"{system}.json"
        generate(small_split(system, split="test", count=3), store, manifest)
        splits[system] = jobs.Stored([store], [manifest])
    mixture = jobs.Stored(
        *([file for s in splits.values() for file in getattr(s, of)] for of in ("stores", "manifests"))
    )
    architecture = architecture_of("dpot") | {"channels": ["depth", "vorticity"]}
    settings = SETTINGS | {"architecture": architecture, "n_train": 4, "probabilities": [1.0, 2.0]}
    cpu = Hardware(torch.device("cpu"))
    jobs.train([settings], [tmp_path / "cell"], mixture, mixture, None, tmp_path / "archive", cpu)
    weights = tmp_path / "cell/weights.safetensors"
    axes = {"model": "m", "init": "scratch", "recipe": "r"}
    curves = [
        jobs.Evaluated(axes | {"dataset": name}, split, {4: weights}, jobs.untrained(settings, mixture))
        for name, split in splits.items()
    ]
    jobs.evaluate(curves, tmp_path / "errors.parquet", torch.device("cpu"))
    errors = pd.read_parquet(tmp_path / "errors.parquet")
    assert len(errors) == 2 * 3 * 2 * 2
    for name, split in splits.items():
        windows = split.load_for(architecture)
        of_all, by_frame = errors_of_roll_outs(load_model(weights, 1), windows, torch.device("cpu"))
        found = errors[(errors["dataset"] == name) & (errors["n_train"] == 4) & (errors["seed"] == 1)]
        assert found["error"].tolist() == of_all
        assert [list(frames) for frames in found["by_frame"]] == by_frame
        expected = zarr.open_group(split.stores[0])["parameters"][:, 0]
        np.testing.assert_array_equal(found["parameter"], expected)
    table = cell_rows(
        [read_json(tmp_path / "cell/cell.json") | axes | {"dataset": name, "n_train": 4} for name in splits],
        errors,
    )
    assert len(table) == 2 * 2 * 2


def test_a_single_rate_that_diverges_goes_to_the_table_with_infinite_errors(project):
    project.train(8, learning_rates=[1e6])
    weights = project.path / "cells/n8/weights.safetensors"
    axes = {"dataset": "d", "model": "m", "init": "scratch", "recipe": "r"}
    curve = jobs.Evaluated(axes, project.splits["test"], {8: weights}, [])
    jobs.evaluate([curve], project.path / "errors.parquet", torch.device("cpu"))
    errors = pd.read_parquet(project.path / "errors.parquet")
    assert np.isposinf(errors["error"]).all()
    cell = read_json(project.path / "cells/n8/cell.json") | axes | {"n_train": 8}
    table = cell_rows([cell], errors)
    assert len(table) == 2
    numbers = table.filter(regex="_error")
    assert np.isposinf(numbers).all(axis=None)
    write_table(table, project.path / "table.csv")
    pd.testing.assert_frame_equal(pd.read_csv(project.path / "table.csv")[[*numbers]], numbers)
    assert np.isposinf(errors_by_parameter(errors).filter(like="error")).all(axis=None)


def test_a_diverged_run_loses_beside_another_rate_and_is_not_trained_again(project):
    project.train(8, name="alone", learning_rates=[1e6])
    assert project.train(8, learning_rates=[1e-3, 1e6]) == [(1e-3, 0), (1e-3, 1)]
    assert read_json(project.path / "cells/n8/cell.json")["learning_rate"] == 1e-3


def test_nothing_is_fine_tuned_from_a_pre_training_that_diverged(project):
    project.train(8, learning_rates=[1e6])
    init = project.path / "cells/n8/weights.safetensors"
    with pytest.raises(
        ValueError, match=r"n8/weights.safetensors is of a pre-training that diverged; expected"
    ):
        project.train(8, name="tuned", init=init)


def test_a_mixture_has_no_shifted_parameter(project):
    one = project.splits["test"]
    mixed = jobs.Stored(one.stores * 2, one.manifests * 2).shifted_parameter()
    assert len(mixed) == 16
    assert np.isnan(mixed).all()


def test_cells_of_equal_content_share_no_file(project):
    """Snakemake touches the outputs of a job, and must not touch those of another."""
    project.train(8)
    project.train(8, name="elsewhere")
    files = [project.path / name / "n8/cell.json" for name in ("cells", "elsewhere")]
    assert not files[0].samefile(files[1])
    assert files[0].read_text() == files[1].read_text()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_missing_gpu_is_said():
    assert Hardware.of("auto", 1) == Hardware.of("cpu", 1) == Hardware(torch.device("cpu"))
    with pytest.raises(RuntimeError, match="device is 'cuda', but PyTorch finds no CUDA device"):
        Hardware.of("cuda", 1)


def test_training_alone_and_together_does_without_what_takes_long_to_import(project):
    settings = SETTINGS | {"n_train": 8}
    code = (
        "import sys, torch; from pathlib import PosixPath; from pdetransfer.data.stored import Stored; "
        "import pdetransfer.plan.inputs; "  # as Snakemake does to read the job's parameters
        "from pdetransfer.training import jobs; from pdetransfer.training.hardware import Hardware; "
        "Hardware.runs_at_once = lambda *_: 3; "  # and the fourth alone
        f"jobs.train([{settings}], [{project.path / 'cells'!r}], {project.splits['train']}, "
        f"{project.splits['validation']}, None, {project.path / 'archive'!r}, Hardware(torch.device('cpu'))); "
        "print(sys.modules.keys() & {'torch._dynamo', 'pandas', 'scipy'})"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
