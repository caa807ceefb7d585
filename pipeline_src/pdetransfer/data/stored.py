"""Splits on disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pdetransfer.base.files import read_json
from pdetransfer.data import datasets
from pdetransfer.data.examples import Examples
from pdetransfer.data.windows import Windows


@dataclass(frozen=True)
class Stored:
    """A split on disk: its stores and their manifests, one of each for each dataset of a mixture."""

    stores: list[Path]
    manifests: list[Path]

    @classmethod
    def of(cls, splits: Iterable) -> "Stored":
        """From splits that have a ``store`` and a ``manifest`` (``plan.inputs.SplitFiles``)."""
        splits = list(splits)
        return cls([Path(split.store) for split in splits], [Path(split.manifest) for split in splits])

    def load(self, count: int | None = None) -> Examples:
        return datasets.load(self.stores, self.manifests, count)

    def load_for(self, architecture: dict, count: int | None = None) -> Examples | Windows:
        """As what a model learns from: windows, if it takes frames."""
        num_inputs = architecture.get("num_frames")
        if num_inputs is None:
            return self.load(count)
        return datasets.load_windows(self.stores, self.manifests, num_inputs, count)

    def first(self, most: int) -> Examples:
        """The first ``most`` examples, or as many as there are; of a mixture no more than every part of it has."""
        return self.load(min(most, *(read_json(manifest)["count"] for manifest in self.manifests)))

    def shifted_parameter(self) -> np.ndarray:
        """By example; NaN in a mixture, whose systems have different ones."""
        if len(self.stores) > 1:
            return np.full(sum(read_json(manifest)["count"] for manifest in self.manifests), np.nan)
        return datasets.shifted_parameter(self.stores[0], self.manifests[0])


def load_for(
    cells: list[dict], train: Stored, validation: Stored
) -> tuple[Examples | Windows, Examples | Windows]:
    """Both splits, read once, as far as any of the cells with these settings needs them."""
    recipes = [settings["recipe"] for settings in cells]
    whole = any(recipe.get("subset_by_seed") for recipe in recipes)
    n_train = None if whole else max(settings["n_train"] for settings in cells)
    architecture, num_validation = (
        cells[0]["architecture"],
        max(recipe["num_validation"] for recipe in recipes),
    )
    return train.load_for(architecture, n_train), validation.load_for(architecture, num_validation)
