"""What the systems with constant coefficients on the periodic square have in common: a symbol in Fourier space."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._system import AbstractSystem, Made


@dataclass(frozen=True)
class Draw:
    """Drawn examples: ``coefficients`` ``(count, num_coefficients)`` of the equation, and the physics
    ``parameters`` ``(count, num_parameters)`` that they were made from."""

    coefficients: np.ndarray
    parameters: np.ndarray


class SpectralSystem(AbstractSystem):
    """L(c) u = f with constant coefficients c and a random source f: a symbol in Fourier space, and how c is
    sampled."""

    has_source = True
    scale_free = True
    reads_files = True
    zero_mean: ClassVar[bool]  #: L annihilates constants: f and u have no mean
    num_uniforms: ClassVar[int]  #: of one example's coefficients; those of its source follow

    @final
    def uniforms_of_example(self, law: SparseGaussians | None) -> int:
        assert law  # plan.check asks for one
        return self.num_uniforms + law.num_uniforms

    @final
    def drawn_arrays(self, law: SparseGaussians | None) -> dict[str, dict[str, int]]:
        assert law
        return {"amplitudes": {"centre_y": law.num_centres, "centre_x": law.num_centres}}

    @final
    def make(self, uniforms: np.ndarray, law: SparseGaussians | None, num_points: int) -> Made:
        assert law
        grid = Grid(num_points)
        amplitudes = law.amplitudes(uniforms[:, self.num_uniforms :])
        source = law.fields(amplitudes, grid)
        if self.zero_mean:
            source -= source.mean(axis=(1, 2), keepdims=True)
        source_hat = grid.to_spectrum(source)
        draw = self.sample(uniforms[:, : self.num_uniforms], source_hat, law, grid)
        solution, residual = self.solve_and_check(draw.coefficients, source_hat, grid)
        arrays = {
            "source": source,
            "solution": solution,
            "coefficients": draw.coefficients,
            "parameters": draw.parameters,
            "amplitudes": amplitudes,
        }
        return Made(arrays, residual, self.accepts(draw, solution, law, grid))

    @abstractmethod
    def sample(self, uniforms: np.ndarray, source_hat: np.ndarray, law: SparseGaussians, grid: Grid) -> Draw:
        """Examples from uniforms in [0, 1), ``(count, num_uniforms)``, for sources of a law, given by their
        spectra ``(count, N, N // 2 + 1)``."""

    @abstractmethod
    def accepts(self, draw: Draw, solution: np.ndarray, law: SparseGaussians, grid: Grid) -> np.ndarray:
        """Which examples belong to the dataset, ``(count,)``; the others are drawn again."""

    @classmethod
    @abstractmethod
    def symbol(cls, coefficients: np.ndarray, grid: Grid) -> np.ndarray:
        """L in Fourier space, ``(count, N, N // 2 + 1)``."""

    @final
    @classmethod
    def solve(cls, coefficients: np.ndarray, source: np.ndarray, grid: Grid) -> np.ndarray:
        """u with L(c) u = f, exact up to rounding for band-limited f.

        ``coefficients`` is ``(count, num_coefficients)``, ``source`` and the result are ``(count, N, N)``,
        float64. Raises ValueError where a source must have zero mean and has not.
        """
        if cls.zero_mean:
            cls._check_mean(source)
        return cls._solve(cls.symbol(coefficients, grid), grid.to_spectrum(source), grid)

    @final
    @classmethod
    def residual(
        cls, coefficients: np.ndarray, source: np.ndarray, solution: np.ndarray, grid: Grid
    ) -> np.ndarray:
        """‖L(c) u - f‖ / ‖f‖ for each example, ``(count,)``; shapes as in ``solve``."""
        return cls._residual(cls.symbol(coefficients, grid), grid.to_spectrum(source), solution, grid)

    @final
    @classmethod
    def solve_and_check(
        cls, coefficients: np.ndarray, source_hat: np.ndarray, grid: Grid
    ) -> tuple[np.ndarray, np.ndarray]:
        """``solve`` and ``residual`` of sources that are given by their spectra: what both need is computed once.

        That a source has zero mean is not checked; the residual of one that should and has not is large.
        """
        symbol = cls.symbol(coefficients, grid)
        solution = cls._solve(symbol, source_hat, grid)
        return solution, cls._residual(symbol, source_hat, solution, grid)

    @final
    @classmethod
    def _solve(cls, symbol: np.ndarray, source_hat: np.ndarray, grid: Grid) -> np.ndarray:
        if cls.zero_mean:
            symbol = symbol.copy()
            symbol[:, 0, 0] = np.inf
        return grid.to_field(source_hat * (1 / symbol))

    @final
    @classmethod
    def _residual(
        cls, symbol: np.ndarray, source_hat: np.ndarray, solution: np.ndarray, grid: Grid
    ) -> np.ndarray:
        defect_hat = grid.to_spectrum(solution)
        defect_hat *= symbol
        defect_hat -= source_hat
        return np.sqrt(grid.energy(defect_hat) / grid.energy(source_hat))  # Parseval

    @final
    @classmethod
    def _check_mean(cls, source: np.ndarray) -> None:
        mean = source.mean(axis=(1, 2))
        wrong = np.flatnonzero(np.abs(mean) > 1e-10 * np.abs(source).max(axis=(1, 2)))
        if wrong.size:
            raise ValueError(
                f"the source of example {wrong[0]} has mean {mean[wrong[0]]:.3g}; "
                f"{cls.equation} has a periodic solution only for a source of zero mean"
            )
