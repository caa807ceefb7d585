"""The table of the coordinate check: what the first steps change, by size of the model."""

from collections.abc import Iterable, Iterator

import pandas as pd

from pdetransfer.analysis.tables import AXES
from pdetransfer.data.stored import Stored, load_for
from pdetransfer.plan.recipes import Recipe
from pdetransfer.studies.mutransfer.inputs import MeasuredOn
from pdetransfer.studies.mutransfer.slopes import MEASURED, SIZES
from pdetransfer.training.coordinates import first_steps
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task

NUM_STEPS = 5
COLUMNS = [*AXES, *SIZES, "learning_rate", "seed", "step", *MEASURED]


def coordinates_table(datasets: Iterable[MeasuredOn], hardware: Hardware) -> pd.DataFrame:
    """A row for each cell, seed and step (``training.coordinates.first_steps``)."""
    return pd.DataFrame([row for dataset in datasets for row in _rows(dataset, hardware)], columns=COLUMNS)


def _rows(dataset: MeasuredOn, hardware: Hardware) -> Iterator[dict]:
    stored = Stored.of(dataset.train), Stored.of(dataset.validation)
    train, validation = load_for([cell.settings for cell in dataset.cells], *stored)
    for axes, settings in dataset.cells:
        architecture, recipe = settings["architecture"], Recipe(**settings["recipe"])
        task = Task(architecture, recipe, settings["n_train"], train, validation)
        (rate,) = recipe.learning_rates
        of_cell = axes | {size: architecture[size] for size in SIZES} | {"learning_rate": rate}
        for seed in recipe.seeds:
            for measured in first_steps(task, rate, seed, NUM_STEPS, hardware):
                yield of_cell | {"seed": seed} | measured
