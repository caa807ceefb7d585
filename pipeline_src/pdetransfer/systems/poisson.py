"""SYS-1: anisotropic diffusion."""

from typing import ClassVar, final

import numpy as np

from pdetransfer.grid import Grid
from pdetransfer.systems._system import AbstractSystem, check_interval

DIFFUSIVITY = 0.01  #: scale of the diffusion tensor


@final
class Poisson(AbstractSystem):
    """-div(K ∇u) = f with K = 0.01 R(-θ) diag(1, e) R(θ) (SYS-1 of arXiv 2306.00258).

    The eigenvalue e is uniform in ``eigenvalue_range``, a closed interval above zero; the angle θ is uniform
    in (0, 2π). The coefficients are k11, k22, k12 of K; k11 belongs to x, the last axis of a field. u and f
    have zero mean. Raises ValueError unless 0 < low <= high.
    """

    equation = "-div(K grad u) = f"
    coefficient_names = ("k11", "k22", "k12")
    coefficient_units = "1 (domain length 1, source of maximum about 1)"
    zero_mean = True
    num_uniforms = 2
    parameter_symbols: ClassVar = {"eigenvalue_range": "e"}

    def __init__(self, eigenvalue_range: tuple[float, float]):
        self.eigenvalue_range = check_interval("eigenvalue_range", eigenvalue_range, above=0)

    def sample_coefficients(self, uniforms: np.ndarray) -> np.ndarray:
        low, high = self.eigenvalue_range
        e = low + (high - low) * uniforms[:, 0]
        cos, sin = np.cos(2 * np.pi * uniforms[:, 1]), np.sin(2 * np.pi * uniforms[:, 1])
        k11, k22, k12 = cos**2 + e * sin**2, sin**2 + e * cos**2, (e - 1) * sin * cos
        return DIFFUSIVITY * np.stack([k11, k22, k12], axis=1)

    def symbol(self, coefficients: np.ndarray, grid: Grid) -> np.ndarray:
        k11, k22, k12 = coefficients.T[:, :, None, None]
        return k11 * grid.k_x_squared + k22 * grid.k_y_squared + 2 * k12 * grid.k_x * grid.k_y
