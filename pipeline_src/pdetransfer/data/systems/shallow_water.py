"""Shallow water, in which a round dam breaks."""

from typing import ClassVar, final

import numpy as np

from pdetransfer.data import shallow_water
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._system import Made, check_interval, uniform
from pdetransfer.data.systems._trajectories import FRAMES, AbstractTrajectories, check_frames

_SIDE = 5.0


@final
class ShallowWater(AbstractTrajectories):
    """h_t + div(h v) = 0, (h v)_t + div(h v vᵀ) + ∇(h² / 2) = 0 on [-2.5, 2.5]² with open sides: the depth h.

    The radial dam break of PDEBench (arXiv 2210.07182): at time 0 the water is at rest, 2 deep within a circle,
    whose radius is uniform in ``radius_range`` (there 0.3 to 0.7), and 1 outside. Stored are averages over cells,
    solved on ``solver_points`` a side, a multiple of those that are stored, by default as many. The residual is
    the share of the water that is lost. Raises ValueError for numbers that are out of range.
    """

    title = "Shallow water"
    equation = "h_t + div(h v) = 0, (h v)_t + div(h v v) + grad(h^2 / 2) = 0"
    channels = ("depth",)
    channel_units = "1"
    boundary = "outflow"
    conserved = "the water, but for what leaves through the sides"
    coefficient_names = ()
    coefficient_units = "1"
    parameter_names = ("radius",)
    shifted = "radius"
    symbols: ClassVar = {"radius": "r"}

    def __init__(
        self,
        time: float,
        num_frames: int,
        radius_range: tuple[float, float] = (0.3, 0.7),
        solver_points: int | None = None,
    ):
        check_frames(time, num_frames)
        self.radius_range = check_interval("radius_range", radius_range, above=0)
        if self.radius_range[1] > _SIDE / 2:
            raise ValueError(
                f"radius_range is {list(radius_range)}; expected at most {_SIDE / 2}, half the side"
            )
        self.time, self.num_frames, self.solver_points = time, num_frames, solver_points

    def wrong_points(self, num_points: int) -> str | None:
        if not self.solver_points or self.solver_points % num_points == 0:
            return None
        return (
            f"solver_points is {self.solver_points}; expected a multiple of {num_points}, the points a side"
        )

    def uniforms_of_example(self, law: SparseGaussians | None) -> int:
        return 1

    def make(self, uniforms: np.ndarray, law: SparseGaussians | None, num_points: int) -> Made:
        radius = uniform(self.radius_range, uniforms[:, 0])
        depth = shallow_water.dam(radius, _SIDE, self.solver_points or num_points)
        frames, lost = shallow_water.solve(depth, _SIDE, self.time_step, self.num_frames, num_points)
        arrays = {
            FRAMES: frames[:, :, None],
            "coefficients": np.empty((len(frames), 0)),
            "parameters": radius[:, None],
        }
        return Made(arrays, lost, np.isfinite(lost))
