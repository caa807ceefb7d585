"""Every spectral system of the registry against exact answers, its own equation, and another discretisation.

The others are tested with their solvers, in test_burgers.py and test_darcy.py."""

import numpy as np
import pytest
import scipy.linalg

from cases import OPTIONS, SPECTRAL
from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems.advection_diffusion import AdvectionDiffusion
from pdetransfer.data.systems.helmholtz import Helmholtz
from pdetransfer.data.systems.poisson import Poisson, diffusion_tensor
from pdetransfer.data.systems.registry import SYSTEMS

LAW = SparseGaussians(num_centres=4, sigma=1 / 8, sparsity_range=(0.2, 0.8))


def diffusion(c, a, b):
    """-div(K ∇u) / u for a wave u of wavenumber 2π (a, b)."""
    return (2 * np.pi) ** 2 * (c[0] * a**2 + c[1] * b**2 + 2 * c[2] * a * b)


# L u for u = cos(p) with p = 2π (a x + b y), from the equation by hand.
IMAGES = {
    "poisson": lambda c, a, b, p: diffusion(c, a, b) * np.cos(p),
    "advection_diffusion": lambda c, a, b, p: (
        diffusion(c, a, b) * np.cos(p) - 2 * np.pi * (c[3] * a + c[4] * b) * np.sin(p)
    ),
    "helmholtz": lambda c, a, b, p: (0.01 * (2 * np.pi) ** 2 * (a**2 + b**2) - c[2]) * np.cos(p),
}


def periodic_derivatives(n):
    """d/dx and d²/dx² of the trigonometric interpolant, as matrices in closed form (Trefethen 2000, 3)."""
    h, j = 2 * np.pi / n, np.arange(1, n)
    first = np.concatenate([[0], 0.5 * (-1.0) ** j / np.tan(j * h / 2)])
    second = np.concatenate([[-(np.pi**2) / (3 * h**2) - 1 / 6], -0.5 * (-1.0) ** j / np.sin(j * h / 2) ** 2])
    first, second = scipy.linalg.toeplitz(first, -first), scipy.linalg.toeplitz(second)
    return 2 * np.pi * first, (2 * np.pi) ** 2 * second


def dense_diffusion(c, n):
    first, second = periodic_derivatives(n)
    one = np.eye(n)  # kron(y, x), as x is the last axis
    return -(c[0] * np.kron(one, second) + c[1] * np.kron(second, one) + 2 * c[2] * np.kron(first, first))


def dense_advection_diffusion(c, n):
    first, _ = periodic_derivatives(n)
    one = np.eye(n)
    return dense_diffusion(c, n) + c[3] * np.kron(one, first) + c[4] * np.kron(first, one)


def dense_helmholtz(c, n):
    return dense_diffusion([0.01, 0.01, 0], n) - c[2] * np.eye(n * n)


DENSE = {
    "poisson": dense_diffusion,
    "advection_diffusion": dense_advection_diffusion,
    "helmholtz": dense_helmholtz,
}


@pytest.fixture(params=SPECTRAL)
def name(request):
    return request.param


@pytest.fixture
def system(name):
    return SYSTEMS[name](**OPTIONS[name])


@pytest.fixture
def coefficients(system):
    return draw(system, 5, Grid(16))[0].coefficients


def draw(system, count, grid, law=LAW):
    """Sampled examples of a system with their sources, before any is refused."""
    uniforms = np.random.default_rng(0).random((count, system.num_uniforms + law.num_uniforms))
    source = law.fields(law.amplitudes(uniforms[:, system.num_uniforms :]), grid)
    if system.zero_mean:
        source -= source.mean(axis=(1, 2), keepdims=True)
    return system.sample(uniforms[:, : system.num_uniforms], grid.to_spectrum(source), law, grid), source


def random_source(system, count, grid, seed=1):
    source = np.random.default_rng(seed).standard_normal((count, grid.num_points, grid.num_points))
    return source - source.mean(axis=(1, 2), keepdims=True) if system.zero_mean else source


def test_every_system_has_its_test_cases():
    assert set(OPTIONS) == set(SYSTEMS)
    assert set(IMAGES) == set(DENSE) == set(SPECTRAL)


@pytest.mark.parametrize("wave", [(1, 0), (0, 1), (2, 3), (3, -2), (-1, 5)])
def test_a_single_mode_is_solved_exactly(name, system, coefficients, wave):
    grid = Grid(16)
    y, x = np.meshgrid(grid.points, grid.points, indexing="ij")
    phase = 2 * np.pi * (wave[0] * x + wave[1] * y)
    source = np.stack([IMAGES[name](c, *wave, phase) for c in coefficients])
    expected = np.broadcast_to(np.cos(phase), source.shape)
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


def test_solving_and_checking_at_once_is_the_same(system, coefficients):
    grid = Grid(16)
    source = random_source(system, len(coefficients), grid)
    solution, residual = system.solve_and_check(coefficients, grid.to_spectrum(source), grid)
    np.testing.assert_array_equal(solution, system.solve(coefficients, source, grid))
    np.testing.assert_array_equal(residual, system.residual(coefficients, source, solution, grid))


def test_a_source_with_a_mean_is_solved_or_refused_where_there_is_no_solution(system, coefficients):
    grid = Grid(16)
    source = random_source(system, len(coefficients), grid)
    source[3] += 0.5
    if system.zero_mean:
        with pytest.raises(ValueError, match=r"the source of example 3 has mean 0\.5"):
            system.solve(coefficients, source, grid)
    else:
        solution = system.solve(coefficients, source, grid)
        assert system.residual(coefficients, source, solution, grid).max() < 1e-12


def test_poisson_samples_the_eigenvalue_in_its_range_and_every_direction():
    drawn, _ = draw(Poisson(eigenvalue_range=(5, 10)), 5000, Grid(4))
    k11, k22, k12 = drawn.coefficients.T / 0.01
    small, large = np.linalg.eigvalsh(np.array([[k11, k12], [k12, k22]]).transpose(2, 0, 1)).T
    np.testing.assert_allclose(small, 1)
    np.testing.assert_allclose(large, drawn.parameters[:, 0])
    assert 5 <= large.min() < 5.01
    assert 9.99 < large.max() <= 10
    assert large.mean() == pytest.approx(7.5, abs=0.1)
    angle = np.arctan2(2 * k12, k11 - k22)
    assert np.histogram(angle, bins=8, range=(-np.pi, np.pi))[0].min() > 500


def test_poisson_at_a_known_angle():
    """K = 0.01 R(-θ) diag(1, e) R(θ) multiplied out, at θ = 30° and e = 3."""
    turn = np.array([[np.cos(np.pi / 6), -np.sin(np.pi / 6)], [np.sin(np.pi / 6), np.cos(np.pi / 6)]])
    k = 0.01 * turn.T @ np.diag([1, 3]) @ turn
    np.testing.assert_allclose(
        diffusion_tensor(np.array([3.0]), np.array([np.pi / 6]))[0], [k[0, 0], k[1, 1], k[0, 1]]
    )


def terms(coefficients, solution, grid):
    """‖v·∇u‖ and ‖div K∇u‖ of each example, by derivatives in physical space."""
    hat = grid.to_spectrum(solution)
    k11, k22, k12, v1, v2 = coefficients.T[:, :, None, None]
    u_x, u_y = grid.to_field(1j * grid.k_x * hat), grid.to_field(1j * grid.k_y * hat)
    u_xy = grid.to_field(-grid.k_x * grid.k_y * hat)
    u_xx, u_yy = grid.to_field(-grid.k_x_squared * hat), grid.to_field(-grid.k_y_squared * hat)
    advection, diffusion = v1 * u_x + v2 * u_y, k11 * u_xx + k22 * u_yy + 2 * k12 * u_xy
    return np.linalg.norm(advection, axis=(1, 2)), np.linalg.norm(diffusion, axis=(1, 2))


@pytest.mark.parametrize("scaling", ["convex", "velocity"])
@pytest.mark.parametrize("psi_range", [(0.2, 1), (2, 5)])
def test_advection_diffusion_reaches_the_psi_that_was_drawn(scaling, psi_range):
    system, grid = AdvectionDiffusion(psi_range, velocity_scaling=scaling), Grid(32)
    drawn, source = draw(system, 500, grid)
    psi, *_, speed = drawn.parameters.T
    reached = speed < 1e3  # no speed is enough where the velocity is orthogonal to all variation
    assert reached.mean() > 0.9
    advection, diffusion = terms(drawn.coefficients, system.solve(drawn.coefficients, source, grid), grid)
    np.testing.assert_allclose((advection / diffusion)[reached], psi[reached], rtol=1e-10)
    assert psi_range[0] <= psi.min() < psi.mean() < psi.max() <= psi_range[1]
    assert psi.mean() == pytest.approx(np.mean(psi_range), rel=0.05)


def test_the_two_velocity_scalings_are_one_solution_up_to_a_factor():
    """With (1 - λ) = 1 / (1 + s), u of the convex form is 1 + s times larger."""
    grid = Grid(16)
    solutions = []
    for scaling in ("convex", "velocity"):
        system = AdvectionDiffusion((1, 2), velocity_scaling=scaling)
        drawn, source = draw(system, 8, grid)
        solutions.append(system.solve(drawn.coefficients, source, grid))
    factor = (1 + drawn.parameters[:, -1])[:, None, None]
    np.testing.assert_allclose(solutions[0], factor * solutions[1], rtol=1e-9, atol=1e-12)


def test_advection_diffusion_refuses_outlying_speeds_only():
    system, grid = AdvectionDiffusion((2, 5)), Grid(32)
    drawn, _ = draw(system, 2000, grid)
    accepted = system.accepts(drawn, None, LAW, grid)
    psi, *_, speed = drawn.parameters.T
    assert 0.85 < accepted.mean() < 0.99
    near = (psi > 3.3) & (psi < 3.7)  # in a narrow band of Ψ the limit is three times the band's median
    limit = 3 * np.median(speed[near])
    assert speed[near & accepted].max() < 1.15 * limit
    assert speed[near & ~accepted].min() > 0.85 * limit


def test_helmholtz_keeps_the_mean_and_refuses_resonances():
    system, grid, law = Helmholtz((1, 10)), Grid(32), SparseGaussians(6, 1 / 16, (0.2, 0.8))
    drawn, source = draw(system, 3000, grid, law)
    omega = drawn.parameters[:, 0]
    assert set(omega) == set(range(1, 11))
    solution = system.solve(drawn.coefficients, source, grid)
    np.testing.assert_allclose(solution.mean(axis=(1, 2)), -source.mean(axis=(1, 2)) / omega, rtol=1e-9)
    accepted = system.accepts(drawn, solution, law, grid)
    assert not accepted[omega == 2].any()
    assert 0 < accepted[omega == 4].mean() < 0.5
    assert accepted[omega >= 5].all()


@pytest.mark.parametrize("interval", [(0, 1), (-1, 2), (5, 1)])
def test_poisson_refuses_a_wrong_range(interval):
    with pytest.raises(
        ValueError, match=f"eigenvalue_range is \\[{interval[0]}, {interval[1]}\\]; expected 0 < low"
    ):
        Poisson(eigenvalue_range=interval)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: AdvectionDiffusion((0, 1)), r"psi_range is \[0, 1\]; expected 0 < low"),
        (
            lambda: AdvectionDiffusion((1, 2), velocity_scaling="both"),
            "velocity_scaling is 'both'; expected 'convex'",
        ),
        (lambda: AdvectionDiffusion((1, 2), speed_limit=1), "speed_limit is 1; expected more than 1"),
        (lambda: Helmholtz((0, 3)), r"omega_range is \[0, 3\]; expected 0 < low"),
        (lambda: Helmholtz((1, 2.5)), r"omega_range is \[1, 2.5\]; expected integers"),
        (lambda: Helmholtz((1, 2), largest_solution=0), "largest_solution is 0; expected more than 0"),
    ],
)
def test_wrong_options_are_named(build, message):
    with pytest.raises(ValueError, match=message):
        build()
