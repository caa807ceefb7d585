"""Users' files: read in both layouts, and refused in a sentence that names file, key and remedy."""

import h5py
import numpy as np
import pytest
import zarr

from pdetransfer.data.datasets import load, shifted_parameter
from pdetransfer.data.readers import import_file
from pdetransfer.data.systems.registry import SYSTEMS


def independent_poisson(count, n):
    """Poisson pairs without any of the project's code: a few waves each, in float32, public layout."""
    random = np.random.default_rng(0)
    y, x = np.meshgrid(np.arange(n) / n, np.arange(n) / n, indexing="ij")
    fields, tensor = np.zeros((count, 2, n, n)), np.zeros((count, 3))
    for i in range(count):
        angle, e = random.uniform(0, 2 * np.pi), random.uniform(1, 5)
        c, s = np.cos(angle), np.sin(angle)
        tensor[i] = 0.01 * np.array([c * c + e * s * s, s * s + e * c * c, (e - 1) * s * c])
        for a, b in ((1, 0), (0, 1), (1, 2), (3, -1)):
            wave = random.normal() * np.cos(2 * np.pi * (a * x + b * y) + random.uniform(0, 2 * np.pi))
            fields[i, 1] += wave
            k11, k22, k12 = tensor[i]
            fields[i, 0] += (2 * np.pi) ** 2 * (k11 * a * a + k22 * b * b + 2 * k12 * a * b) * wave
    return fields.astype(np.float32), tensor


@pytest.fixture
def public(tmp_path):
    """Writes a file in the public layout."""

    def write(name="own.h5", **arrays):
        fields, tensor = independent_poisson(6, 16)
        with h5py.File(tmp_path / name, "w") as file:
            for key, values in ({"fields": fields, "tensor": tensor} | arrays).items():
                if values is not None:
                    file[key] = values
        return tmp_path / name

    return write


def bring_in(path, tmp_path, system="poisson", names=()):
    store, manifest = tmp_path / "out.zarr", tmp_path / "out.json"
    content = import_file(path, "own", "train", system, list(names), store, manifest)
    return content, load([store], [manifest])


def test_a_file_of_independent_origin_solves_our_equation(public, tmp_path):
    path = public()
    content, examples = bring_in(path, tmp_path)
    assert content["largest_residual"] < 1e-5
    with h5py.File(path) as file:
        np.testing.assert_array_equal(examples.fields[:, 0], file["fields"][:, 0])
        np.testing.assert_array_equal(examples.outputs[:, 0], file["fields"][:, 1])
        np.testing.assert_array_equal(examples.coefficients, file["tensor"][:])
    assert examples.coefficient_names == ("k11", "k22", "k12")


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("layout", ["h5", "zarr"])
def test_our_own_examples_survive_the_way_through_a_file(small_split, tmp_path, system, layout):
    solved = small_split(system).examples(0, 5)
    path = tmp_path / f"own.{layout}"
    if layout == "h5":
        with h5py.File(path, "w") as file:
            file["fields"] = np.stack([solved.source, solved.solution], axis=1)
            file["tensor"] = solved.coefficients
    else:
        group = zarr.create_group(path)
        for name in ("source", "solution", "coefficients"):
            group.create_array(name, data=getattr(solved, name))
    content, examples = bring_in(path, tmp_path, system)
    assert content["largest_residual"] < 1e-9
    np.testing.assert_array_equal(examples.outputs[:, 0], solved.solution.astype(np.float32))


def test_a_system_of_the_users_own_needs_names_alone(public, tmp_path):
    _, examples = bring_in(public(), tmp_path, system=None, names=["a", "b", "c"])
    assert examples.coefficient_names == ("a", "b", "c")
    assert set(examples.references()) == {"source", "a", "b", "c"}


def test_a_users_file_has_no_shifted_parameter(public, tmp_path):
    bring_in(public(), tmp_path)
    parameter = shifted_parameter(tmp_path / "out.zarr", tmp_path / "out.json")
    assert parameter.shape == (6,)
    assert np.isnan(parameter).all()


FIELDS, TENSOR = independent_poisson(6, 16)
ZERO, WRONG = FIELDS.copy(), FIELDS.copy()
ZERO[2, 0] = 0
WRONG[3, 1] *= 1.5
BROKEN = FIELDS.copy()
BROKEN[4, 1, 3, 3] = np.nan


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"tensor": None}, r"own.h5 has no key 'tensor'; it has \['fields'\]: rename or add it"),
        ({"fields": FIELDS[:, 0]}, r"own.h5: fields have shape \(6, 16, 16\); expected \(n, 2, N"),
        (
            {"fields": FIELDS[..., :8]},
            r"own.h5: the fields have shape \(6, 2, 16, 8\); expected as many points",
        ),
        ({"tensor": TENSOR[:5]}, r"own.h5: the coefficients have shape \(5, 3\); expected \(6, c\)"),
        ({"tensor": TENSOR[:, :2]}, "own.h5: the coefficients have 2 columns; expected 3: k11, k22, k12"),
        ({"fields": BROKEN}, "own.h5: the solution of example 4 is not finite"),
        ({"fields": ZERO}, "own.h5: the source of example 2 is zero everywhere"),
        ({"fields": WRONG}, r"own.h5 does not solve .*: example 3 has residual 0.5, the median is"),
        ({"tensor": TENSOR * np.nan}, "own.h5: the coefficients of example 0 is not finite"),
        (
            {"fields": FIELDS.swapaxes(2, 3)},
            "own.h5 does not solve .*: its axes are swapped: store fields as",
        ),
        (
            {"tensor": TENSOR * 2},
            r"own.h5 does not solve .*residual 1, .*order of its coefficients \(k11, k22, k12\)",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_key_and_remedy(public, tmp_path, arrays, message):
    with pytest.raises(ValueError, match=message):
        bring_in(public(**arrays), tmp_path)
    assert not (tmp_path / "out.json").exists()


def test_files_that_are_missing_or_of_another_kind_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"none.h5 does not exist; expected an HDF5 file"):
        bring_in(tmp_path / "none.h5", tmp_path)
    (tmp_path / "data.csv").write_text("")
    with pytest.raises(ValueError, match=r"data.csv ends in '.csv'; expected an HDF5 file"):
        bring_in(tmp_path / "data.csv", tmp_path)
