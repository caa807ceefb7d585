"""What a config asks for: the entries of a study at a scale, and the experiments, curves and cells that follow
from them. Free of torch, so that planning the workflow is quick."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from itertools import accumulate, product
from typing import Any, Literal

from pydantic import Field

from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.systems.words import dataset_in_words, system_in_words
from pdetransfer.plan.entries import (
    CONTROL,
    OWN,
    SCRATCH,
    Claim,
    Count,
    Dataset,
    Entry,
    Experiment,
    Figure,
    Grid,
    Model,
    Name,
    NumExamples,
    Pretraining,
    Sizes,
    Source,
)
from pdetransfer.plan.proxies import recipe_of_proxy
from pdetransfer.plan.recipes import ArmedRecipe, Transferred, bracketed


@dataclass(frozen=True)
class Curve:
    """All cells that differ in n_train alone: one line of a figure."""

    dataset: str
    model: str
    init: str
    recipe: str

    @property
    def path(self) -> str:
        return f"{self.dataset}/{self.model}/{self.init}/{self.recipe}"

    @classmethod
    def from_path(cls, path: str) -> "Curve":
        return cls(*path.split("/"))

    @property
    def is_fine_tuned(self) -> bool:
        return self.init != SCRATCH


Cell = tuple[Curve, int]  #: a curve at an n_train
#: That the cells of a pack train on together, at most: hours of one GPU, beside which a start-up is nothing.
_EXAMPLES_OF_A_PACK = 10_000_000


class Study(Entry):
    """What is run: datasets, models, recipes, pre-trainings, experiments and figures, each a named entry.

    A part of a study (``part``) is one, too: what has no default may be missing from it.
    """

    name: str = Field("", description="The folder in `config/`.")
    scale: str = Field("", description="The file in it.")
    answers: str = Field(
        "", description="The code that answers the study's questions, a folder of `studies/`."
    )
    title: str = Field("", description="Title of the report.")
    about: str = Field("", description="What it is about, a sentence below the title.")
    bounds: str = Field("", description="Which bounds of the study's `claims.yaml` its claims are judged by.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Where training and evaluation run; `auto` takes a GPU where there is one."
    )
    seed: int = Field(
        0, ge=0, description="Seed of all datasets. Each dataset and split draws from a stream of its own."
    )
    grid: Grid | None = Field(None, description=Grid.__doc__)
    source: Source | None = Field(None, description=Source.__doc__)
    num_examples: NumExamples | None = Field(None, description=NumExamples.__doc__)
    compile_from: int = Field(
        0,
        ge=0,
        description="Steps of a run from which its model is compiled (torch.compile; half a minute "
        "or more for each "
        "job); 0 is never. Where it cannot be compiled, it trains without.",
    )
    longest_job: Count = Field(
        1440,
        description="Minutes that a training job asks a cluster for, at most. One that takes longer "
        "is stopped, and "
        "goes on where it was in the next attempt (`retries` in profiles/slurm).",
    )
    n_train: Sizes | None = Field(
        None, description="The `n_train` of experiments that have none of their own."
    )
    datasets: dict[Name, Dataset] = Field({}, description=Dataset.__doc__)
    models: dict[Name, Model] = Field({}, description="An architecture with its sizes. A size is one entry.")
    recipes: dict[Name, ArmedRecipe] = Field({}, description=ArmedRecipe.__doc__)
    pretrainings: dict[Name, Pretraining] = Field({}, description=Pretraining.__doc__)
    experiments: dict[Name, Experiment] = Field({}, description=Experiment.__doc__)
    figures: dict[Name, Figure] = Field({}, description=Figure.__doc__)
    claims: dict[Name, Claim] = Field(
        {}, description="What the study's `claims.yaml` has: published claims, and when they count as seen."
    )
    families: dict[str, dict[str, dict[str, dict[str, Any]]]] = Field(
        {}, description="By section and family the members, with what tells them apart. Made of `each`."
    )

    def part(self, *names: str) -> dict[str, Any]:
        """The settings of these names, for a job that depends on nothing else, in an order of their own:
        reordering the entries of a config makes nothing stale."""
        return canonical({key: value for key, value in self.settings().items() if key in names})

    @property
    def results(self) -> str:
        """Folder of all results, relative to the project's root."""
        return f"results/{self.name}/{self.scale}"

    @property
    def told(self) -> str:
        """What is run, and where its results are, in words."""
        return f"study {self.name}, scale {self.scale}: {self.results}"

    @property
    def reported(self) -> list[str]:
        """The experiments that `all` runs: those that are no controls."""
        return [name for name, entry in self.experiments.items() if entry.question != CONTROL]

    @property
    def controls(self) -> list[str]:
        """The experiments that `controls` runs."""
        return [name for name, entry in self.experiments.items() if entry.question == CONTROL]

    def asking(self, *questions: str) -> list[str]:
        """The reported experiments that ask one of some questions."""
        return [name for name in self.reported if self.experiments[name].question in questions]

    def curves(self, experiment: str) -> list[Curve]:
        """The curves of an experiment: the product of its axes but n_train."""
        entry = self.experiments[experiment]
        points = product(entry.dataset, entry.model, entry.init, entry.recipe)
        named = (
            Curve(dataset, model, self.init_of(init, dataset), recipe)
            for dataset, model, init, recipe in points
        )
        return list(dict.fromkeys(named))

    def init_of(self, init: str, dataset: str) -> str | None:
        """The init that is meant on a dataset: `own` is the pre-training that is called like its system."""
        return self.datasets[dataset].system if init == OWN else init

    def downstream(self, experiment: str) -> list[Cell]:
        """The cells of an experiment that need training, curve by curve."""
        entry = self.experiments[experiment]
        curves = self.curves(experiment)
        return [(curve, n) for curve in curves for n in entry.trained_n_of(curve.is_fine_tuned)]

    def cells(self, names: list[str]) -> list[Cell]:
        """All cells that these experiments need, pre-trainings and proxies included, none twice."""
        found = dict.fromkeys([*self.pretrained(names), *self.asked(names)])
        todo = list(found)
        while todo:
            needed = [cell for cell in self.needs(*todo.pop()) if cell not in found]
            found |= dict.fromkeys(needed)
            todo += needed
        return list(found)

    def asked(self, names: list[str]) -> list[Cell]:
        """The cells of these experiments themselves, curve by curve."""
        return [cell for name in names for cell in self.downstream(name)]

    def needs(self, curve: Curve, n_train: int) -> list[Cell]:
        """The cells that a cell's training waits for: its pre-training, and its proxy."""
        proxy = self.proxy(curve)
        first = [self.pretraining(curve.init, curve.model)] if curve.is_fine_tuned else []
        return first + ([(proxy, n_train)] if proxy else [])

    def transferred(self, curve: Curve) -> Transferred | None:
        """Where the learning rate of a curve's cells comes from; None where its recipe has rates of its own."""
        return self.recipes[curve.recipe].transferred(curve.is_fine_tuned)

    def proxy(self, curve: Curve) -> Curve | None:
        """The curve whose cells choose the learning rates of a curve's cells, n_train by n_train; None where its
        recipe has rates of its own. Raises ConfigError if no recipe of a proxy fits."""
        found = self.transferred(curve)
        if found is None:
            return None
        recipe = recipe_of_proxy(self.recipes, curve.recipe, curve.is_fine_tuned)
        return replace(curve, model=found.transferred_from, recipe=recipe)

    def only_for_transfer(self, names: list[str]) -> list[Cell]:
        """The cells that experiments need for the sake of proxies alone: trying all rates would not train them."""
        else_needed = {*self.pretrained(names), *self.asked(names)}
        return [cell for cell in self.cells(names) if cell not in else_needed]

    def pretrained(self, names: list[str]) -> list[Cell]:
        """The pre-trainings that fine-tuned curves of these experiments start from, none twice."""
        starts = [curve for name in names for curve in self.curves(name) if curve.is_fine_tuned]
        return list(dict.fromkeys(self.pretraining(curve.init, curve.model) for curve in starts))

    def pretraining(self, init: str, model: str) -> Cell:
        """The cell whose weights others start from."""
        entry = self.pretrainings[init]
        return Curve(entry.dataset, model, SCRATCH, entry.recipe), entry.n_train

    @property
    def starts(self) -> set[Cell]:
        """The cells of all pre-trainings."""
        return {self.pretraining(init, model) for init in self.pretrainings for model in self.models}

    def num_runs(self, curve: Curve, n_train: int) -> int:
        """Trainings of a cell, at most (``ArmedRecipe.num_runs``)."""
        found = self.transferred(curve)
        if found is None:
            return self.num_runs_of_grid(curve, n_train)
        return self.recipes[curve.recipe].num_runs(len(bracketed(1, found.bracket)), n_train)

    def num_runs_of_grid(self, curve: Curve, n_train: int) -> int:
        """The same, if a cell whose learning rate is transferred tried the rates of its proxy instead."""
        grid = self.recipes[(self.proxy(curve) or curve).recipe]
        num_rates = len(grid.rates(curve.is_fine_tuned)) + grid.extend_grid
        return self.recipes[curve.recipe].num_runs(num_rates, n_train)

    def run_examples(self, curve: Curve, n_train: int) -> int:
        """Training examples of one run: every example of every batch."""
        return self.recipes[curve.recipe].num_examples(n_train)

    def cell_examples(self, curve: Curve, n_train: int) -> int:
        """Training examples of a cell: those of all its runs."""
        return self.num_runs(curve, n_train) * self.run_examples(curve, n_train)

    @cached_property
    def packs(self) -> dict[Curve, tuple[int, ...]]:
        """By curve the n_train whose cells share a job: those of the experiment that needs most of them, from the
        smallest on, as long as they are quick together. So another experiment with an n of its own makes no job
        stale. Controls decide where `all` needs none; others wait for pre-trainings, which are jobs of their own.
        """
        needed = self._most_sizes(self.controls) | self._most_sizes(self.reported)
        starts = {curve for curve, _ in self.starts}
        quick = {curve: self._quick(curve, sizes) for curve, sizes in needed.items() if curve not in starts}
        return {curve: sizes for curve, sizes in quick.items() if len(sizes) > 1}

    def _most_sizes(self, names: list[str]) -> dict[Curve, list[int]]:
        """By curve the n_train of the one of some experiments that needs most."""
        most: dict[Curve, list[int]] = {}
        for name in names:
            for curve in self.curves(name):
                sizes = sorted(self.experiments[name].trained_n_of(curve.is_fine_tuned))
                for needed in filter(None, (curve, self.proxy(curve))):
                    most[needed] = max(most.get(needed, []), sizes, key=lambda found: (len(found), found))
        return most

    def _quick(self, curve: Curve, sizes: list[int]) -> tuple[int, ...]:
        examples = accumulate(self.cell_examples(curve, n) for n in sizes)
        return tuple(n for n, so_far in zip(sizes, examples, strict=True) if so_far <= _EXAMPLES_OF_A_PACK)

    def jobs(self, cells: Iterable[Cell]) -> dict[tuple[Curve, str], list[int]]:
        """The n_train of the training jobs of cells, by curve and name: one for all that are packed, one for each
        other cell."""
        found: dict[tuple[Curve, str], list[int]] = {}
        for curve, n in cells:
            name = "packed" if n in self.packs.get(curve, ()) else f"n{n}"
            found.setdefault((curve, name), []).append(n)
        return found

    def components(self, dataset: str) -> list[str]:
        """The stored datasets that a dataset consists of: those of a mixture, or itself."""
        return list(self.datasets[dataset].mix or [dataset])

    def in_words(self, dataset: str) -> str:
        """What people call a dataset (``dataset_in_words``), of a mixture its systems; its name, where no more is
        known of a user's files."""
        entry = self.datasets[dataset]
        if entry.mix:
            titles = dict.fromkeys(system_in_words(self.datasets[part].system or part) for part in entry.mix)
            return f"Mixture of {', '.join(titles)}"
        return dataset_in_words(entry.system, entry.options) if entry.system else dataset

    def needed_datasets(self, names: list[str]) -> list[str]:
        """The stored datasets that these experiments read, in the order of config."""
        curves = [curve for name in names for curve in self.curves(name)]
        curves += [curve for curve, _ in self.cells(names)]
        read = {component for curve in curves for component in self.components(curve.dataset)}
        return [name for name in self.datasets if name in read]

    def figures_of(self, names: list[str]) -> list[str]:
        """The figures that draw some of these experiments."""
        return [name for name, entry in self.figures.items() if set(entry.experiments) & set(names)]

    def pairs(self, names: list[str]) -> list[dict[str, str]]:
        """What fine-tuned curves of these experiments go to and from: dataset, init, and ``base``, the dataset
        of the same system that the init is pre-trained on; in a mixture that is a part. None twice, sorted."""
        systems = {name: entry.system for name, entry in self.datasets.items() if not entry.mix}
        found = {
            (curve.dataset, curve.init, base)
            for name in names
            for curve in self.curves(name)
            if curve.is_fine_tuned and systems.get(curve.dataset)
            for base in self.components(self.pretrainings[curve.init].dataset)
            if systems[base] == systems[curve.dataset]
        }
        return [dict(zip(("dataset", "init", "base"), pair, strict=True)) for pair in sorted(found)]

    def cell_settings(self, curve: Curve, n_train: int) -> dict[str, Any]:
        """All of the config that decides a cell's numbers, besides its data and initial weights; what is at its
        default is left out, so that a new setting retrains nothing. A learning rate that is transferred is yet to
        be chosen."""
        mix = self.datasets[curve.dataset].mix
        return canonical(
            {
                "architecture": self.models[curve.model].architecture,
                "recipe": self.recipes[curve.recipe].of_cell(curve.is_fine_tuned, n_train),
                "n_train": n_train,
            }
            | ({"probabilities": list(mix.values())} if isinstance(mix, dict) else {})
        )

    def num_points(self, dataset: str) -> int:
        """Points along each axis of a generated dataset."""
        own = self.datasets[dataset].num_points
        if own is None:
            assert self.grid  # `check` asks for one
            return self.grid.num_points
        return own

    def num_examples_of(self, dataset: str) -> NumExamples | None:
        """Examples of a generated dataset by split; `check` asks for them."""
        return self.datasets[dataset].num_examples or self.num_examples

    def grid_of(self, dataset: str) -> tuple[int, ...]:
        """Points along the axes of a generated dataset."""
        entry = self.datasets[dataset]
        assert entry.system
        return tuple(map(len, SYSTEMS[entry.system](**entry.options).grid(self.num_points(dataset)).values()))

    def dataset_settings(self, dataset: str, split: str) -> dict[str, Any]:
        """All of the config that decides a split's examples: the arguments of ``generation.Split``."""
        system = SYSTEMS[self.datasets[dataset].system]
        return canonical(
            {
                "dataset": dataset,
                "split": split,
                "system": self.datasets[dataset].system,
                "options": self.datasets[dataset].options,
                "num_points": self.num_points(dataset),
                "source": self.source.model_dump() if system.has_source and self.source else None,
                "seed": self.seed,
                "count": getattr(self.num_examples_of(dataset), split),
            }
        )

    def columns(self, curve: Curve) -> dict[str, Any]:
        """What tells a curve's entries from others of their families: columns of tables."""
        sections = ("datasets", "models", "pretrainings", "recipes")
        axes = zip(sections, asdict(curve).items(), strict=True)
        return {
            f"{axis}_{setting}": value
            for section, (axis, name) in axes
            for members in self.families.get(section, {}).values()
            for setting, value in members.get(name, {}).items()
            if not isinstance(value, dict)  # learning rates have a column of their own
        }


def canonical(settings: dict) -> dict:
    """The same settings with keys in order."""
    return json.loads(json.dumps(settings, sort_keys=True))
