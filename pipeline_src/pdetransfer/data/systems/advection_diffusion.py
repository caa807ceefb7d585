"""SYS-2: advection and anisotropic diffusion, at a given ratio of the two."""

from functools import lru_cache
from typing import ClassVar, final

import numpy as np

from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.streams import Stream
from pdetransfer.data.systems._spectral import Draw, SpectralSystem
from pdetransfer.data.systems._system import check_interval, uniform
from pdetransfer.data.systems.poisson import diffusion_symbol, diffusion_tensor

_SPEEDS = (1e-6, 1e6)  # bracket of the root find
_CALIBRATION = 512  # examples that the median speed is taken over
_KNOTS = 9  # values of Ψ, evenly spaced in its logarithm, at which it is computed


@final
class AdvectionDiffusion(SpectralSystem):
    """-(1 - λ) div(K ∇u) + λ v·∇u = f with unit v (SYS-2 of arXiv 2306.00258).

    K is that of the Poisson system with e in ``eigenvalue_range``, the direction of v is uniform, and
    Ψ = ‖v·∇u‖ / ‖div K∇u‖, speed included, is uniform in ``psi_range``: the speed s = λ / (1 - λ) that gives a
    drawn Ψ is found exactly, for each example with its source. ``velocity_scaling`` "convex" is the equation
    above, of the authors' data; "velocity" scales v alone, -div(K ∇u) + s v·∇u = f, as their text has it.

    The speeds are heavy-tailed: where v is nearly orthogonal to the source's variation they are huge, or none
    reaches Ψ. A direction whose speed exceeds ``speed_limit`` times the median speed at that Ψ is drawn
    again. The coefficients are those of the equation as it is solved: k11, k22, k12, v1, v2, with k11 and v1
    along x. Raises ValueError for ranges that are not above zero, and unknown scalings.
    """

    title = "SYS-2"
    equation = "-(1 - lam) div(K grad u) + lam v . grad u = f"
    coefficient_names = ("k11", "k22", "k12", "v1", "v2")
    coefficient_units = "1 (domain length 1, source of maximum about 1)"
    parameter_names = ("psi", "eigenvalue", "angle", "direction", "speed")
    shifted = "psi"
    symbols: ClassVar = {
        "psi": r"\Psi",
        "eigenvalue": "e",
        "angle": r"\theta",
        "direction": r"\arg v",
        "speed": "s",
    }
    zero_mean = True
    num_uniforms = 4
    redrawn = slice(3, 4)  # the direction

    def __init__(
        self,
        psi_range: tuple[float, float],
        eigenvalue_range: tuple[float, float] = (1, 5),
        velocity_scaling: str = "convex",
        speed_limit: float = 3.0,
    ):
        self.psi_range = check_interval("psi_range", psi_range, above=0)
        self.eigenvalue_range = check_interval("eigenvalue_range", eigenvalue_range, above=0)
        if velocity_scaling not in ("convex", "velocity"):
            raise ValueError(f"velocity_scaling is {velocity_scaling!r}; expected 'convex' or 'velocity'")
        if not speed_limit > 1:
            raise ValueError(f"speed_limit is {speed_limit}; expected more than 1")
        self.velocity_scaling, self.speed_limit = velocity_scaling, speed_limit

    def sample(self, uniforms: np.ndarray, source_hat: np.ndarray, law: SparseGaussians, grid: Grid) -> Draw:
        eigenvalue = uniform(self.eigenvalue_range, uniforms[:, 0])
        angle, direction = 2 * np.pi * uniforms[:, 1], 2 * np.pi * uniforms[:, 3]
        psi = uniform(self.psi_range, uniforms[:, 2])
        tensor = diffusion_tensor(eigenvalue, angle)
        speed = speed_of(psi, tensor, direction, source_hat, law, grid)
        velocity = speed * np.stack([np.cos(direction), np.sin(direction)])
        coefficients = np.concatenate([tensor, velocity.T], axis=1)
        if self.velocity_scaling == "convex":
            coefficients /= 1 + speed[:, None]  # 1 - λ = 1 / (1 + s)
        return Draw(coefficients, np.stack([psi, eigenvalue, angle, direction, speed], axis=1))

    def accepts(self, draw: Draw, solution: np.ndarray, law: SparseGaussians, grid: Grid) -> np.ndarray:
        psi, speed = draw.parameters[:, 0], draw.parameters[:, -1]
        knots, speeds = _median_speeds(self.psi_range, self.eigenvalue_range, law, grid.num_points)
        limit = self.speed_limit * np.exp(np.interp(np.log(psi), np.log(knots), np.log(speeds)))
        return speed <= np.minimum(limit, 0.5 * _SPEEDS[1])  # that bracket's end is where none reaches Ψ

    @classmethod
    def symbol(cls, coefficients: np.ndarray, grid: Grid) -> np.ndarray:
        v1, v2 = coefficients.T[3:, :, None, None]
        return diffusion_symbol(coefficients[:, :3], grid) + 1j * (v1 * grid.k_x + v2 * grid.k_y)


def speed_of(
    psi: np.ndarray,
    tensor: np.ndarray,
    direction: np.ndarray,
    source_hat: np.ndarray,
    law: SparseGaussians,
    grid: Grid,
) -> np.ndarray:
    """The speed s at which ‖s v·∇u‖ / ‖div K∇u‖ = Ψ, ``(count,)``, of sources given by their spectra.

    The two terms are orthogonal and their squares add up to ‖f‖², so that ‖s v·∇u‖ / ‖f‖ = Ψ / √(1 + Ψ²). With
    d and a the symbols of -div K∇ and v·∇ / i, the left side squared is a mean of s² / ((d / a)² + s²)
    over the spectrum of f: it grows with s, and needs no solve. The largest speed of the bracket stands
    where none reaches Ψ.

    The logarithm of the ratio of the two terms, as a function of that of s², is nearly a straight line (for a
    single wave it is one), so that Newton's method takes a few steps; where one would leave
    the bracket, the bracket is halved instead.
    """
    # Sources are smooth: most of the spectrum on a fine grid is empty. The mean is in neither term.
    y, x = (index[1:] for index in np.nonzero(law.present(grid)))
    k11, k22, k12 = tensor.T[:, :, None]
    second = k11 * grid.k_x_squared[0, x] + k22 * grid.k_y_squared[y, 0]
    d_squared = (second + 2 * k12 * (grid.k_x[0, x] * grid.k_y[y, 0])) ** 2  # (count, modes)
    a_squared = (
        np.cos(direction)[:, None] * grid.k_x[0, x] + np.sin(direction)[:, None] * grid.k_y[y, 0]
    ) ** 2
    # Contiguous rows are summed in the same order, however many there are.
    modes = source_hat.reshape(len(psi), -1).take(np.ravel_multi_index((y, x), source_hat.shape[1:]), axis=1)
    share = (modes.real**2 + modes.imag**2) * grid.multiplicity[0, x]
    share /= share.sum(axis=1, keepdims=True)

    target = 2 * np.log(psi)
    low, high = (np.full(len(psi), 2 * np.log(speed)) for speed in _SPEEDS)
    start = target + np.log((share * d_squared).sum(axis=1) / (share * a_squared).sum(axis=1))
    log_s_squared = np.clip(start, low, high)
    moving = np.ones(len(psi), dtype=bool)
    while moving.any():
        advected = np.exp(log_s_squared)[:, None] * a_squared
        advected /= advected + d_squared
        diffused, weighted = 1 - advected, share * advected
        advection, diffusion = weighted.sum(axis=1), np.einsum("ij,ij->i", share, diffused)
        slope = np.einsum("ij,ij->i", weighted, diffused) / (advection * diffusion)
        excess = np.log(advection / diffusion) - target
        low, high = np.where(excess < 0, log_s_squared, low), np.where(excess < 0, high, log_s_squared)
        newton = log_s_squared - excess / slope
        moved = np.where((low <= newton) & (newton <= high), newton, (low + high) / 2)
        # The error is squared in a step: one below 1e-9 is the last.
        step = np.where(moving, moved - log_s_squared, 0.0)
        log_s_squared = log_s_squared + step
        moving = np.abs(step) > 1e-9
    return np.where(np.abs(excess) < 1e-6, np.exp(log_s_squared / 2), _SPEEDS[1])


@lru_cache
def _median_speeds(
    psi_range: tuple[float, float],
    eigenvalue_range: tuple[float, float],
    law: SparseGaussians,
    num_points: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Values of Ψ, and the median over examples of the speed that each takes.

    The examples are drawn from a stream of their own, so that the median is a function of the arguments.
    """
    grid = Grid(num_points)
    uniforms = Stream(0, "advection_diffusion", "calibration").uniforms(0, _CALIBRATION, 3 + law.num_uniforms)
    source = law.fields(law.amplitudes(uniforms[:, 3:]), grid)
    source -= source.mean(axis=(1, 2), keepdims=True)
    source_hat = grid.to_spectrum(source)
    tensor = diffusion_tensor(uniform(eigenvalue_range, uniforms[:, 0]), 2 * np.pi * uniforms[:, 1])
    direction = 2 * np.pi * uniforms[:, 2]
    knots = np.geomspace(*psi_range, _KNOTS)
    speeds = [speed_of(np.full(_CALIBRATION, psi), tensor, direction, source_hat, law, grid) for psi in knots]
    return knots, np.median(speeds, axis=1)
