"""SYS-3: the indefinite Helmholtz equation."""

from typing import ClassVar, final

import numpy as np

from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._spectral import Draw, SpectralSystem
from pdetransfer.data.systems._system import check_interval
from pdetransfer.data.systems.poisson import DIFFUSIVITY


@final
class Helmholtz(SpectralSystem):
    """-(0.01 Δu + ω u) = f (SYS-3 of arXiv 2306.00258).

    The paper prints -Δu + ω u = f, which is positive definite and does not oscillate; its authors' data solve
    this equation, whose symbol 0.01 |k|² - ω changes sign, so that solutions oscillate more as ω grows.

    ω is a uniform integer in ``omega_range``. The source keeps its mean, so mean(u) = -mean(f) / ω. Examples
    near a resonance, max |u| > ``largest_solution``, are refused and drawn again, source and ω together;
    so accepted ω are not uniform, and some, such as 2, are never accepted. The manifest holds the acceptance
    by ω. Coefficients are k11 = k22 = 0.01, the identity tensor, and ω. Raises ValueError unless
    the range is of integers, 0 < low <= high, and ``largest_solution`` is positive.
    """

    title = "SYS-3"
    equation = "-(0.01 lap u + omega u) = f"
    coefficient_names = ("k11", "k22", "omega")
    coefficient_units = "1 (domain length 1, source of maximum 1)"
    public_columns: ClassVar = {"k": ("k11", "k22"), "omega": ("omega",)}
    parameter_names = ("omega",)
    shifted = "omega"
    symbols: ClassVar = {"omega": r"\omega"}
    zero_mean = False
    num_uniforms = 1
    redrawn = slice(None)

    def __init__(self, omega_range: tuple[int, int], largest_solution: float = 2.0):
        low, high = check_interval("omega_range", omega_range, above=0)
        if low % 1 or high % 1:
            raise ValueError(f"omega_range is {list(omega_range)}; expected integers")
        if not largest_solution > 0:
            raise ValueError(f"largest_solution is {largest_solution}; expected more than 0")
        self.omega_range, self.largest_solution = (int(low), int(high)), largest_solution

    def sample(self, uniforms: np.ndarray, source_hat: np.ndarray, law: SparseGaussians, grid: Grid) -> Draw:
        low, high = self.omega_range
        omega = np.floor(low + (high - low + 1) * uniforms[:, 0])
        diffusion = np.full_like(omega, DIFFUSIVITY)
        return Draw(np.stack([diffusion, diffusion, omega], axis=1), omega[:, None])

    def accepts(self, draw: Draw, solution: np.ndarray, law: SparseGaussians, grid: Grid) -> np.ndarray:
        return np.abs(solution).max(axis=(1, 2)) <= self.largest_solution

    @classmethod
    def symbol(cls, coefficients: np.ndarray, grid: Grid) -> np.ndarray:
        k11, k22, omega = coefficients.T[:, :, None, None]
        return k11 * grid.k_x_squared + k22 * grid.k_y_squared - omega
