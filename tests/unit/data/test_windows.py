"""Trajectories in memory and on disk, against slices of the arrays that they are made of."""

import re

import numpy as np
import pytest
import xarray as xr
import zarr

from cases import OPTIONS, TRAJECTORIES, as_windows
from pdetransfer.base.files import UnusableFile
from pdetransfer.data import store as stores_of
from pdetransfer.data.examples import unit
from pdetransfer.data.generation import generate
from pdetransfer.data.store import CHUNK, SHARD, examples_of_shard, inputs_of
from pdetransfer.data.stored import Stored
from pdetransfer.data.systems._trajectories import FRAMES, as_block, initial
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.windows import Windows

RANDOM = np.random.default_rng(0)
FLOW, REACTION, DEPTH = (
    RANDOM.standard_normal((count, num_frames, channels, 4, 6)).astype(np.float32)
    for count, num_frames, channels in ((2, 5, 1), (4, 3, 2), (3, 4, 1))
)
INPUTS = 2
PARTS = [
    Windows.of(FLOW, ("w",), INPUTS, "navier_stokes"),
    Windows.of(REACTION, ("v", "u"), INPUTS, "diffusion_reaction"),
    Windows.of(DEPTH, ("u",), INPUTS, "shallow_water"),
]
MIXED = Windows.mixed(PARTS)
IN_TURN = [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (1, 2), (2, 2), (1, 3)]  # part, trajectory


def channels_of(windows, trajectory):
    """The frames of a trajectory by channel, read by the tables."""
    first, place = windows.first[trajectory], windows.place[trajectory]
    stride = windows.num_channels[trajectory]
    planes = first + stride * np.arange(windows.num_frames[trajectory])
    return {
        name: windows.planes[planes + at] for name, at in zip(windows.channels, place, strict=True) if at >= 0
    }


def assert_trajectories(windows, expected):
    assert len(windows) == len(expected)
    for trajectory, (part, number) in enumerate(expected):
        frames = (FLOW, REACTION, DEPTH)[part][number]
        found = channels_of(windows, trajectory)
        assert set(found) == set(PARTS[part].channels)
        for index, name in enumerate(PARTS[part].channels):
            np.testing.assert_array_equal(found[name], frames[:, index])
            planes = windows.first[trajectory] + np.arange(len(frames)) * frames.shape[1] + index
            names = {windows.channels[channel] for channel in windows.channel_of_plane[planes]}
            assert names == {name}
    assert windows.part.tolist() == [part for part, _ in expected]


def test_a_mixture_has_the_trajectories_of_its_parts_in_turn_and_their_channels_by_name():
    assert MIXED.channels == ("w", "v", "u")
    assert MIXED.grid == (4, 6)
    assert MIXED.system is None
    assert_trajectories(MIXED, IN_TURN)
    assert Windows.mixed(PARTS[:1]).system == "navier_stokes"


@pytest.mark.parametrize(
    "rows", [slice(0, 4), slice(3, None), np.array([8, 0, 5]), np.array([4]), slice(None, None, -1)]
)
def test_rows_keep_only_themselves_in_memory(rows):
    chosen = MIXED[rows]
    expected = [IN_TURN[row] for row in np.arange(len(IN_TURN))[rows]]
    assert_trajectories(chosen, expected)
    assert len(chosen.planes) == sum(
        np.prod((FLOW, REACTION, DEPTH)[part].shape[1:3]) for part, _ in expected
    )
    assert_trajectories(chosen[np.arange(len(chosen))[::-1]], expected[::-1])


def test_windows_are_counted_trajectory_by_trajectory():
    counts = [(3, 1, 2)[part] for part, _ in IN_TURN]
    assert MIXED.num_windows.tolist() == counts
    assert MIXED.first_window.tolist() == (np.cumsum(counts) - counts).tolist()


@pytest.mark.parametrize("each", [1, 2, 3, 10])
def test_what_is_spread_is_of_every_trajectory_from_the_first_window_to_the_last(each):
    found = MIXED.spread(each)
    assert len(set(found)) == len(found)
    for first, count in zip(MIXED.first_window, MIXED.num_windows, strict=True):
        own = [number - first for number in found if first <= number < first + count]
        assert len(own) == min(each, count)
        assert own[0] == 0
        assert each == 1 or own[-1] == count - 1
    long = Windows.of(np.zeros((1, 12, 1, 4, 4), np.float32), ("w",), INPUTS)
    assert long.spread(4).tolist() == [0, 3, 6, 9]


def test_the_unit_of_a_channel_is_its_root_mean_square_over_the_trajectories_that_have_it():
    references = MIXED.references()
    of_u = np.concatenate([REACTION[:, :, 1].ravel(), DEPTH.ravel()])
    for name, values in (("w", FLOW), ("v", REACTION[:, :, 0]), ("u", of_u)):
        assert references[unit(name)] == pytest.approx(np.sqrt(np.square(values, dtype=np.float64).mean()))
    assert MIXED[:1].references()[unit("u")] == 1  # which no trajectory has
    assert Windows.of(0 * FLOW, ("w",), INPUTS).references() == {unit("w"): 1.0}


# On disk.


def written(split, folder):
    store, manifest = folder / f"{split.dataset}.zarr", folder / f"{split.dataset}.json"
    return store, manifest, generate(split, store, manifest)


@pytest.fixture(params=TRAJECTORIES)
def system(request):
    return request.param


def test_a_trajectory_alone_is_bit_equal_on_a_finer_solver_grid_too(small_split, system):
    import dataclasses

    split = small_split(system, count=6)
    split = dataclasses.replace(split, options=OPTIONS[system] | {"solver_points": 32}, num_points=16)
    whole = split.examples(0, 6)
    for number in (0, 3, 5):
        alone = split.examples(number, number + 1)
        np.testing.assert_array_equal(alone.arrays[FRAMES][0], whole.arrays[FRAMES][number])
        assert alone.residual[0] == whole.residual[number]


def test_the_store_keeps_its_specification(small_split, system, tmp_path):
    split = small_split(system, count=5)
    store, _, manifest = written(split, tmp_path)
    kind, options = SYSTEMS[system], OPTIONS[system]
    frames = split.examples(0, 5).arrays[FRAMES].astype(np.float32)
    with xr.open_zarr(store, consolidated=False) as data:
        assert data[FRAMES].dims == ("sample", "t", "channel", "y", "x")
        assert data[FRAMES].dtype == np.float32
        assert data[FRAMES].shape == (5, options["num_frames"], len(kind.channels), 16, 16)
        np.testing.assert_array_equal(data[FRAMES], frames)
        np.testing.assert_allclose(data["t"], np.linspace(0, options["time"], options["num_frames"]))
        assert data.attrs == manifest
    told = {
        "channels": list(kind.channels),
        "time_step": options["time"] / (options["num_frames"] - 1),
        "boundary": kind.boundary,
        "conserved": kind.conserved,
        "own_units": True,
        "system": system,
    }
    assert told.items() <= manifest.items()


def test_a_store_is_read_as_windows_and_as_blocks(small_split, system, tmp_path):
    split = small_split(system, count=5)
    store, manifest, content = written(split, tmp_path)
    stored, channels = Stored([store], [manifest]), SYSTEMS[system].channels
    frames = split.examples(0, 5).arrays[FRAMES].astype(np.float32)
    windows = stored.load_for({"num_frames": 2}, 3)
    assert (windows.channels, windows.system, windows.num_inputs, len(windows)) == (channels, system, 2, 3)
    np.testing.assert_array_equal(windows.planes, frames[:3].reshape(-1, 16, 16))
    blocks = stored.load_for({}, 3)
    assert blocks.output_names == channels
    assert blocks.field_names == tuple(map(initial, channels))
    for index in range(len(channels)):
        np.testing.assert_array_equal(blocks.outputs[:, index], frames[:3, :, index])
        for time in range(frames.shape[1]):
            np.testing.assert_array_equal(blocks.fields[:, index, time], frames[:3, 0, index])
    given = inputs_of(zarr.open_group(store, mode="r"), content, slice(1, 4))
    for index, name in enumerate(map(initial, channels)):
        np.testing.assert_array_equal(given[name], frames[1:4, :1, index])


def test_a_block_is_the_first_frame_at_all_times_and_all_frames():
    block = as_block(REACTION, ("v", "u"))
    assert list(block) == ["initial_v", "initial_u", "v", "u"]
    np.testing.assert_array_equal(block["u"], REACTION[:, :, 1])
    np.testing.assert_array_equal(block["initial_u"], REACTION[:, :1, 1].repeat(3, axis=1))


@pytest.mark.parametrize("values", [1, 2, 100, 30 * 4 * 128**2, 101 * 128**2, 2**40])
def test_a_shard_holds_no_more_than_memory_has(values):
    count = examples_of_shard(values)
    assert 1 <= count <= SHARD
    assert SHARD % count == 0
    assert 4 * values * count <= stores_of._SHARD_BYTES or count == 1
    assert 4 * values * 2 * count > stores_of._SHARD_BYTES or count == SHARD


@pytest.mark.parametrize(("count", "of_shard"), [(11, 4), (5, 8), (7, 1), (70, 64)])
def test_a_split_of_several_shards_equals_its_trajectories(
    small_split, tmp_path, monkeypatch, count, of_shard
):
    split = small_split("shallow_water", count=count, num_points=4)
    monkeypatch.setattr(stores_of, "_SHARD_BYTES", of_shard * 4 * 3 * 16)
    store, manifest, _ = written(split, tmp_path)
    array = zarr.open_group(store)[FRAMES]
    assert array.shards[0] <= max(of_shard, CHUNK)
    assert array.shards[0] % array.chunks[0] == 0
    frames = split.examples(0, count).arrays[FRAMES].astype(np.float32)
    loaded = Stored([store], [manifest]).load_for({"num_frames": 1})
    np.testing.assert_array_equal(loaded.planes, frames.reshape(-1, 4, 4))


@pytest.fixture
def mixture(small_split, tmp_path):
    """Stored datasets of each system, of unequal size."""
    splits = [
        small_split(name, count=count, dataset=name)
        for name, count in zip(TRAJECTORIES, (5, 1, 3), strict=True)
    ]
    files = [written(split, tmp_path) for split in splits]
    return splits, Stored([store for store, *_ in files], [manifest for _, manifest, _ in files])


@pytest.mark.parametrize("count", [None, 1, 2, 3, 6, 9])
def test_of_a_stored_mixture_any_first_trajectories_are_those_of_its_parts_in_turn(mixture, count):
    """A part that has no more is passed over; n are the first n of more."""
    splits, stored = mixture
    windows, whole = stored.load_for({"num_frames": 2}, count), stored.load_for({"num_frames": 2})
    expected = [(0, 0), (1, 0), (2, 0), (0, 1), (2, 1), (0, 2), (2, 2), (0, 3), (0, 4)][:count]
    assert list(zip(windows.part, expected, strict=True)) == [(part, (part, _)) for part, _ in expected]
    assert windows.channels == whole.channels == tuple(c for s in splits for c in SYSTEMS[s.system].channels)
    for trajectory, (part, number) in enumerate(expected):
        frames = as_windows(splits[part], 5).planes.reshape(5, 3, -1, 16, 16)[number]
        for found in (windows, whole):
            for index, (name, values) in enumerate(channels_of(found, trajectory).items()):
                assert name == SYSTEMS[splits[part].system].channels[index]
                np.testing.assert_array_equal(values, frames[:, index])


def test_too_few_frames_or_trajectories_are_said_in_one_sentence_with_the_file(
    mixture, small_split, tmp_path
):
    _, stored = mixture
    one = Stored(stored.stores[:1], stored.manifests[:1])
    for stored_, architecture, count, message in (
        (one, {"num_frames": 3}, None, r"navier_stokes\.zarr: the trajectories have 3 frames; expected 4"),
        (stored, {"num_frames": 2}, 10, "10 examples were asked of .*; expected at most 9"),
    ):
        with pytest.raises(ValueError, match=message) as raised:
            stored_.load_for(architecture, count)
        assert "\n" not in str(raised.value)
    store, manifest, _ = written(
        small_split("shallow_water", count=2, num_points=8, dataset="coarse"), tmp_path
    )
    both = Stored([one.stores[0], store], [one.manifests[0], manifest])
    with pytest.raises(ValueError, match=r"coarse\.zarr; it has 2 of 8"):
        both.load_for({"num_frames": 2})


def test_a_damaged_store_of_trajectories_is_refused(small_split, tmp_path):
    store, manifest, _ = written(small_split("shallow_water", count=4), tmp_path)
    (shard,) = (path for path in (store / FRAMES / "c").rglob("*") if path.is_file())
    shard.unlink()
    with pytest.raises(UnusableFile, match=re.escape(f"{store} is damaged: ")):
        Stored([store], [manifest]).load_for({"num_frames": 2})
