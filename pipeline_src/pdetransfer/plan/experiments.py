"""Config -> experiments, curves, cells. Pure, and free of torch, so that planning the workflow is quick."""

import json
from dataclasses import dataclass
from itertools import product

SCRATCH = "scratch"  #: the init that is no pre-training
OWN = "own"  #: in an experiment, the pre-training that is called like the dataset's system
SHIFTED = ("shift", "mixture")  #: the questions whose datasets are shifted
CONTROL = "control"  #: the question of experiments that `all` leaves out


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


def curves(config: dict, experiment: str) -> list[Curve]:
    """The curves of an experiment: the product of its axes but n_train."""
    axes = config["experiments"][experiment]
    points = product(*(axes[axis] for axis in ("dataset", "model", "init", "recipe")))
    own = {dataset: config["datasets"][dataset].get("system") for dataset in axes["dataset"]}
    named = (
        Curve(dataset, model, own[dataset] if init == OWN else init, recipe)
        for dataset, model, init, recipe in points
    )
    return list(dict.fromkeys(named))


def trained_n(config: dict, experiment: str) -> list[int]:
    """The n_train of an experiment that need training: zero-shot does not."""
    return [n for n in config["experiments"][experiment]["n_train"] if n > 0]


def reported(config: dict) -> list[str]:
    """The experiments that `all` runs: those that are no controls."""
    return [name for name, entry in config["experiments"].items() if entry["question"] != CONTROL]


def controls(config: dict) -> list[str]:
    """The experiments that `controls` runs."""
    return [name for name, entry in config["experiments"].items() if entry["question"] == CONTROL]


def compared(config: dict) -> list[str]:
    """The experiments that budgets are compared in: those that ask for data savings, and the controls that train
    the same in both units of length."""
    units = {name: recipe["length_unit"] for name, recipe in config["recipes"].items()}
    entries = config["experiments"].items()
    asked = [name for name, entry in entries if entry["question"] == "data"]
    return asked + [
        name
        for name, entry in entries
        if entry["question"] == CONTROL and len({units[recipe] for recipe in entry["recipe"]}) == 2
    ]


def shifted(config: dict) -> list[str]:
    """The reported experiments whose downstream datasets lie at several distances from their pre-training's."""
    return [name for name in reported(config) if config["experiments"][name]["question"] in SHIFTED]


def pairs(config: dict, names: list[str]) -> list[dict[str, str]]:
    """What fine-tuned curves of these experiments go to and from: dataset, init, and ``base``, the dataset of the
    same system that the init is pre-trained on; in a mixture that is a part. None twice, sorted."""
    systems = {name: entry.get("system") for name, entry in config["datasets"].items() if "mix" not in entry}
    found = {
        (curve.dataset, curve.init, base)
        for name in names
        for curve in curves(config, name)
        if curve.is_fine_tuned and curve.dataset in systems
        for base in components(config, config["pretrainings"][curve.init]["dataset"])
        if systems[base] == systems[curve.dataset]
    }
    return [dict(zip(("dataset", "init", "base"), pair, strict=True)) for pair in sorted(found)]


def figures_of(config: dict, names: list[str]) -> list[str]:
    """The figures that draw some of these experiments."""
    return [name for name, entry in config["figures"].items() if set(entry["experiments"]) & set(names)]


def cells(config: dict, names: list[str]) -> list[tuple[Curve, int]]:
    """All cells that these experiments need, pre-trainings included: curve and n_train, none twice."""
    downstream = [
        (curve, n) for name in names for curve in curves(config, name) for n in trained_n(config, name)
    ]
    return list(dict.fromkeys([*pretrainings(config, names), *downstream]))


def pretrainings(config: dict, names: list[str]) -> list[tuple[Curve, int]]:
    """The pre-trainings that fine-tuned curves of these experiments start from, none twice."""
    starts = [curve for name in names for curve in curves(config, name) if curve.is_fine_tuned]
    return list(dict.fromkeys(pretraining(config, curve.init, curve.model) for curve in starts))


def needed_datasets(config: dict, names: list[str]) -> list[str]:
    """The stored datasets that these experiments read, in the order of config."""
    read = {
        component
        for curve, _ in (
            *cells(config, names),
            *((curve, 0) for name in names for curve in curves(config, name)),
        )
        for component in components(config, curve.dataset)
    }
    return [name for name in config["datasets"] if name in read]


def packed_curves(config: dict) -> list[Curve]:
    """The curves of experiments for which every packed n_train is needed: those n share one job."""
    needed: dict[Curve, set[int]] = {}
    for name in config["experiments"]:
        for curve in curves(config, name):
            needed.setdefault(curve, set()).update(trained_n(config, name))
    packed = set(config["packed_n_train"])
    starts = {
        pretraining(config, init, model)[0] for init in config["pretrainings"] for model in config["models"]
    }
    return [curve for curve, sizes in needed.items() if packed and packed <= sizes and curve not in starts]


def pretraining(config: dict, init: str, model: str) -> tuple[Curve, int]:
    """The curve and n_train of a pre-training: the cell whose weights others start from."""
    entry = config["pretrainings"][init]
    return Curve(entry["dataset"], model, SCRATCH, entry["recipe"]), entry["n_train"]


def components(config: dict, dataset: str) -> list[str]:
    """The generated datasets that a dataset consists of: those of a mixture, or itself."""
    return config["datasets"][dataset].get("mix", [dataset])


def canonical(settings: dict) -> dict:
    """The same settings with keys in order: reordering the entries of a config retrains nothing."""
    return json.loads(json.dumps(settings, sort_keys=True))


def cell_settings(config: dict, curve: Curve, n_train: int) -> dict:
    """All of the config that decides a cell's numbers, besides its data and initial weights."""
    recipe = dict(config["recipes"][curve.recipe])
    arms = recipe.pop("learning_rates")
    rates = arms["fine_tuned" if curve.is_fine_tuned else SCRATCH]
    return canonical(
        {
            "architecture": config["models"][curve.model],
            "recipe": recipe | {"learning_rates": rates},
            "n_train": n_train,
        }
    )


def dataset_settings(config: dict, dataset: str, split: str) -> dict:
    """All of the config that decides a split's examples: the arguments of ``generation.Split``."""
    entry = dict(config["datasets"][dataset])
    return canonical(
        {
            "dataset": dataset,
            "split": split,
            "system": entry.pop("system"),
            "options": entry,
            "num_points": config["grid"]["num_points"],
            "source": config["source"],
            "seed": config["seed"],
            "count": config["num_examples"][split],
        }
    )
