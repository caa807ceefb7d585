"""Windows on a device, against slices of the trajectories; what is drawn of them."""

import itertools

import numpy as np
import pytest
import torch

from cases import SIZES
from pdetransfer.data.examples import unit
from pdetransfer.data.windows import Windows
from pdetransfer.models import frames as of_models
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.training.loop import batches

CPU = torch.device("cpu")
INPUTS = 3


def trajectories(count, num_frames, channels, seed=0):
    random = np.random.default_rng(seed)
    scale = 10.0 ** np.arange(len(channels)).reshape(-1, 1, 1)
    return (scale * random.standard_normal((count, num_frames, len(channels), 8, 8))).astype(np.float32)


# A dataset of one channel and one of two others, of which one has another place in the model.
FLOW, REACTION = trajectories(2, 7, "w"), trajectories(3, 5, "vu", seed=1)
MIXED = Windows.mixed([Windows.of(FLOW, ("w",), INPUTS), Windows.of(REACTION, ("v", "u"), INPUTS)])
IN_TURN = [(FLOW[0], "w"), (REACTION[0], "vu"), (FLOW[1], "w"), (REACTION[1], "vu"), (REACTION[2], "vu")]
OF_MODEL = ("u", "v", "w", "x")


def operator_of(windows=MIXED, absent=0.0):
    architecture = {
        "kind": "dpot",
        **SIZES["dpot"],
        "num_frames": INPUTS,
        "patch": 2,
        "channels": list(OF_MODEL),
    }
    if absent:
        architecture["absent"] = absent
    return NeuralOperator(architecture, Channels.of(windows, architecture), windows.references(), seed=0)


def naive(frames, channels, references, absent):
    """A trajectory in the network's channels and units."""
    found = np.full((len(frames), len(OF_MODEL), 8, 8), absent)
    for index, name in enumerate(channels):
        found[:, OF_MODEL.index(name)] = frames[:, index] / references[unit(name)]
    return found


@pytest.mark.parametrize("is_held", [True, False])
@pytest.mark.parametrize("absent", [0.0, 1.0])
def test_batches_and_targets_are_slices_of_the_trajectories(device, absent, is_held, monkeypatch):
    """On a device, or sent to it from the host, where they would fill it."""
    monkeypatch.setattr(of_models, "_holds", lambda *_: is_held)
    operator = operator_of(absent=absent)
    inputs, targets = operator.samples(MIXED, device)
    expected_inputs, expected_targets = [], []
    for frames, channels in IN_TURN:
        whole = naive(frames, channels, operator.references, absent)
        for start in range(len(frames) - INPUTS):
            expected_inputs.append(whole[start : start + INPUTS].reshape(-1, 8, 8))
            expected_targets.append(whole[start + INPUTS])
    assert len(inputs) == len(expected_inputs) == 2 * 4 + 3 * 2
    order = torch.randperm(len(inputs))
    for numbers in (slice(None), slice(3, 5), order, order[:0]):
        fields, constants = inputs.batch(numbers if isinstance(numbers, slice) else numbers.to(device))
        found = targets[numbers if isinstance(numbers, slice) else numbers.to(device)]
        assert constants.shape == (len(fields), 0)
        for tensor, expected in ((fields, expected_inputs), (found, expected_targets)):
            np.testing.assert_allclose(tensor.cpu(), np.array(expected)[numbers], rtol=1e-6)


def test_the_network_sees_channels_of_order_one():
    inputs, _ = operator_of().samples(MIXED, CPU)
    fields = inputs.frames(slice(None), range(INPUTS + 1))
    for channel in range(3):
        values = fields[:, :, channel]
        assert values[values != 0].square().mean().sqrt() == pytest.approx(1, rel=0.1)
    assert not fields[:, :, 3].any()


def test_a_channel_that_the_model_lacks_is_named():
    other = Windows.of(FLOW, ("z",), INPUTS)
    with pytest.raises(ValueError, match=r"channels \['z'\]; expected some of \['u', 'v', 'w', 'x'\]"):
        operator_of().samples(other, CPU)


def test_what_a_validation_computes_is_spread_over_each_trajectory():
    long = Windows.of(trajectories(2, 20, "w"), ("w",), INPUTS)
    inputs, _ = operator_of(long).samples(long, CPU)
    assert inputs.start[inputs.validated].tolist() == 2 * [0, 5, 11, 16]
    assert inputs.trajectory[inputs.validated].tolist() == 4 * [0] + 4 * [1]


def drawn(inputs, seed, num_batches, batch_size=4, weights=None):
    rows = batches(len(MIXED), batch_size, seed, CPU, weights)
    return list(itertools.islice(inputs.drawn(rows, seed), num_batches))


@pytest.mark.parametrize("weights", [None, [1.0, 1.0, 1.0, 1.0, 1.0], [4.0, 1.0, 1.0, 1.0, 1.0]])
def test_of_each_trajectory_all_windows_are_drawn_equally_often(weights):
    """Whichever way trajectories are drawn: the time must not follow from the trajectory."""
    inputs, _ = operator_of().samples(MIXED, CPU)
    weights = None if weights is None else torch.tensor(weights, dtype=torch.float64)
    numbers = torch.cat(drawn(inputs, 0, 4000, weights=weights))
    counts = torch.bincount(numbers, minlength=len(inputs)).double()
    for trajectory in range(len(MIXED)):
        of_one = counts[inputs.trajectory == trajectory]
        expected = of_one.mean()
        assert ((of_one - expected).abs() < 5 * expected.sqrt()).all()


def test_windows_are_of_the_trajectories_of_the_batch_and_depend_on_the_seed_alone():
    inputs, _ = operator_of().samples(MIXED, CPU)
    first, again, other = (drawn(inputs, seed, 60) for seed in (0, 0, 1))
    for numbers, rows in zip(first, batches(len(MIXED), 4, 0, CPU), strict=False):
        assert torch.equal(inputs.trajectory[numbers], rows)
    assert all(map(torch.equal, first, again))
    assert not all(a.shape == b.shape and torch.equal(a, b) for a, b in zip(first, other, strict=True))


def test_trajectories_are_drawn_by_their_weights():
    weights = torch.tensor([1.0, 0.5, 0.0, 2.0], dtype=torch.float64)
    rows = torch.cat(list(itertools.islice(batches(4, 3, 0, CPU, weights), 8000)))
    shares = torch.bincount(rows, minlength=4) / len(rows)
    torch.testing.assert_close(shares, (weights / weights.sum()).float(), rtol=0, atol=0.015)
