"""Every system of the registry against exact answers, its own equation, and an independent discretisation."""

import numpy as np
import pytest
import scipy.linalg

from cases import RANGES
from pdetransfer.grid import Grid
from pdetransfer.systems import SYSTEMS
from pdetransfer.systems.poisson import Poisson

# L u / u for u = cos(2π (a x + b y)), from the equation by hand.
EIGENVALUES = {
    "poisson": lambda c, a, b: (2 * np.pi) ** 2 * (c[0] * a**2 + c[1] * b**2 + 2 * c[2] * a * b),
}


def periodic_derivatives(n):
    """d/dx and d²/dx² of the trigonometric interpolant, as matrices in closed form (Trefethen 2000, 3)."""
    h, j = 2 * np.pi / n, np.arange(1, n)
    first = np.concatenate([[0], 0.5 * (-1.0) ** j / np.tan(j * h / 2)])
    second = np.concatenate([[-(np.pi**2) / (3 * h**2) - 1 / 6], -0.5 * (-1.0) ** j / np.sin(j * h / 2) ** 2])
    first, second = scipy.linalg.toeplitz(first, -first), scipy.linalg.toeplitz(second)
    return 2 * np.pi * first, (2 * np.pi) ** 2 * second


def dense_poisson(c, n):
    first, second = periodic_derivatives(n)
    one = np.eye(n)  # kron(y, x), as x is the last axis
    return -(c[0] * np.kron(one, second) + c[1] * np.kron(second, one) + 2 * c[2] * np.kron(first, first))


DENSE = {"poisson": dense_poisson}


@pytest.fixture(params=SYSTEMS)
def name(request):
    return request.param


@pytest.fixture
def system(name):
    return SYSTEMS[name](**RANGES[name])


@pytest.fixture
def coefficients(system):
    return system.sample_coefficients(np.random.default_rng(0).random((5, system.num_uniforms)))


def random_source(system, count, grid, seed=1):
    source = np.random.default_rng(seed).standard_normal((count, grid.num_points, grid.num_points))
    return source - source.mean(axis=(1, 2), keepdims=True) if system.zero_mean else source


def test_every_system_has_its_test_cases():
    assert set(RANGES) == set(EIGENVALUES) == set(DENSE) == set(SYSTEMS)


@pytest.mark.parametrize("wave", [(1, 0), (0, 1), (2, 3), (3, -2), (-1, 5)])
def test_a_single_mode_is_solved_exactly(name, system, coefficients, wave):
    grid = Grid(16)
    y, x = np.meshgrid(grid.points, grid.points, indexing="ij")
    solution = np.cos(2 * np.pi * (wave[0] * x + wave[1] * y))
    source = np.stack([EIGENVALUES[name](c, *wave) * solution for c in coefficients])
    expected = np.broadcast_to(solution, source.shape)
    np.testing.assert_allclose(system.solve(coefficients, source, grid), expected, atol=1e-12)


def test_solutions_satisfy_a_dense_discretisation(name, system, coefficients):
    """The same derivatives as matrices, in closed form and without a transform."""
    grid = Grid(8)
    source = random_source(system, len(coefficients), grid)
    solution = system.solve(coefficients, source, grid)
    for c, f, u in zip(coefficients, source, solution, strict=True):
        expected = np.linalg.lstsq(DENSE[name](c, 8), f.ravel(), rcond=1e-12)[0]
        np.testing.assert_allclose(u.ravel(), expected, atol=1e-11 * np.abs(expected).max())


def test_solving_is_linear(system, coefficients):
    grid = Grid(16)
    f, g = (random_source(system, len(coefficients), grid, seed) for seed in (1, 2))
    combined = system.solve(coefficients, 2 * f - 3 * g, grid)
    separate = 2 * system.solve(coefficients, f, grid) - 3 * system.solve(coefficients, g, grid)
    np.testing.assert_allclose(combined, separate, atol=1e-12 * np.abs(separate).max())


def test_the_residual_is_rounding_for_a_solution_and_the_error_for_another(system, coefficients):
    grid = Grid(16)
    source = random_source(system, len(coefficients), grid)
    solution = system.solve(coefficients, source, grid)
    assert system.residual(coefficients, source, solution, grid).max() < 1e-12
    np.testing.assert_allclose(system.residual(coefficients, source, 1.01 * solution, grid), 0.01, rtol=1e-6)


def test_a_source_with_a_mean_is_refused_where_there_is_no_solution(system, coefficients):
    grid = Grid(16)
    source = random_source(system, len(coefficients), grid)
    source[3] += 0.5
    if system.zero_mean:
        with pytest.raises(ValueError, match=r"the source of example 3 has mean 0\.5"):
            system.solve(coefficients, source, grid)


def test_poisson_samples_the_eigenvalue_in_its_range_and_every_direction():
    system = Poisson(eigenvalue_range=(5, 10))
    k11, k22, k12 = system.sample_coefficients(np.random.default_rng(0).random((5000, 2))).T / 0.01
    small, large = np.linalg.eigvalsh(np.array([[k11, k12], [k12, k22]]).transpose(2, 0, 1)).T
    np.testing.assert_allclose(small, 1)
    assert 5 <= large.min() < 5.01
    assert 9.99 < large.max() <= 10
    assert large.mean() == pytest.approx(7.5, abs=0.1)
    angle = np.arctan2(2 * k12, k11 - k22)
    assert np.histogram(angle, bins=8, range=(-np.pi, np.pi))[0].min() > 500


def test_poisson_at_a_known_angle():
    """K = 0.01 R(-θ) diag(1, e) R(θ) multiplied out, at θ = 30° and e = 3."""
    turn = np.array([[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]])
    k = 0.01 * turn.T @ np.diag([1, 3]) @ turn
    sampled = Poisson(eigenvalue_range=(3, 3)).sample_coefficients(np.array([[0.5, 1 / 12]]))
    np.testing.assert_allclose(sampled[0], [k[0, 0], k[1, 1], k[0, 1]])


@pytest.mark.parametrize("interval", [(0, 1), (-1, 2), (5, 1)])
def test_poisson_refuses_a_wrong_range(interval):
    with pytest.raises(
        ValueError, match=f"eigenvalue_range is \\[{interval[0]}, {interval[1]}\\]; expected 0 < low"
    ):
        Poisson(eigenvalue_range=interval)
