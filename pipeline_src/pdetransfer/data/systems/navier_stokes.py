"""Navier-Stokes flow in two dimensions, as vorticity."""

from typing import ClassVar, final

import numpy as np

from pdetransfer.data import navier_stokes
from pdetransfer.data.random_fields import GaussianField
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._system import Made, check_interval, uniform
from pdetransfer.data.systems._trajectories import FRAMES, AbstractTrajectories, check_frames

_COMPARED = 4  # frames of a user's trajectory that are solved for from the one before, at most
_FEWEST_POINTS = 16  # that hold the waves of both forcings
# Side of the square, and forcing, by name.
_FLOWS = {
    "diagonal": (1.0, navier_stokes.diagonal_forcing),
    "kolmogorov": (2 * np.pi, navier_stokes.kolmogorov_forcing),
}


@final
class NavierStokes(AbstractTrajectories):
    """w_t + u . grad w = ν lap w + f on a periodic square: from the vorticity w at time 0 to its frames.

    ``flow`` is "diagonal", f = 0.1 (sin 2π(x + y) + cos 2π(x + y)) on the unit square (arXiv 2010.08895, 5.3), or
    "kolmogorov", f = -4 cos 4y on a side of 2π (arXiv 2111.03794; there ν = 1 / Re). The initial state is of the
    law N(0, 7^1.5 (-Δ + 49)^-2.5) in units of the side, with ``num_modes`` waves a side, times ``amplitude``: as
    printed, w has a standard deviation of 0.043, a fourth of that of the authors' program. From it ``burn_in``
    units of time are solved and left out. ν is uniform in ``viscosity_range``. Frames are ``num_frames`` at equal
    distances from time 0 to ``time``.

    Solved on ``solver_points`` a side, by default as many as are stored. The residual is the error that the
    solver estimates (``navier_stokes.solve``), most of it of space; an example beyond ``tolerance`` is refused. A
    chaotic flow has no solution to a small one: the tolerance is part of the dataset. Raises ValueError for an
    unknown flow and numbers that are out of range.
    """

    title = "Navier-Stokes flow"
    equation = "w_t + u . grad w = nu lap w + f"
    channels = ("vorticity",)
    channel_units = "1 / time"
    boundary = "periodic"
    conserved = "the mean of w, which is zero"
    coefficient_names = ("viscosity",)
    coefficient_units = "length squared / time, where the side is 1 (diagonal) or 2 pi (kolmogorov)"
    parameter_names = ("viscosity",)
    shifted = "viscosity"
    symbols: ClassVar = {"viscosity": r"\nu"}
    reads_files = True
    options_of_files = ("viscosity_range", "time", "flow")
    deviation_is = "difference from another solution, a frame ahead"

    def __init__(
        self,
        viscosity_range: tuple[float, float],
        time: float,
        num_frames: int,
        flow: str = "diagonal",
        amplitude: float = 1.0,
        burn_in: float = 0.0,
        num_modes: int = 20,
        solver_points: int | None = None,
        tolerance: float = 1e-3,
    ):
        if flow not in _FLOWS:
            raise ValueError(f"flow is {flow!r}; expected one of {list(_FLOWS)}")
        check_frames(time, num_frames)
        for name, value in (("amplitude", amplitude), ("tolerance", tolerance)):
            if not value > 0:
                raise ValueError(f"{name} is {value}; expected more than 0")
        if not burn_in >= 0:
            raise ValueError(f"burn_in is {burn_in}; expected 0 or more")
        self.viscosity_range = check_interval("viscosity_range", viscosity_range, above=0)
        self.time, self.num_frames, self.burn_in = time, num_frames, burn_in
        self.amplitude, self.solver_points = amplitude, solver_points
        self.largest_residual = tolerance
        self._length, self._forcing = _FLOWS[flow]
        self._law = GaussianField("periodic", 2, num_modes, scale=7**1.5, tau=7, alpha=2.5)
        if solver_points is not None and solver_points < self._law.fewest_points:
            raise ValueError(
                f"solver_points is {solver_points}; expected at least {self._law.fewest_points} "
                f"for num_modes {num_modes}"
            )

    def fixed_coefficients(self) -> tuple[float, ...] | None:
        low, high = self.viscosity_range
        return (low,) if low == high else None

    def deviation(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """‖w - w₀‖ / ‖w₀‖ of some frames together, with w₀ solved here from the frame before, on half as many
        points again, so that no wave of that is left out."""
        frames, viscosity = arrays[FRAMES][:, :, 0], arrays["coefficients"][:, 0]
        num_points = frames.shape[-1]
        before = np.unique(np.linspace(0, self.num_frames - 2, _COMPARED).astype(int))
        given, solved = frames[:, before + 1], np.full_like(frames[:, before], np.nan)
        solver_points = max(3 * num_points // 2, _FEWEST_POINTS)
        for value in np.unique(viscosity[viscosity > 0]):
            rows = viscosity == value
            initial = frames[rows][:, before].reshape(-1, num_points, num_points)
            forcing, length = self._forcing(solver_points), self._length
            both, _ = navier_stokes.solve(
                initial, value, forcing, length, self.time_step, 2, num_points, solver_points
            )
            solved[rows] = both[:, 1].reshape(-1, *given.shape[1:])
        difference, size = ((values**2).sum(axis=(1, 2, 3)) for values in (given - solved, solved))
        return np.sqrt(difference / size)

    @property
    def fewest_points(self) -> int:
        return self._law.fewest_points if self.solver_points is None else 4

    def uniforms_of_example(self, law: SparseGaussians | None) -> int:
        return 1 + self._law.num_uniforms

    def make(self, uniforms: np.ndarray, law: SparseGaussians | None, num_points: int) -> Made:
        viscosity = uniform(self.viscosity_range, uniforms[:, 0])
        solver_points = self.solver_points or num_points
        initial = self.amplitude * self._law.fields(uniforms[:, 1:], solver_points)
        frames = np.empty((len(initial), self.num_frames, num_points, num_points))
        error = np.empty(len(initial))
        for value in np.unique(viscosity):  # the solver takes one for all that it solves together
            rows = viscosity == value
            frames[rows], error[rows] = self._solve(initial[rows], value, num_points, solver_points)
        arrays = {FRAMES: frames[:, :, None]}
        arrays |= dict.fromkeys(("coefficients", "parameters"), viscosity[:, None])
        return Made(arrays, error, error <= self.largest_residual)

    def _solve(
        self, initial: np.ndarray, viscosity: float, num_points: int, solver_points: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Frames and their error; that of the burn-in counts for nothing, as a flow has no other beginning."""
        forcing = self._forcing(solver_points)
        if self.burn_in:
            units = int(np.ceil(self.burn_in))
            interval = self.burn_in / units
            for _ in range(units):
                both, _ = navier_stokes.solve(
                    initial, viscosity, forcing, self._length, interval, 2, solver_points
                )
                initial = both[:, 1]
        return navier_stokes.solve(
            initial,
            viscosity,
            forcing,
            self._length,
            self.time_step,
            self.num_frames,
            num_points,
            solver_points,
        )
