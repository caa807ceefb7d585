"""One step of an exponential integrator: ETDRK4 (Cox & Matthews 2002, J. Comput. Phys. 176, eqs. 26 to 29).

It is for ∂ₜv = c v + n(v) with c diagonal, as that of a derivative is in Fourier space. What is linear is solved
exactly, however stiff; the rest is a Runge-Kutta method of order four.
"""

from collections.abc import Callable

import numpy as np

ORDER = 4  #: at which errors fall with the step
_CONTOUR = np.exp(1j * np.pi * (np.arange(16) + 0.5) / 16)  # half a circle: the rest has the same real parts


def weights(exponents: np.ndarray, step: float) -> tuple[np.ndarray, ...]:
    """exp(z), exp(z / 2) and the weights of a step h, each of the shape of ``exponents``, z = c h, real.

    Near z = 0 the weights are differences of nearly equal numbers: each is the mean over a circle around z
    instead (Kassam & Trefethen 2005, SIAM J. Sci. Comput. 26, 1214).
    """
    r = exponents[..., None] + _CONTOUR
    exp_half = np.exp(r / 2)
    exp, squared, cubed = exp_half**2, r**2, r**2 * r  # a third power of complex numbers is slow
    means = (
        (exp_half - 1) / r,
        (-4 - r + exp * (4 - 3 * r + squared)) / cubed,
        2 * (2 + r + exp * (r - 2)) / cubed,
        (-4 - 3 * r - squared + exp * (4 - r)) / cubed,
    )
    # As complex numbers, to be multiplied with such without a conversion.
    factors = np.exp(exponents), np.exp(exponents / 2), *(step * mean.real.mean(axis=-1) for mean in means)
    return tuple(factor.astype(complex) for factor in factors)


def advance(
    v: np.ndarray, weights: tuple[np.ndarray, ...], nonlinear: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """v after one step, by ``weights`` of it and n, ``nonlinear``."""
    decay, half_decay, half_weight, first, middle, last = weights
    at_start, halfway = nonlinear(v), half_decay * v
    a = halfway + half_weight * at_start
    at_a = nonlinear(a)
    b = halfway + half_weight * at_a
    at_b = nonlinear(b)
    c = half_decay * a + half_weight * (2 * at_b - at_start)
    return decay * v + first * at_start + middle * (at_a + at_b) + last * nonlinear(c)
