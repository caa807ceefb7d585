"""Navier-Stokes in two dimensions, as vorticity on a periodic square.

∂ₜw + u·∇w = ν Δw + f on [0, L)², with the velocity u = (∂_y ψ, -∂_x ψ) of a stream function, -Δψ = w. So w is
∂_x u_y - ∂_y u_x, positive where the flow turns counterclockwise. The velocity has no mean: a flow that has one is
solved in the frame that moves with it. Fields are ``(..., N, N)``, in the order (y, x), at the points 0, L/N, ...,
of each axis. The programs of the papers named below have them in the order (x, y). To read theirs, swap the
axes: mirrored, a solution is one only with the signs of w and f changed.

Inside, a field is its Fourier coefficients, ``(..., 2K + 1, K + 1)``, for the wavenumbers 0, ..., K, -K, ..., -1
of y and 0, ..., K of x. Those left out are the complex conjugates of others.
"""

from functools import lru_cache

import numpy as np

from pdetransfer.data.checks import check_numbers, check_sizes
from pdetransfer.data.doubling import advance_both
from pdetransfer.data.exponential import ORDER, advance, weights

_BLOCK = 2**15  # points of the examples that are solved together: what they take should stay in the cache
_FEWEST_POINTS = 4  # for one wave below a third of them


def diagonal_forcing(num_points: int) -> np.ndarray:
    """f = 0.1 (sin 2π(x + y) + cos 2π(x + y)) on the unit square (Li et al. 2021, arXiv 2010.08895, 5.3).

    There ν is 1e-3, 1e-4 or 1e-5, and w(·, 0) is of the law N(0, 7^1.5 (-Δ + 49)^-2.5).
    """
    phase = 2 * np.pi * np.arange(num_points) / num_points
    return 0.1 * (np.sin(phase[:, None] + phase) + np.cos(phase[:, None] + phase))


def kolmogorov_forcing(num_points: int) -> np.ndarray:
    """f = -4 cos 4y on the square of length 2π: the vorticity of a force sin 4y along x (Li et al., arXiv
    2111.03794, with ν = 1/Re, among others for Re = 500).
    """
    y = 2 * np.pi * np.arange(num_points) / num_points
    return np.repeat(-4 * np.cos(4 * y)[:, None], num_points, axis=1)


def solve(
    initial: np.ndarray,
    viscosity: float,
    forcing: np.ndarray,
    length: float,
    interval: float,
    num_frames: int,
    num_points: int,
    solver_points: int | None = None,
    cfl: float = 1.0,
) -> tuple[np.ndarray, np.ndarray]:
    """w at the times 0, ``interval``, ..., ``(count, num_frames, num_points, num_points)``, and an estimate of its
    error, ``(count,)``.

    ``initial`` is w(·, 0), ``(count, n, n)``, and ``forcing`` is f, ``(n, n)``, the same at all times. They are
    read as the trigonometric polynomials through their points, whatever n is (of even n the Nyquist waves are left
    out). ``evolve`` solves on ``solver_points`` a side, ``num_points`` unless given. A frame on fewer
    points than its waves need has those waves that they can hold.

    Between two frames steps are equal, and so many that the fastest flow moves the shortest wave by ``cfl``
    radians at most in a step (up to about 1.4, half as many steps are stable as well). The speed is that at the
    first of the two frames and what the forcing may add until the second, so an interval should not be much longer
    than the flow takes to change: to skip a long time, solve for more frames. The number is rounded up to twice a
    number of ``doubling.STEPS``, so that examples share their weights, and each example has its own.

    The error is relative, in the norm of L², and that of the worst frame. It is a fifteenth of the difference from
    a second solution with half the steps, as for order four, and to it is added all that is in the outermost tenth
    of the waves, which stands for what the grid has no place for. The first is fair within a factor of two. The
    second is a sign rather than a measure: far too much for a flow that is well resolved, and too little, by a
    factor of three or so, for one that has long been hardly resolved. In the first frame the error is what
    ``initial`` has beyond the waves that are kept. It is infinite if the solution blew up. A chaotic flow forgets
    how it started, and in the end no solution is near the exact one.

    An example is the same to the last bit, whatever it is solved with. They are solved in blocks of 32768 points,
    or one by one where they have more: beside the frames it takes some 5 MB on 64 points a side, 40 MB on 256.

    Raises ValueError for numbers out of range, for fields that are not square, and for a forcing that is not
    finite or has waves that the solver does not keep.
    """
    solver_points = num_points if solver_points is None else solver_points
    check_numbers(viscosity=viscosity, length=length, interval=interval, cfl=cfl)
    check_sizes(1, num_frames=num_frames)
    check_sizes(_FEWEST_POINTS, num_points=num_points, solver_points=solver_points)
    initial, forcing = np.asarray(initial, dtype=np.float64), np.asarray(forcing, dtype=np.float64)
    _check_fields("initial", initial, "(count, n, n)")
    _check_fields("forcing", forcing, "(n, n)")
    if not np.isfinite(forcing).all():
        raise ValueError("forcing is not finite everywhere; expected finite numbers")
    highest = (solver_points - 1) // 3
    if not _lost(forcing[None], highest)[0] < 1e-10:
        raise ValueError(
            f"solver_points is {solver_points}; expected more than three for each wave of the forcing"
        )

    flow = to_waves(forcing, highest), viscosity, length, solver_points

    def to_next_frame(waves: np.ndarray, num_steps: int) -> np.ndarray:
        return evolve(waves, *flow, interval, num_steps)

    frames = np.empty((len(initial), num_frames, num_points, num_points))
    error = np.empty(len(initial))
    block = max(1, _BLOCK // solver_points**2)
    with np.errstate(over="ignore", invalid="ignore"):  # of what blows up
        for start in range(0, len(initial), block):
            some = slice(start, start + block)
            error[some] = _lost(initial[some], highest)
            fine = to_waves(initial[some], highest)
            coarse = fine.copy()
            frames[some, 0] = to_fields(fine, num_points)
            for frame in range(1, num_frames):
                least = _least_steps(fine, flow, interval) / cfl / 2
                advance_both(fine, coarse, least, to_next_frame)
                frames[some, frame] = to_fields(fine, num_points)
                error[some] = np.maximum(error[some], _error(fine, coarse))
    return frames, error


def evolve(
    waves: np.ndarray,
    forcing: np.ndarray,
    viscosity: float,
    length: float,
    num_points: int,
    time: float,
    num_steps: int,
) -> np.ndarray:
    """Coefficients of w at ``time``, ``(count, 2K + 1, K + 1)``, of those at time 0 and of the forcing.

    Pseudo-spectral on ``num_points`` a side, more than 3K, so that products have no aliases among the waves that
    are kept. In time it is ETDRK4 with equal steps, with diffusion and forcing exact.
    """
    highest = waves.shape[-1] - 1
    velocity, shear, strain = _operators(highest, length)
    of_a_step = _weights(viscosity, length, time / num_steps, highest)

    def advection(w: np.ndarray) -> np.ndarray:
        # The curl of u·∇u = div(u uᵀ), which takes one transform less than u·∇w (Basdevant 1983).
        u, v = fields = to_fields(velocity * w, num_points)
        fields[0], fields[1] = u * v, v * v - u * u
        products = to_waves(fields, highest)
        return shear * products[0] + strain * products[1] + forcing

    for _ in range(num_steps):
        waves = advance(waves, of_a_step, advection)
    return waves


def to_waves(fields: np.ndarray, highest: int) -> np.ndarray:
    """Coefficients ``(..., 2K + 1, K + 1)`` of fields ``(..., N, N)``, K = ``highest``, zero for waves that
    N points do not tell apart."""
    kept = min(highest, (fields.shape[-1] - 1) // 2)
    along_x = np.fft.rfft(fields, norm="forward")[..., : kept + 1]
    return _placed(np.fft.fft(along_x, axis=-2, norm="forward"), (2 * highest + 1, highest + 1), kept)


def to_fields(waves: np.ndarray, num_points: int) -> np.ndarray:
    """Fields ``(..., N, N)``, N = ``num_points``, of coefficients; of those only that N points tell apart."""
    kept = min(waves.shape[-1] - 1, (num_points - 1) // 2)
    along_x = np.fft.ifft(_placed(waves, (num_points, kept + 1), kept), axis=-2, norm="forward")
    return np.fft.irfft(along_x, n=num_points, norm="forward")


def _placed(waves: np.ndarray, shape: tuple[int, int], kept: int) -> np.ndarray:
    """The coefficients up to the wavenumber ``kept``, in an array of this shape (y, x) with zeros elsewhere."""
    placed = np.zeros((*waves.shape[:-2], *shape), dtype=complex)
    placed[..., : kept + 1, : kept + 1] = waves[..., : kept + 1, : kept + 1]
    placed[..., -kept:, : kept + 1] = waves[..., -kept:, : kept + 1]
    return placed


def _least_steps(waves: np.ndarray, flow: tuple, interval: float) -> np.ndarray:
    """Steps at ``cfl`` 1, ``(count,)``: radians by which the shortest wave moves in the interval."""
    forcing, _, length, num_points = flow
    highest = waves.shape[-1] - 1
    velocity, *_ = _operators(highest, length)

    def fastest(waves: np.ndarray) -> np.ndarray:
        return np.abs(to_fields(velocity * waves, num_points)).sum(axis=0).max(axis=(1, 2))

    return (fastest(waves) + interval * fastest(forcing[None])) * interval * 2 * np.pi * highest / length


def _error(fine: np.ndarray, coarse: np.ndarray) -> np.ndarray:
    """Of the finer solution, ``(count,)``: what ``solve`` says."""
    y, x = _wavenumbers(fine.shape[-1] - 1)
    outermost = np.maximum(np.abs(y), x) > 0.9 * x[-1]
    error = _norm(fine - coarse) / (2**ORDER - 1) + _norm(fine * outermost)
    error /= np.maximum(_norm(fine), np.finfo(float).tiny)  # no flow at all is solved without an error
    return np.where(np.isnan(error), np.inf, error)


def _lost(fields: np.ndarray, highest: int) -> np.ndarray:
    """The part of fields above the wavenumber ``highest``, ``(count,)``, relative; infinite if not finite."""
    rest = fields - to_fields(to_waves(fields, highest), fields.shape[-1])
    lost = _root(rest**2) / np.maximum(_root(fields**2), np.finfo(float).tiny)
    return np.where(np.isnan(lost), np.inf, lost)


def _norm(waves: np.ndarray) -> np.ndarray:
    squares = waves.real**2 + waves.imag**2
    squares[..., 1:] *= 2  # for the conjugates that are left out
    return _root(squares)


def _root(squares: np.ndarray) -> np.ndarray:
    return np.sqrt(squares.sum(axis=2).sum(axis=1))


def _wavenumbers(highest: int) -> tuple[np.ndarray, np.ndarray]:
    """Of y, ``(2K + 1, 1)``, and of x, ``(K + 1,)``."""
    k = np.arange(highest + 1.0)
    return np.concatenate([k, -k[:0:-1]])[:, None], k


@lru_cache(maxsize=4)
def _operators(highest: int, length: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From w to (u_x, u_y), ``(2, 1, 2K + 1, K + 1)``, and from u_x u_y and u_y² - u_x² to -u·∇w."""
    unit = 2 * np.pi / length
    y, x = _wavenumbers(highest)
    squared = x**2 + y**2
    squared[0, 0] = np.inf  # the mean of w is of no flow
    velocity = np.stack([1j * y / squared, -1j * x / squared])[:, None] / unit
    return velocity, ((x**2 - y**2) * unit**2).astype(complex), (x * y * unit**2).astype(complex)


@lru_cache(maxsize=16)
def _weights(viscosity: float, length: float, step: float, highest: int) -> tuple[np.ndarray, ...]:
    """Of a step, each ``(2K + 1, K + 1)``."""
    y, x = _wavenumbers(highest)
    return weights(-viscosity * (2 * np.pi / length) ** 2 * (x**2 + y**2) * step, step)


def _check_fields(name: str, fields: np.ndarray, expected: str) -> None:
    n = fields.shape[-1] if fields.ndim else 0
    if fields.shape[-2:] != (n, n) or fields.ndim != expected.count(",") + 1 or n < _FEWEST_POINTS:
        raise ValueError(
            f"{name} has the shape {fields.shape}; expected {expected} with n of at least {_FEWEST_POINTS}"
        )
