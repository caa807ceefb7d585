"""How a cell is trained and tuned."""

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag

from pdetransfer.plan.entries import Count, Entry, Rates, distinct
from pdetransfer.plan.expand import by_arm

MOST_VALIDATIONS = 50  #: of one run; they cost nearly as much as training otherwise
Share = Annotated[float, Field(ge=0, lt=1)]


class _Training(Entry):
    """Adam. The batch size is min(``batch_size``, n_train); a last, smaller batch of an epoch is used."""

    seeds: Annotated[
        tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1), AfterValidator(distinct)
    ] = Field((0,), description="Seeds of the initial weights and the order of examples.")
    num_tuning_seeds: Count = Field(
        1,
        description="The first so many seeds try every learning rate; the others train with the chosen one alone.",
    )
    extend_grid: bool = Field(
        False,
        description="Where the best learning rate is the smallest or largest, try one more step "
        "beyond it; at least "
        "two rates.",
    )
    batch_size: Count = Field(description="Examples in a batch; n_train where that is smaller.")
    length: Count = Field(description="Length of a run, in `length_unit`.")
    length_unit: Literal["epochs", "steps"] = Field(
        description="What `length` and `validation_interval` count."
    )
    min_steps: Count = Field(
        1,
        description="Steps of a run, at least: with few examples, a shorter run is stretched to as many, its "
        "validations with it.",
    )
    validation_interval: Count = Field(
        description=f"Distance of two validations, in `length_unit`; at most {MOST_VALIDATIONS} of them in a run."
    )
    num_validation: Count = Field(description="Validation examples that are used, the first of their split.")
    validation_at_most_n: bool = Field(
        False, description="Use no more validation examples than are trained on."
    )
    subset_by_seed: bool = Field(
        False,
        description="Take n_train examples from a permutation that the seed chooses, instead of the first n.",
    )
    fresh_readout: bool = Field(
        False,
        description="Fine-tune from a projection that the seed draws anew, the rest of the weights "
        "being pre-trained.",
    )
    objective: Literal["sum_of_squares", "relative_l2"] = Field(
        "sum_of_squares",
        description="What a run minimises, mean over the batch: the sum of squared errors over channels and grid "
        "(A.3 of arXiv 2306.00258), or the relative L2 error. Validations choose by the same.",
    )
    data_weight: float = Field(
        1.0,
        ge=0,
        description="What the objective is multiplied by in training, where there is an equation's, too.",
    )
    equation_weight: float = Field(
        0.0,
        ge=0,
        description="Weight of the relative residual of the discrete equation, which is added to the objective in "
        "training (a physics-informed operator, arXiv 2111.03794); of systems whose equation has one. Validations "
        "leave it out.",
    )
    schedule: Literal["cosine", "halving", "one_cycle"] = Field(
        "cosine",
        description="How the learning rate goes over a run: cosine decay to zero; halved at each of `milestones`; "
        "or a rise from a 25th over the first part (`warm_up`) and a fall to next to nothing, both along a "
        "cosine.",
    )
    milestones: Annotated[tuple[Count, ...], AfterValidator(distinct)] = Field(
        (), description="Where the learning rate is halved, in `length_unit`; for `schedule: halving` alone."
    )
    betas: tuple[Share, Share] = Field((0.9, 0.999), description="Decay rates of Adam's moments.")
    weight_decay: float = Field(
        0.0, ge=0, description="What Adam adds to the gradient, times the weights (no decoupled decay)."
    )
    noise: float = Field(
        0.0,
        ge=0,
        description="Strength of the noise on input frames, a share of their root mean square (arXiv 2403.03542); "
        "of models with `num_frames`.",
    )
    warm_up: float = Field(
        0.3, gt=0, lt=1, description="Share of a `one_cycle` run in which the learning rate rises."
    )
    epsilon: float = Field(1e-8, gt=0, description="Adam's addition to the root of the second moment.")
    clip: float | None = Field(
        None,
        gt=0,
        description="Largest absolute value of each element of the gradient, which is cut to it; none without.",
    )
    precision: Literal["float32", "bfloat16"] = Field(
        "float32",
        description="Of the pointwise products in training; weights, Fourier transforms and Adam are "
        "in float32 always.",
    )

    def _steps_per_unit(self, n_train: int) -> int:
        """Steps of an epoch, or one; more where that would give less than ``min_steps`` in all."""
        steps = self._steps_per_epoch(n_train) if self.length_unit == "epochs" else 1
        return max(steps, math.ceil(self.min_steps / self.length))

    def _steps_per_epoch(self, n_train: int) -> int:
        return math.ceil(n_train / self.batch_size)

    def largest_batch(self, n_train: int) -> int:
        """Examples of a batch; the last one of an epoch may have fewer."""
        return min(self.batch_size, n_train)

    def num_steps(self, n_train: int) -> int:
        """Steps of a run."""
        return self.length * self._steps_per_unit(n_train)

    def num_examples(self, n_train: int) -> int:
        """Training examples of a run: every example of every batch."""
        epochs, steps = divmod(self.num_steps(n_train), self._steps_per_epoch(n_train))
        return epochs * n_train + steps * self.largest_batch(n_train)

    def milestone_steps(self, n_train: int) -> list[int]:
        """Steps after which the learning rate is halved."""
        return [milestone * self._steps_per_unit(n_train) for milestone in self.milestones]

    def steps_between_validations(self, n_train: int) -> int:
        return self.validation_interval * self._steps_per_unit(n_train)


class Recipe(_Training):
    """How a cell is trained and tuned: an entry of config's ``recipes`` with the learning rates of one arm."""

    learning_rates: Rates = Field(description="Initial learning rates that are tried.")


class Transferred(Entry):
    """Instead of rates that are tried, the one that was chosen in the proxy's cell: that of a small model in muP
    with the same dataset, n_train and init, and a recipe that is like this one but has rates of its own. It is
    trained whether or not an experiment has it."""

    transferred_from: str = Field(
        description="The proxy, a name in `models`; both are in muP, with one `base`."
    )
    recipe: str | None = Field(
        None,
        description="The proxy's recipe, which may have other seeds and tuning; without a name, the one that "
        "differs from this recipe in `learning_rates` alone.",
    )
    bracket: float | None = Field(
        None,
        gt=1,
        description="Try the proxy's rate over this factor and times it, too, where the best rate is not known to "
        "stay, as in fine-tuning.",
    )


def bracketed(rate: float, bracket: float | None) -> list[float]:
    """The learning rates that a cell tries whose proxy has chosen ``rate`` (``Transferred.bracket``)."""
    return [rate] if bracket is None else [rate / bracket, rate, rate * bracket]


def _kind_of_rates(given: Any) -> str:
    return "[transferred]" if isinstance(given, dict | Transferred) else "[rates]"


#: Rates that are tried, or where they come from. The tags stand in pydantic's locations.
RatesOfArm = Annotated[
    Annotated[Rates, Tag("[rates]")] | Annotated[Transferred, Tag("[transferred]")],
    Discriminator(_kind_of_rates),
]


class Arms(Entry):
    """Initial learning rates that are tried, by arm; the best by validation error, mean over the tuning seeds, is
    kept. As many in each arm, unless they are transferred from a proxy. A rate at which a run diverges has lost;
    of a single one, which is not tuned, that is the result: infinite errors."""

    scratch: RatesOfArm = Field(description="Rates of trainings from scratch, pre-trainings included.")
    fine_tuned: RatesOfArm | None = Field(
        None, description="Rates of fine-tunings; needed where the recipe fine-tunes."
    )

    def of(self, is_fine_tuned: bool) -> tuple[float, ...] | Transferred | None:
        """What an arm has."""
        return self.fine_tuned if is_fine_tuned else self.scratch


class ArmedRecipe(_Training):
    """How a cell is trained and tuned."""

    learning_rates: Annotated[Arms, BeforeValidator(by_arm)] = Field(
        description=f"{Arms.__doc__} A list, or `transferred_from`, stands for those from scratch."
    )
    fewer_seeds: dict[Count, Count] = Field(
        {},
        description="By the n_train from which on it holds: how many of the seeds are taken, the first ones.",
    )

    def transferred(self, is_fine_tuned: bool) -> Transferred | None:
        """Where the learning rate of an arm comes from; None where it has rates of its own."""
        rates = self.learning_rates.of(is_fine_tuned)
        return rates if isinstance(rates, Transferred) else None

    def rates(self, is_fine_tuned: bool) -> tuple[float, ...]:
        """The learning rates of an arm that has its own."""
        rates = self.learning_rates.of(is_fine_tuned)
        assert isinstance(rates, tuple)  # `check` asks for them
        return rates

    def num_runs(self, num_rates: int, n_train: int) -> int:
        """Trainings of a cell with so many learning rates: the tuning seeds with every one, the others with the
        chosen one."""
        return (num_rates - 1) * self.num_tuning_seeds + len(self.seeds_at(n_train))

    def seeds_at(self, n_train: int) -> tuple[int, ...]:
        """The seeds of a cell."""
        fewer = [count for start, count in sorted(self.fewer_seeds.items()) if start <= n_train]
        return self.seeds[: fewer[-1]] if fewer else self.seeds

    def of_cell(self, is_fine_tuned: bool, n_train: int) -> dict:
        """The settings of a ``Recipe``, ready for JSON: what differs from the defaults. Rates that are transferred
        are left out; no others are tried beyond them."""
        own = self.model_copy(update={"seeds": self.seeds_at(n_train)})
        settings = own.settings("learning_rates", "fewer_seeds")
        if self.transferred(is_fine_tuned):
            settings.pop("extend_grid", None)
            return settings
        return settings | {"learning_rates": list(self.rates(is_fine_tuned))}
