"""Darcy flow against exact answers, its equation's properties, and finite elements."""

import numpy as np
import pytest
import skfem
import torch
from skfem.helpers import dot, grad

from pdetransfer.data import darcy


def media(count, num_points, seed=0):
    """Two phases in blobs of several nodes: the sign of noise summed over 5 x 5 nodes."""
    noise = np.random.default_rng(seed).standard_normal((count, num_points + 4, num_points + 4))
    return darcy.two_phase(
        np.lib.stride_tricks.sliding_window_view(noise, (5, 5), axis=(1, 2)).sum(axis=(3, 4))
    )


def manufactured(num_points):
    """a = 2 + sin(2x + y), u = sin(πx) sin(2πy) and f = -a Δu - ∇a·∇u by hand, one example of each."""
    y, x = np.meshgrid(*2 * [np.linspace(0, 1, num_points)], indexing="ij")
    a, a_x = 2 + np.sin(2 * x + y), 2 * np.cos(2 * x + y)
    u = np.sin(np.pi * x) * np.sin(2 * np.pi * y)
    u_x = np.pi * np.cos(np.pi * x) * np.sin(2 * np.pi * y)
    u_y = 2 * np.pi * np.sin(np.pi * x) * np.cos(2 * np.pi * y)
    f = 5 * np.pi**2 * a * u - a_x * u_x - a_x / 2 * u_y
    return a[None], u[None], f[None]


def dense(a):
    """The operator as a matrix, of one medium."""
    inside = len(a) - 2
    waves = np.pad(np.eye(inside**2).reshape(-1, inside, inside), ((0, 0), (1, 1), (1, 1)))
    return darcy.apply(a, waves).reshape(inside**2, inside**2)


def test_two_phases_by_sign():
    np.testing.assert_array_equal(darcy.two_phase(np.array([-2.0, -1e-9, 0.0, 3.0])), [3, 3, 12, 12])
    np.testing.assert_array_equal(darcy.two_phase(np.array([-1.0, 1.0]), low=1, high=5), [1, 5])


@pytest.mark.parametrize(
    ("num_points", "error"), [(9, 4.706e-2), (17, 1.153e-2), (33, 2.869e-3), (65, 7.165e-4), (129, 1.791e-4)]
)
def test_a_smooth_medium_converges_with_order_two(num_points, error):
    a, expected, f = manufactured(num_points)
    assert np.abs(darcy.solve(a, f) - expected).max() == pytest.approx(error, rel=1e-3)


@pytest.mark.parametrize("num_points", [16, 64, 101, 129])  # by matrices, and by transforms above 100
def test_the_unit_medium_is_the_series_of_the_textbook(num_points):
    """-Δu = 1: u = Σ 16 sin(jπx) sin(kπy) / (π⁴ j k (j² + k²)) over odd j and k."""
    x, j = np.linspace(0, 1, num_points), np.arange(1, 400, 2)
    sines = np.sin(np.pi * np.outer(x, j))
    series = sines @ (16 / np.pi**4 / (np.outer(j, j) * (j[:, None] ** 2 + j**2))) @ sines.T
    u = darcy.solve(np.ones((1, num_points, num_points)))[0]
    np.testing.assert_allclose(u, series, atol=0.1 / (num_points - 1) ** 2)


def test_the_operator_is_symmetric_and_bounded_by_the_laplacian():
    a = media(1, 12)[0]
    matrix, laplacian = dense(a), dense(np.ones_like(a))
    np.testing.assert_allclose(matrix, matrix.T, rtol=1e-12, atol=1e-9)
    assert np.linalg.eigvalsh(matrix - 2.999 * laplacian).min() > 0  # so positive definite as well
    assert np.linalg.eigvalsh(12.001 * laplacian - matrix).min() > 0


def test_solutions_satisfy_the_dense_operator():
    a = media(3, 12)
    f = np.random.default_rng(1).standard_normal(a.shape)
    for one, source, u in zip(a, f, darcy.solve(a, f), strict=True):
        expected = np.linalg.solve(dense(one), source[1:-1, 1:-1].ravel())
        np.testing.assert_allclose(u[1:-1, 1:-1].ravel(), expected, atol=1e-9 * np.abs(expected).max())


@pytest.mark.parametrize("num_points", [8, 64, 65, 85, 128, 129, 241])
def test_every_example_is_solved_in_as_few_steps_on_every_grid(num_points, monkeypatch):
    monkeypatch.setattr(darcy, "_STEPS", 27)
    a = media(3, num_points)
    u = darcy.solve(a)
    assert darcy.residual(a, u).max() < 5e-11
    assert u[:, 1:-1, 1:-1].min() > 0  # the maximum principle, for f = 1
    edges = np.stack([u[:, 0], u[:, -1], u[..., 0], u[..., -1]])
    assert not edges.any()


@pytest.mark.parametrize("contrast", [1, 100, 10_000])
def test_rounding_grows_with_the_contrast_alone(contrast):
    a = darcy.two_phase(media(2, 65) - 5, low=1, high=contrast)
    u = darcy.solve(a)
    assert darcy.residual(a, u).max() < darcy.TOLERANCE + 2e-17 * 65**2 * contrast
    assert u[:, 1:-1, 1:-1].min() > 0


def finite_elements(a, parts):
    """u at the nodes of one medium: biquadratic elements, ``2 * parts`` to a cell's width, so that
    interfaces between cells run between elements."""
    n, points = len(a), np.linspace(0, 1, 2 * parts * (len(a) - 1) + 1)
    basis = skfem.Basis(skfem.MeshQuad.init_tensor(points, points), skfem.ElementQuad2())

    @skfem.BilinearForm
    def flow(u, v, w):
        x, y = np.rint((n - 1) * w.x).astype(int)
        return a[y, x] * dot(grad(u), grad(v))

    @skfem.LinearForm
    def load(v, w):
        return 1.0 * v

    u = skfem.solve(*skfem.condense(flow.assemble(basis), load.assemble(basis), D=basis.get_dofs()))
    x, y = np.rint((len(points) - 1) * basis.mesh.p).astype(int)
    at = np.zeros((len(points), len(points)))
    at[y, x] = u[basis.nodal_dofs[0]]
    return at[:: 2 * parts, :: 2 * parts]


def test_a_piecewise_constant_medium_converges_to_finite_elements():
    """Cells of a coarse medium in 1, 3² and 9² parts: the same medium on finer and finer grids."""
    coarse = darcy.two_phase(np.random.default_rng(3).standard_normal((8, 8)))
    expected = finite_elements(coarse, parts=6)
    errors = []
    for parts in (1, 3, 9):
        cell = np.rint(np.arange(7 * parts + 1) / parts).astype(int)
        u = darcy.solve(coarse[cell][:, cell][None])[0, ::parts, ::parts]
        errors.append(np.linalg.norm(u - expected) / np.linalg.norm(expected))
    np.testing.assert_allclose(errors, [0.053, 0.019, 0.005], rtol=0.1)  # an order of 1.1: corners of cells


@pytest.mark.parametrize("num_points", [64, 65, 129, 130])
def test_an_example_alone_has_the_same_bits(num_points):
    """The media take different numbers of steps; all are solved together, alone, and in another order."""
    a = media(4, num_points)
    a[1], a[2] = 1, darcy.two_phase(a[2] - 5, low=1, high=100)
    f = np.random.default_rng(1).standard_normal(a.shape)
    u = darcy.solve(a, f)
    residual = darcy.residual(a, u, f)
    for i in (3, 0, 2, 1):
        rows = slice(i, i + 1)
        np.testing.assert_array_equal(darcy.solve(a[rows], f[rows]), u[rows])
        np.testing.assert_array_equal(darcy.residual(a[rows], u[rows], f[rows]), residual[rows])
    np.testing.assert_array_equal(darcy.residual(a[:1], u[:1]), darcy.residual(a, u)[:1])


def test_a_flipped_medium_has_the_flipped_solution():
    a = media(2, 33)
    u = darcy.solve(a)
    for flip in (lambda f: f[:, ::-1], lambda f: f[..., ::-1], lambda f: f.transpose(0, 2, 1)):
        np.testing.assert_allclose(darcy.solve(flip(a)), flip(u), atol=1e-10 * u.max())


def test_the_residual_is_the_relative_error_of_a_scaled_solution():
    a = media(3, 33)
    u = darcy.solve(a, 2.5)
    np.testing.assert_allclose(
        darcy.residual(a, np.array([1.01, 0.5, 0])[:, None, None] * u, 2.5), [0.01, 0.5, 1]
    )


@pytest.mark.parametrize("num_points", [64, 128, 241])
def test_what_is_stored_in_float32_has_a_residual_of_its_rounding(num_points):
    a = media(3, num_points).astype(np.float32)
    u = darcy.solve(a).astype(np.float32)
    residual = darcy.residual(a, u)
    np.testing.assert_array_equal(residual, darcy.residual(a.astype(np.float64), u.astype(np.float64)))
    assert 2e-9 * num_points**2 < residual.min() < residual.max() < 1e-8 * num_points**2


def test_tensors_have_the_same_operator_and_its_gradient():
    a, u = media(2, 17), np.random.default_rng(1).standard_normal((2, 17, 17))
    tensor = torch.tensor(u, requires_grad=True)
    image = darcy.apply(torch.tensor(a), tensor)
    np.testing.assert_allclose(image.detach().numpy(), darcy.apply(a, u), rtol=1e-12, atol=1e-9)
    image.sum().backward()
    assert tensor.grad.isfinite().all()


def test_a_medium_that_is_not_positive_is_named():
    a = media(4, 9)
    a[2, 3, 4] = 0
    with pytest.raises(ValueError, match="the coefficient of example 2 is not positive everywhere"):
        darcy.solve(a)
