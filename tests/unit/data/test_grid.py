import numpy as np
import pytest

from pdetransfer.data.grid import Grid


@pytest.mark.parametrize("num_points", [7, 8])
def test_derivatives_of_a_wave_are_exact(num_points):
    grid = Grid(num_points)
    y, x = np.meshgrid(grid.points, grid.points, indexing="ij")
    wave = np.sin(2 * np.pi * (2 * x - y))
    slope = 2 * np.pi * np.cos(2 * np.pi * (2 * x - y))
    wave_hat = grid.to_spectrum(wave)
    np.testing.assert_allclose(grid.to_field(1j * grid.k_x * wave_hat), 2 * slope, atol=1e-13)
    np.testing.assert_allclose(grid.to_field(1j * grid.k_y * wave_hat), -slope, atol=1e-13)
    np.testing.assert_allclose(
        grid.to_field((grid.k_x_squared + grid.k_y_squared) * wave_hat),
        5 * (2 * np.pi) ** 2 * wave,
        atol=1e-11,
    )


def test_nyquist_is_dropped_from_first_derivatives_only():
    grid = Grid(8)
    assert grid.k_x[0, -1] == 0
    assert grid.k_y[4, 0] == 0
    assert grid.k_x_squared[0, -1] == grid.k_y_squared[4, 0] == pytest.approx((8 * np.pi) ** 2)


@pytest.mark.parametrize("num_points", [0, -4, 16.0, "16"])
def test_a_wrong_number_of_points_is_named(num_points):
    with pytest.raises(ValueError, match=f"num_points is {num_points!r}; expected"):
        Grid(num_points)


@pytest.mark.parametrize("num_points", [8, 9])
def test_energy_is_that_of_the_field(num_points):
    field = np.random.default_rng(0).standard_normal((3, num_points, num_points))
    grid = Grid(num_points)
    energy = grid.energy(grid.to_spectrum(field)) / num_points**2
    np.testing.assert_allclose(energy, (field**2).sum(axis=(1, 2)), rtol=1e-13)
