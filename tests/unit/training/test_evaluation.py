"""Errors of roll-outs, against loops over trajectories, frames and channels."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import nn

from cases import SIZES
from pdetransfer.data.examples import unit
from pdetransfer.data.windows import Windows
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.studies.dpot.by_frame import persistence
from pdetransfer.training import evaluation
from pdetransfer.training.evaluation import errors_of_roll_outs, relative_l2, roll_outs, rolled_out

CPU = torch.device("cpu")
INPUTS = 3
OF_MODEL = ["u", "v", "w", "x"]


def trajectories(count, num_frames, num_channels, seed):
    random = np.random.default_rng(seed)
    scale = 10.0 ** np.arange(num_channels).reshape(-1, 1, 1)
    return (scale * random.standard_normal((count, num_frames, num_channels, 8, 8))).astype(np.float32)


FLOW, REACTION = trajectories(3, 8, 1, 0), trajectories(2, 6, 2, 1)
OF_FLOW, OF_REACTION = Windows.of(FLOW, ("w",), INPUTS), Windows.of(REACTION, ("v", "u"), INPUTS)
MIXED = Windows.mixed([OF_FLOW, OF_REACTION])
IN_TURN = [FLOW[0], REACTION[0], FLOW[1], REACTION[1], FLOW[2]]


class Linear(nn.Module):
    """The next frame is a combination of those given, of each channel; absent channels become anything."""

    def __init__(self, weights, offset=0.0):
        super().__init__()
        self.weights, self.offset = nn.Parameter(torch.tensor(weights)), offset

    def forward(self, fields, constants):
        frames = fields.unflatten(1, (len(self.weights), -1))
        return torch.einsum("t,btc...->bc...", self.weights, frames) + self.offset


PERSISTENCE = [0.0, 0.0, 1.0]
EXTRAPOLATION = [0.5, -1.0, 1.25]


def operator_of(windows, weights, absent=0.0, **keys):
    architecture = {"kind": "dpot", **SIZES["dpot"], "patch": 2, "num_frames": INPUTS, "channels": OF_MODEL}
    if absent:
        architecture["absent"] = absent
    operator = NeuralOperator(architecture, Channels.of(windows, architecture), windows.references(), seed=0)
    operator.model = Linear(weights, **keys)
    return operator


def predicted_by_a_loop(frames, weights):
    """The frames after the inputs, each from those before it, ``(time, channel, *grid)``."""
    seen = list(frames[:INPUTS].astype(np.float64))
    for _ in range(len(frames) - INPUTS):
        seen.append(sum(w * frame for w, frame in zip(weights, seen[-INPUTS:], strict=True)))
    return np.array(seen[INPUTS:])


def relative(predicted, truth):
    """Mean over channels of ‖u - u₀‖ / ‖u₀‖, of ``(time, channel, *grid)``."""
    of_channel = [
        np.linalg.norm(predicted[:, c] - truth[:, c]) / np.linalg.norm(truth[:, c])
        for c in range(truth.shape[1])
    ]
    return np.mean(of_channel)


def expected_errors(frames, weights):
    predicted, truth = predicted_by_a_loop(frames, weights), frames[INPUTS:].astype(np.float64)
    return relative(predicted, truth), [relative(predicted[[t]], truth[[t]]) for t in range(len(truth))]


@pytest.mark.parametrize("absent", [0.0, 1.0])
@pytest.mark.parametrize("weights", [PERSISTENCE, EXTRAPOLATION])
@pytest.mark.parametrize("at_once", [1, 2, 32])
def test_errors_are_those_of_a_loop(device, weights, absent, at_once, monkeypatch):
    """Of trajectories of several systems and lengths; a channel that one lacks counts for nothing, and stays what
    it is."""
    monkeypatch.setattr(evaluation, "_ROLLED_OUT", at_once)
    operator = operator_of(MIXED, weights, absent)
    of_all, by_frame = errors_of_roll_outs(operator, MIXED, device)
    for frames, error, of_frames in zip(IN_TURN, of_all, by_frame, strict=True):
        expected, expected_by_frame = expected_errors(frames, weights)
        assert error == pytest.approx(expected, rel=1e-4)
        assert of_frames == pytest.approx(expected_by_frame, rel=1e-4)


def test_what_a_model_makes_of_a_channel_that_is_not_there_reaches_nothing():
    """Not even where it is no number."""

    class Spoilt(Linear):
        def forward(self, fields, constants):
            outputs = super().forward(fields, constants)
            assert not fields.unflatten(1, (INPUTS, -1))[:, :, 3].any()
            outputs[:, 3] = math.nan
            return outputs

    operator = operator_of(OF_REACTION, EXTRAPOLATION)
    expected = errors_of_roll_outs(operator, OF_REACTION, CPU)
    operator.model = Spoilt(EXTRAPOLATION)
    assert errors_of_roll_outs(operator, OF_REACTION, CPU) == expected


@pytest.mark.parametrize("windows", [OF_FLOW, OF_REACTION, MIXED])
def test_a_model_that_repeats_the_last_frame_has_the_errors_of_persistence(windows):
    of_all, by_frame = errors_of_roll_outs(operator_of(windows, PERSISTENCE), windows, CPU)
    table = persistence("d", windows)
    assert table["error"].tolist() == pytest.approx(of_all, rel=1e-5)
    for found, expected in zip(table["by_frame"], by_frame, strict=True):
        assert found == pytest.approx(expected, rel=1e-5)


def test_of_frames_before_the_inputs_of_a_prediction_nothing_counts():
    """Input frames have no error; those that persistence does not read may be anything."""
    other = FLOW.copy()
    other[:, : INPUTS - 1] = 1e6
    first, second = (
        errors_of_roll_outs(operator_of(OF_FLOW, PERSISTENCE), Windows.of(frames, ("w",), INPUTS), CPU)
        for frames in (FLOW, other)
    )
    assert first == second
    assert [len(frames) for frames in first[1]] == [8 - INPUTS] * 3


def test_the_order_of_trajectories_does_not_matter():
    operator = operator_of(MIXED, EXTRAPOLATION)
    of_all, _ = errors_of_roll_outs(operator, MIXED, CPU)
    turned, _ = errors_of_roll_outs(operator, MIXED[np.array([4, 1, 0])], CPU)
    assert turned == pytest.approx([of_all[4], of_all[1], of_all[0]])


@pytest.mark.parametrize("offset", [math.nan, math.inf, -math.inf])
def test_errors_of_predictions_that_are_not_finite_are_infinite(offset):
    of_all, by_frame = errors_of_roll_outs(
        operator_of(OF_REACTION, PERSISTENCE, offset=offset), OF_REACTION, CPU
    )
    assert np.isposinf(of_all).all()
    assert np.isposinf(by_frame).all()


def test_a_roll_out_that_blows_up_is_infinite_from_there_on():
    _, by_frame = errors_of_roll_outs(operator_of(OF_FLOW, [0.0, 0.0, 1e10]), OF_FLOW, CPU)
    assert np.isfinite(np.array(by_frame)[:, 0]).all()
    assert np.isposinf(np.array(by_frame)[:, 1:]).all()


def test_roll_outs_are_in_the_networks_units_and_predictions_in_those_of_the_data(device):
    operator = operator_of(MIXED, EXTRAPOLATION)
    seen = []
    for rows, predicted, truth in roll_outs(operator, MIXED, device):
        seen += rows.tolist()
        for row, found, true in zip(rows, predicted.cpu(), truth.cpu(), strict=True):
            frames, names = IN_TURN[row], ("w",) if IN_TURN[row].shape[1] == 1 else ("v", "u")
            by_loop = predicted_by_a_loop(frames, EXTRAPOLATION)
            for index, name in enumerate(names):
                scale = operator.references[unit(name)]
                at = OF_MODEL.index(name)
                np.testing.assert_allclose(true[:, at], frames[INPUTS:, index] / scale, rtol=1e-5)
                np.testing.assert_allclose(found[:, at], by_loop[:, index] / scale, rtol=1e-3, atol=1e-4)
            absent = [OF_MODEL.index(name) for name in OF_MODEL if name not in names]
            assert not found[:, absent].any()
            assert not true[:, absent].any()
    assert sorted(seen) == list(range(len(MIXED)))
    for frames, windows in ((FLOW, OF_FLOW), (REACTION, OF_REACTION)):
        found = rolled_out(operator, windows)
        assert found.dtype == np.float32
        expected = np.stack([predicted_by_a_loop(one, EXTRAPOLATION) for one in frames])
        assert found.shape == expected.shape
        assert np.linalg.norm(found - expected) < 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("absent", [0.0, 1.0])
def test_what_a_user_gives_is_predicted_and_rolled_out_as_test_trajectories_are(absent, device):
    """By name, in any order, of one trajectory or several; of more frames the last count, of fewer the first is
    repeated."""
    operator = operator_of(MIXED, EXTRAPOLATION, absent)
    operator.model.to(device)
    expected = rolled_out(operator, OF_REACTION)
    v, u = (REACTION[:, :, index].astype(np.float64) for index in range(2))
    found = operator.roll_out(3, u=u[:, :INPUTS], v=v[:, :INPUTS])
    assert set(found) == {"u", "v"}
    for index, name in enumerate(("v", "u")):
        assert found[name].shape == (2, 3, 8, 8)
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], expected[:, :, index], rtol=1e-4, atol=1e-3)
    more = operator.predict(v=v[0, :4], u=u[0, :4])
    np.testing.assert_array_equal(more["u"], operator.predict(v=v[:, 1:4], u=u[:, 1:4])["u"][:1])
    repeated = np.concatenate([v[:, :1], v[:, :1], v[:, :1]], axis=1)
    few = operator.predict(v=v[:, :1])["v"]
    np.testing.assert_allclose(few, operator.predict(v=repeated)["v"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"channels given are \[\]; expected some of \['u', 'v', 'w', 'x'\]"),
        ({"z": FLOW[:, :3, 0]}, r"channels given are \['z'\]; expected some of"),
        ({"w": FLOW[0, 0, 0]}, r"w has shape \(8, 8\); expected \(count, time, y, x\) or \(time, y, x\)"),
        ({"w": FLOW[:, :0, 0]}, r"w has shape \(3, 0, 8, 8\); expected"),
        ({"w": FLOW[:, :3, 0], "u": FLOW[:, :2, 0]}, r"u has shape \(3, 2, 8, 8\); expected"),
        ({"w": FLOW[:, :3, 0] * np.nan}, "w, of shape .* has values that are not finite"),
        ({"w": FLOW[:, :3, 0] * 1j}, "w is of type complex64"),
    ],
)
def test_frames_that_cannot_be_are_named(given, message):
    with pytest.raises(ValueError, match=message) as raised:
        operator_of(MIXED, PERSISTENCE).predict(**given)
    assert "\n" not in str(raised.value)


def test_relative_errors_are_plain_for_one_output_and_a_mean_over_those_that_are_there():
    targets, outputs = torch.randn(4, 3, 5, 6), torch.randn(4, 3, 5, 6)
    for channel in range(3):
        one = slice(channel, channel + 1)
        plain = (outputs - targets)[:, one].flatten(1).norm(dim=1) / targets[:, one].flatten(1).norm(dim=1)
        torch.testing.assert_close(relative_l2(outputs[:, one], targets[:, one]), plain)
    each = torch.stack([relative_l2(outputs[:, [c]], targets[:, [c]]) for c in range(3)])
    torch.testing.assert_close(relative_l2(outputs, targets), each.mean(dim=0))
    padded = targets.clone()
    padded[1, 0] = 0
    padded[2, [0, 2]] = 0
    found = relative_l2(outputs, padded)
    torch.testing.assert_close(found[1], each[1:, 1].mean(dim=0))
    torch.testing.assert_close(found[2], each[1, 2])


def test_the_gradient_of_a_channel_that_is_not_there_is_zero_and_of_an_exact_prediction_finite():
    targets = torch.randn(2, 2, 4, 4)
    targets[:, 1] = 0
    outputs = torch.randn(2, 2, 4, 4)
    outputs[0] = targets[0]
    outputs.requires_grad_()
    relative_l2(outputs, targets).sum().backward()
    assert torch.isfinite(outputs.grad).all()
    assert not outputs.grad[:, 1].any()
    assert outputs.grad[1, 0].any()


def test_windows_are_evaluated_in_place_of_whatever_else_is_in_memory():
    """What stands before a trajectory, or after it, is not read."""
    operator = operator_of(OF_FLOW, EXTRAPOLATION)
    expected, _ = errors_of_roll_outs(operator, OF_FLOW, CPU)
    spoilt = dataclasses.replace(MIXED, planes=MIXED.planes.copy())
    spoilt.planes[np.isin(spoilt.channel_of_plane, [1, 2])] = np.nan
    found, _ = errors_of_roll_outs(operator, spoilt[np.array([0, 2, 4])], CPU)
    assert found == pytest.approx(expected)
