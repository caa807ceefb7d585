"""What the jobs of the transfer study's own rules read (``plan.inputs``)."""

from typing import NamedTuple

from pdetransfer.plan.inputs import File, errors, have_run
from pdetransfer.plan.study import Study


class Budgets(NamedTuple):
    """The experiments that budgets are compared in, with their test errors."""

    study: dict
    errors: dict[str, File]


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
