"""Navier-Stokes against exact solutions, and what its solutions must have in common."""

import numpy as np
import pytest

from pdetransfer.data.navier_stokes import (
    diagonal_forcing,
    evolve,
    kolmogorov_forcing,
    solve,
    to_fields,
    to_waves,
)
from pdetransfer.data.random_fields import GaussianField
from pdetransfer.data.streams import Stream

LAW = GaussianField("periodic", 2, num_modes=15, scale=7**1.5, tau=7, alpha=2.5)
NONE = np.zeros((4, 4))
UNIT, CIRCLE = 1.0, 2 * np.pi  # lengths


def draw(count, num_points, rms=1.0):
    """Fields of the law of arXiv 2010.08895, of about this size."""
    uniforms = Stream(0, "navier_stokes", "train").uniforms(0, count, LAW.num_uniforms)
    return LAW.fields(uniforms, num_points) * rms / np.sqrt(LAW.variances.sum())


def points(n, length):
    """y and x, ``(n, 1)`` and ``(n,)``."""
    x = np.arange(n) * length / n
    return x[:, None], x


def relative(w, reference):
    """The error in the norm that ``solve`` uses, of fields or frames, ``(...)``."""
    return np.linalg.norm(w - reference, axis=(-2, -1)) / np.linalg.norm(reference, axis=(-2, -1))


def at_32_points(initial, forcing, num_points, time, num_steps, viscosity=1e-3):
    """``evolve`` from fields to fields, on the unit square."""
    highest = (num_points - 1) // 3
    force = to_waves(forcing, highest)
    waves = evolve(to_waves(initial, highest), force, viscosity, UNIT, num_points, time, num_steps)
    return to_fields(waves, 32)


def by_definition(w, viscosity, forcing, length):
    """ν Δw + f - u·∇w, term by term, of one field with no waves above a third of its points."""
    k = 2j * np.pi * np.fft.fftfreq(len(w), length / len(w))
    ky, kx = k[:, None], k
    w_hat = np.fft.fft2(w)
    psi_hat = -w_hat / np.where(kx**2 + ky**2 == 0, 1, kx**2 + ky**2)
    u, v, w_x, w_y, diffused = np.fft.ifft2(
        [ky * psi_hat, -kx * psi_hat, kx * w_hat, ky * w_hat, (kx**2 + ky**2) * w_hat]
    ).real
    return viscosity * diffused + forcing - u * w_x - v * w_y


def energy(frames):
    """The mean of |u|² / 2, of fields on the unit square, whose Nyquist waves are zero."""
    k = 2 * np.pi * np.fft.fftfreq(frames.shape[-1], 1 / frames.shape[-1])
    squared = k[:, None] ** 2 + k**2
    squared[0, 0] = np.inf
    return (np.abs(np.fft.fft2(frames, norm="forward")) ** 2 / squared).sum(axis=(-2, -1)) / 2


@pytest.mark.parametrize("length", [UNIT, CIRCLE])
def test_vortices_of_one_wavelength_decay_as_those_of_taylor_and_green(length):
    """With -Δψ = w and Δw = -κ² w, ψ is a multiple of w, and so u·∇w = 0: w decays as exp(-ν κ² t)."""
    k = 2 * np.pi / length
    y, x = points(32, length)
    w = np.cos(3 * k * x) * np.cos(4 * k * y) + np.sin(4 * k * x + 3 * k * y) - 2 * np.cos(5 * k * y)
    viscosity, interval = 1e-2 / k**2, 0.25
    frames, error = solve(w[None], viscosity, NONE, length, interval, 5, 32)
    decay = np.exp(-viscosity * (5 * k) ** 2 * interval * np.arange(5))
    np.testing.assert_allclose(frames[0], decay[:, None, None] * w, atol=1e-12)
    assert 0 < error[0] < 1e-12


@pytest.mark.parametrize(
    ("forcing", "length", "wavenumber"),
    [(diagonal_forcing, UNIT, 2 * np.pi * np.sqrt(2)), (kolmogorov_forcing, CIRCLE, 4)],
)
def test_a_flow_at_rest_is_driven_to_the_laminar_one_which_is_steady(forcing, length, wavenumber):
    viscosity, interval = 0.1, 0.5
    rate = viscosity * wavenumber**2
    laminar = forcing(32) / rate
    frames, error = solve(
        np.stack([np.zeros((32, 32)), laminar]), viscosity, forcing(32), length, interval, 4, 32
    )
    driven = 1 - np.exp(-rate * interval * np.arange(4))
    np.testing.assert_allclose(frames[0], driven[:, None, None] * laminar, atol=1e-13)
    np.testing.assert_allclose(frames[1], np.broadcast_to(laminar, (4, 32, 32)), atol=1e-13)
    assert error.max() < 1e-12


def test_the_forcings_are_those_of_the_papers():
    y, x = points(16, UNIT)
    expected = 0.1 * (np.sin(2 * np.pi * (x + y)) + np.cos(2 * np.pi * (x + y)))
    np.testing.assert_allclose(diagonal_forcing(16), expected, atol=1e-15)
    y, x = points(16, CIRCLE)
    np.testing.assert_allclose(kolmogorov_forcing(16), -4 * np.cos(4 * y) + 0 * x, atol=1e-14)


def test_the_law_of_the_paper_has_the_variance_of_its_series():
    np.testing.assert_allclose(draw(64, 32).var(), 1, rtol=0.1)


@pytest.mark.parametrize(("forcing", "length"), [(diagonal_forcing, UNIT), (kolmogorov_forcing, CIRCLE)])
def test_the_rate_of_change_is_that_of_the_equation(forcing, length):
    w, step = draw(1, 64)[0], 1e-5
    frames, _ = solve(w[None], 1e-2, forcing(64), length, step, 2, 64)
    expected = by_definition(w, 1e-2, forcing(64), length)
    got = (frames[0, 1] - frames[0, 0]) / step
    inside = to_fields(to_waves(np.stack([got, expected]), 21), 64)  # the waves that the solver keeps
    assert relative(inside[0], inside[1]) < 1e-3


# Steps, and the largest error of 2 random fields at time 1 on 64 points, against 512 steps.
IN_TIME = """
    8   1.33e-04
   16   8.11e-06
   32   4.98e-07
   64   3.08e-08
  128   1.91e-09
"""


def test_errors_fall_at_fourth_order_in_time():
    initial, forcing = draw(2, 64), diagonal_forcing(64)
    reference = at_32_points(initial, forcing, 64, 1.0, 512)
    steps, expected = np.loadtxt(IN_TIME.splitlines()).T
    errors = [relative(at_32_points(initial, forcing, 64, 1.0, int(n)), reference).max() for n in steps]
    np.testing.assert_allclose(errors, expected, rtol=0.1)
    np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 4, atol=0.1)


# Points, and the largest error of 2 random fields at time 1 with 64 steps, against 128 points.
IN_SPACE = """
   32   9.6e-04
   48   7.2e-06
   64   5.1e-10
   80   4.0e-13
"""


def test_errors_fall_in_space_faster_than_any_power():
    initial, forcing = draw(2, 64), diagonal_forcing(64)
    reference = at_32_points(initial, forcing, 128, 1.0, 64)
    points, expected = np.loadtxt(IN_SPACE.splitlines()).T
    errors = [relative(at_32_points(initial, forcing, int(n), 1.0, 64), reference).max() for n in points]
    np.testing.assert_allclose(errors, expected, rtol=0.1)


@pytest.mark.parametrize(("solver_points", "fair"), [(96, 2), (48, 100)])
def test_the_estimate_is_fair_in_time_and_an_upper_bound_in_space_for_smooth_fields(solver_points, fair):
    initial, forcing = draw(2, 64), diagonal_forcing(64)
    exact, _ = solve(initial, 1e-3, forcing, UNIT, 0.25, 5, 32, 96, cfl=0.5)
    frames, error = solve(initial, 1e-3, forcing, UNIT, 0.25, 5, 32, solver_points)
    true = relative(frames, exact).max(axis=1)
    assert (true < error).all()
    assert (error < fair * true).all()


def test_the_mean_is_conserved():
    initial = draw(3, 32) + np.array([0, 0.5, -2])[:, None, None]
    frames, _ = solve(initial, 1e-3, diagonal_forcing(32), UNIT, 0.25, 5, 32)
    means = frames.mean(axis=(2, 3))
    np.testing.assert_allclose(means, np.repeat([[0], [0.5], [-2]], 5, axis=1), atol=1e-14)


def test_energy_and_enstrophy_are_lost_by_viscosity_alone():
    initial = draw(3, 64)
    for viscosity, least, most in ((1e-3, 0.5, 0.999), (1e-12, 1 - 1e-7, 1 + 1e-7)):
        frames, _ = solve(initial, viscosity, NONE, UNIT, 0.25, 5, 64)
        for of_frames in (energy(frames), (frames**2).mean(axis=(2, 3))):
            ratios = of_frames[:, 1:] / of_frames[:, :-1]
            assert least < ratios.min() <= ratios.max() < most


def test_a_shifted_or_turned_or_mirrored_field_has_such_a_solution():
    """Mirrored, w changes its sign."""
    initial = draw(2, 32)

    def last(initial):
        return solve(initial, 1e-3, NONE, UNIT, 0.5, 2, 32)[0][:, -1]

    expected = last(initial)
    shifted = last(np.roll(initial, (3, 8), axis=(1, 2)))
    np.testing.assert_allclose(shifted, np.roll(expected, (3, 8), axis=(1, 2)), atol=1e-13)
    turned = last(np.roll(initial.swapaxes(1, 2)[:, ::-1], 1, axis=1))
    np.testing.assert_allclose(turned, np.roll(expected.swapaxes(1, 2)[:, ::-1], 1, axis=1), atol=1e-13)
    np.testing.assert_allclose(last(-initial.swapaxes(1, 2)), -expected.swapaxes(1, 2), atol=1e-13)


def test_the_solution_does_not_depend_on_the_grids_of_what_is_given_and_wanted():
    frames, error = solve(draw(2, 64), 1e-3, diagonal_forcing(8), UNIT, 0.5, 3, 64)
    coarse, same = solve(draw(2, 45), 1e-3, diagonal_forcing(11), UNIT, 0.5, 3, 20, 64)
    np.testing.assert_allclose(coarse, to_fields(to_waves(frames, 21), 20), atol=1e-13)
    np.testing.assert_allclose(same, error, rtol=1e-6)


def test_what_the_solver_has_no_waves_for_is_an_error():
    y, x = points(64, UNIT)
    long, short = np.sin(2 * np.pi * (x + y)), np.sin(2 * np.pi * (6 * x + 7 * y))
    frames, error = solve(np.stack([long, 4 * long + 3 * short, short]), 1e-3, NONE, UNIT, 0.1, 1, 64, 20)
    np.testing.assert_allclose(error, [0, 0.6, 1], atol=1e-14)
    np.testing.assert_allclose(frames[:, 0], [long, 4 * long, 0 * long], atol=1e-13)


def test_what_is_in_the_outermost_waves_is_an_error():
    y, x = points(20, UNIT)
    w = 4 * np.sin(2 * np.pi * y) + 3 * np.sin(2 * np.pi * 6 * x)
    _, error = solve(w[None], 1e-3, NONE, UNIT, 1e-6, 2, 20)
    np.testing.assert_allclose(error, 0.6, rtol=1e-5)


def test_steps_are_short_enough_for_what_the_forcing_adds():
    initial, forcing = draw(2, 48, rms=1e-3), kolmogorov_forcing(48)
    frames, _ = solve(initial, 1e-2, forcing, CIRCLE, 4.0, 2, 48)
    exact, _ = solve(initial, 1e-2, forcing, CIRCLE, 0.25, 17, 48, cfl=0.5)
    assert relative(frames[:, -1], exact[:, -1]).max() < 1e-7


def test_an_example_alone_is_the_same_to_the_last_bit():
    initial = draw(11, 64) * np.geomspace(0.1, 20, 11)[:, None, None]  # some take more steps than others

    def solved(initial):
        return solve(initial, 1e-3, diagonal_forcing(64), UNIT, 0.1, 3, 48, 64)

    frames, error = solved(initial)
    np.testing.assert_array_equal(solved(initial[3:10])[0], frames[3:10])
    for i in range(11):
        alone, error_alone = solved(initial[i : i + 1])
        np.testing.assert_array_equal(alone, frames[i : i + 1])
        np.testing.assert_array_equal(error_alone, error[i : i + 1])


def test_what_blows_up_is_told_example_by_example():
    initial = np.stack([draw(1, 32)[0], draw(1, 32, 1e200)[0], np.full((32, 32), np.nan), np.zeros((32, 32))])
    frames, error = solve(initial, 1e-3, diagonal_forcing(32), UNIT, 0.25, 3, 32)
    np.testing.assert_array_equal(np.isinf(error), [False, True, True, False])
    alone, _ = solve(initial[:1], 1e-3, diagonal_forcing(32), UNIT, 0.25, 3, 32)
    np.testing.assert_array_equal(alone, frames[:1])
    _, error = solve(draw(2, 32), 1e-9, NONE, UNIT, 100.0, 3, 32, cfl=30)  # steps that are not stable
    np.testing.assert_array_equal(error, np.inf)


def test_no_examples_have_no_frames():
    frames, error = solve(np.zeros((0, 8, 8)), 1e-3, NONE, UNIT, 0.1, 2, 8)
    assert frames.shape == (0, 2, 8, 8)
    assert error.shape == (0,)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"viscosity": 0.0}, "viscosity is 0.0; expected a finite number above 0"),
        ({"length": -1.0}, "length is -1.0; expected a finite number above 0"),
        ({"interval": np.inf}, "interval is inf; expected a finite number above 0"),
        ({"cfl": np.nan}, "cfl is nan; expected a finite number above 0"),
        ({"num_frames": 0}, "num_frames is 0; expected at least 1"),
        ({"num_points": 3}, "num_points is 3; expected at least 4"),
        ({"solver_points": 2}, "solver_points is 2; expected at least 4"),
        (
            {"initial": np.ones((8, 8))},
            r"initial has the shape \(8, 8\); expected \(count, n, n\) with n of at least 4",
        ),
        ({"initial": np.ones((1, 8, 6))}, r"initial has the shape \(1, 8, 6\); expected \(count, n, n\)"),
        ({"forcing": np.float64(0)}, r"forcing has the shape \(\); expected \(n, n\) with n of at least 4"),
        (
            {"forcing": np.zeros((3, 3))},
            r"forcing has the shape \(3, 3\); expected \(n, n\) with n of at least 4",
        ),
        ({"forcing": np.full((4, 4), np.inf)}, "forcing is not finite everywhere; expected finite numbers"),
        (
            {"forcing": kolmogorov_forcing(16), "solver_points": 12},
            "solver_points is 12; expected more than three for each wave of the forcing",
        ),
    ],
)
def test_arguments_out_of_range_are_refused(wrong, message):
    right = {"initial": np.ones((1, 8, 8)), "viscosity": 0.1, "forcing": NONE, "length": UNIT}
    right |= {"interval": 0.1, "num_frames": 2, "num_points": 16}
    with pytest.raises(ValueError, match=message):
        solve(**(right | wrong))
