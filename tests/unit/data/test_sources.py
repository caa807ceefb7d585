import numpy as np
import pytest

from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians

GAUSSIANS = SparseGaussians(num_centres=4, sigma=1 / 8, sparsity_range=(0.2, 0.8))


def test_fields_equal_the_sum_over_gaussians_and_their_images():
    grid = Grid(16)
    amplitudes = np.random.default_rng(0).random((3, 4, 4))
    centres = 0.5 + 0.25 * (np.arange(4) - 1.5)
    y, x = np.meshgrid(grid.points, grid.points, indexing="ij")
    expected = np.zeros((3, 16, 16))
    for i, centre_y in enumerate(centres):
        for j, centre_x in enumerate(centres):
            for image in np.ndindex(5, 5):
                distance = (y - centre_y - image[0] + 2) ** 2 + (x - centre_x - image[1] + 2) ** 2
                expected += amplitudes[:, i, j, None, None] * np.exp(-32 * distance)
    expected /= expected.max(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(GAUSSIANS.fields(amplitudes, grid), expected, rtol=1e-12)


def test_sparsity_and_amplitudes_have_the_distributions_they_should():
    gaussians = SparseGaussians(num_centres=8, sigma=1 / 32, sparsity_range=(0.3, 0.3))
    p = gaussians.amplitudes(np.random.default_rng(0).random((4000, gaussians.num_uniforms)))
    assert (p == 0).mean() == pytest.approx(0.3, abs=0.005)
    positive = p[p > 0]
    assert positive.mean() == pytest.approx(0.5, abs=0.005)
    assert positive.var() == pytest.approx(1 / 12, abs=0.002)


@pytest.mark.parametrize("largest", [0.15, 0.9])
def test_a_source_has_two_gaussians_at_least(largest):
    """Both centres below the sparsity, or one: they get amplitudes of their own."""
    uniforms = np.zeros((2, GAUSSIANS.num_uniforms))
    uniforms[0, [6, 9]] = 0.1, largest
    amplitudes = GAUSSIANS.amplitudes(uniforms)
    np.testing.assert_array_equal(np.flatnonzero(amplitudes[0]), [5, 8])
    np.testing.assert_array_equal(amplitudes[0].ravel()[[5, 8]], [0.1, largest])
    assert GAUSSIANS.fields(amplitudes[:1], Grid(16)).max() == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sparsity_range": (0.5, 1.0)}, r"sparsity_range is \[0.5, 1.0\]; expected"),
        ({"sparsity_range": (0.8, 0.2)}, r"sparsity_range is \[0.8, 0.2\]; expected"),
        ({"num_centres": 5}, "num_centres is 5 with sigma 0.125; expected"),
    ],
)
def test_wrong_parameters_are_named(changes, message):
    with pytest.raises(ValueError, match=message):
        SparseGaussians(**({"num_centres": 4, "sigma": 1 / 8, "sparsity_range": (0.2, 0.8)} | changes))
