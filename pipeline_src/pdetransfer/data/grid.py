"""The periodic unit square: points, wavenumbers, transforms. The one place that knows the FFT layout."""

from functools import cached_property

import numpy as np


def points(count: int, periodic: bool) -> np.ndarray:
    """Coordinates along an axis, ``(count,)``, in units of its length: 0, 1/N, ... without 1, its periodic image,
    or 0, 1/(N - 1), ..., 1."""
    return np.arange(count) / (count if periodic else count - 1)


def cells(count: int) -> np.ndarray:
    """Centres of ``count`` equal cells along an axis, ``(count,)``, in units of its length."""
    return (np.arange(count) + 0.5) / count


class Grid:
    """``num_points`` x ``num_points`` points of the unit square [0, 1)², periodic in both directions.

    Fields are arrays ``(..., y, x)``: x is the last axis. The point 0 is included, the point 1, its
    periodic image, is not. A ``_hat`` is the half spectrum of a real field, ``(..., N, N // 2 + 1)``.

    Derivatives follow the Nyquist rule on even grids: the sign of the Nyquist wavenumber is undefined, so
    that of a first derivative is zero, also within ∂x∂y, while ∂x² and ∂y² keep it. One symbol built by
    this rule serves both to solve an equation and to check the solution, to rounding.

    Raises ValueError unless ``num_points`` is a positive integer.
    """

    def __init__(self, num_points: int):
        if not isinstance(num_points, int) or num_points < 1:
            raise ValueError(f"num_points is {num_points!r}; expected a positive integer")
        self.num_points = num_points

    @cached_property
    def points(self) -> np.ndarray:
        """Coordinates along one axis, ``(N,)``, in units of the domain's length."""
        return points(self.num_points, periodic=True)

    @cached_property
    def _k_x(self) -> np.ndarray:
        return 2 * np.pi * np.fft.rfftfreq(self.num_points, 1 / self.num_points)[None, :]

    @cached_property
    def _k_y(self) -> np.ndarray:
        return 2 * np.pi * np.fft.fftfreq(self.num_points, 1 / self.num_points)[:, None]

    def _without_nyquist(self, wavenumbers: np.ndarray) -> np.ndarray:
        return np.where(np.abs(wavenumbers) < np.pi * self.num_points, wavenumbers, 0.0)

    @cached_property
    def k_x(self) -> np.ndarray:
        """Angular wavenumber of ∂x = i k_x, ``(1, N // 2 + 1)``; zero at Nyquist."""
        return self._without_nyquist(self._k_x)

    @cached_property
    def k_y(self) -> np.ndarray:
        """Angular wavenumber of ∂y = i k_y, ``(N, 1)``; zero at Nyquist."""
        return self._without_nyquist(self._k_y)

    @cached_property
    def k_x_squared(self) -> np.ndarray:
        """Symbol of -∂x², ``(1, N // 2 + 1)``."""
        return self._k_x**2

    @cached_property
    def k_y_squared(self) -> np.ndarray:
        """Symbol of -∂y², ``(N, 1)``."""
        return self._k_y**2

    @cached_property
    def multiplicity(self) -> np.ndarray:
        """How often each coefficient of a half spectrum stands in the whole one, ``(1, N // 2 + 1)``."""
        counts = np.full((1, self.num_points // 2 + 1), 2.0)
        counts[:, 0] = 1
        if self.num_points % 2 == 0:
            counts[:, -1] = 1
        return counts

    def to_spectrum(self, field: np.ndarray) -> np.ndarray:
        """Half spectrum ``(..., N, N // 2 + 1)`` of real fields ``(..., N, N)``."""
        import scipy.fft  # takes a third of a second, and training imports this module

        # One axis after the other is rfft2, but the second may work in place.
        return scipy.fft.fft(scipy.fft.rfft(field), axis=-2, overwrite_x=True)

    def to_field(self, field_hat: np.ndarray) -> np.ndarray:
        """Real fields ``(..., N, N)`` of half spectra ``(..., N, N // 2 + 1)``."""
        import scipy.fft

        return scipy.fft.irfft(scipy.fft.ifft(field_hat, axis=-2), n=self.num_points, overwrite_x=True)

    def energy(self, field_hat: np.ndarray) -> np.ndarray:
        """Σ |f|² over the points but for a constant factor, ``(count,)``, of ``(count, N, N // 2 + 1)``."""
        parts = field_hat.view(np.float64)  # real and imaginary in turn
        by_column = np.einsum("nyx,nyx->nx", parts, parts)
        return (by_column * np.repeat(self.multiplicity[0], 2)).sum(axis=1)
