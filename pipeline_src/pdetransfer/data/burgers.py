"""Burgers' equation on the periodic unit interval, to a tolerance."""

from functools import lru_cache

import numpy as np

from pdetransfer.data.exponential import ORDER, advance, weights

_POINTS, _STEPS = 64, 32  # of the coarsest solution
_DOUBLINGS = 6  # at most, of both


def solve(
    initial: np.ndarray, viscosity: float, time: float, num_points: int, tolerance: float = 1e-8
) -> tuple[np.ndarray, np.ndarray]:
    """u(·, ``time``) of ∂ₜu + u ∂ₓu = ν ∂ₓ²u on [0, 1), periodic, and an estimate of its error.

    ``initial`` is u(·, 0), ``(count, n)``, at 0, 1/n, ..., read as the trigonometric polynomial through
    these points (of even n the Nyquist wave, whose derivative is undefined, is left out). The solution is
    ``(count, num_points)``, at 0, 1/``num_points``, ..., whatever n is. Viscosity is in units of the domain's
    length squared by those of ``time``.

    In the frame that moves with the mean of u, which is conserved, ``evolve`` solves with waves and steps
    that are doubled until the last two solutions agree. Of the finer one the error is taken to be a
    fifteenth of their difference, as for order four, in the norm of L² and relative to u without its mean.
    That is ``error``, ``(count,)``, fair within a factor of two. Where it is above the tolerance the doublings
    were used up; it is infinite if u blew up, or if waves of u(·, 0) were out of reach. Each example is
    refined by itself, and is the same to the last bit whatever it is solved with.

    Raises ValueError unless viscosity and time are above zero.
    """
    if not (viscosity > 0 and time > 0):
        raise ValueError(f"viscosity is {viscosity}, time {time}; expected more than 0")
    waves = np.fft.rfft(initial, norm="forward")[:, : (initial.shape[1] + 1) // 2]
    mean = waves[:, 0].real.copy()
    waves[:, 0] = 0
    solution, error = np.empty((len(waves), num_points)), np.empty(len(waves))
    pending = np.arange(len(waves))
    with np.errstate(over="ignore", invalid="ignore"):  # what blows up on few points need not on more
        coarse = evolve(waves, viscosity, time, _POINTS, _STEPS)
        for factor in (2**doubling for doubling in range(1, _DOUBLINGS + 1)):
            fine = evolve(waves[pending], viscosity, time, _POINTS * factor, _STEPS * factor)
            error[pending] = _error(coarse, fine, waves[pending])
            solution[pending] = _sample(fine, mean[pending], time, num_points)
            missed = error[pending] > tolerance
            pending, coarse = pending[missed], fine[missed]
            if not pending.size:
                break
    return solution, error


def evolve(waves: np.ndarray, viscosity: float, time: float, num_points: int, num_steps: int) -> np.ndarray:
    """Fourier coefficients at ``time``, of those at time 0, ``(count, waves)``, both from wavenumber 0 on.

    Pseudo-spectral on ``num_points`` points: the waves k < N / 3 are kept, ``(count, (N + 2) // 3)``, whose
    products have no aliases among them. In time it is ETDRK4, with diffusion exact. The steps grow linearly, to
    the times T (i / num_steps)²: random fields are rough, and with equal steps the first moments, in which they
    become smooth, spoil the order.
    """
    derivative = -1j * np.pi * np.arange((num_points + 2) // 3)  # of u² / 2, to the right-hand side
    v = np.zeros((len(waves), len(derivative)), dtype=complex)
    v[:, : waves.shape[1]] = waves[:, : v.shape[1]]

    def advection(v: np.ndarray) -> np.ndarray:
        u = np.fft.irfft(v, n=num_points, norm="forward")
        return derivative * np.fft.rfft(u * u, norm="forward")[:, : v.shape[1]]

    for step in np.diff(time * np.linspace(0, 1, num_steps + 1) ** 2):
        v = advance(v, _weights(viscosity, step, len(derivative)), advection)
    return v


@lru_cache(maxsize=512)
def _weights(viscosity: float, step: float, num_waves: int) -> tuple[np.ndarray, ...]:
    """Of a step, each ``(num_waves,)``."""
    return weights(-viscosity * (2 * np.pi * np.arange(num_waves)) ** 2 * step, step)


def _error(coarse: np.ndarray, fine: np.ndarray, initial: np.ndarray) -> np.ndarray:
    """Of the finer solution, ``(count,)``: what ``solve`` says, of Fourier coefficients of zero mean."""
    difference = fine.copy()
    difference[:, : coarse.shape[1]] -= coarse
    scale = np.maximum(_norm(fine), np.finfo(float).tiny)  # a constant is solved without an error
    error = _norm(difference) / scale / (2**ORDER - 1)
    # Two solutions that both lack waves of the initial field may agree, and be wrong.
    lacking = _norm(initial[:, coarse.shape[1] :]) > 0.01 * _norm(initial)
    return np.where(lacking | np.isnan(error), np.inf, error)


def _norm(waves: np.ndarray) -> np.ndarray:
    return np.sqrt((waves.real**2 + waves.imag**2).sum(axis=1))


def _sample(waves: np.ndarray, mean: np.ndarray, time: float, num_points: int) -> np.ndarray:
    """The fields at ``num_points`` points, ``(count, num_points)``, seen from the frame that is at rest."""
    k = np.arange(waves.shape[1])
    moved = waves * np.exp(-2j * np.pi * k * (mean * time)[:, None])
    stride = -(-2 * len(k) // num_points)  # enough points for all waves, of which every so many is wanted
    return mean[:, None] + np.fft.irfft(moved, n=stride * num_points, norm="forward")[:, ::stride]
