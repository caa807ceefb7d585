"""FitzHugh-Nagumo's diffusion and reaction."""

from typing import Literal, final

import numpy as np

from pdetransfer.data import diffusion_reaction
from pdetransfer.data.random_fields import GaussianField
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._system import Made
from pdetransfer.data.systems._trajectories import FRAMES, AbstractTrajectories, check_frames


@final
class DiffusionReaction(AbstractTrajectories):
    """u_t = D_u Δu + u - u³ - k - v, v_t = D_v Δv + u - v on [-1, 1]², where no flux passes the boundary.

    The constants are those of PDEBench (arXiv 2210.07182): D_u = 0.001, D_v = 0.005, k = 0.005. ``initial`` is
    "white", N(0, 1) in each of ``num_modes`` cells a side, as there, or "smooth", a field of unit variance with
    ``num_modes`` half waves a side at most: white noise has no limit as cells become smaller. Solved on
    ``solver_points`` a side, by default as many as are stored; points are centres of cells. The residual is the
    error that the solver estimates; an example beyond ``tolerance`` is refused. Raises ValueError for an unknown
    law and numbers that are out of range."""

    title = "Diffusion and reaction"
    equation = "u_t = D_u lap u + u - u^3 - k - v, v_t = D_v lap v + u - v"
    channels = ("activator", "inhibitor")
    channel_units = "1"
    boundary = "zero flux"
    conserved = "nothing"
    coefficient_names = ()
    coefficient_units = "1"
    parameter_names = ()
    shifted = None

    def __init__(
        self,
        time: float,
        num_frames: int,
        initial: Literal["smooth", "white"] = "smooth",
        num_modes: int = 16,
        solver_points: int | None = None,
        tolerance: float = 1e-3,
    ):
        check_frames(time, num_frames)
        if initial not in ("smooth", "white"):
            raise ValueError(f"initial is {initial!r}; expected 'smooth' or 'white'")
        if not tolerance > 0:
            raise ValueError(f"tolerance is {tolerance}; expected more than 0")
        self.time, self.num_frames, self.initial = time, num_frames, initial
        self.solver_points, self.largest_residual = solver_points, tolerance
        self._law = GaussianField("neumann", 2, num_modes, scale=1, tau=15, alpha=3, zero_mean=False)
        if solver_points is not None and solver_points < num_modes + (initial == "smooth"):
            least = num_modes + (initial == "smooth")
            raise ValueError(f"solver_points is {solver_points}; expected {least} at least, by num_modes")

    @property
    def fewest_points(self) -> int:
        return self._law.num_modes + 1 if self.initial == "smooth" and self.solver_points is None else 4

    def uniforms_of_example(self, law: SparseGaussians | None) -> int:
        return 2 * (self._law.num_uniforms if self.initial == "smooth" else self._law.num_modes**2)

    def make(self, uniforms: np.ndarray, law: SparseGaussians | None, num_points: int) -> Made:
        solver_points = self.solver_points or num_points
        if self.initial == "smooth":
            initial = diffusion_reaction.smooth_states(uniforms, solver_points, self._law)
        else:
            initial = diffusion_reaction.white_states(uniforms, self._law.num_modes)
        frames, error = diffusion_reaction.solve(
            initial,
            diffusion_reaction.DIFFUSIVITIES,
            diffusion_reaction.OFFSET,
            self.time_step,
            self.num_frames,
            num_points,
            solver_points,
        )
        none = np.empty((len(frames), 0))
        arrays = {FRAMES: frames, "coefficients": none, "parameters": none}
        return Made(arrays, error, error <= self.largest_residual)
