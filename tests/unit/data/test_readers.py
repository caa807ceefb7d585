"""Users' files: read in both layouts, and refused in a sentence that names file, key and remedy."""

import h5py
import numpy as np
import pytest
import zarr

from cases import SPECTRAL
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


def bring_in(path, tmp_path, system="poisson", names=(), held_out=None):
    store, manifest = tmp_path / "out.zarr", tmp_path / "out.json"
    content = import_file(path, "own", "train", system, list(names), held_out, store, manifest)
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


@pytest.mark.parametrize("system", SPECTRAL)
@pytest.mark.parametrize("layout", ["h5", "zarr"])
def test_our_own_examples_survive_the_way_through_a_file(small_split, tmp_path, system, layout):
    solved = small_split(system).examples(0, 5)
    path = tmp_path / f"own.{layout}"
    if layout == "h5":
        with h5py.File(path, "w") as file:
            file["fields"] = np.stack([solved.arrays["source"], solved.arrays["solution"]], axis=1)
            file["tensor"] = solved.arrays["coefficients"]
    else:
        group = zarr.create_group(path)
        for name in ("source", "solution", "coefficients"):
            group.create_array(name, data=solved.arrays[name])
    content, examples = bring_in(path, tmp_path, system)
    assert content["largest_residual"] < 1e-4  # of what is stored, float32
    np.testing.assert_array_equal(examples.outputs[:, 0], solved.arrays["solution"].astype(np.float32))


# The columns of ``tensor`` in what the public code of arXiv 2306.00258 writes, float32, for each system.
PUBLIC = {
    "poisson": ["k11", "k22", "k12"],
    "advection_diffusion": ["k11", "k22", "k12", "v1", "v2"],
    "helmholtz": ["k11", "omega"],
}


@pytest.mark.parametrize("system", SPECTRAL)
def test_the_public_layout_of_every_system_is_read(small_split, tmp_path, system, caplog):
    solved = small_split(system).examples(0, 5)
    names = SYSTEMS[system].coefficient_names
    columns = [names.index(name) for name in PUBLIC[system]]
    with h5py.File(tmp_path / "public.h5", "w") as file:
        file["fields"] = np.stack([solved.arrays["source"], solved.arrays["solution"]], axis=1).astype("<f4")
        file["tensor"] = solved.arrays["coefficients"][:, columns].astype("<f4")
        if system == "advection_diffusion":
            file["other"] = np.ones((5, 1), dtype="<f4")  # the ratios, which are not read
    with caplog.at_level("INFO"):
        content, examples = bring_in(tmp_path / "public.h5", tmp_path, system)
    assert content["largest_residual"] < 1e-3
    np.testing.assert_allclose(examples.coefficients, solved.arrays["coefficients"], rtol=1e-6)
    assert f"read as {'k, omega' if system == 'helmholtz' else ', '.join(names)}" in caplog.text


def write_store(path, dims=("sample", "y", "x"), turn=(0, 1, 2), attributes=None, dtype=None, **options):
    """Independent Poisson pairs as a zarr store whose arrays have named axes."""
    fields, tensor = independent_poisson(6, 16)
    group = zarr.create_group(path)
    for name, values in zip(("source", "solution"), fields.swapaxes(0, 1), strict=True):
        values = values.transpose(turn)
        if attributes:
            values = np.rint((values - attributes["add_offset"]) / attributes["scale_factor"])
        values = values.astype(dtype or values.dtype)
        array = group.create_array(name, data=values, dimension_names=dims, **options)
        array.attrs.update(attributes or {})
    group.create_array("coefficients", data=tensor, dimension_names=["sample", "coefficient"])
    return path


@pytest.mark.parametrize(
    ("dims", "turn"),
    [(("sample", "x", "y"), (0, 2, 1)), (("Y", "X", "n"), (1, 2, 0)), (("x", "n", "y"), (2, 0, 1))],
)
def test_axes_that_the_file_names_are_turned(tmp_path, dims, turn):
    _, examples = bring_in(write_store(tmp_path / "own.zarr", dims, turn), tmp_path)
    np.testing.assert_array_equal(examples.fields, independent_poisson(6, 16)[0][:, :1])
    _, examples = bring_in(tmp_path / "own.zarr", tmp_path, system=None, names=["a", "b", "c"])
    np.testing.assert_array_equal(examples.outputs, independent_poisson(6, 16)[0][:, 1:])


def test_axes_are_turned_by_labels_and_scales_of_hdf5_too(public, tmp_path):
    path = public(fields=FIELDS.swapaxes(2, 3), tensor=TENSOR.T)
    with h5py.File(path, "a") as file:
        for axis, name in enumerate(("n", "channel", "x")):
            file["fields"].dims[axis].label = name
        file["y"] = np.arange(16)
        file["y"].make_scale("y")
        file["fields"].dims[3].attach_scale(file["y"])
        file["tensor"].dims[1].label = "n"
    _, examples = bring_in(path, tmp_path)
    np.testing.assert_array_equal(examples.fields[:, 0], FIELDS[:, 0])
    np.testing.assert_array_equal(examples.coefficients, TENSOR)


def test_packed_integers_are_unpacked(public, tmp_path):
    packed = {"scale_factor": 1e-3, "add_offset": 5.0}
    path = write_store(tmp_path / "own.zarr", attributes=packed, dtype="int16")
    _, examples = bring_in(path, tmp_path)
    np.testing.assert_allclose(examples.fields, FIELDS[:, :1], atol=1e-3)
    path = public(fields=np.rint(FIELDS / 1e-3).astype("int32"))
    with h5py.File(path, "a") as file:
        file["fields"].attrs["scale_factor"] = np.array([1e-3])
    _, examples = bring_in(path, tmp_path)
    np.testing.assert_allclose(examples.outputs, FIELDS[:, 1:], atol=1e-3)


def test_a_value_that_the_file_says_is_missing_is_not_read_as_a_number(public, tmp_path):
    fields = FIELDS.copy()
    fields[3, 1, 0, 0] = -999
    path = public(fields=fields)
    with h5py.File(path, "a") as file:
        file["fields"].attrs["_FillValue"] = np.float32(-999)
    with pytest.raises(ValueError, match="the solution of example 3 is not finite"):
        bring_in(path, tmp_path, None, ["a", "b", "c"])


def test_coefficients_are_taken_in_the_order_that_the_file_says(tmp_path):
    group = zarr.open_group(write_store(tmp_path / "own.zarr"), mode="a")
    group.attrs["coefficient_names"] = ["k11", "k12", "k22"]
    group["coefficients"][:] = TENSOR[:, [0, 2, 1]]
    _, examples = bring_in(tmp_path / "own.zarr", tmp_path)
    np.testing.assert_array_equal(examples.coefficients, TENSOR)
    with pytest.raises(ValueError, match=r"coefficient_names are .*; expected \['a', 'b', 'c'\]"):
        bring_in(tmp_path / "own.zarr", tmp_path, None, ["a", "b", "c"])


@pytest.mark.parametrize("columns", [None, 0])
@pytest.mark.parametrize("layout", ["h5", "zarr"])
def test_a_system_without_coefficients_needs_none_in_its_file(public, tmp_path, layout, columns):
    tensor = None if columns is None else TENSOR[:, :0]
    path = public(tensor=tensor)
    if layout == "zarr":
        path = write_store(tmp_path / "own.zarr")
        del zarr.open_group(path, mode="a")["coefficients"]
    content, examples = bring_in(path, tmp_path, None, [])
    assert content["coefficient_names"] == []
    assert examples.coefficients.shape == (6, 0)
    assert set(examples.references()) == {"source", "unit of source", "unit of solution"}


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
def test_numbers_of_every_kind_are_read(public, tmp_path, dtype):
    fields = (FIELDS > 0) if dtype == "bool" else np.rint(np.clip(100 + 10 * FIELDS, 0, 255))
    _, examples = bring_in(public(fields=fields.astype(dtype)), tmp_path, None, ["a", "b", "c"])
    np.testing.assert_array_equal(examples.fields[:, 0], fields[:, 0])
    assert examples.fields.dtype == np.float32


def test_a_mean_that_the_equation_leaves_free_is_said(public, tmp_path, caplog):
    fields = FIELDS.copy()
    bring_in(public(fields=fields), tmp_path)
    assert not caplog.records
    fields[2:, 1] += 3
    bring_in(public(fields=fields), tmp_path)
    assert "the solutions of 4 of 6 examples have a mean, the first that of example 2" in caplog.text


def test_the_size_of_fields_is_said(public, tmp_path, caplog):
    with caplog.at_level("INFO"):
        bring_in(public(fields=1e-6 * FIELDS), tmp_path, None, ["a", "b", "c"])
    rms = np.median(np.sqrt((FIELDS.astype(float) ** 2).mean(axis=(2, 3))), axis=0) * 1e-6
    assert f"RMS (median): source {rms[0]:.3g}, solution {rms[1]:.3g}" in caplog.text


def test_validation_without_a_file_is_every_eighth_training_example(tmp_path):
    fields, tensor = independent_poisson(600, 8)
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["fields"], file["tensor"] = fields, tensor
    held_out = np.arange(600) % 8 == 0
    for is_validation, expected in ((True, held_out), (False, ~held_out)):
        content, examples = bring_in(tmp_path / "own.h5", tmp_path, held_out=is_validation)
        assert content["count"] == expected.sum()
        np.testing.assert_array_equal(examples.fields[:, 0], fields[expected, 0])
        np.testing.assert_array_equal(examples.outputs[:, 0], fields[expected, 1])
        np.testing.assert_array_equal(examples.coefficients, tensor[expected])
    fields[17, 1] *= 2
    with h5py.File(tmp_path / "own.h5", "a") as file:
        file["fields"][:] = fields
    with pytest.raises(ValueError, match="example 17 has residual"):
        bring_in(tmp_path / "own.h5", tmp_path, held_out=False)
    bring_in(tmp_path / "own.h5", tmp_path, held_out=True)


def test_a_file_of_one_example_has_none_to_hold_out(public, tmp_path):
    path = public(fields=FIELDS[:1], tensor=TENSOR[:1])
    bring_in(path, tmp_path)
    with pytest.raises(ValueError, match=r"own.h5 has one example; expected two"):
        bring_in(path, tmp_path, held_out=False)


def test_a_system_of_the_users_own_needs_names_alone(public, tmp_path):
    _, examples = bring_in(public(), tmp_path, system=None, names=["a", "b", "c"])
    assert examples.coefficient_names == ("a", "b", "c")
    assert set(examples.references()) == {"source", "a", "b", "c", "unit of source", "unit of solution"}


def test_a_users_file_has_no_shifted_parameter(public, tmp_path):
    bring_in(public(), tmp_path)
    parameter = shifted_parameter(tmp_path / "out.zarr", tmp_path / "out.json")
    assert parameter.shape == (6,)
    assert np.isnan(parameter).all()


FIELDS, TENSOR = independent_poisson(6, 16)
ZERO, WRONG = FIELDS.copy(), FIELDS.copy()
ZERO[2, 0] = 0
WRONG[3, 1] *= 1.5
HUGE, TINY = FIELDS.astype(np.float64), FIELDS.astype(np.float64)
HUGE[1, 1] *= 1e39
TINY[5, 0] *= 1e-50
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
        ({"fields": HUGE}, r"own.h5: the solution of example 1 is as large as .*e\+39, beyond float32"),
        ({"fields": TINY}, "own.h5: the source of example 5 is zero everywhere in float32"),
        ({"fields": FIELDS[:0], "tensor": TENSOR[:0]}, r"own.h5: the fields have shape \(0, .* an example"),
        ({"fields": FIELDS * 1j}, "own.h5: 'fields' is of type complex.*; expected real numbers"),
        ({"fields": [b"a", b"b"]}, "own.h5: 'fields' is of type .*; expected real numbers"),
        ({"tensor": 3.0}, r"own.h5: the coefficients have shape \(\); expected \(6, c\)"),
        ({"tensor": np.zeros(6, [("k", "f4")])}, "own.h5: 'tensor' is of type .*; expected real numbers"),
        ({"tensor": TENSOR[:, :1]}, "own.h5: the coefficients have 1 columns; expected 3: k11, k22, k12"),
        ({"fields": None, "solution": FIELDS[:, 1]}, "own.h5 has no key 'fields', nor 'source'"),
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


@pytest.mark.parametrize("factor", [1e305, 1e-305])
def test_a_residual_that_is_no_number_is_refused(public, tmp_path, factor):
    """Coefficients whose equation overflows pass no check that asks for more than a limit."""
    with pytest.raises(ValueError, match="does not solve"):
        bring_in(public(tensor=TENSOR * factor), tmp_path)


def test_files_that_are_missing_or_of_another_kind_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"none.h5 does not exist; expected an HDF5 file"):
        bring_in(tmp_path / "none.h5", tmp_path)
    (tmp_path / "data.csv").write_text("")
    with pytest.raises(ValueError, match=r"data.csv ends in '.csv'; expected an HDF5 file"):
        bring_in(tmp_path / "data.csv", tmp_path)
