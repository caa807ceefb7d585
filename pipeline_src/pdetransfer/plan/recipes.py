"""How a cell is trained."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The keys of config's ``recipes`` section, with the arm's learning rates.

    ``length`` and ``validation_interval`` count ``length_unit``, "epochs" or "steps". The batch size is
    min(``batch_size``, n_train); a last, smaller batch of an epoch is used. Training examples are the first
    n of the dataset, or with ``subset_by_seed`` the first n of a permutation of it that the seed chooses. The
    first ``num_tuning_seeds`` seeds try every learning rate; the others train with the chosen one. With
    ``extend_grid``, a best rate at an edge of the grid is followed by one more step beyond that edge. With
    ``validation_at_most_n``, no more validation examples are looked at than are trained on. With
    ``fresh_readout``, fine-tuning starts from a projection that the seed draws anew. ``precision`` is that of the
    pointwise products, "float32" or "bfloat16"; all else is in float32 always.
    """

    learning_rates: list[float]
    seeds: list[int]
    num_tuning_seeds: int
    extend_grid: bool
    batch_size: int
    length: int
    length_unit: str
    validation_interval: int
    num_validation: int
    validation_at_most_n: bool
    subset_by_seed: bool
    fresh_readout: bool
    precision: str

    def _steps_per_unit(self, n_train: int) -> int:
        return math.ceil(n_train / self.batch_size) if self.length_unit == "epochs" else 1

    def num_steps(self, n_train: int) -> int:
        """Steps of a run."""
        return self.length * self._steps_per_unit(n_train)

    def steps_between_looks(self, n_train: int) -> int:
        return self.validation_interval * self._steps_per_unit(n_train)
