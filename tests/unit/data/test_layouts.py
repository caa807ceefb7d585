"""Files of others in the layouts that are published: the values, names and axes that are read of them, and what is
said of files that do not fit."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.io
import torch
import zarr

from cases import SETTINGS
from files import WRITERS, write_matlab, write_matlab_in_hdf5, write_numpy
from pdetransfer.base.files import read_json
from pdetransfer.data import burgers, darcy
from pdetransfer.data.cards import read_card
from pdetransfer.data.datasets import load
from pdetransfer.data.readers import import_file
from pdetransfer.plan.recipes import Recipe
from pdetransfer.report.galleries import draw_card
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

RANDOM = np.random.default_rng(0)
LINE, PLANE, BOX = (RANDOM.normal(size=(2, 6, *grid)) for grid in ((32,), (12, 12), (8, 8, 8)))
RECTANGLE = RANDOM.normal(size=(2, 6, 12, 20))


@pytest.fixture
def bring_in(tmp_path):
    """Reads a file: its manifest and its examples."""

    def read(path, system=None, names=(), options=None):
        store, manifest = tmp_path / "out.zarr", tmp_path / "out.json"
        import_file(path, "own", "train", system, list(names), None, store, manifest, options)
        return read_json(manifest), load([store], [manifest])

    return read


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("pair", [("a", "u"), ("coeff", "sol"), ("source", "solution")])
@pytest.mark.parametrize("values", [LINE, PLANE, BOX, RECTANGLE], ids=["line", "plane", "box", "rectangle"])
def test_pairs_are_read_from_every_kind_of_file(tmp_path, bring_in, name, pair, values):
    extra = {"Kcoeff": np.ones(3), "t": np.ones((1, 1))} if pair[0] != "source" else {}
    WRITERS[name](tmp_path / name, dict(zip(pair, values, strict=True)) | extra)
    content, examples = bring_in(tmp_path / name)
    np.testing.assert_array_equal(examples.fields[:, 0], values[0].astype(np.float32))
    np.testing.assert_array_equal(examples.outputs[:, 0], values[1].astype(np.float32))
    assert examples.field_names == (pair[0],)
    assert examples.output_names == ("solution",)
    assert examples.own_units
    assert examples.system is None
    grid = values.shape[2:]
    assert content["num_points"] == (grid[0] if len(set(grid)) == 1 else list(grid))
    assert content["keys"] == list(pair)
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    axes = ("z", "y", "x")[-len(grid) :]
    for axis, points in zip(axes, grid, strict=True):
        np.testing.assert_array_equal(group[axis][:], np.arange(points) / points)
    assert group["solution"].metadata.dimension_names == ("sample", *axes)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("values", [PLANE, BOX], ids=["plane", "box"])
def test_examples_that_are_last_are_turned_and_that_is_said(tmp_path, bring_in, name, values, caplog):
    last = np.moveaxis(values, 1, -1)
    WRITERS[name](tmp_path / name, {"a": last[0], "u": last[1]})
    with caplog.at_level("INFO"):
        _, examples = bring_in(tmp_path / name)
    np.testing.assert_array_equal(examples.fields[:, 0], values[0].astype(np.float32))
    np.testing.assert_array_equal(examples.outputs[:, 0], values[1].astype(np.float32))
    assert "which is read as 6 examples, the last axis, on 12 x 12" in caplog.text or values is BOX


@pytest.mark.parametrize("shape", [(12, 12, 12), (5, 12, 20), (12, 12), (12, 6)])
def test_examples_are_first_where_that_cannot_be_told(tmp_path, bring_in, shape):
    values = RANDOM.normal(size=(2, *shape))
    write_matlab(tmp_path / "own.mat", {"a": values[0], "u": values[1]})
    _, examples = bring_in(tmp_path / "own.mat")
    np.testing.assert_array_equal(examples.fields[:, 0], values[0].astype(np.float32))


@pytest.mark.parametrize("dims", [("x", "sample"), ("sample", "x")])
def test_an_axis_of_a_line_is_turned_by_its_name(tmp_path, bring_in, dims):
    group = zarr.create_group(tmp_path / "own.zarr")
    for key, values in zip(("a", "u"), LINE, strict=True):
        turned = values if dims[1] == "x" else values.T
        group.create_array(key, data=turned, dimension_names=dims)
    _, examples = bring_in(tmp_path / "own.zarr")
    np.testing.assert_array_equal(examples.fields[:, 0], LINE[0].astype(np.float32))


def test_a_square_whose_axes_are_named_has_its_examples_where_the_names_say(tmp_path, bring_in):
    group = zarr.create_group(tmp_path / "own.zarr")
    values = RANDOM.normal(size=(2, 8, 8, 5))
    for key, of_key in zip(("a", "u"), values, strict=True):
        group.create_array(key, data=of_key, dimension_names=("sample", "y", "x"))
    _, examples = bring_in(tmp_path / "own.zarr")
    np.testing.assert_array_equal(examples.fields[:, 0], values[0].astype(np.float32))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float32", "float64"])
@pytest.mark.parametrize("name", WRITERS)
def test_numbers_of_every_kind_are_read(tmp_path, bring_in, name, dtype):
    medium = (PLANE[0] > 0).astype(dtype)
    WRITERS[name](tmp_path / name, {"coeff": medium, "sol": PLANE[1]})
    _, examples = bring_in(tmp_path / name)
    np.testing.assert_array_equal(examples.fields[:, 0], PLANE[0] > 0)


def test_coefficients_of_a_pair_are_read(tmp_path, bring_in):
    columns = RANDOM.uniform(size=(6, 2))
    write_matlab_in_hdf5(tmp_path / "own.mat", {"a": LINE[0], "u": LINE[1], "coefficients": columns})
    _, examples = bring_in(tmp_path / "own.mat", names=["c", "d"])
    np.testing.assert_array_equal(examples.coefficients, columns)
    with pytest.raises(ValueError, match=r"the field is called 'a' by its key, .*\['a', 'd'\] is; expected"):
        bring_in(tmp_path / "own.mat", names=["a", "d"])


def burgers_pair(num_points=64, viscosity=0.1):
    x = np.arange(num_points) / num_points
    initial = np.stack([np.sin(2 * np.pi * (x + phase)) + 0.3 for phase in (0, 0.2, 0.7)])
    return initial, burgers.solve(initial, viscosity, 1.0, num_points)[0]


@pytest.mark.parametrize("name", ["five.mat", "seven.mat"])
def test_a_file_of_burgers_has_the_names_of_the_system(tmp_path, bring_in, name, caplog):
    initial, solution = burgers_pair()
    WRITERS[name](tmp_path / name, {"a": initial, "u": solution, "t": 1.0})
    with caplog.at_level("INFO"):
        content, examples = bring_in(tmp_path / name, "burgers")
    assert examples.field_names == ("initial_state",)
    np.testing.assert_array_equal(examples.coefficients, np.full((3, 1), 0.1))
    assert content["num_points"] == 64
    told = caplog.text.split("difference from another solution of ")[1]
    assert "of the first 3 examples" in told
    assert float(told.split("largest ")[1].split(";")[0]) < 1e-5
    with caplog.at_level("INFO"):
        bring_in(tmp_path / name, "burgers", options={"viscosity_range": [0.05, 0.05]})
    assert float(caplog.text.split("largest ")[-1].split(";")[0]) > 0.1


def test_viscosities_are_read_where_the_file_has_them(tmp_path, bring_in):
    initial, solution = burgers_pair()
    path, of_example = tmp_path / "own.mat", [[0.1], [0.2], [0.3]]
    write_matlab(path, {"a": initial, "u": solution, "coefficients": of_example})
    _, examples = bring_in(path, "burgers", options={"viscosity_range": [0.1, 0.3]})
    np.testing.assert_array_equal(examples.coefficients, of_example)
    write_matlab(path, {"a": initial, "u": solution})
    with pytest.raises(ValueError, match=r"no key 'coefficients'; .* no single value of viscosity"):
        bring_in(path, "burgers", options={"viscosity_range": [0.1, 0.3]})


@pytest.mark.parametrize("is_last", [False, True])
def test_a_file_of_darcy_has_names_axes_and_residuals_of_the_system(tmp_path, bring_in, is_last, caplog):
    medium = np.where(RANDOM.normal(size=(3, 13, 13)) > 0, 12, 3)
    solution = darcy.solve(medium)
    arrays = {"coeff": medium.astype(np.uint8), "sol": solution, "Kcoeff": np.ones(2)}
    if is_last:
        arrays |= {key: np.moveaxis(arrays[key], 0, -1) for key in ("coeff", "sol")}
    write_matlab(tmp_path / "own.mat", arrays)
    with caplog.at_level("INFO"):
        content, examples = bring_in(tmp_path / "own.mat", "darcy")
    assert examples.field_names == ("permeability",)
    assert examples.system == "darcy"
    np.testing.assert_array_equal(examples.outputs[:, 0], solution.astype(np.float32))
    assert "largest_residual" not in content
    assert float(caplog.text.split("largest ")[1].split(";")[0]) < 1e-4
    points = zarr.open_group(tmp_path / "out.zarr", mode="r")["x"][:]
    np.testing.assert_array_equal(points, np.arange(13) / 12)
    write_matlab(tmp_path / "own.mat", arrays | {"coeff": arrays["coeff"] > 3})  # a mask solves no equation
    with caplog.at_level("INFO"):
        bring_in(tmp_path / "own.mat", "darcy")
    assert "median inf" in caplog.text.split("residual")[-1]


def cell_array():
    cells = np.empty(2, dtype=object)
    cells[:] = [np.ones(2), np.ones(3)]
    return cells


CUBE = np.ones((6, 8, 8, 8))
WRONG = [
    (
        {"u": LINE[1]},
        None,
        r"has no key 'fields', nor 'source' and 'solution', 'a' and 'u' or 'coeff' and 'sol'",
    ),
    ({"a": LINE[0], "Kcoeff": LINE[1]}, None, r"has no key 'u'; it has \['Kcoeff', 'a'\]: rename or add it"),
    (
        {"a": LINE[0], "u": LINE[1, :, :16]},
        None,
        r"a and u have shape \(\(6, 32\), \(6, 16\)\); expected \(n, \*gr",
    ),
    ({"a": CUBE[..., None], "u": CUBE[..., None]}, None, r"a and u have shape .*; expected .*of 1 to 3 axes"),
    (
        {"a": LINE[0], "u": RANDOM.normal(size=(6, 32, 5)), "t": np.ones((1, 5))},
        None,
        r"a and u at 5 times 't' have shape \(6, 32\) and \(6, 32, 5\); expected 'u' \(n, y, x, t\)",
    ),
    (
        {"a": LINE[0], "u": RANDOM.normal(size=(6, 32, 5))},
        None,
        r"a and u have shape .*; expected \(n, \*grid\)",
    ),
    ({"a": PLANE[0], "u": PLANE[1]}, "burgers", r"a and u have shape .*; expected \(n, N\) each"),
    ({"a": LINE[0], "u": LINE[1]}, "darcy", r"a and u have shape .*; expected \(n, N, N\) each"),
    (
        {"fields": np.ones((6, 2, 8, 8))},
        "burgers",
        r"fields have shape .*; expected 'source' and .* \(n, N\) each",
    ),
    (
        {"coeff": RECTANGLE[0], "sol": RECTANGLE[1]},
        "darcy",
        r"the fields have shape \(6, 12, 20\); expected as many points in y as in x",
    ),
    (
        {"a": PLANE[0][..., :1], "u": PLANE[1][..., :1]},
        None,
        r"a and u have shape \(6, 12, 1\); expected no axis",
    ),
    (
        {"a": LINE[0] * 1j, "u": LINE[1]},
        None,
        r"'a' is of type .*; expected real numbers: keep the real part",
    ),
    ({"a": 0 * LINE[0], "u": LINE[1]}, None, "the a of example 0 is zero everywhere"),
    ({"a": LINE[0], "u": np.nan * LINE[1]}, None, r"the solution \('u'\) of example 0 is not finite"),
    (
        {"a": np.nan * LINE[0], "u": LINE[1]},
        "burgers",
        r"the initial_state \('a'\) of example 0 is not finite",
    ),
]


@pytest.mark.parametrize("name", ["five.mat", "seven.mat", "own.npz"])
@pytest.mark.parametrize(("arrays", "system", "message"), WRONG)
def test_a_wrong_file_is_one_sentence(tmp_path, bring_in, name, arrays, system, message):
    WRITERS[name](tmp_path / name, arrays)
    with pytest.raises(ValueError, match=f"{name}:? {message}") as raised:
        bring_in(tmp_path / name, system)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize(
    ("values", "kind"),
    [("text", "char"), (cell_array(), "cell"), ({"b": 1.0}, "struct"), (scipy.sparse.eye_array(6), "sparse")],
)
def test_what_matlab_has_beside_arrays_is_named(tmp_path, bring_in, values, kind):
    write_matlab(tmp_path / "own.mat", {"a": values, "u": LINE[1]})
    with pytest.raises(ValueError, match=f"own.mat: 'a' is of MATLAB's class {kind}; expected an array"):
        bring_in(tmp_path / "own.mat")


@pytest.mark.parametrize("kind", ["char", "cell"])
def test_what_hdf5_takes_for_numbers_is_what_matlab_says(tmp_path, bring_in, kind):
    path = tmp_path / "own.mat"
    write_matlab_in_hdf5(path, {"a": LINE[0], "u": LINE[1]}, {"a": kind})
    with pytest.raises(ValueError, match=f"own.mat: 'a' is of MATLAB's class {kind}; expected an array"):
        bring_in(path)


def test_objects_are_not_unpickled(tmp_path, bring_in):
    np.savez(tmp_path / "own.npz", a=cell_array(), u=LINE[1])
    with pytest.raises(ValueError, match=r"own.npz: 'a' cannot be read \(Object arrays cannot be loaded"):
        bring_in(tmp_path / "own.npz")


def test_a_mixture_of_other_fields_or_grids_is_refused(tmp_path):
    stores, manifests = ([tmp_path / f"{i}.{end}" for i in range(3)] for end in ("zarr", "json"))
    for store, manifest, keys in zip(
        stores, manifests, (("a", "u"), ("coeff", "sol"), ("a", "u")), strict=True
    ):
        values = PLANE if store != stores[2] else PLANE[:, :, 0]
        write_numpy(tmp_path / f"{store.stem}.npz", dict(zip(keys, values, strict=True)))
        import_file(tmp_path / f"{store.stem}.npz", "own", "train", None, [], None, store, manifest)
    with pytest.raises(ValueError, match=r"grid \(\('coeff',\), .* in .*1.npz; expected \(\('a',\)"):
        load(stores[:2], manifests[:2])
    with pytest.raises(
        ValueError, match=r"grid .*\(12,\)\) in .*2.npz; expected .*\(12, 12\)\), those of .*0.npz"
    ):
        load(stores[::2], manifests[::2])


@pytest.mark.parametrize(
    ("values", "changes", "message"),
    [
        (
            LINE,
            {},
            r"the grid of the examples of .*own.mat \(a, u\) has shape \(32,\); expected 2 axes of 8, 8 p",
        ),
        (RECTANGLE, {"num_dims": 1}, r"has shape \(12, 20\); expected 1 axes of 8 points"),
        (
            RECTANGLE,
            {"modes": 8},
            r"has shape \(12, 20\); expected 2 axes of 16, 16 points at least, by num_dims",
        ),
        (RECTANGLE, {"modes": 8, "padding": [0.5, 0.0]}, None),
        (RECTANGLE, {"modes": [6, 10]}, None),
    ],
)
def test_a_model_that_a_grid_is_not_for_is_told_the_file(tmp_path, bring_in, values, changes, message):
    write_matlab(tmp_path / "own.mat", {"a": values[0], "u": values[1]})
    bring_in(tmp_path / "own.mat")
    split = jobs.Stored([tmp_path / "out.zarr"], [tmp_path / "out.json"])
    settings = SETTINGS | {"architecture": SETTINGS["architecture"] | changes, "n_train": 4}
    ways = [tmp_path / "cell"], split, split, None, tmp_path / "archive", Hardware(torch.device("cpu"))
    if message is None:
        jobs.train([settings], *ways)
    else:
        with pytest.raises(ValueError, match=message):
            jobs.train([settings], *ways)


@pytest.mark.parametrize("values", [LINE, RECTANGLE, BOX], ids=["line", "rectangle", "box"])
def test_a_card_of_any_grid_is_drawn(tmp_path, bring_in, values):
    write_matlab(tmp_path / "own.mat", {"a": values[0], "u": values[1]})
    bring_in(tmp_path / "own.mat")
    stores, manifests = ({"train": tmp_path / f"out.{end}"} for end in ("zarr", "json"))
    card = read_card(stores, manifests, [])
    assert card.shown == ("a", "solution")
    figure = draw_card(card)
    figure.draw_without_rendering()
    plt.close(figure)


RECIPE = Recipe(
    learning_rates=[1e-2],
    seeds=[0],
    num_tuning_seeds=1,
    batch_size=3,
    length=40,
    length_unit="steps",
    validation_interval=20,
    num_validation=6,
)


@pytest.mark.parametrize("values", [LINE, RECTANGLE], ids=["line", "rectangle"])
def test_files_of_lines_and_rectangles_are_trained_on(tmp_path, bring_in, values):
    write_matlab(tmp_path / "own.mat", {"a": values[0], "u": 5 * values[0]})
    _, examples = bring_in(tmp_path / "own.mat")
    architecture = {"kind": "fno", "width": 8, "modes": 4, "num_layers": 1, "num_dims": values.ndim - 2}
    task = Task(architecture, RECIPE, 6, examples, examples)
    (run,) = train_runs(task, [(1e-2, 0)], Hardware(torch.device("cpu")))
    errors = [row["validation_error"] for row in run.history]
    assert errors[-1] < 0.9
    assert not run.diverged
