import json
import re
import time

import numpy as np
import pytest
import zarr

from cases import OPTIONS
from pdetransfer.data.disjoint import _Repeated, check, in_words
from pdetransfer.data.generation import generate


@pytest.fixture
def sets(small_split, tmp_path):
    """Train and test of a dataset of each system."""
    stores, manifests = [], []
    for system in OPTIONS:
        for split in ("train", "test"):
            stores.append(tmp_path / f"{system}-{split}.zarr")
            manifests.append(tmp_path / f"{system}-{split}.json")
            generate(small_split(system, split, count=40, dataset=system), stores[-1], manifests[-1])
    return stores, manifests


@pytest.fixture
def files(tmp_path):
    """Sets of users' files by name, from their sources and coefficients."""

    def write(**sets):
        paths = [(tmp_path / f"{name}.zarr", tmp_path / f"{name}.json") for name in sets]
        for (name, (source, coefficients)), (store, manifest) in zip(sets.items(), paths, strict=True):
            group = zarr.create_group(store, overwrite=True)
            fields = np.array(source, dtype=np.float32)[:, None, None] * np.ones((8, 8), dtype=np.float32)
            group.create_array("source", data=fields)
            group.create_array("coefficients", data=np.array(coefficients, dtype=np.float64))
            dataset, split = name.split("_")
            content = {"dataset": dataset, "split": split, "file": f"{name}.h5", "fields": ["source"]}
            manifest.write_text(json.dumps(content))
        return tuple(zip(*paths, strict=True))

    return write


def column(*values):
    return [[value] for value in values]


def test_generated_sets_share_nothing(sets):
    report = check(*sets)
    assert report["examples"] == 80 * len(OPTIONS)
    assert report["sets"]["helmholtz/test"] == 40
    assert report["shared"] == []


@pytest.mark.parametrize(
    ("kind", "arrays"),
    [
        ("inputs", ["source"]),
        ("amplitudes", ["amplitudes"]),
        ("inputs", ["source", "coefficients"]),
    ],
)
def test_a_planted_duplicate_is_found_by_name_and_index(sets, kind, arrays):
    train, test = (zarr.open_group(sets[0][index], mode="r+") for index in (0, 1))
    for name in arrays:
        test[name][31] = train[name][7]
    told = f"poisson/train and poisson/test share 1 {kind[:-1]} (by index 7 is 31)"
    with pytest.raises(ValueError, match=f"{re.escape(told)}.*change `seed`"):
        check(*sets)


@pytest.mark.parametrize(("system", "field"), [("burgers", "initial_state"), ("darcy", "permeability")])
def test_the_input_of_any_system_tells_an_example(sets, system, field):
    paths = [path for path in sets[0] if path.name.startswith(system)]
    train, test = (zarr.open_group(path, mode="r+") for path in paths)
    test[field][3] = train[field][5]
    with pytest.raises(ValueError, match=f"{system}/train and {system}/test share 1 input .by index 5 is 3"):
        check(*sets)


def test_a_training_set_under_another_name_is_counted(sets, small_split, tmp_path, caplog):
    """The same stream, as a dataset that was copied."""
    store, manifest = tmp_path / "a.zarr", tmp_path / "a.json"
    generate(small_split("helmholtz", "train", count=10, dataset="helmholtz"), store, manifest)
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"dataset": "copy"}))
    (row,) = check([*sets[0], store], [*sets[1], manifest])["shared"]
    told = "helmholtz/train and copy/train share 10 inputs, 10 examples, 10 amplitudes"
    assert in_words(row) == told
    assert told in caplog.text


def test_the_public_files_have_the_same_sources_by_split_and_go_together(files, caplog):
    """All of them are drawn with seed 0: k1_5 and k5_10 differ in their coefficients alone."""
    splits = {"train": [1, 2, 3, 4], "validation": [5, 6], "test": [7, 8]}
    paths = files(
        **{
            f"{dataset}_{split}": (sources, column(*(k * source for source in sources)))
            for dataset, k in (("low", 1.0), ("high", 5.0))
            for split, sources in splits.items()
        }
    )
    shared = [in_words(row) for row in check(*paths)["shared"]]
    assert shared == [
        f"low/{split} and high/{split} share {len(sources)} inputs" for split, sources in splits.items()
    ]
    for sentence in shared:
        assert sentence in caplog.text


@pytest.mark.parametrize("other", ["own_test", "other_test", "other_validation"])
def test_training_examples_in_another_split_of_any_dataset_are_an_error(files, other):
    paths = files(own_train=([1, 2, 3], column(1, 1, 1)), **{other: ([9, 3, 2], column(4, 4, 4))})
    told = f"own/train and {other.replace('_', '/')} share 2 inputs (by index "
    remedy = f"take these examples out of own_train.h5 or {other}.h5"
    with pytest.raises(ValueError, match=f"{re.escape(told)}.*2 is 1.*{re.escape(remedy)}"):
        check(*paths)


def test_validation_examples_that_are_test_examples_are_an_error(files):
    with pytest.raises(ValueError, match="a/validation and b/test share 1 input "):
        check(*files(a_validation=([1], [[]]), b_test=([1], [[]])))


def test_one_file_for_two_splits_is_said(files):
    stores, manifests = files(own_train=([1, 2], column(1, 1)), own_test=([1, 2], column(1, 1)))
    for manifest in manifests:
        manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"file": "all.h5"}))
    with pytest.raises(
        ValueError,
        match=r"share 2 inputs \(by index 0 is 0, 1 is 1\); .*all.h5 is both; give one of them another",
    ):
        check(stores, manifests)


def test_a_source_with_several_coefficients_does_not_tell_an_example(files):
    paths = files(own_train=([1, 1, 1], column(1, 2, 3)), own_test=([1, 1], column(4, 5)))
    assert [in_words(row) for row in check(*paths)["shared"]] == [
        "own/train repeats 2 inputs",
        "own/train and own/test share 1 input",
        "own/test repeats 1 input",
    ]
    paths = files(own_train=([1, 1, 1], column(1, 2, 3)), own_test=([1, 1], column(4, 3)))
    with pytest.raises(ValueError, match=r"own/train and own/test share 1 example \(by index 2 is 1\)"):
        check(*paths)


def test_a_source_that_a_third_set_repeats_tells_examples_of_two_others(files):
    many, one = ([1, 1], column(1, 2)), ([1], column(3))
    with pytest.raises(ValueError, match=r"own/train and own/test share 1 input \("):
        check(*files(many_train=many, own_train=one, own_test=([1], column(4))))


def test_examples_that_a_set_repeats_are_counted(files):
    paths = files(own_train=([1, 2, 1, 1], [[], [], [], []]), own_test=([3], [[]]))
    assert [in_words(row) for row in check(*paths)["shared"]] == ["own/train repeats 2 inputs, 2 examples"]


def test_half_a_million_examples_are_compared_in_seconds():
    random = np.random.default_rng(0)
    sources = random.integers(2**63, size=100_000, dtype=np.uint64)
    start = time.monotonic()
    numbers = _Repeated.of(5 * [sources]).numbers()
    assert time.monotonic() - start < 5
    assert (numbers == 100_000 * (1 - np.eye(5))).all()
