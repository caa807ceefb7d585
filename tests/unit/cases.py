"""What the tests run every registered system and architecture on."""

import numpy as np

from pdetransfer.datasets import Examples

# One instance of every system. A new system is tested by an entry here, which test_systems.py asks for.
OPTIONS = {
    "poisson": {"eigenvalue_range": [1.0, 5.0]},
    "advection_diffusion": {"psi_range": [1.0, 2.0]},
    "helmholtz": {"omega_range": [1, 10]},
}

# Small sizes of every architecture, for fields of 16 x 16.
SIZES = {"fno": {"width": 8, "modes": 4, "num_layers": 2}}


def as_examples(split, count):
    """The first examples of a split in memory, as if stored and loaded."""
    solved = split.examples(0, count)
    return Examples(
        solved.source[:, None].astype(np.float32),
        solved.coefficients,
        solved.solution[:, None].astype(np.float32),
        ("source",),
        split.build_system().coefficient_names,
        ("solution",),
    )
