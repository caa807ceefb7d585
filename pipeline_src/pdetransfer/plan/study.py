"""What a config asks for: the entries of a study at a scale, and the experiments, curves and cells that follow
from them. Free of torch, so that planning the workflow is quick."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from itertools import product
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

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
    distinct,
)
from pdetransfer.plan.recipes import ArmedRecipe


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
    packed_n_train: Annotated[tuple[Count, ...], AfterValidator(distinct)] = Field(
        (),
        description="The n_train whose cells, of the same dataset, model, init and recipe, share one job, where "
        "experiments need all of them. Small ones belong here: a start-up and a data load then serve many "
        "trainings. "
        "What is finished is not trained again when the list grows.",
    )
    datasets: dict[Name, Dataset] = Field({}, description=Dataset.__doc__)
    models: dict[Name, Model] = Field({}, description=Model.__doc__)
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
            Curve(dataset, model, self.own(dataset) if init == OWN else init, recipe)
            for dataset, model, init, recipe in points
        )
        return list(dict.fromkeys(named))

    def own(self, dataset: str) -> str | None:
        """The pre-training that is called like the dataset's system."""
        return self.datasets[dataset].system

    def downstream(self, experiment: str) -> list[Cell]:
        """The cells of an experiment that need training, curve by curve."""
        sizes = self.experiments[experiment].trained_n
        return [(curve, n) for curve in self.curves(experiment) for n in sizes]

    def cells(self, names: list[str]) -> list[Cell]:
        """All cells that these experiments need, pre-trainings included, none twice."""
        downstream = [cell for name in names for cell in self.downstream(name)]
        return list(dict.fromkeys([*self.pretrained(names), *downstream]))

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

    def packed_curves(self) -> list[Curve]:
        """The curves of experiments for which every packed n_train is needed: those n share one job."""
        needed: dict[Curve, set[int]] = {}
        for name, entry in self.experiments.items():
            for curve in self.curves(name):
                needed.setdefault(curve, set()).update(entry.trained_n)
        packed = set(self.packed_n_train)
        starts = {curve for curve, _ in self.starts}
        return [
            curve for curve, sizes in needed.items() if packed and packed <= sizes and curve not in starts
        ]

    def jobs(self, cells: Iterable[Cell]) -> dict[tuple[Curve, str], list[int]]:
        """The n_train of the training jobs of cells, by curve and name: one for all packed n_train of a curve,
        one for each other cell."""
        packed = set(self.packed_curves())
        found: dict[tuple[Curve, str], list[int]] = {}
        for curve, n in cells:
            name = "packed" if curve in packed and n in self.packed_n_train else f"n{n}"
            found.setdefault((curve, name), []).append(n)
        return found

    def components(self, dataset: str) -> list[str]:
        """The stored datasets that a dataset consists of: those of a mixture, or itself."""
        return list(self.datasets[dataset].mix or [dataset])

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
        default is left out, so that a new setting retrains nothing."""
        return canonical(
            {
                "architecture": self.models[curve.model].architecture,
                "recipe": self.recipes[curve.recipe].of_arm(curve.is_fine_tuned),
                "n_train": n_train,
            }
        )

    def dataset_settings(self, dataset: str, split: str) -> dict[str, Any]:
        """All of the config that decides a split's examples: the arguments of ``generation.Split``."""
        assert self.grid  # `check` asks for all three
        assert self.source
        assert self.num_examples
        return canonical(
            {
                "dataset": dataset,
                "split": split,
                "system": self.datasets[dataset].system,
                "options": self.datasets[dataset].options,
                "num_points": self.grid.num_points,
                "source": self.source.model_dump(),
                "seed": self.seed,
                "count": getattr(self.num_examples, split),
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
        }


def canonical(settings: dict) -> dict:
    """The same settings with keys in order."""
    return json.loads(json.dumps(settings, sort_keys=True))
