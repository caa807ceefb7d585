"""FitzHugh-Nagumo's diffusion and reaction of two fields on a closed square.

∂ₜu = D_u Δu + u - u³ - k - v and ∂ₜv = D_v Δv + u - v on [-1, 1]², where no flux passes the boundary. Both are one
array ``(..., 2, N, N)``, u first, in the order (y, x), at the centres of N x N cells. All is dimensionless.

With these conditions a field is a cosine series. Inside, it is the coefficients of 1 and √2 cos πjx, products of
which are orthonormal on the unit square, for j below N on each axis: the same numbers on every grid. The mean of u
or v is coefficient 0, which diffusion leaves alone. Nothing is conserved once there is a reaction.
"""

from functools import lru_cache

import numpy as np

from pdetransfer.data.checks import check_numbers, check_sizes
from pdetransfer.data.doubling import advance_both
from pdetransfer.data.exponential import ORDER, advance, weights
from pdetransfer.data.random_fields import GaussianField, normals

DIFFUSIVITIES = (1e-3, 5e-3)  #: D_u and D_v of PDEBench (Takamoto et al. 2022, arXiv 2210.07182)
OFFSET = 5e-3  #: k of PDEBench

#: smooth initial states: flat up to five half waves a side, then falling
SMOOTH = GaussianField("neumann", 2, num_modes=16, scale=1, tau=15, alpha=3, zero_mean=False)

_SIDE = 2.0
_BLOCK = 2**15  # points of the examples that are solved together: what they take should stay in the cache
_FEWEST_POINTS = 2


def smooth_states(uniforms: np.ndarray, num_points: int, law: GaussianField = SMOOTH) -> np.ndarray:
    """u and v at time 0, ``(count, 2, num_points, num_points)``, independent and of a law, divided by its standard
    deviation on the square; from uniforms in [0, 1), ``(count, 2 law.num_uniforms)``.

    The same uniforms are the same functions on every grid. Raises ValueError for a grid that cannot tell the modes
    of the law apart.
    """
    check_sizes(law.num_modes + 1, num_points=num_points)
    coefficients = law.coefficients(uniforms.reshape(-1, law.num_uniforms)) / np.sqrt(law.variances.sum())
    return to_fields(coefficients.reshape(-1, 2, *law.variances.shape), num_points)


def white_states(uniforms: np.ndarray, num_points: int) -> np.ndarray:
    """u and v at time 0, N(0, 1) in each cell, as those of PDEBench; ``(count, 2, num_points, num_points)``, from
    uniforms in [0, 1), ``(count, 2 num_points²)``.

    They are of the grid: on a finer one they are other functions, of which diffusion leaves nothing in the limit.
    """
    return normals(uniforms).reshape(-1, 2, num_points, num_points)


def solve(
    initial: np.ndarray,
    diffusivities: tuple[float, float],
    offset: float,
    interval: float,
    num_frames: int,
    num_points: int,
    solver_points: int | None = None,
    reaction_per_step: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """u and v at the times 0, ``interval``, ..., ``(count, num_frames, 2, num_points, num_points)``, and an
    estimate of their error, ``(count,)``.

    ``initial`` is both at time 0, ``(count, 2, n, n)``, read as the cosine series through its points, whatever n
    is. ``evolve`` solves on ``solver_points`` a side, ``num_points`` unless given. A frame on fewer points has
    those cosines that they can hold. ``offset`` is k.

    Between two frames steps are equal, and so many that a step times the rate of the reaction, taken to be
    3 max(|u|, |v|, 1)² at the first of the two frames, is ``reaction_per_step`` at most (up to about 1.4, half as
    many steps are stable as well). The number is rounded up to twice a number of ``doubling.STEPS``, so that
    examples share their weights, and each example has its own.

    The error is relative, in the norm of L² of both fields together, and that of the worst frame. It is a
    fifteenth of the difference from a second solution with half the steps, as for order four, and to it is added
    all that is in the outermost tenth of the cosines, which stands for what the grid has no place for. The
    second is an upper bound for fields that are well resolved, ten times too much or more, and too little by a
    factor of two where they are hardly so. In the first frame the error is what ``initial`` has beyond the cosines
    that are kept. It is infinite if the solution blew up. White noise on 128 points needs 256 solver points for
    errors below 1e-3.

    An example is the same to the last bit, whatever it is solved with. They are solved in blocks of 32768 points,
    or one by one where they have more: beside the frames it takes some 10 MB on 64 points a side, 130 MB on 256.

    Raises ValueError for numbers out of range and states of another shape.
    """
    solver_points = num_points if solver_points is None else solver_points
    check_numbers(
        D_u=diffusivities[0], D_v=diffusivities[1], interval=interval, reaction_per_step=reaction_per_step
    )
    check_sizes(1, num_frames=num_frames)
    check_sizes(_FEWEST_POINTS, num_points=num_points, solver_points=solver_points)
    if not np.isfinite(offset):
        raise ValueError(f"offset is {offset}; expected a finite number")
    initial = np.asarray(initial, dtype=np.float64)
    n = initial.shape[-1] if initial.ndim else 0
    if initial.shape[1:] != (2, n, n):
        raise ValueError(f"initial has the shape {initial.shape}; expected (count, 2, n, n)")

    def to_next_frame(waves: np.ndarray, num_steps: int) -> np.ndarray:
        return evolve(waves, diffusivities, offset, interval, num_steps)

    frames = np.empty((len(initial), num_frames, 2, num_points, num_points))
    error = np.empty(len(initial))
    block = max(1, _BLOCK // solver_points**2)
    with np.errstate(over="ignore", invalid="ignore"):  # of what blows up
        for start in range(0, len(initial), block):
            some = slice(start, start + block)
            waves = to_waves(initial[some])
            fine = _resized(waves, solver_points)
            error[some] = _relative(_norm(waves - _resized(fine, n)), waves)
            coarse = fine.copy()
            frames[some, 0] = to_fields(fine, num_points)
            for frame in range(1, num_frames):
                advance_both(fine, coarse, interval * _rate(fine) / reaction_per_step / 2, to_next_frame)
                frames[some, frame] = to_fields(fine, num_points)
                error[some] = np.maximum(error[some], _error(fine, coarse))
    return frames, error


def evolve(
    waves: np.ndarray, diffusivities: tuple[float, float], offset: float, time: float, num_steps: int
) -> np.ndarray:
    """Coefficients of u and v at ``time``, of those at time 0, both ``(count, 2, N, N)``.

    Pseudo-spectral: u³ is taken at N x N points. The waves that this confuses are as small as those that are left
    out. In time it is ETDRK4 with equal steps. All that is linear but for the exchange between u and v is exact.
    """
    num_points = waves.shape[-1]
    of_a_step = _weights(*diffusivities, time / num_steps, num_points)

    def exchange(waves: np.ndarray) -> np.ndarray:
        u, v = waves[:, 0], waves[:, 1]
        values = to_fields(u, num_points)
        change = np.empty_like(waves)
        np.subtract(-v, to_waves(values * values * values), out=change[:, 0])
        change[:, 0, 0, 0] -= offset
        change[:, 1] = u
        return change

    for _ in range(num_steps):
        waves = advance(waves, of_a_step, exchange)
    return waves


def to_waves(fields: np.ndarray) -> np.ndarray:
    """Coefficients of fields, both ``(..., N, N)``."""
    import scipy.fft  # takes a third of a second, and training imports what imports this module

    return scipy.fft.dctn(fields, axes=(-2, -1), norm="ortho") / fields.shape[-1]


def to_fields(waves: np.ndarray, num_points: int) -> np.ndarray:
    """Fields ``(..., num_points, num_points)`` of coefficients; of those only that the points can hold."""
    import scipy.fft

    return scipy.fft.idctn(_resized(waves, num_points) * num_points, axes=(-2, -1), norm="ortho")


def _resized(waves: np.ndarray, num_points: int) -> np.ndarray:
    """The coefficients on another number of points: the rest are left out, or zero."""
    kept = min(waves.shape[-1], num_points)
    if kept == waves.shape[-1] == num_points:
        return waves
    resized = np.zeros((*waves.shape[:-2], num_points, num_points))
    resized[..., :kept, :kept] = waves[..., :kept, :kept]
    return resized


def _rate(waves: np.ndarray) -> np.ndarray:
    """Of the reaction, ``(count,)``: u is driven by v, and at rest it grows to 1."""
    largest = np.abs(to_fields(waves, waves.shape[-1])).max(axis=(1, 2, 3))
    return 3 * np.maximum(largest, 1) ** 2


def _error(fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Of the finer solution, ``(count,)``: what ``solve`` says."""
    j = np.arange(fine.shape[-1])
    outermost = np.maximum(j[:, None], j) > 0.9 * j[-1]
    return _relative(_norm(fine - coarse) / (2**ORDER - 1) + _norm(fine * outermost), fine)


def _relative(error: np.ndarray, waves: np.ndarray) -> np.ndarray:
    relative = error / np.maximum(_norm(waves), np.finfo(float).tiny)  # zero is solved without an error
    return np.where(np.isnan(relative), np.inf, relative)


def _norm(waves: np.ndarray) -> np.ndarray:
    return np.sqrt((waves**2).sum(axis=3).sum(axis=2).sum(axis=1))


@lru_cache(maxsize=16)
def _weights(d_u: float, d_v: float, step: float, num_points: int) -> tuple[np.ndarray, ...]:
    """Of a step, each ``(2, N, N)``."""
    j_squared = np.arange(num_points) ** 2
    distinct, where = np.unique(j_squared[:, None] + j_squared, return_inverse=True)
    squared = (np.pi / _SIDE) ** 2 * distinct
    rates = np.stack([1 - d_u * squared, -1 - d_v * squared])
    where = where.reshape(num_points, num_points)
    return tuple(np.take(weight.real, where, axis=1) for weight in weights(rates * step, step))
