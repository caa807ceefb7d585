"""What every system of the study has in common: constant coefficients on the periodic square."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians


@dataclass(frozen=True)
class Draw:
    """Drawn examples: ``coefficients`` ``(count, num_coefficients)`` of the equation, and the physics
    ``parameters`` ``(count, num_parameters)`` that they were made from."""

    coefficients: np.ndarray
    parameters: np.ndarray


class AbstractSystem(ABC):
    """L(c) u = f with constant coefficients c: a symbol in Fourier space, and how c is sampled.

    A subclass gives the class variables, and a constructor whose keyword arguments are keys of config's
    ``datasets`` entries: closed intervals that physics parameters are drawn from, and named options.
    """

    equation: ClassVar[str]  #: the equation that is solved
    coefficient_names: ClassVar[tuple[str, ...]]  #: c, in the order of the last axis of ``coefficients``
    coefficient_units: ClassVar[str]  #: units of c
    #: columns of the public code of arXiv 2306.00258, with the coefficients that each is, where they are not c
    public_columns: ClassVar[dict[str, tuple[str, ...]]] = {}
    parameter_names: ClassVar[tuple[str, ...]]  #: physics parameters, in the order of ``Draw.parameters``
    shifted: ClassVar[str]  #: the parameter whose range tells datasets of the study apart
    symbols: ClassVar[dict[str, str]]  #: letters of parameters, for figures
    zero_mean: ClassVar[bool]  #: L annihilates constants: f and u have no mean
    num_uniforms: ClassVar[int]  #: uniforms that the coefficients of one example take
    redrawn: ClassVar[
        slice
    ]  #: which uniforms, those of the source included, are drawn anew for a refused example

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


def check_interval(name: str, interval: tuple[float, float], above: float) -> tuple[float, float]:
    """The closed interval as two floats; raises ValueError unless above < low <= high."""
    low, high = interval
    if not above < low <= high:
        raise ValueError(f"{name} is {[low, high]}; expected {above:g} < low <= high")
    return float(low), float(high)


def uniform(interval: tuple[float, float], uniforms: np.ndarray) -> np.ndarray:
    """Uniforms in [0, 1) moved to an interval."""
    low, high = interval
    return low + (high - low) * uniforms
