import dataclasses
import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import xarray as xr
import zarr

from cases import OPTIONS, SPECTRAL, as_examples
from pdetransfer.base import numerics
from pdetransfer.base.files import UnusableFile, read_json, write_json
from pdetransfer.data import generation
from pdetransfer.data.datasets import load, shifted_parameter
from pdetransfer.data.examples import Examples
from pdetransfer.data.generation import generate
from pdetransfer.data.grid import Grid
from pdetransfer.data.store import SHARD, content_hash
from pdetransfer.data.systems._spectral import Draw, SpectralSystem
from pdetransfer.data.systems.registry import SYSTEMS


@pytest.fixture
def stored(small_split, tmp_path):
    """A generated split: its description, store, manifest file and manifest."""
    split = small_split(count=40)
    store, manifest = tmp_path / "train.zarr", tmp_path / "train.json"
    return split, store, manifest, generate(split, store, manifest)


@pytest.fixture(params=SYSTEMS)
def system(request):
    return request.param


def test_an_example_alone_a_prefix_and_the_whole_are_bit_equal(small_split, system):
    """Also where examples before it, or itself, were refused and drawn again."""

    def examples(*rows, count=100):
        solved = small_split(system, count=count).examples(*rows)
        return solved.arrays | {"residual": solved.residual}

    whole, prefix = examples(0, 100), examples(0, 7, count=7)
    for i in range(100):
        alone = examples(i, i + 1)
        for name, values in whole.items():
            np.testing.assert_array_equal(alone[name][0], values[i])
            if i < 7:
                np.testing.assert_array_equal(prefix[name][i], values[i])


def test_examples_are_finite_solved_accepted_and_of_zero_mean(small_split, system):
    split = small_split(system)
    solved, system = split.examples(0, 64), split.build_system()
    assert all(np.isfinite(values).all() for values in solved.arrays.values())
    assert solved.residual.max() <= system.largest_residual
    if not isinstance(system, SpectralSystem):
        return
    draw = Draw(solved.arrays["coefficients"], solved.arrays["parameters"])
    assert system.accepts(draw, solved.arrays["solution"], split.source, Grid(16)).all()
    if system.zero_mean:
        assert np.abs(solved.arrays["source"].mean(axis=(1, 2))).max() < 1e-15
        assert (
            np.abs(solved.arrays["solution"].mean(axis=(1, 2))).max()
            < 1e-15 * np.abs(solved.arrays["solution"]).max()
        )


def test_a_refused_example_is_drawn_again(small_split):
    """Helmholtz draws source and ω together, advection-diffusion only the direction."""
    refused = small_split("helmholtz").examples(0, 200).refused
    assert len(refused) > 20
    assert set(refused[:, 0]) <= {1, 2, 3, 4}
    solved = small_split("advection_diffusion").examples(0, 400)
    psi, eigenvalue, angle, direction = (column.tolist() for column in solved.arrays["parameters"].T[:4])
    assert len(solved.refused) > 5
    for before in solved.refused:
        i = psi.index(before[0])
        assert (eigenvalue[i], angle[i]) == tuple(before[1:3])
        assert direction[i] != before[3]


def test_a_system_that_accepts_nothing_is_named(small_split, monkeypatch):
    monkeypatch.setattr(generation, "MOST_ATTEMPTS", 5)
    split = dataclasses.replace(
        small_split("helmholtz"), options={"omega_range": [2, 2], "largest_solution": 1e-9}
    )
    with pytest.raises(
        RuntimeError, match="example 0 of d/train was refused 5 times; expected helmholtz with"
    ):
        split.examples(0, 4)


def test_datasets_and_splits_differ_in_every_example(small_split):
    splits = [
        small_split(dataset=d, split=s, seed=seed) for d in "ab" for s in ("train", "test") for seed in (0, 1)
    ]
    sources = np.concatenate([split.examples(0, 8).arrays["source"].reshape(8, -1) for split in splits])
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
            "parameters": (("sample", "parameter"), "float64"),
            "amplitudes": (("sample", "centre_y", "centre_x"), "float64"),
        }
        assert data.sizes["sample"] == 40
        np.testing.assert_array_equal(data["x"], np.arange(16) / 16)
        assert data.attrs == manifest
        solved = split.examples(0, 40)
        for name in ("coefficients", "parameters", "amplitudes"):
            np.testing.assert_array_equal(data[name], solved.arrays[name])
        for name in ("source", "solution"):
            np.testing.assert_array_equal(data[name], solved.arrays[name].astype(np.float32))
        assert manifest["largest_residual"] == solved.residual.max()
    array = zarr.open_group(store)["source"]
    assert array.metadata.zarr_format == 3
    assert array.shards is not None
    assert array.compressors


def test_the_manifest_says_what_is_stored(stored):
    _, _, manifest_file, manifest = stored
    assert json.loads(manifest_file.read_text()) == manifest
    expected = {
        "dataset": "d",
        "split": "train",
        "system": "poisson",
        "options": {"eigenvalue_range": [1.0, 5.0]},
        "coefficient_names": ["k11", "k22", "k12"],
        "parameter_names": ["eigenvalue", "angle"],
        "acceptance": {"all": 1.0},
        "seed": 0,
        "count": 40,
        "numerics_version": numerics.SOLVER,
    }
    assert expected.items() <= manifest.items()
    assert set(manifest["units"]) == {"source", "solution", "coefficients"}
    assert 0 < manifest["largest_residual"] <= SYSTEMS["poisson"].largest_residual


def test_the_manifest_has_the_acceptance_by_omega(small_split, tmp_path):
    manifest = generate(small_split("helmholtz", count=200), tmp_path / "a.zarr", tmp_path / "a.json")
    by_omega = manifest["acceptance"]["omega"]
    assert list(by_omega) == [str(omega) for omega in range(1, 11)]
    assert by_omega["2"] < 0.1
    assert by_omega["9"] == 1
    assert 0.6 < manifest["acceptance"]["all"] < 0.95


def test_a_split_of_several_shards_equals_its_examples(small_split, tmp_path):
    split = small_split(count=SHARD + 10, num_points=8)
    generate(split, tmp_path / "a.zarr", tmp_path / "a.json")
    loaded = load([tmp_path / "a.zarr"], [tmp_path / "a.json"])
    expected = split.examples(SHARD - 2, SHARD + 2).arrays["source"]
    np.testing.assert_array_equal(loaded.fields[SHARD - 2 : SHARD + 2, 0], expected.astype(np.float32))


def test_a_second_generation_has_the_same_manifest(stored, tmp_path):
    split, _, _, manifest = stored
    assert generate(split, tmp_path / "again.zarr", tmp_path / "again.json") == manifest


def test_loading_takes_the_first_examples(stored):
    split, store, manifest, _ = stored
    first = load([store], [manifest], 5)
    assert len(first) == 5
    assert (first.field_names, first.output_names) == (("source",), ("solution",))
    np.testing.assert_array_equal(
        first.outputs[:, 0], split.examples(0, 5).arrays["solution"].astype(np.float32)
    )
    with pytest.raises(ValueError, match=r"41 examples were asked of .*train.zarr; expected at most 40"):
        load([store], [manifest], 41)


@pytest.mark.parametrize(
    ("name", "column"), [("poisson", "eigenvalue"), ("advection_diffusion", "psi"), ("helmholtz", "omega")]
)
def test_the_shifted_parameter_is_the_one_whose_range_is_an_option(small_split, tmp_path, name, column):
    split = small_split(name, count=6)
    manifest = generate(split, tmp_path / "a.zarr", tmp_path / "a.json")
    parameters = split.examples(0, 6).arrays["parameters"][:, manifest["parameter_names"].index(column)]
    np.testing.assert_array_equal(shifted_parameter(tmp_path / "a.zarr", tmp_path / "a.json"), parameters)
    low, high = OPTIONS[name][f"{column}_range"]
    assert ((low <= parameters) & (parameters <= high)).all()


@pytest.fixture
def mixture(small_split, tmp_path):
    """Stores and manifests of one dataset of each system."""
    stores, manifests = ([tmp_path / f"{name}.{end}" for name in SPECTRAL] for end in ("zarr", "json"))
    for name, store, manifest in zip(SPECTRAL, stores, manifests, strict=True):
        generate(small_split(name, count=5), store, manifest)
    return stores, manifests


@pytest.mark.parametrize("count", [None, 1, 7, 9, 15])
def test_a_mixture_takes_its_datasets_in_turn_in_one_layout_by_name(small_split, mixture, count):
    mixed = load(*mixture, count)
    assert len(mixed) == (count or 15)
    assert mixed.coefficient_names == ("k11", "k22", "k12", "v1", "v2", "omega")
    for i in range(len(mixed)):
        name = SPECTRAL[i % 3]
        single = as_examples(small_split(name), i // 3 + 1)[i // 3 :]
        np.testing.assert_array_equal(mixed.fields[i], single.fields[0])
        np.testing.assert_array_equal(mixed.outputs[i], single.outputs[0])
        values = dict(zip(mixed.coefficient_names, mixed.coefficients[i], strict=True))
        known = dict(zip(single.coefficient_names, single.coefficients[0], strict=True))
        assert {name: value for name, value in values.items() if not np.isnan(value)} == known


def test_a_mixture_of_unequal_parts_is_refused_where_one_runs_out(small_split, mixture, tmp_path):
    stores, manifests = mixture
    generate(small_split("helmholtz", count=2), stores[2], manifests[2])
    assert len(load(stores, manifests, 8)) == 8
    with pytest.raises(
        ValueError, match=r"a mixture asks for 3 examples of 16 .*helmholtz.zarr; it has 2 of"
    ):
        load(stores, manifests, 9)
    generate(small_split("helmholtz", count=5, num_points=8), stores[2], manifests[2])
    with pytest.raises(ValueError, match="it has 5 of 8"):
        load(stores, manifests, 9)


def test_references_of_a_mixture_are_over_the_examples_that_have_a_coefficient(small_split, mixture):
    mixed = load(*mixture)
    parts = {name: as_examples(small_split(name), 5) for name in SPECTRAL}
    references = mixed.references()
    assert references["omega"] == np.median(parts["helmholtz"].coefficients[:, 2])
    assert references["v1"] == np.median(np.abs(parts["advection_diffusion"].coefficients[:, 3]))
    k12 = [np.abs(parts[name].coefficients[:, 2]) for name in ("poisson", "advection_diffusion")]
    assert references["k12"] == pytest.approx(np.median(np.concatenate(k12)))
    rms = np.concatenate(
        [np.sqrt((part.fields.astype(float) ** 2).mean(axis=(1, 2, 3))) for part in parts.values()]
    )
    assert references["source"] == pytest.approx(np.median(rms))


def test_a_killed_generator_leaves_no_manifest(tmp_path):
    """Killed at a random moment of writing, over the manifest of an earlier generation."""
    manifest = tmp_path / "a.json"
    manifest.write_text("{}")
    script = """
from cases import OPTIONS
from pathlib import Path
from pdetransfer.data.generation import Split, generate
from pdetransfer.data.sources import SparseGaussians
source = SparseGaussians(4, 1 / 8, (0.2, 0.8))
split = Split("d", "train", "poisson", OPTIONS["poisson"], 64, source, 0, 100_000)
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

    return os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])}


def test_an_unsolved_example_is_refused_by_name(small_split, tmp_path, monkeypatch):
    monkeypatch.setattr(SYSTEMS["poisson"], "largest_residual", 1e-18)
    with pytest.raises(RuntimeError, match=r"example 0 of d/train has residual .*; expected at most 1e-18"):
        generate(small_split(), tmp_path / "a.zarr", tmp_path / "a.json")
    assert not (tmp_path / "a.json").exists()


def test_references_are_medians_and_never_zero():
    fields = np.array([1.0, 5.0, 2.0]).reshape(3, 1, 1, 1) * np.ones((3, 1, 4, 4))
    coefficients = np.array([[1.0, 0.0], [-3.0, 0.0], [2.0, np.nan]])
    examples = Examples(fields, coefficients, fields, ("source",), ("a", "b"), ("solution",))
    assert examples.references() == {"source": 2.0, "a": 2.0, "b": 1.0}


@pytest.mark.parametrize("how", ["truncated", "flipped", "missing", "no metadata"])
@pytest.mark.parametrize("count", [None, 8])
def test_a_damaged_store_is_refused(stored, how, count):
    _, store, manifest, _ = stored
    shard = store / "solution/c/0/0/0"
    if how == "truncated":
        shard.write_bytes(shard.read_bytes()[:1000])
    elif how == "flipped":
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
    elif how == "missing":
        shard.unlink()
    else:
        (store / "solution/zarr.json").unlink()
    with pytest.raises(UnusableFile, match=r"train\.zarr is damaged: "):
        load([store], [manifest], count)


def test_a_content_hash_tells_data_apart_and_nothing_else(tmp_path, small_split):
    def made(name, **options):
        generate(small_split(count=4, **options), tmp_path / f"{name}.zarr", tmp_path / f"{name}.json")
        return tmp_path / f"{name}.json"

    first, same, other = made("a"), made("b"), made("c", seed=1)
    content = read_json(same)
    write_json(same, dict(reversed(content.items())) | {"numerics_version": "another"})
    assert content_hash([first]) == content_hash([same])
    assert len({content_hash(manifests) for manifests in ([first], [other], [first, other])}) == 3
