"""SYS-1: anisotropic diffusion."""

from typing import ClassVar, final

import numpy as np

from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._spectral import Draw, SpectralSystem
from pdetransfer.data.systems._system import check_interval, uniform

DIFFUSIVITY = 0.01  #: scale of the diffusion tensor, of all systems


@final
class Poisson(SpectralSystem):
    """-div(K ∇u) = f with K = 0.01 R(-θ) diag(1, e) R(θ) (SYS-1 of arXiv 2306.00258).

    The eigenvalue e is uniform in ``eigenvalue_range``, a closed interval above zero; the angle θ is uniform
    in (0, 2π). The coefficients are k11, k22, k12 of K; k11 belongs to x, the last axis of a field. u and f
    have zero mean. Raises ValueError unless 0 < low <= high.
    """

    title = "SYS-1"
    equation = "-div(K grad u) = f"
    coefficient_names = ("k11", "k22", "k12")
    coefficient_units = "1 (domain length 1, source of maximum about 1)"
    parameter_names = ("eigenvalue", "angle")
    shifted = "eigenvalue"
    symbols: ClassVar = {"eigenvalue": "e", "angle": r"\theta"}
    zero_mean = True
    num_uniforms = 2
    redrawn = slice(0)

    def __init__(self, eigenvalue_range: tuple[float, float]):
        self.eigenvalue_range = check_interval("eigenvalue_range", eigenvalue_range, above=0)

    def sample(self, uniforms: np.ndarray, source_hat: np.ndarray, law: SparseGaussians, grid: Grid) -> Draw:
        eigenvalue = uniform(self.eigenvalue_range, uniforms[:, 0])
        angle = 2 * np.pi * uniforms[:, 1]
        return Draw(diffusion_tensor(eigenvalue, angle), np.stack([eigenvalue, angle], axis=1))

    def accepts(self, draw: Draw, solution: np.ndarray, law: SparseGaussians, grid: Grid) -> np.ndarray:
        return np.ones(len(solution), dtype=bool)

    @classmethod
    def symbol(cls, coefficients: np.ndarray, grid: Grid) -> np.ndarray:
        return diffusion_symbol(coefficients, grid)


def diffusion_tensor(eigenvalue: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """k11, k22, k12 of 0.01 R(-θ) diag(1, e) R(θ), ``(count, 3)``."""
    cos, sin = np.cos(angle), np.sin(angle)
    k11, k22 = cos**2 + eigenvalue * sin**2, sin**2 + eigenvalue * cos**2
    return DIFFUSIVITY * np.stack([k11, k22, (eigenvalue - 1) * sin * cos], axis=1)


def diffusion_symbol(tensor: np.ndarray, grid: Grid) -> np.ndarray:
    """-div(K ∇) in Fourier space, ``(count, N, N // 2 + 1)``, of k11, k22, k12, ``(count, 3)``."""
    k11, k22, k12 = tensor.T[:, :, None, None]
    symbol = k11 * grid.k_x_squared + k22 * grid.k_y_squared
    symbol += 2 * k12 * grid.k_x * grid.k_y
    return symbol
