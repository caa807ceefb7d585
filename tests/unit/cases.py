"""What the tests run every registered system and architecture on."""

import numpy as np
import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.savings import data_savings
from pdetransfer.analysis.tables import AXES, cell_rows
from pdetransfer.data.examples import Examples
from pdetransfer.data.systems._spectral import SpectralSystem
from pdetransfer.data.systems._trajectories import FRAMES, AbstractTrajectories, as_block
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.windows import Windows

# One instance of every system. A new system is tested by an entry here, which test_systems.py asks for.
OPTIONS = {
    "poisson": {"eigenvalue_range": [1.0, 5.0]},
    "advection_diffusion": {"psi_range": [1.0, 2.0]},
    "helmholtz": {"omega_range": [1, 10]},
    "burgers": {"viscosity_range": [0.05, 0.2], "num_modes": 7},
    "darcy": {"num_modes": 8},
    "diffusion_reaction": {"time": 1.0, "num_frames": 3, "num_modes": 6, "tolerance": 0.05},
    "shallow_water": {"time": 0.4, "num_frames": 3},
    "navier_stokes": {
        "viscosity_range": [0.01, 0.02],
        "time": 1.0,
        "num_frames": 3,
        "num_modes": 3,
        "tolerance": 0.05,
    },
}
SPECTRAL = [name for name, system in SYSTEMS.items() if issubclass(system, SpectralSystem)]

# Settings of a small cell but for its n_train, as jobs take them.
SETTINGS = {
    "architecture": {"kind": "fno", "width": 4, "modes": 4, "num_layers": 2},
    "recipe": {
        "learning_rates": [1e-3, 4e-3],
        "seeds": [0, 1],
        "num_tuning_seeds": 2,
        "extend_grid": False,
        "batch_size": 8,
        "length": 2,
        "length_unit": "steps",
        "validation_interval": 1,
        "num_validation": 4,
        "validation_at_most_n": False,
        "subset_by_seed": False,
        "fresh_readout": False,
        "precision": "float32",
    },
}

# Small sizes of every architecture, for fields of 16 x 16.
SIZES = {
    "fno": {"width": 8, "modes": 4, "num_layers": 2},
    "dpot": {
        "width": 16,
        "num_layers": 2,
        "num_heads": 2,
        "patch": 4,
        "num_patches": 4,
        "readout_width": 4,
    },
}
# DPOT's tokens have places, so that it is no function of fields alone, and it takes frames, no constants.
OF_FIELDS = ["fno"]
TRAJECTORIES = [name for name, system in SYSTEMS.items() if issubclass(system, AbstractTrajectories)]


def arrays_by_name(split, start, stop):
    """The arrays of some examples of a split, those of trajectories as a block."""
    arrays, system = split.examples(start, stop).arrays, split.build_system()
    frames = arrays.get(FRAMES)
    return arrays if frames is None else arrays | as_block(frames, system.channels)


def as_examples(split, count):
    """The first examples of a split in memory, as if stored and loaded."""
    arrays, system = arrays_by_name(split, 0, count), split.build_system()
    fields, outputs = (
        np.stack([arrays[name] for name in names], axis=1).astype(np.float32)
        for names in (system.fields, system.outputs)
    )
    names = system.fields, system.coefficient_names, system.outputs
    return Examples(fields, arrays["coefficients"], outputs, *names, not system.scale_free, split.system)


def as_windows(split, count, num_inputs=2):
    """The first trajectories of a split in memory, as if stored and loaded for a model that takes frames."""
    frames = split.examples(0, count).arrays[FRAMES].astype(np.float32)
    return Windows.of(frames, split.build_system().channels, num_inputs, split.system)


def architecture_of(kind):
    """A small model, of two frames where it is no model of fields."""
    frames = {} if kind in OF_FIELDS else {"num_frames": 2, "input_normalisation": False}
    return {"kind": kind, **SIZES[kind], **frames}


def data_of(kind, small_split, **counts):
    """What a model trains on, with so many examples of each split."""
    if kind in OF_FIELDS:
        return [as_examples(small_split(split=split), count) for split, count in counts.items()]
    return [as_windows(small_split("navier_stokes", split=split), count) for split, count in counts.items()]


def error_table(points, num_examples=4):
    """Per-example test errors, as ``jobs.evaluate`` writes them, the same for every example; ``points`` are
    (dataset, model, init, recipe, n_train, seed, error)."""
    columns = ["dataset", "model", "init", "recipe", "n_train", "seed", "error"]
    cells = pd.DataFrame(points, columns=columns).assign(num_parameters=99)
    examples = pd.DataFrame({"example": range(num_examples), "parameter": 1.0 + np.arange(num_examples)})
    return cells.merge(examples, how="cross")


def savings_table(points):
    return data_savings(Replicates([error_table(points)]))


def cell_table(points):
    """The table of an experiment with these test errors, trained for 16 steps each."""
    errors = error_table(points)
    run = {
        "epochs": 4.0,
        "steps": 16,
        "best_step": 16,
        "seconds": 2.0,
        "memory_mb": 300.0,
        "validation_error": 0.5,
    }
    cells = [
        dict(zip(AXES, axes, strict=True))
        | {"learning_rate": 1e-3, "learning_rates": [1e-3, 2e-3], "edge": "inside"}
        | {"chosen": [{"seed": seed, **run} for seed in rows["seed"].unique()], "runs": 4 * [run]}
        | {"device": "cpu", "weights": "ab" * 32}
        for axes, rows in errors[errors["n_train"] > 0].groupby(AXES, sort=False)
    ]
    return cell_rows(cells, errors)
