"""Burgers' equation in one dimension."""

from typing import ClassVar, final

import numpy as np

from pdetransfer.data import burgers
from pdetransfer.data.random_fields import GaussianField
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._system import AbstractSystem, Made, check_interval, uniform


@final
class Burgers(AbstractSystem):
    """u_t + u u_x = ν u_xx on [0, 1), periodic: from u at time 0 to u at ``time`` (arXiv 2010.08895, 5.1).

    The initial state is drawn from N(0, 625 (-Δ + 25)^-2) with ``num_modes`` waves and no mean, as in the authors'
    program; ν is uniform in ``viscosity_range``, by default their 0.1. The residual is the error that the solver
    estimates (``burgers.solve``); an example that is beyond the tolerance is refused. Raises ValueError for a
    viscosity or a time that is not above zero.
    """

    title = "Burgers' equation"
    equation = "u_t + u u_x = nu u_xx, u(0) -> u(time)"
    fields = ("initial_state",)
    field_units: ClassVar = {"initial_state": "domain length / time", "solution": "domain length / time"}
    axes = ("x",)
    coefficient_names = ("viscosity",)
    coefficient_units = "domain length squared / time"
    parameter_names = ("viscosity",)
    shifted = "viscosity"
    symbols: ClassVar = {"viscosity": r"\nu"}
    largest_residual = 1e-8
    reads_files = True
    options_of_files = ("viscosity_range", "time")
    deviation_is = "difference from another solution"

    def __init__(
        self, viscosity_range: tuple[float, float] = (0.1, 0.1), time: float = 1.0, num_modes: int = 120
    ):
        self.viscosity_range = check_interval("viscosity_range", viscosity_range, above=0)
        if not time > 0:
            raise ValueError(f"time is {time}; expected more than 0")
        self.time = time
        self._law = GaussianField("periodic", 1, num_modes, scale=625, tau=5, alpha=2)

    @property
    def fewest_points(self) -> int:
        return self._law.fewest_points

    def uniforms_of_example(self, law: SparseGaussians | None) -> int:
        return 1 + self._law.num_uniforms

    def make(self, uniforms: np.ndarray, law: SparseGaussians | None, num_points: int) -> Made:
        viscosity = uniform(self.viscosity_range, uniforms[:, 0])
        initial = self._law.fields(uniforms[:, 1:], num_points)
        solution, error = np.empty_like(initial), np.empty(len(initial))
        for value in np.unique(viscosity):  # the solver takes one for all that it solves together
            rows = viscosity == value
            solution[rows], error[rows] = burgers.solve(
                initial[rows], value, self.time, num_points, self.largest_residual
            )
        arrays = {"initial_state": initial, "solution": solution}
        arrays |= dict.fromkeys(("coefficients", "parameters"), viscosity[:, None])
        return Made(arrays, error, error <= self.largest_residual)

    def fixed_coefficients(self) -> tuple[float, ...] | None:
        low, high = self.viscosity_range
        return (low,) if low == high else None

    def deviation(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """‖u - u₀‖ / ‖u₀‖, with u₀ solved here of the initial state."""
        initial, given, viscosity = arrays["initial_state"], arrays["solution"], arrays["coefficients"][:, 0]
        solved = np.full_like(given, np.nan)
        for row in np.flatnonzero(viscosity > 0):
            state = initial[row : row + 1]
            solved[row], _ = burgers.solve(state, viscosity[row], self.time, state.shape[1], tolerance=1e-6)
        return np.linalg.norm(given - solved, axis=1) / np.linalg.norm(solved, axis=1)
