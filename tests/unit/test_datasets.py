import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr
import zarr

from pdetransfer import datasets, numerics
from pdetransfer.datasets import LARGEST_RESIDUAL, SHARD, generate, load, references, source_rms
from pdetransfer.systems import SYSTEMS


@pytest.fixture
def stored(small_split, tmp_path):
    """A generated split: its description, store, manifest file and manifest."""
    split = small_split(count=40)
    store, manifest = tmp_path / "train.zarr", tmp_path / "train.json"
    return split, store, manifest, generate(split, store, manifest)


@pytest.mark.parametrize("system", SYSTEMS)
def test_an_example_alone_a_prefix_and_the_whole_are_bit_equal(small_split, system):
    whole = small_split(system, count=100).examples(0, 100)
    prefix = small_split(system, count=7).examples(0, 7)
    for i in (0, 3, 6):
        alone = small_split(system).examples(i, i + 1)
        for of_whole, of_prefix, of_alone in zip(whole, prefix, alone, strict=True):
            np.testing.assert_array_equal(of_alone[0], of_whole[i])
            np.testing.assert_array_equal(of_prefix[i], of_whole[i])


@pytest.mark.parametrize("system", SYSTEMS)
def test_examples_are_finite_solved_and_of_zero_mean(small_split, system):
    coefficients, source, solution, residual = small_split(system).examples(0, 64)
    assert np.isfinite(coefficients).all()
    assert residual.max() <= LARGEST_RESIDUAL
    if SYSTEMS[system].zero_mean:
        assert np.abs(source.mean(axis=(1, 2))).max() < 1e-15
        assert np.abs(solution.mean(axis=(1, 2))).max() < 1e-15 * np.abs(solution).max()


def test_datasets_and_splits_differ_in_every_example(small_split):
    splits = [
        small_split(dataset=d, split=s, seed=seed) for d in "ab" for s in ("train", "test") for seed in (0, 1)
    ]
    sources = np.concatenate([split.examples(0, 8)[1].reshape(8, -1) for split in splits])
    assert len(np.unique(sources, axis=0)) == len(sources)


def test_the_store_keeps_its_specification(stored):
    split, store, _, manifest = stored
    with xr.open_zarr(store, consolidated=False) as data:
        assert {name: (array.dims, str(array.dtype)) for name, array in data.variables.items()} == {
            "sample": (("sample",), "int64"),
            "y": (("y",), "float64"),
            "x": (("x",), "float64"),
            "source": (("sample", "y", "x"), "float32"),
            "solution": (("sample", "y", "x"), "float32"),
            "coefficients": (("sample", "coefficient"), "float64"),
        }
        assert dict(data.sizes) == {"sample": 40, "y": 16, "x": 16, "coefficient": 3}
        np.testing.assert_array_equal(data["x"], np.arange(16) / 16)
        assert data.attrs == manifest
        coefficients, source, solution, residual = split.examples(0, 40)
        np.testing.assert_array_equal(data["coefficients"], coefficients)
        np.testing.assert_array_equal(data["source"], source.astype(np.float32))
        np.testing.assert_array_equal(data["solution"], solution.astype(np.float32))
        assert manifest["largest_residual"] == residual.max()
    array = zarr.open_group(store)["source"]
    assert array.metadata.zarr_format == 3
    assert array.shards is not None
    assert array.compressors


def test_the_manifest_says_what_is_stored(stored):
    split, _, manifest_file, manifest = stored
    assert json.loads(manifest_file.read_text()) == manifest
    expected = {
        "dataset": "d",
        "split": "train",
        "system": "poisson",
        "ranges": {"eigenvalue_range": [1.0, 5.0]},
        "coefficient_names": ["k11", "k22", "k12"],
        "seed": 0,
        "count": 40,
        "numerics_version": numerics.SOLVER,
    }
    assert expected.items() <= manifest.items()
    assert set(manifest["units"]) == {"source", "solution", "coefficients"}
    assert 0 < manifest["largest_residual"] <= LARGEST_RESIDUAL
    assert manifest["references"] == pytest.approx(split_references(split))


def split_references(split):
    coefficients, source, _, _ = split.examples(0, split.count)
    return references(source_rms(source[:, None]), coefficients, ("k11", "k22", "k12"))


def test_a_split_of_several_shards_equals_its_examples(small_split, tmp_path):
    split = small_split(count=SHARD + 10, num_points=8)
    generate(split, tmp_path / "a.zarr", tmp_path / "a.json")
    loaded = load(tmp_path / "a.zarr", tmp_path / "a.json")
    expected = split.examples(SHARD - 2, SHARD + 2)[1]
    np.testing.assert_array_equal(loaded.fields[SHARD - 2 : SHARD + 2, 0], expected.astype(np.float32))


def test_a_second_generation_has_the_same_manifest(stored, tmp_path):
    split, _, _, manifest = stored
    assert generate(split, tmp_path / "again.zarr", tmp_path / "again.json") == manifest


def test_loading_takes_the_first_examples(stored):
    split, store, manifest, _ = stored
    first = load(store, manifest, 5)
    assert len(first) == 5
    assert (first.field_names, first.output_names) == (("source",), ("solution",))
    np.testing.assert_array_equal(first.outputs[:, 0], split.examples(0, 5)[2].astype(np.float32))
    with pytest.raises(ValueError, match=r"41 examples were asked of .*train.zarr; it has 40"):
        load(store, manifest, 41)


def test_a_killed_generator_leaves_no_manifest(tmp_path):
    """Killed at a random moment of writing, over the manifest of an earlier generation."""
    manifest = tmp_path / "a.json"
    manifest.write_text("{}")
    script = """
from cases import RANGES
from pathlib import Path
from pdetransfer.datasets import Split, generate
from pdetransfer.sources import SparseGaussians
source = SparseGaussians(4, 1 / 8, (0.2, 0.8))
split = Split("d", "train", "poisson", RANGES["poisson"], 64, source, 0, 100_000)
generate(split, Path("a.zarr"), Path("a.json"))
"""
    with subprocess.Popen([sys.executable, "-c", script], cwd=tmp_path, env=_environment()) as process:
        deadline = time.monotonic() + 30
        while not list(tmp_path.glob("a.zarr/source/c/*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert (tmp_path / "a.zarr").exists()
    assert not manifest.exists()


def _environment():
    import os
    from pathlib import Path

    return os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}


def test_an_unsolved_example_is_refused_by_name(small_split, tmp_path, monkeypatch):
    monkeypatch.setattr(datasets, "LARGEST_RESIDUAL", 1e-18)
    with pytest.raises(RuntimeError, match=r"example 0 of d/train has residual .*; expected at most 1e-18"):
        generate(small_split(), tmp_path / "a.zarr", tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def test_references_are_medians_and_never_zero():
    coefficients = np.array([[1.0, 0.0], [-3.0, 0.0], [2.0, 0.0]])
    assert references(np.array([1.0, 5.0, 2.0]), coefficients, ("a", "b")) == {
        "source": 2.0,
        "a": 2.0,
        "b": 1.0,
    }
