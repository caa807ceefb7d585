"""What the jobs of the transfer study's own rules read (``plan.inputs``)."""

from typing import NamedTuple

from pdetransfer.plan.inputs import File, SplitFiles, cell_file, errors, have_run, split, splits, table_file
from pdetransfer.plan.study import Curve, Study


class Budgets(NamedTuple):
    """The experiments that budgets are compared in, with their test errors."""

    study: dict
    errors: dict[str, File]


class Distances(NamedTuple):
    """Pairs of datasets with the training examples of both, and the tables of the experiments that have them."""

    pairs: list[dict[str, str]]
    samples: dict[str, SplitFiles]
    tables: list[File]


class Pretrained(NamedTuple):
    """A pre-trained model, and the examples that it has seen."""

    curve: Curve
    weights: File
    train: list[SplitFiles]


def distances(study: Study, experiments: list[str]) -> Distances:
    pairs = study.pairs(experiments)
    datasets = sorted({pair[end] for pair in pairs for end in ("dataset", "base")})
    return Distances(
        pairs,
        {name: split(study, name, "train") for name in datasets},
        [table_file(study, "cells", name) for name in experiments],
    )


def pretrained(study: Study) -> list[Pretrained]:
    """The pre-trainings of reported experiments."""
    return [
        Pretrained(
            curve,
            cell_file(study, curve, n, "weights.safetensors"),
            splits(study, curve.dataset, "train"),
        )
        for curve, n in sorted(study.pretrained(study.reported), key=str)
    ]


def budgets(study: Study) -> Budgets:
    """The experiments that ask for data savings, and the controls that train the same in both units of length
    and have been run."""
    both = [
        name
        for name in study.controls
        if len({study.recipes[recipe].length_unit for recipe in study.experiments[name].recipe}) == 2
    ]
    names = have_run(study, [*study.asking("data"), *both])
    part = study.part("datasets", "recipes", "pretrainings", "experiments")
    read = {dataset for name in names for dataset in study.experiments[name].dataset}
    part["experiments"] = {name: part["experiments"][name] for name in names}
    part["datasets"] = {name: part["datasets"][name] for name in part["datasets"] if name in read}
    return Budgets(part, {name: errors(study, name) for name in names})
