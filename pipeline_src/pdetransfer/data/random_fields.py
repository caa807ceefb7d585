"""Gaussian random fields on the unit interval and the unit square, drawn mode by mode."""

from dataclasses import dataclass
from typing import Literal

import numpy as np


def normals(uniforms: np.ndarray) -> np.ndarray:
    """N(0, 1) from uniforms in [0, 1), of the same shape."""
    from scipy.special import ndtri  # takes a while, and training imports what imports this module

    # Uniforms are multiples of 2^-53. Zero stands for all below the next, and is taken as their middle.
    return ndtri(np.maximum(uniforms, 2.0**-54))


@dataclass(frozen=True)
class GaussianField:
    """N(0, s (-Δ + τ²)^-α) on [0, 1]^d, by its Karhunen-Loève series, z = Σ_k √λ_k ξ_k φ_k with ξ_k ~ N(0, 1).

    φ_k is a product of one function for each axis, orthonormal in L²(0, 1):

    * "periodic": 1, √2 cos 2πjx, √2 sin 2πjx, on the points 0, 1/N, ..., (N - 1)/N;
    * "neumann": 1, √2 cos πjx, whose normal derivatives vanish on the boundary, on 0, 1/(N - 1), ..., 1;

    with j = 1 ... ``num_modes``, and λ_k = s (|κ|² + τ²)^-α with κ the angular wavenumbers, 2πj or πj. The
    number of modes is part of the law, not of the grid: the same uniforms are the same function on every grid
    that has enough points for it. ``zero_mean`` leaves the constant out, and changes nothing else.

    The laws of arXiv 2010.08895, A.3: for Burgers' equation N(0, 625 (-Δ + 25)^-2), periodic, and for Darcy's
    N(0, (-Δ + 9)^-2), Neumann. As printed they have a constant mode, of variance 1 and 1/81. The authors'
    public generators have none (``GRF1.m`` adds a mean that is given, and given as zero; ``GRF.m`` sets
    its coefficient to zero), hence the default. ``GRF.m`` also has s = τ^(2α - 2), which is 9; where the field is
    only compared with zero, s is of no matter. It takes as many modes as points, at the middle of
    cells, and interpolates to nodes; here the series is summed at the nodes.

    Raises ValueError for an unknown boundary, dimensions other than 1 and 2, numbers that are not above zero,
    and 2 α <= d, for which the series diverges.
    """

    boundary: Literal["periodic", "neumann"]
    dimensions: int
    num_modes: int  #: the highest j on each axis
    scale: float  #: s, in units of z² times those of κ^2α
    tau: float  #: τ, an inverse length, in units of one over the domain's length
    alpha: float  #: α
    zero_mean: bool = True

    def __post_init__(self) -> None:
        if self.boundary not in ("periodic", "neumann"):
            raise ValueError(f"boundary is {self.boundary!r}; expected 'periodic' or 'neumann'")
        if self.dimensions not in (1, 2):
            raise ValueError(f"dimensions is {self.dimensions}; expected 1 or 2")
        for name in ("num_modes", "scale", "tau", "alpha"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}; expected more than 0")
        if not 2 * self.alpha > self.dimensions:
            raise ValueError(
                f"alpha is {self.alpha} in {self.dimensions} dimensions; expected more than {self.dimensions / 2}"
            )

    @property
    def num_uniforms(self) -> int:
        """Uniforms that one example takes: one for each mode, the constant included."""
        return self.variances.size

    @property
    def fewest_points(self) -> int:
        """The smallest grid, in points a side, that tells all modes apart."""
        return 2 * self.num_modes + 1 if self.boundary == "periodic" else self.num_modes + 2

    @property
    def variances(self) -> np.ndarray:
        """λ by mode, ``(modes,)`` or ``(modes y, modes x)``; on an axis the constant, cosines, then sines."""
        waves = np.arange(1, self.num_modes + 1)
        j = np.concatenate([[0], waves, waves] if self.boundary == "periodic" else [[0], waves])
        squared = ((2 if self.boundary == "periodic" else 1) * np.pi * j) ** 2
        if self.dimensions == 2:
            squared = squared[:, None] + squared
        variances = self.scale * (squared + self.tau**2) ** -self.alpha
        if self.zero_mean:
            variances.flat[0] = 0.0
        return variances

    def coefficients(self, uniforms: np.ndarray) -> np.ndarray:
        """√λ ξ by mode, ``(count, *modes)``, from uniforms in [0, 1), ``(count, num_uniforms)``."""
        return np.sqrt(self.variances) * normals(uniforms).reshape(-1, *self.variances.shape)

    def fields(self, uniforms: np.ndarray, num_points: int) -> np.ndarray:
        """Fields ``(count, *grid)`` on ``num_points`` a side, from uniforms in [0, 1), ``(count, num_uniforms)``.

        A 2-D field is ``(y, x)``. An example is the same to the last bit, whatever it is drawn with. Raises
        ValueError for fewer than ``fewest_points``, on which modes could not be told apart.
        """
        if num_points < self.fewest_points:
            raise ValueError(
                f"num_points is {num_points}; expected at least {self.fewest_points} "
                f"for {self.num_modes} {self.boundary} modes"
            )
        fields = self._sum_last_axis(self.coefficients(uniforms), num_points)
        if self.dimensions == 2:
            fields = self._sum_last_axis(fields.swapaxes(1, 2), num_points).swapaxes(1, 2)
        return np.ascontiguousarray(fields)

    def _sum_last_axis(self, coefficients: np.ndarray, num_points: int) -> np.ndarray:
        """Σ_j c_j φ_j at the points of an axis, ``(..., num_points)``, of c, ``(..., modes)``."""
        constant, waves = coefficients[..., :1], coefficients[..., 1:]
        if self.boundary == "periodic":
            cosines, sines = np.split(waves, 2, axis=-1)
            waves, period = cosines - 1j * sines, num_points
        else:
            period = 2 * (num_points - 1)  # a cosine series is even around 0 and 1: half a periodic one
        spectrum = np.concatenate([constant, waves / np.sqrt(2)], axis=-1)
        # NumPy's FFT takes row by row; SciPy's takes several rows at once, which need not round alike.
        return np.fft.irfft(spectrum, n=period, norm="forward")[..., :num_points]
