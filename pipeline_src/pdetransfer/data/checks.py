"""Arguments of solvers that are out of range."""

import numpy as np


def check_numbers(**numbers: float) -> None:
    """Raise ValueError unless all are finite and above zero."""
    for name, number in numbers.items():
        if not 0 < number < np.inf:
            raise ValueError(f"{name} is {number}; expected a finite number above 0")


def check_sizes(least: int, **sizes: int) -> None:
    """Raise ValueError unless all are as large as the least."""
    for name, size in sizes.items():
        if size < least:
            raise ValueError(f"{name} is {size}; expected at least {least}")
