"""Noise on input frames: as large as is asked for, and the same however a batch is split."""

import math

import pytest
import torch

from pdetransfer.training.noise import Noise

COUNT, FRAMES, CHANNELS = 6, 5, 3
SCALES = torch.logspace(-3, 2, COUNT * CHANNELS).view(COUNT, 1, CHANNELS, 1, 1)


@pytest.fixture
def fields():
    """Every example and channel of a size of its own; one channel of one example is zero."""
    generator = torch.Generator().manual_seed(0)
    frames = SCALES * torch.randn(COUNT, FRAMES, CHANNELS, 24, 16, generator=generator)
    frames[2, :, 1] = 0
    return frames.flatten(1, 2)


def noise(strength=0.03, seed=0, steps_taken=0):
    return Noise(strength, seed, CHANNELS, steps_taken)


def added(fields, **keys):
    return noise(**keys).added(fields, range(len(fields))) - fields


def by_channel(values):
    return values.unflatten(1, (FRAMES, CHANNELS))


def test_its_size_is_a_share_of_the_root_mean_square_of_each_example_and_channel(fields):
    for strength in (0.03, 1.0):
        ratio = (
            by_channel(values).square().mean(dim=(1, 3, 4)).sqrt()
            for values in (added(fields, strength=strength), fields)
        )
        found, size = ratio
        assert not found[2, 1]
        there = size > 0
        torch.testing.assert_close(
            found[there] / size[there], torch.full((COUNT * CHANNELS - 1,), strength), rtol=0.05, atol=0
        )


def test_it_is_normal_of_mean_zero_and_independent_in_all_points(fields):
    standard = (
        by_channel(added(fields, strength=1.0))
        / by_channel(fields).square().mean(dim=(1, 3, 4), keepdim=True).sqrt()
    )
    standard = standard[[0, 1, 3, 4, 5]].flatten(1)
    assert standard.mean().abs() < 0.02
    assert (standard**4).mean() == pytest.approx(3, rel=0.05)
    between = standard @ standard.T / standard.shape[1] - torch.eye(5)
    assert between.abs().max() < 0.06
    assert (standard[:, 1:] * standard[:, :-1]).mean().abs() < 0.02
    frames = standard.unflatten(1, (FRAMES, -1))
    assert (frames[:, 1:] * frames[:, :-1]).mean().abs() < 0.02


def test_the_published_strength_multiplies_a_norm(fields):
    """ε ‖x‖₂ N(0, 1) is ρ = ε √(T H W)."""
    epsilon = 5e-4
    rho = epsilon * math.sqrt(FRAMES * 24 * 16)
    found = by_channel(added(fields, strength=rho)).square().mean(dim=(1, 3, 4)).sqrt()
    norm = by_channel(fields).square().sum(dim=(1, 3, 4)).sqrt()
    torch.testing.assert_close(found, epsilon * norm, rtol=0.05, atol=0)


@pytest.mark.parametrize("sizes", [[6], [1] * 6, [4, 2], [1, 5]])
def test_it_is_the_same_however_a_batch_is_split(fields, sizes, device):
    fields = fields.sign()  # whose RMS is exact: a GPU adds up in an order that depends on the shape
    whole = added(fields.to(device), steps_taken=3)
    parts, start = [], 0
    for size in sizes:
        part = slice(start, start + size)
        parts.append(noise(steps_taken=3).added(fields[part].to(device), range(start, start + size)))
        start += size
    assert torch.equal(torch.cat(parts) - fields.to(device), whole)
    for rank in range(2):  # as two processes share a batch
        found = noise(steps_taken=3).added(fields[rank::2].to(device), range(rank, COUNT, 2))
        assert torch.equal(found - fields[rank::2].to(device), whole[rank::2])


def test_it_depends_on_the_seed_the_step_and_the_place_in_the_batch(fields):
    same = fields[:1].expand(2, -1, -1, -1)
    first, second = added(same)
    assert not torch.equal(first, second)
    for other in ({"seed": 1}, {"steps_taken": 1}):
        assert not torch.equal(added(same, **other)[0], first)
    assert torch.equal(added(same), added(same))
    after = noise()
    after.next_step()
    assert torch.equal(after.added(fields, range(COUNT)), noise(steps_taken=1).added(fields, range(COUNT)))


def test_what_is_given_stays_as_it_is(fields):
    before = fields.clone()
    added(fields)
    assert torch.equal(fields, before)
