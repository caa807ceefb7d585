"""A user's files through the whole workflow."""

import copy

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr

import pdetransfer
from pdetransfer.data.generation import Split
from pdetransfer.data.sources import SparseGaussians

pytestmark = pytest.mark.slow

RESULTS = "results/transfer/smoke"
SPLITS = {"train": 20, "validation": 8, "test": 8}


def write(path, count, seed):
    """Poisson pairs in the public layout, made without the project's code."""
    random = np.random.default_rng(seed)
    y, x = np.meshgrid(np.arange(16) / 16, np.arange(16) / 16, indexing="ij")
    fields, tensor = np.zeros((count, 2, 16, 16), dtype=np.float32), np.zeros((count, 3))
    for i in range(count):
        k11, k22, k12 = tensor[i] = 0.01 * np.array([2.0, 3.0, random.uniform(-1, 1)])
        for a, b in ((1, 0), (0, 1), (1, 2)):
            wave = random.normal() * np.cos(2 * np.pi * (a * x + b * y) + random.uniform(0, 6))
            fields[i, 1] += wave
            fields[i, 0] += (2 * np.pi) ** 2 * (k11 * a * a + k22 * b * b + 2 * k12 * a * b) * wave
    with h5py.File(path, "w") as file:
        file["fields"], file["tensor"] = fields, tensor


def write_ours(path, split, count):
    """Examples of our own in the public layout of Helmholtz equations, from streams that no dataset of the config
    has."""
    law = SparseGaussians(4, 1 / 8, (0.2, 0.8))
    solved = Split("ours", split, "helmholtz", {"omega_range": [3, 8]}, 16, law, 0, count).examples(0, count)
    with h5py.File(path, "w") as file:
        file["fields"] = np.stack([solved.arrays["source"], solved.arrays["solution"]], axis=1).astype(
            np.float32
        )
        file["tensor"] = solved.arrays["coefficients"][:, 1:]  # k and omega


def write_bare(path, count):
    """A mask and its smoothing, in small units, of a system without coefficients, on an odd grid."""
    noise = np.random.default_rng(count).normal(size=(count, 17, 17))
    k = 2 * np.pi * np.fft.fftfreq(17, 1 / 17)
    k_squared = k[:, None] ** 2 + k**2
    mask = np.fft.ifft2(np.fft.fft2(noise) * np.exp(-k_squared / 200)).real > 0
    with h5py.File(path, "w") as file:
        file["source"] = mask
        file["solution"] = 1e-6 * np.fft.ifft2(np.fft.fft2(mask) / (1 + k_squared / 100)).real


def write_other(path, count):
    """A zarr store of an unknown system: u = a f + b f²."""
    random = np.random.default_rng(len(path.name))
    source, coefficients = random.normal(size=(count, 16, 16)), random.uniform(1, 2, (count, 2))
    a, b = coefficients.T[:, :, None, None]
    group = zarr.create_group(path)
    for name, values in {
        "source": source,
        "solution": a * source + b * source**2,
        "coefficients": coefficients,
    }.items():
        group.create_array(name, data=values)


@pytest.fixture
def with_files(finished):
    """The finished project with a dataset of files, in an experiment with the pre-trained model."""
    for seed, (split, count) in enumerate(SPLITS.items()):
        write(finished.path / f"{split}.h5", count, seed)

        write_ours(finished.path / f"ours_{split}.h5", split, count)
        write_other(finished.path / f"other_{split}.zarr", count)
    write_bare(finished.path / "bare_train.h5", 64)  # of which 8 are of validation
    write_bare(finished.path / "bare_test.h5", 8)

    def add(config):
        files = {name: {split: f"{name}{split}" for split in SPLITS} for name in ("", "ours_", "other_")}
        for name, end in (("", "h5"), ("ours_", "h5"), ("other_", "zarr")):
            files[name] = {split: f"{path}.{end}" for split, path in files[name].items()}
        config["datasets"]["own"] = {"system": "poisson", "files": files[""]}
        config["datasets"]["ours"] = {"system": "helmholtz", "files": files["ours_"]}
        two = {"train": "bare_train.h5", "test": "bare_test.h5"}
        config["datasets"]["bare"] = {"coefficients": [], "files": two}
        config["datasets"]["twin"] = copy.deepcopy(config["datasets"]["own"])
        config["datasets"]["other"] = {"coefficients": ["a", "b"], "files": files["other_"]}
        experiment = config["experiments"]["data_scaling"]
        config["experiments"]["own"] = experiment | {"dataset": ["own"], "n_train": [0, 12]}
        config["experiments"]["others"] = experiment | {
            "dataset": ["ours", "other", "bare"],
            "init": ["scratch"],
            "n_train": [0, 12],
        }
        config["figures"]["others"] = {"kind": "error_vs_data", "experiments": ["others"], "title": "Others"}
        config["figures"]["own"] = {"kind": "data_savings", "experiments": ["own"], "title": "Own data"}
        config["figures"]["own_errors"] = {
            "kind": "error_vs_data",
            "experiments": ["own"],
            "title": "Own data",
        }

    finished.edit_config(add)
    return finished


def test_own_files_are_trained_on_and_drawn(with_files):
    with_files.succeed("all")
    table = pd.read_csv(with_files.path / RESULTS / "tables/own.csv")
    assert set(table["n_train"]) == {0, 12}
    assert np.isfinite(table["test_error"]).all()
    log = (with_files.path / RESULTS / "logs/import_file/own/train.log").read_text()
    assert "train.h5: residual of -div(K grad u) = f: median" in log
    twins = "own/train and twin/train share 20 inputs, 20 examples"
    for told in ("logs/disjoint.log", "tables/datasets.csv", "report.html"):
        assert twins in (with_files.path / RESULTS / told).read_text()
    assert '"twin/train"' in (with_files.path / RESULTS / "cards/own.json").read_text()
    others = pd.read_csv(with_files.path / RESULTS / "tables/others.csv")
    assert set(others["dataset"]) == {"ours", "other", "bare"}
    assert np.isfinite(others["test_error"]).all()
    of_bare = others[others["dataset"] == "bare"].groupby("n_train")["test_error"].mean()
    assert of_bare[12] < 0.9 * of_bare[0]
    other = pdetransfer.load_model(
        with_files.path / RESULTS / "cells/other/fno_medium/scratch/downstream_seeds/n12/weights.safetensors"
    )
    assert other.channels.coefficients == ("a", "b")
    assert with_files.planned("all") == {}


def test_a_file_with_too_few_examples_is_named(with_files):
    cell = f"{RESULTS}/cells/own/fno_medium/scratch/downstream_seeds/n24/cell.json"
    result = with_files.run(cell)
    assert result.returncode != 0
    assert "24 examples were asked of" in result.stdout
    assert "train.h5" in result.stdout
    assert "expected at most 20" in result.stdout


def test_a_file_that_is_both_trained_on_and_tested_with_is_an_error(with_files):
    with_files.edit_config(
        lambda config: config["datasets"]["twin"]["files"].update(
            test=config["datasets"]["own"]["files"]["train"]
        )
    )
    result = with_files.run(f"{RESULTS}/datasets/disjoint.json")
    assert result.returncode != 0
    assert (
        "own/train and twin/test share 20 inputs (by index 0 is 0, 1 is 1, 2 is 2, 3 is 3, 4 is 4); "
        in result.stdout
    )
    assert "train.h5 is both; give one of them another file" in result.stdout


def test_a_wrong_file_stops_before_anything_is_trained(with_files):
    with h5py.File(with_files.path / "train.h5", "r+") as file:
        file["fields"][7, 1, 0, 0] = np.nan
    result = with_files.run(f"{RESULTS}/tables/own.csv")
    assert result.returncode != 0
    assert "ValueError: train.h5: the solution of example 7 is not finite" in result.stdout
    assert not (with_files.path / RESULTS / "datasets/own/train.json").exists()
