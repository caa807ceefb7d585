"""Users' files of trajectories: the frames that are read of them, in which order of axes, at which times, and that
models learn them."""

import logging

import h5py
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch
import zarr

from cases import SETTINGS
from files import WRITERS, write_numpy
from pdetransfer.base.files import read_json
from pdetransfer.data import navier_stokes
from pdetransfer.data.cards import read_card
from pdetransfer.data.datasets import load, load_windows
from pdetransfer.data.readers import import_file
from pdetransfer.data.systems.navier_stokes import NavierStokes
from pdetransfer.report.galleries import draw_card
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware

RANDOM = np.random.default_rng(0)
TIMES = np.array([[0.5, 1.0, 1.5, 2.0, 2.5]])  # 1 x 5, as MATLAB has it
SQUARES, RECTANGLES = (RANDOM.normal(size=(4, 6, *grid)) for grid in ((8, 8), (8, 12)))
CPU = torch.device("cpu")


@pytest.fixture
def bring_in(tmp_path):
    """Reads a file: its manifest and its frames ``(n, t, y, x)``, as stored."""

    def read(path, system=None, options=None, names=(), held_out=None):
        store, manifest = tmp_path / "out.zarr", tmp_path / "out.json"
        import_file(path, "own", "train", system, list(names), held_out, store, manifest, options)
        return read_json(manifest), zarr.open_group(store, mode="r")["frames"][:, :, 0]

    return read


def ordered(frames, order):
    """Frames (n, t, y, x), or (n, y, x), in another order of axes."""
    ours = "ntyx" if frames.ndim == 4 else "nyx"
    return frames.transpose([ours.index(axis) for axis in order if axis in ours])


@pytest.mark.parametrize("frames", [SQUARES, RECTANGLES], ids=["squares", "rectangles"])
def test_a_bare_array_has_examples_times_y_and_x(tmp_path, bring_in, frames):
    np.save(tmp_path / "own.npy", frames)
    content, stored = bring_in(tmp_path / "own.npy")
    np.testing.assert_array_equal(stored, frames.astype(np.float32))
    assert content["num_points"] == (8 if frames is SQUARES else [8, 12])
    assert [content[key] for key in ("time_step", "boundary", "conserved")] == [1, None, None]
    group = zarr.open_group(tmp_path / "out.zarr", mode="r")
    assert group["frames"].metadata.dimension_names == ("sample", "t", "channel", "y", "x")
    np.testing.assert_array_equal(group["t"][:], np.arange(6))
    np.testing.assert_array_equal(group["x"][:], np.arange(frames.shape[3]) / frames.shape[3])


def test_the_pair_of_a_bare_array_is_made_by_the_task(tmp_path, bring_in):
    np.save(tmp_path / "own.npy", RECTANGLES)
    bring_in(tmp_path / "own.npy")
    of_file = [tmp_path / "out.zarr"], [tmp_path / "out.json"]
    block, windows = load(*of_file), load_windows(*of_file, 2)
    assert (block.field_names, block.output_names) == (("initial_solution",), ("solution",))
    np.testing.assert_array_equal(block.outputs[:, 0], RECTANGLES.astype(np.float32))
    np.testing.assert_array_equal(block.fields[:, 0, 3], RECTANGLES[:, 0].astype(np.float32))
    assert windows.channels == ("solution",)
    assert windows.num_windows.tolist() == [4] * 4
    assert block.own_units
    card = read_card({"train": of_file[0][0]}, {"train": of_file[1][0]}, [])
    assert card.shown == ("initial_solution", "solution")


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("order", ["nyxt", "ntyx", "yxtn"])
@pytest.mark.parametrize("frames", [SQUARES, RECTANGLES], ids=["squares", "rectangles"])
def test_the_public_layout_is_read_from_every_kind_of_file(tmp_path, bring_in, name, order, frames, caplog):
    arrays = {"a": ordered(frames[:, 0], order), "u": ordered(frames[:, 1:], order), "t": TIMES}
    WRITERS[name](tmp_path / name, arrays)
    with caplog.at_level(logging.INFO):
        content, stored = bring_in(tmp_path / name)
    np.testing.assert_array_equal(stored, frames.astype(np.float32))
    assert content["keys"] == ["a", "u"]
    assert content["time_step"] == 0.5
    assert (f"which is read as ({', '.join(order)})" in caplog.text) == (order != "nyxt")


@pytest.mark.parametrize("order", ["nyxt", "ntyx", "yxtn"])
def test_frames_alone_need_their_times(tmp_path, bring_in, order):
    write_numpy(tmp_path / "own.npz", {"u": ordered(SQUARES[:, 1:], order), "t": TIMES})
    content, stored = bring_in(tmp_path / "own.npz")
    np.testing.assert_array_equal(stored, SQUARES[:, 1:].astype(np.float32))
    assert content["keys"] == ["u"]


def test_square_frames_are_preferred_where_several_orders_fit(tmp_path, bring_in):
    """(5, 5, 8, 8) with five times: the times are second, or third of 8 x 5 points."""
    frames = RANDOM.normal(size=(5, 8, 8, 8))
    for values in (frames[:, :5], frames):
        times = np.arange(1, values.shape[1] + 1)
        write_numpy(tmp_path / "own.npz", {"u": values, "t": times})
        expected = values if len(times) == 5 else ordered(values, "nxty")
        np.testing.assert_array_equal(bring_in(tmp_path / "own.npz")[1], expected.astype(np.float32))


@pytest.mark.parametrize(
    ("times", "joined"),
    [
        (TIMES, True),
        (TIMES.astype(np.float32) / 7, True),
        (TIMES - 0.5, False),  # u starts with the initial state
        (TIMES + 0.25, False),
        (TIMES + 4, False),
    ],
)
def test_the_initial_state_is_a_frame_where_the_times_say_so(tmp_path, bring_in, times, joined, caplog):
    write_numpy(tmp_path / "own.npz", {"a": SQUARES[:, 0], "u": ordered(SQUARES[:, 1:], "nyxt"), "t": times})
    with caplog.at_level(logging.INFO):
        content, stored = bring_in(tmp_path / "own.npz")
    np.testing.assert_array_equal(stored, SQUARES[:, not joined :].astype(np.float32))
    assert ("a is left out, as u starts at the time" in caplog.text) != joined
    np.testing.assert_allclose(content["time_step"], np.diff(times).mean(), rtol=1e-6)


def test_axes_that_the_file_names_are_turned(tmp_path, bring_in):
    group = zarr.create_group(tmp_path / "own.zarr")
    names = ("x", "t", "y", "sample")
    group.create_array("u", data=RECTANGLES.transpose(3, 1, 2, 0), dimension_names=names)
    content, stored = bring_in(tmp_path / "own.zarr")
    np.testing.assert_array_equal(stored, RECTANGLES.astype(np.float32))
    assert content["time_step"] == 1
    group.create_array("t", data=np.arange(1, 7) / 4, dimension_names=["t"])
    group.create_array("a", data=RECTANGLES[:, 2].swapaxes(1, 2), dimension_names=["sample", "x", "y"])
    content, stored = bring_in(tmp_path / "own.zarr")
    np.testing.assert_array_equal(stored, RECTANGLES[:, [2, *range(6)]].astype(np.float32))
    assert content["time_step"] == 0.25


def test_a_scale_of_hdf5_names_the_axis_of_time(tmp_path, bring_in):
    frames = RANDOM.normal(size=(4, 8, 8, 8))
    with h5py.File(tmp_path / "own.h5", "w") as file:
        file["u"], file["t"] = frames, np.arange(8.0)
        file["t"].make_scale("t")
        file["u"].dims[1].attach_scale(file["t"])
    np.testing.assert_array_equal(bring_in(tmp_path / "own.h5")[1], frames.astype(np.float32))


LENGTHS = {"diagonal": 1.0, "kolmogorov": 2 * np.pi}
VISCOSITIES = {"diagonal": 1e-2, "kolmogorov": 0.2}
FORCINGS = {"diagonal": navier_stokes.diagonal_forcing, "kolmogorov": navier_stokes.kolmogorov_forcing}


def flow(name, viscosity, count=4):
    """Frames of a few random waves, 0.25 apart."""
    initial = navier_stokes.to_fields(navier_stokes.to_waves(RANDOM.normal(size=(count, 16, 16)), 3), 16)
    initial *= 2 / initial.std()
    return navier_stokes.solve(initial, viscosity, FORCINGS[name](32), LENGTHS[name], 0.25, 5, 16, 32)[0]


FLOWS = {name: flow(name, viscosity) for name, viscosity in VISCOSITIES.items()}
OPTIONS = {
    name: {"flow": name, "viscosity_range": [viscosity] * 2, "time": 1.0}
    for name, viscosity in VISCOSITIES.items()
}


def deviation(caplog):
    """The largest that is logged last."""
    return float(caplog.text.split("a frame ahead of w_t")[-1].split("largest ")[1].split(";")[0])


@pytest.mark.parametrize("name", FLOWS)
@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("kind", ["own.npy", "five.mat", "seven.mat"])
def test_the_equation_says_which_axis_is_x(tmp_path, bring_in, name, mirrored, kind, caplog):
    frames, options = FLOWS[name], OPTIONS[name]
    given = frames.swapaxes(2, 3) if mirrored else frames
    if kind == "own.npy":
        np.save(tmp_path / kind, given)
    else:
        arrays = {"a": given[:, 0], "u": ordered(given[:, 1:], "nyxt"), "t": 0.25 * np.arange(1, 5)}
        WRITERS[kind](tmp_path / kind, arrays)
    with caplog.at_level(logging.INFO):
        content, stored = bring_in(tmp_path / kind, "navier_stokes", options)
    np.testing.assert_array_equal(stored, frames.astype(np.float32))
    assert ("are taken to be (x, y), and turned" in caplog.text) == mirrored
    assert deviation(caplog) < 1e-3
    assert content["channels"] == ["vorticity"]
    assert content["boundary"] == "periodic"
    assert content["time_step"] == 0.25
    examples = load([tmp_path / "out.zarr"], [tmp_path / "out.json"])
    np.testing.assert_array_equal(examples.coefficients, np.full((4, 1), VISCOSITIES[name]))
    assert examples.system == "navier_stokes"


def by_another_program(w, viscosity, interval, num_frames, num_steps=200):
    """Frames (n, x, y, t) of Navier-Stokes with diagonal forcing on the unit square, term by term, in the order of
    axes of the program of arXiv 2010.08895; in time by the method of Heun."""
    k = 2j * np.pi * np.fft.fftfreq(w.shape[1], 1 / w.shape[1])
    kx, ky = k[:, None], k
    squared = kx**2 + ky**2
    x = np.arange(w.shape[1]) / w.shape[1]
    phase = 2 * np.pi * (x[:, None] + x)
    forcing = 0.1 * (np.sin(phase) + np.cos(phase))

    def rate(w):
        w_hat = np.fft.fft2(w)
        psi_hat = -w_hat / np.where(squared == 0, 1, squared)
        u, v, w_x, w_y, diffused = np.fft.ifft2(
            [ky * psi_hat, -kx * psi_hat, kx * w_hat, ky * w_hat, squared * w_hat]
        ).real
        return viscosity * diffused + forcing - u * w_x - v * w_y

    frames, step = [w], interval / num_steps
    for _ in range(num_frames - 1):
        for _ in range(num_steps):
            predicted = w + step * rate(w)
            w = w + step / 2 * (rate(w) + rate(predicted))
        frames.append(w)
    return np.stack(frames, axis=-1)


@pytest.mark.parametrize("kind", ["five.mat", "seven.mat", "own.h5"])
def test_a_file_of_another_program_solves_our_equation(tmp_path, bring_in, kind, caplog):
    frames = by_another_program(FLOWS["diagonal"][:, 0], 1e-2, 0.25, 4)
    arrays = {"a": frames[..., 0], "u": frames[..., 1:], "t": np.array([[0.25, 0.5, 0.75]])}
    WRITERS[kind](tmp_path / kind, arrays)
    with caplog.at_level(logging.INFO):
        _, stored = bring_in(tmp_path / kind, "navier_stokes", {"viscosity_range": [1e-2, 1e-2]})
    np.testing.assert_array_equal(stored, frames.transpose(0, 3, 2, 1).astype(np.float32))
    assert "are taken to be (x, y), and turned" in caplog.text
    assert deviation(caplog) < 1e-3


def test_what_solves_another_equation_stands_as_it_is_and_is_said(tmp_path, bring_in, caplog):
    frames = FLOWS["diagonal"]
    np.save(tmp_path / "own.npy", frames[:, ::-1])
    with caplog.at_level(logging.INFO):
        _, stored = bring_in(tmp_path / "own.npy", "navier_stokes", OPTIONS["diagonal"])
    np.testing.assert_array_equal(stored, frames[:, ::-1].astype(np.float32))
    assert deviation(caplog) > 0.05
    assert "turned" not in caplog.text


def test_the_deviation_is_of_every_viscosity(tmp_path, bring_in, caplog):
    flows = [flow("diagonal", viscosity, count=2) for viscosity in (1e-2, 4e-2)]
    arrays = {"u": ordered(np.concatenate(flows), "nyxt"), "t": np.arange(5) / 4}
    columns = {"coefficients": np.repeat([[1e-2], [4e-2]], 2, axis=0)}
    options = {"viscosity_range": [1e-3, 1.0]}
    write_numpy(tmp_path / "own.npz", arrays | columns)
    with caplog.at_level(logging.INFO):
        bring_in(tmp_path / "own.npz", "navier_stokes", options)
    assert deviation(caplog) < 1e-3
    write_numpy(tmp_path / "own.npz", arrays)
    with pytest.raises(ValueError, match=r"no key 'coefficients'; .* no single value of viscosity"):
        bring_in(tmp_path / "own.npz", "navier_stokes", options)


def test_every_eighth_trajectory_is_held_out(tmp_path, bring_in):
    frames = RANDOM.normal(size=(20, 3, 8, 8))
    np.save(tmp_path / "own.npy", frames)
    for held_out in (True, False):
        _, stored = bring_in(tmp_path / "own.npy", held_out=held_out)
        expected = frames[(np.arange(20) % 8 == 0) == held_out]
        np.testing.assert_array_equal(stored, expected.astype(np.float32))


def test_a_frame_may_be_zero_and_a_trajectory_may_not(tmp_path, bring_in):
    frames = SQUARES.copy()
    frames[:, 0] = 0
    np.save(tmp_path / "own.npy", frames)
    bring_in(tmp_path / "own.npy")
    references = load([tmp_path / "out.zarr"], [tmp_path / "out.json"]).references()
    assert references["unit of initial_solution"] == 1
    frames[2] = 0
    np.save(tmp_path / "own.npy", frames)
    with pytest.raises(
        ValueError, match=r"own.npy: the solution \('the array'\) of example 2 is zero everywh"
    ):
        bring_in(tmp_path / "own.npy")


BROKEN = SQUARES.copy()
BROKEN[1, 2, 3, 3] = np.nan
NS = {"viscosity_range": [0.1, 0.1], "time": 1.0}
WRONG = [
    (SQUARES[:, 0], None, {}, r"the array has shape \(4, 8, 8\); expected \(n, t, y, x\)"),
    (SQUARES[:, 0], "navier_stokes", NS, r"the array has shape \(4, 8, 8\); expected \(n, t, y, x\)"),
    (SQUARES[:, :1], None, {}, r"the frames have shape \(4, 1, 8, 8\); expected two frames at least"),
    (SQUARES[:0], None, {}, r"it cannot be read|the frames have shape \(0, .*; expected an example at least"),
    (SQUARES[..., :2], None, {}, r"the frames have shape \(4, 6, 8, 2\); expected 4 points at least"),
    (RECTANGLES, "navier_stokes", NS, r"the frames have shape \(4, 6, 8, 12\); expected as many points"),
    (BROKEN, None, {}, r"the solution \('the array'\) of example 1 is not finite"),
    (BROKEN, "navier_stokes", NS, r"the vorticity \('the array'\) of example 1 is not finite"),
    (SQUARES * 1j, None, {}, "'the array' is of type complex128; expected real numbers"),
    (SQUARES, "darcy", {}, r"the array have shape \(4, 6, 8, 8\); expected 'source' and 'solution'"),
    (
        SQUARES,
        "navier_stokes",
        NS | {"time": None},
        "has no times 't'; expected them, or in the config `time`",
    ),
    (
        {"u": ordered(SQUARES, "nyxt"), "t": TIMES},
        None,
        {},
        r"u at 5 times 't' have shape \(4, 8, 8, 6\); expected 'u' \(n, y, x, t\), with as many times",
    ),
    (
        {"a": SQUARES[:3, 0], "u": ordered(SQUARES[:, 1:], "nyxt"), "t": TIMES},
        "navier_stokes",
        NS,
        r"a and u at 5 times 't' have shape \(3, 8, 8\) and \(4, 8, 8, 5\); expected 'u'",
    ),
    (
        {"a": SQUARES[:, 0], "u": SQUARES[:, 1], "t": TIMES},
        "navier_stokes",
        NS,
        r"a and u at 5 times 't' have shape \(4, 8, 8\) and \(4, 8, 8\); expected 'u'",
    ),
    (
        {"source": SQUARES[:, 0], "solution": SQUARES[:, 1]},
        "navier_stokes",
        NS,
        r"source and solution have shape .* expected 'u' \(n, y, x, t\)",
    ),
    ({"u": SQUARES}, "navier_stokes", NS, r"has no key 'fields', .* nor 'u' with the times 't'"),
    (
        {"u": ordered(SQUARES[:, 1:], "nyxt"), "t": [1, 2, 3, 5, 6]},
        None,
        {},
        "the steps of the times 't' are 1 to 2; expected equal ones",
    ),
    (
        {"u": ordered(SQUARES[:, 1:], "nyxt"), "t": -TIMES},
        None,
        {},
        "the steps of the times 't' are -0.5 to -0.5; expected",
    ),
    (
        {"u": ordered(SQUARES[:, 1:], "nyxt"), "t": TIMES * np.nan},
        None,
        {},
        "the steps of the times 't' are nan to nan; expected",
    ),
    (
        {"u": ordered(SQUARES[:, 1:], "nyxt"), "t": TIMES},
        "navier_stokes",
        NS,
        "its 5 frames are 0.5 apart by 't', and 0.25 by the config, whose `time` is 1",
    ),
]


@pytest.mark.parametrize(("given", "system", "options", "message"), WRONG)
def test_a_wrong_file_is_one_sentence(tmp_path, bring_in, given, system, options, message):
    path = tmp_path / ("own.npz" if isinstance(given, dict) else "own.npy")
    write_numpy(path, given) if isinstance(given, dict) else np.save(path, given)
    with pytest.raises(ValueError, match=f"{path.name}:? ({message})") as raised:
        bring_in(path, system, options)
    assert "\n" not in str(raised.value)
    assert not (tmp_path / "out.json").exists()


RECIPE = SETTINGS["recipe"] | {"learning_rates": [1e-2], "seeds": [0], "num_tuning_seeds": 1, "length": 60}
SIZES = {"kind": "fno", "width": 8, "modes": 3, "num_layers": 2, "input_normalisation": False}
MODELS = {"block": {"num_dims": 3, "padding": [0.25, 0.0, 0.0]}, "windows": {"num_frames": 2}}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("system", [None, "navier_stokes"])
def test_a_file_is_trained_on_and_evaluated(tmp_path, bring_in, model, system):
    frames = FLOWS["diagonal"] * (1e3 if system is None else 1)
    np.save(tmp_path / "own.npy", frames)
    bring_in(tmp_path / "own.npy", system, OPTIONS["diagonal"] if system else None)
    split = jobs.Stored([tmp_path / "out.zarr"], [tmp_path / "out.json"])
    recipe = RECIPE | {"validation_interval": 30}
    settings = {"architecture": SIZES | MODELS[model], "recipe": recipe, "n_train": 4}
    jobs.train([settings], [tmp_path / "cell"], split, split, None, tmp_path / "archive", Hardware(CPU))
    axes = {"dataset": "own", "model": model, "init": "scratch", "recipe": "r"}
    curve = jobs.Evaluated(axes, split, {4: tmp_path / "cell/weights.safetensors"}, [])
    jobs.evaluate([curve], tmp_path / "errors.parquet", CPU)
    errors = pd.read_parquet(tmp_path / "errors.parquet")
    assert len(errors) == 4
    assert errors["error"].max() < 0.6
    assert model == "block" or errors["by_frame"].map(len).eq(3).all()


def test_a_model_of_windows_is_told_that_a_file_has_pairs(tmp_path):
    write_numpy(tmp_path / "own.npz", {"a": SQUARES[:, 0], "u": SQUARES[:, 1]})
    store, manifest = tmp_path / "out.zarr", tmp_path / "out.json"
    import_file(tmp_path / "own.npz", "own", "train", None, [], None, store, manifest)
    with pytest.raises(
        ValueError, match=r"own.npz has pairs of an input and an output; expected trajectories"
    ):
        load_windows([store], [manifest], 2)


def test_the_check_of_a_file_leaves_no_wave_out():
    """Of frames with all waves that their points tell apart; a solver on as many points keeps two thirds."""
    kind = NavierStokes((1e-2, 1e-2), 1e-3, 2)
    initial = navier_stokes.to_fields(navier_stokes.to_waves(RANDOM.normal(size=(3, 32, 32)), 7), 16)
    frames, _ = navier_stokes.solve(initial, 1e-2, navier_stokes.diagonal_forcing(64), 1.0, 1e-3, 2, 16, 64)
    arrays = {"frames": frames[:, :, None], "coefficients": np.full((3, 1), 1e-2)}
    assert kind.deviation(arrays).max() < 1e-3


def test_the_card_says_what_is_known_of_trajectories_alone(tmp_path, bring_in):
    np.save(tmp_path / "own.npy", RECTANGLES)
    bring_in(tmp_path / "own.npy")
    stores, manifests = ({"train": tmp_path / f"out.{suffix}"} for suffix in ("zarr", "json"))
    card = read_card(stores, manifests, [])
    figure = draw_card(card)
    assert card.facts["time_step"] == 1
    assert "frames 1 apart" in figure.get_suptitle()
    assert "None" not in figure.get_suptitle()
    plt.close(figure)
