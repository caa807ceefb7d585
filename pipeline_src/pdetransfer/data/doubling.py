"""Two solutions side by side, one with twice the steps of the other: their difference tells the error."""

from collections.abc import Callable

import numpy as np

# Of the coarse one, between two frames. What needs more has blown up.
STEPS = np.unique([(2**i, 3 * 2**i) for i in range(14)])


def advance_both(
    fine: np.ndarray, coarse: np.ndarray, least: np.ndarray, evolve: Callable[[np.ndarray, int], np.ndarray]
) -> None:
    """Both solutions, ``(count, ...)``, to the next frame, in place, by ``evolve`` of states and a number of
    steps.

    The coarse one takes ``least`` steps, ``(count,)``, rounded up to one of ``STEPS``, so that examples share what
    is computed for steps of a length, and each example has its own number. What would take too many becomes NaN.
    """
    steps = np.append(STEPS, 0)[np.searchsorted(STEPS, least)]  # NaN is sorted last
    for num_steps in np.unique(steps):
        these = steps == num_steps
        if num_steps == 0:
            fine[these] = coarse[these] = np.nan
        else:
            fine[these] = evolve(fine[these], 2 * num_steps)
            coarse[these] = evolve(coarse[these], num_steps)
