"""Gaussian fields against their series, summed term by term, and against their law."""

from dataclasses import replace

import numpy as np
import pytest

from pdetransfer.data.random_fields import GaussianField
from pdetransfer.data.streams import Stream

LAWS = {
    "periodic 1-D": GaussianField("periodic", 1, num_modes=6, scale=625, tau=5, alpha=2, zero_mean=False),
    "periodic 2-D": GaussianField("periodic", 2, num_modes=3, scale=18.5, tau=7, alpha=2.5),
    "neumann 1-D": GaussianField("neumann", 1, num_modes=8, scale=2, tau=3, alpha=1.5, zero_mean=False),
    "neumann 2-D": GaussianField("neumann", 2, num_modes=5, scale=1, tau=3, alpha=2),
}


@pytest.fixture(params=LAWS)
def law(request):
    return LAWS[request.param]


def uniforms(law, count):
    return Stream(0, "field", "train").uniforms(0, count, law.num_uniforms)


def points(law, n):
    return np.arange(n) / n if law.boundary == "periodic" else np.linspace(0, 1, n)


def basis(law, x):
    """The functions of an axis, ``(modes, points)``, and their wavenumbers, by definition."""
    waves = [(0, np.ones_like(x))]
    j = range(1, law.num_modes + 1)
    if law.boundary == "periodic":
        waves += [(2 * np.pi * m, np.sqrt(2) * np.cos(2 * np.pi * m * x)) for m in j]
        waves += [(2 * np.pi * m, np.sqrt(2) * np.sin(2 * np.pi * m * x)) for m in j]
    else:
        waves += [(np.pi * m, np.sqrt(2) * np.cos(np.pi * m * x)) for m in j]
    wavenumbers, functions = zip(*waves, strict=True)
    return np.array(functions), np.array(wavenumbers)


def products(law, n):
    """All functions on the grid, ``(modes, points)``, and their variances, term by term."""
    functions, wavenumbers = basis(law, points(law, n))
    squared = wavenumbers**2
    if law.dimensions == 2:
        functions = np.array([np.outer(f, g).ravel() for f in functions for g in functions])
        squared = np.array([k + m for k in squared for m in squared])
    variances = law.scale / (squared + law.tau**2) ** law.alpha
    variances[0] *= not law.zero_mean
    return functions, variances


def test_a_field_is_the_sum_of_its_series(law):
    functions, variances = products(law, 17)
    u = uniforms(law, 5)
    np.testing.assert_allclose(law.variances.ravel(), variances, rtol=1e-14)
    expected = law.coefficients(u).reshape(5, -1) @ functions
    np.testing.assert_allclose(law.fields(u, 17).reshape(5, -1), expected, atol=1e-13)


def test_modes_are_independent_and_have_their_variances(law):
    """Of coefficients recovered from fields, by least squares; 5 standard deviations of either estimate."""
    count, n = 8000, 17
    functions, variances = products(law, n)
    fields = law.fields(uniforms(law, count), n).reshape(count, -1)
    coefficients = np.linalg.lstsq(functions.T, fields.T)[0]
    present = variances > 0
    normals = coefficients[present] / np.sqrt(variances[present, None])
    covariance = normals @ normals.T / count
    assert np.abs(np.diag(covariance) - 1).max() < 5 * np.sqrt(2 / count)
    assert np.abs(covariance - np.diag(np.diag(covariance))).max() < 5 / np.sqrt(count)
    assert np.abs(normals.mean(axis=1)).max() < 5 / np.sqrt(count)
    np.testing.assert_allclose(coefficients[~present], 0, atol=1e-13)


def test_the_variance_at_each_point_is_that_of_the_series(law):
    count, n = 8000, 17
    functions, variances = products(law, n)
    expected = variances @ functions**2
    measured = (law.fields(uniforms(law, count), n).reshape(count, -1) ** 2).mean(axis=0)
    np.testing.assert_allclose(measured, expected, rtol=5 * np.sqrt(2 / count))


def test_all_modes_together_have_the_variance_of_the_green_function():
    """Σ_k 1 / ((2πk)² + τ²) over all integers is coth(τ / 2) / 2τ; 4,000 modes leave out 1 in 40,000."""
    law = GaussianField("periodic", 1, num_modes=4000, scale=1, tau=3, alpha=1, zero_mean=False)
    np.testing.assert_allclose(law.variances.sum(), 1 / np.tanh(1.5) / 6, rtol=1e-4)


def test_a_finer_grid_has_the_same_field(law):
    u = uniforms(law, 4)
    coarse, fine = (33, 65) if law.boundary == "neumann" else (32, 64)
    stride = (slice(None), *[slice(None, None, 2)] * law.dimensions)
    np.testing.assert_allclose(law.fields(u, fine)[stride], law.fields(u, coarse), atol=1e-13)


@pytest.mark.parametrize("num_points", [17, 64, 101])
def test_an_example_alone_is_the_same_to_the_last_bit(law, num_points):
    u = uniforms(law, 19)
    whole = law.fields(u, num_points)
    np.testing.assert_array_equal(law.fields(u[3:10], num_points), whole[3:10])
    for i in range(19):
        np.testing.assert_array_equal(law.fields(u[i : i + 1], num_points), whole[i : i + 1])


def test_a_periodic_field_has_no_seam():
    """The covariance of two points depends on their distance around the circle alone."""
    law, count, n = LAWS["periodic 1-D"], 8000, 16
    fields = law.fields(uniforms(law, count), n)
    functions, variances = products(law, n)
    step = variances @ (functions[:, 1] - functions[:, 0]) ** 2
    measured = ((fields - np.roll(fields, 1, axis=1)) ** 2).mean(axis=0)
    np.testing.assert_allclose(measured, step, rtol=5 * np.sqrt(2 / count))


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("end", [0, -1])
def test_the_normal_derivative_of_a_neumann_field_vanishes_at_the_boundary(axis, end):
    law, n = LAWS["neumann 2-D"], 257
    # z(h) = z(0) + O(h²): the difference falls by 4 with half the step; it would by 2 for another slope.
    differences = []
    for m in (n, 2 * n - 1):
        fields = np.moveaxis(law.fields(uniforms(law, 3), m), axis, 1)[:, :, :: m // n]
        inner = 1 if end == 0 else -2
        differences.append(fields[:, inner] - fields[:, end])
    coarse, fine = (np.abs(d).max(axis=1) for d in differences)
    np.testing.assert_allclose(coarse / fine, 4, rtol=1e-2)


def test_without_its_mean_a_field_is_the_same_less_a_constant(law):
    u = uniforms(law, 6)
    left, kept = (replace(law, zero_mean=zero_mean) for zero_mean in (True, False))
    difference = kept.fields(u, 20) - left.fields(u, 20)
    constant = difference.reshape(6, -1)[:, :1]
    np.testing.assert_allclose(difference.reshape(6, -1), np.broadcast_to(constant, (6, 20**law.dimensions)))
    assert np.abs(constant).min() > 0
    if law.boundary == "periodic":
        np.testing.assert_allclose(left.fields(u, 20).reshape(6, -1).mean(axis=1), 0, atol=1e-15)


def test_the_smallest_and_largest_uniform_give_finite_fields(law):
    extremes = np.repeat([[0.0], [1 - 2.0**-53]], law.num_uniforms, axis=1)
    low, high = law.coefficients(extremes).reshape(2, -1) / np.sqrt(np.maximum(law.variances.ravel(), 1e-300))
    present = law.variances.ravel() > 0
    assert (low[present] < -8.2).all()
    assert (high[present] > 8.2).all()
    assert np.isfinite(law.fields(extremes, 20)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"boundary": "dirichlet"}, "boundary is 'dirichlet'"),
        ({"dimensions": 3}, "dimensions is 3"),
        ({"num_modes": 0}, "num_modes is 0"),
        ({"scale": -1.0}, r"scale is -1\.0"),
        ({"tau": 0}, "tau is 0"),
        ({"alpha": 1}, r"alpha is 1 in 2 dimensions; expected more than 1\.0"),
    ],
)
def test_what_is_no_law_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        replace(LAWS["neumann 2-D"], **change)


def test_a_grid_that_cannot_tell_modes_apart_is_refused(law):
    fewest = law.fewest_points
    assert fewest == (2 * law.num_modes + 1 if law.boundary == "periodic" else law.num_modes + 2)
    law.fields(uniforms(law, 1), fewest)
    with pytest.raises(ValueError, match=f"num_points is {fewest - 1}; expected at least {fewest}"):
        law.fields(uniforms(law, 1), fewest - 1)
