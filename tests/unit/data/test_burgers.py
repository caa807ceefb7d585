"""Burgers' equation against the transformation of Cole and Hopf, and what its solutions must have in common."""

import numpy as np
import pytest
import scipy.special

from pdetransfer.data import burgers
from pdetransfer.data.burgers import evolve, solve
from pdetransfer.data.random_fields import GaussianField
from pdetransfer.data.streams import Stream

LAW = GaussianField("periodic", 1, num_modes=60, scale=625, tau=5, alpha=2, zero_mean=False)


def draw(count, num_points, law=LAW):
    return law.fields(Stream(0, "burgers", "train").uniforms(0, count, law.num_uniforms), num_points)


def points(n):
    return np.arange(n) / n


def of_a_sine(viscosity, time, n):
    """u for u(x, 0) = sin 2πx, by the series of φ(x, 0) = exp(cos(2πx) / 4πν) in modified Bessel functions."""
    m, x = np.arange(1, 200), points(n)
    z = 1 / (4 * np.pi * viscosity)
    weights = 2 * scipy.special.ive(m, z) * np.exp(-viscosity * (2 * np.pi * m) ** 2 * time)
    phi = scipy.special.ive(0, z) + np.cos(2 * np.pi * np.outer(x, m)) @ weights
    slope = -np.sin(2 * np.pi * np.outer(x, m)) @ (2 * np.pi * m * weights)
    return -2 * viscosity * slope / phi


def of_a_series(initial, viscosity, time, n):
    """u for a trigonometric polynomial, given by its values: the integral of Hopf (1950) over the whole line.

    u = ∫ (x - y) / t w dy / ∫ w dy with w = exp(-(x - y)² / 4νt - ∫₀ʸ u(·, 0) / 2ν), by the trapezoidal rule,
    which is exact to rounding for such functions; s = (x - y) / √4νt.
    """
    c = np.fft.rfft(initial, norm="forward")[1 : (len(initial) + 1) // 2]
    k = 2 * np.pi * np.arange(1, len(c) + 1)
    x, drift = points(n), initial.mean() * np.sqrt(time / viscosity)
    s = drift / 2 + np.linspace(-12, 12, 6001)  # w is largest near the middle
    y = x[:, None] - np.sqrt(4 * viscosity * time) * s
    # 2 Re Σ c exp(iky) / ik by Horner's rule, in powers of exp(2πiy)
    primitive = initial.mean() * y + 2 * np.real(horner(c / (1j * k), np.exp(2j * np.pi * y)))
    exponent = -(s**2) - primitive / (2 * viscosity)
    w = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return np.sqrt(4 * viscosity / time) * (w @ s) / w.sum(axis=1)


def horner(coefficients, z):
    total = np.zeros_like(z)
    for c in coefficients[::-1]:
        total = (total + c) * z
    return total


def relative(u, reference):
    """The error in the norm that ``solve`` uses: L², relative to the reference without its mean."""
    fluctuation = reference - reference.mean(axis=-1, keepdims=True)
    return np.linalg.norm(u - reference, axis=-1) / np.linalg.norm(fluctuation, axis=-1)


def at_32_points(initial, viscosity, time, num_points, num_steps):
    """``evolve`` from fields of zero mean to fields."""
    waves = evolve(np.fft.rfft(initial, norm="forward")[:, :-1], viscosity, time, num_points, num_steps)
    return np.fft.irfft(waves, n=1024, norm="forward")[:, ::32]


@pytest.mark.parametrize(("viscosity", "time"), [(0.1, 1.0), (0.1, 0.05), (0.1, 3.0), (0.02, 1.0)])
def test_a_sine_is_solved_to_the_tolerance(viscosity, time):
    solution, error = solve(np.sin(2 * np.pi * points(32))[None], viscosity, time, 128)
    assert error[0] < 1e-8
    assert relative(solution[0], of_a_sine(viscosity, time, 128)) < 1e-8


@pytest.mark.parametrize(("viscosity", "time"), [(0.1, 1.0), (0.1, 0.1), (0.03, 0.5), (0.01, 0.3)])
def test_random_fields_are_solved_to_the_tolerance_and_the_estimate_is_fair(viscosity, time):
    initial = draw(4, 128)
    solution, error = solve(initial, viscosity, time, 32)
    exact = relative(solution, np.array([of_a_series(u, viscosity, time, 32) for u in initial]))
    assert error.max() < 1e-8
    assert (exact < 2 * error).all()  # steep fields are not quite at fourth order


def test_the_two_references_agree():
    series = of_a_series(np.sin(2 * np.pi * points(32)), 0.1, 1.0, 16)
    np.testing.assert_allclose(series, of_a_sine(0.1, 1.0, 16), atol=1e-13)


# Steps, and errors at viscosity 0.1, time 1, on 256 points: of a sine, and the largest of 4 random fields.
IN_TIME = """
    8   2.3e-04   3.0e-04
   16   1.5e-05   1.9e-05
   32   9.6e-07   1.2e-06
   64   6.1e-08   7.5e-08
  128   3.9e-09   4.7e-09
  256   2.4e-10   3.0e-10
"""


def test_errors_fall_at_fourth_order_in_time():
    """Also those of fields whose coefficients fall only as k^-2, which steps of equal length would spoil."""
    smooth, rough = np.sin(2 * np.pi * points(128))[None], draw(4, 128)
    rough -= rough.mean(axis=1, keepdims=True)
    exact = of_a_sine(0.1, 1.0, 32)[None], np.array([of_a_series(u, 0.1, 1.0, 32) for u in rough])
    table = np.loadtxt(IN_TIME.splitlines())
    for initial, reference, expected in zip((smooth, rough), exact, table.T[1:], strict=True):
        errors = [
            relative(at_32_points(initial, 0.1, 1.0, 256, int(n)), reference).max() for n in table[:, 0]
        ]
        np.testing.assert_allclose(errors, expected, rtol=0.1)
        np.testing.assert_allclose(np.log2(np.divide(errors[:-1], errors[1:])), 4, atol=0.1)


# Points, and errors at viscosity 0.1, time 0.1, with 512 steps: of a sine, and the largest of 4 random fields with
# 340 waves, whose coefficients fall as k^-2.
IN_SPACE = """
   16   1.6e-04   8.0e-04
   32   3.4e-08   8.8e-07
   64   0         3.5e-08
  128   0         4.4e-10
  256   0         1.6e-11
"""


def test_errors_fall_in_space_faster_than_any_power_for_smooth_fields_than_the_fourth_for_rough_ones():
    law = GaussianField("periodic", 1, num_modes=340, scale=625, tau=5, alpha=2)
    smooth, rough = np.sin(2 * np.pi * points(1024))[None], draw(4, 1024, law)
    exact = of_a_sine(0.1, 0.1, 32)[None], at_32_points(rough, 0.1, 0.1, 1024, 512)
    table = np.loadtxt(IN_SPACE.splitlines())
    for initial, reference, expected in zip((smooth, rough), exact, table.T[1:], strict=True):
        errors = [
            relative(at_32_points(initial, 0.1, 0.1, int(n), 512), reference).max() for n in table[:, 0]
        ]
        np.testing.assert_allclose(errors, expected, rtol=0.1, atol=1e-11)
        fourfold = np.divide(
            errors[:-2], errors[2:]
        )  # one doubling depends on which waves happen to be large
        assert (fourfold[: np.count_nonzero(expected[2:]) or 1] > 4**4).all()


def test_the_mean_is_conserved():
    initial = draw(8, 128)
    solution, _ = solve(initial, 0.1, 1.0, 64)
    np.testing.assert_allclose(solution.mean(axis=1), initial.mean(axis=1), atol=1e-15)


def test_energy_is_lost():
    initial = draw(8, 128)
    energies = [(solve(initial, 0.1, time, 128)[0] ** 2).mean(axis=1) for time in (0.01, 0.1, 1.0)]
    assert (np.diff([(initial**2).mean(axis=1), *energies], axis=0) < 0).all()


def test_a_constant_stays_as_it_is():
    solution, error = solve(np.array([np.full(16, 0.7), np.zeros(16)]), 0.1, 1.0, 8)
    np.testing.assert_array_equal(solution, [np.full(8, 0.7), np.zeros(8)])
    np.testing.assert_array_equal(error, 0)


@pytest.mark.parametrize("shift", [1, 5, 64])
def test_a_shifted_field_has_the_shifted_solution(shift):
    initial = draw(8, 128)
    solution, _ = solve(initial, 0.1, 1.0, 128)
    shifted, _ = solve(np.roll(initial, shift, axis=1), 0.1, 1.0, 128)
    np.testing.assert_allclose(shifted, np.roll(solution, shift, axis=1), atol=1e-14)


def test_a_mirrored_field_has_the_mirrored_solution():
    initial = draw(8, 128)
    solution, _ = solve(initial, 0.1, 1.0, 128)
    mirrored, _ = solve(-np.roll(initial[:, ::-1], 1, axis=1), 0.1, 1.0, 128)
    np.testing.assert_allclose(mirrored, -np.roll(solution[:, ::-1], 1, axis=1), atol=1e-14)


def test_a_mean_carries_the_solution_along():
    initial = draw(8, 128)
    solution, _ = solve(initial, 0.1, 0.5, 128)
    moved, _ = solve(initial + 0.25, 0.1, 0.5, 128)
    np.testing.assert_allclose(moved, np.roll(solution, 16, axis=1) + 0.25, atol=1e-14)


@pytest.mark.parametrize("num_points", [7, 32, 100])
def test_the_solution_does_not_depend_on_the_grids(num_points):
    fine, _ = solve(draw(4, 128), 0.1, 0.01, 4 * num_points)
    coarse, _ = solve(draw(4, 1000), 0.1, 0.01, num_points)
    np.testing.assert_allclose(coarse, fine[:, ::4], atol=1e-13)


def test_an_example_alone_is_the_same_to_the_last_bit():
    initial = draw(19, 128) * np.geomspace(0.1, 10, 19)[:, None]  # some are refined more than others
    solution, error = solve(initial, 0.03, 0.2, 64)
    np.testing.assert_array_equal(solve(initial[3:10], 0.03, 0.2, 64)[0], solution[3:10])
    for i in range(19):
        alone, error_alone = solve(initial[i : i + 1], 0.03, 0.2, 64)
        np.testing.assert_array_equal(alone, solution[i : i + 1])
        np.testing.assert_array_equal(error_alone, error[i : i + 1])


def test_what_misses_the_tolerance_is_told_example_by_example(monkeypatch):
    monkeypatch.setattr(burgers, "_DOUBLINGS", 2)
    easy, steep = np.sin(2 * np.pi * points(1024)), 20 * np.sin(2 * np.pi * points(1024))
    hidden, wild = np.sin(2 * np.pi * 300 * points(1024)), 1e4 * easy
    solution, error = solve(np.stack([easy, steep, hidden, wild]), 0.1, 0.2, 32)
    assert error[0] < 1e-8 < error[1] < np.inf
    np.testing.assert_array_equal(error[2:], np.inf)
    np.testing.assert_array_equal(solve(easy[None], 0.1, 0.2, 32)[0], solution[:1])


@pytest.mark.parametrize(("viscosity", "time"), [(0.0, 1.0), (0.1, -1.0)])
def test_a_viscosity_or_time_that_is_not_positive_is_refused(viscosity, time):
    with pytest.raises(ValueError, match=f"viscosity is {viscosity}, time {time}; expected more than 0"):
        solve(np.ones((1, 8)), viscosity, time, 8)
