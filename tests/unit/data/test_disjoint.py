import re

import pytest
import zarr

from cases import OPTIONS
from pdetransfer.data.disjoint import check
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


def test_generated_sets_share_nothing(sets):
    report = check(*sets)
    assert report["examples"] == 240
    assert report["sets"]["helmholtz/test"] == 40


@pytest.mark.parametrize(
    ("what", "arrays"),
    [
        ("source", ["source"]),
        ("source's amplitudes", ["amplitudes"]),
        ("example", ["source", "coefficients"]),
    ],
)
def test_a_planted_duplicate_is_found_by_name_and_index(sets, what, arrays):
    train, test = (zarr.open_group(sets[0][index], mode="r+") for index in (0, 1))
    for name in arrays:
        test[name][31] = train[name][7]
    places = "poisson/train example 7 and poisson/test example 31"
    with pytest.raises(
        RuntimeError, match=re.escape(f"1 times the same {what} stands in two sets: {places};")
    ):
        check(*sets)


def test_a_source_repeated_within_a_set_is_counted(sets):
    train = zarr.open_group(sets[0][0], mode="r+")
    train["source"][3] = train["source"][7]
    assert check(*sets)["repeated_within_a_set"] == {"example": 0, "source": 1, "source's amplitudes": 0}


def test_a_set_that_is_generated_twice_is_found(sets, small_split, tmp_path):
    """The same stream under another name, as a dataset that was copied."""
    generate(
        small_split("helmholtz", "test", count=10, dataset="helmholtz"),
        tmp_path / "a.zarr",
        tmp_path / "a.json",
    )
    manifest = tmp_path / "a.json"
    manifest.write_text(manifest.read_text().replace('"dataset": "helmholtz"', '"dataset": "copy"'))
    with pytest.raises(
        RuntimeError, match="10 times the same example stands in two sets: helmholtz/test example"
    ):
        check([*sets[0], tmp_path / "a.zarr"], [*sets[1], manifest])
