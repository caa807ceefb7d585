"""What the tests run every registered system and architecture on."""

import numpy as np

from pdetransfer.datasets import Examples

# One instance of every system. A new system is tested by an entry here, which test_systems.py asks for.
RANGES = {"poisson": {"eigenvalue_range": (1.0, 5.0)}}

# Small sizes of every architecture, for fields of 16 x 16.
SIZES = {"fno": {"width": 8, "modes": 4, "num_layers": 2}}


def as_examples(split, count):
    coefficients, source, solution, _ = split.examples(0, count)
    single = np.float32
    return Examples(
        source[:, None].astype(single),
        coefficients,
        solution[:, None].astype(single),
        ("source",),
        ("k11", "k22", "k12"),
        ("solution",),
    )
