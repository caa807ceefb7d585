"""What a config asks for, before it is run: examples, time, memory, disk. Pure, and free of torch."""

import math
from collections.abc import Iterable
from functools import cache

import pandas as pd

from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan.entries import Grid, NumExamples
from pdetransfer.plan.study import Cell, Curve, Study

PRETRAINING = "pre-training"  #: the row of cells that are trained for their weights alone
PROXIES = "proxies"  #: that of cells that are trained for their learning rates alone
_VALUE = 4  # bytes of a float32
_PROCESS_MB = 1500  # of a job that has loaded PyTorch
_SPARE = 1.5  # what is asked for, over what is forecast
# Taken for users' files, which are not read before their sizes are asked for, where nothing is generated beside
# them.
_OWN_GRID = Grid(num_points=128)
_OWN_EXAMPLES = NumExamples(train=4096, validation=512, test=512)


def grid_of(study: Study, dataset: str, num_dims: int = 2) -> tuple[int, ...]:
    """The grid of a dataset, or what is taken for that of users' files, of as many dimensions as a model that is
    trained on them."""
    first = study.components(dataset)[0]
    entry = study.datasets[first]
    if entry.files:
        return ((study.grid or _OWN_GRID).num_points,) * num_dims
    return study.grid_of(first)


def values_of_example(study: Study, dataset: str, num_dims: int = 2) -> int:
    """Numbers that an example of a stored dataset has: those of its fields and outputs, or of its frames."""
    entry = study.datasets[dataset]
    if entry.files:
        return 2 * math.prod(grid_of(study, dataset, num_dims))
    shapes = SYSTEMS[entry.system](**entry.options).stored(study.num_points(dataset)).values()
    return sum(math.prod(shape.values()) for shape in shapes)


def at_rates(study: Study, rates: dict[str, float]) -> Study:
    """The study with other rates of these models."""
    models = {name: study.models[name].model_copy(update={"rate": rate}) for name, rate in rates.items()}
    return study.model_copy(update={"models": study.models | models})


def run_seconds(study: Study, curve: Curve, n_train: int) -> float:
    """Training time of one run at its model's ``rate``."""
    return study.run_examples(curve, n_train) / study.models[curve.model].rate


def seconds(study: Study, curve: Curve, n_train: int) -> float:
    """Training time of a cell at its model's ``rate``."""
    return study.cell_examples(curve, n_train) / study.models[curve.model].rate


def training_minutes(study: Study, curve: Curve, sizes: Iterable[int]) -> int:
    """Time to ask a scheduler for, for a job that trains these cells."""
    devices = study.models[curve.model].num_gpus if study.device != "cpu" else 1
    return math.ceil(10 + _SPARE * sum(seconds(study, curve, n) for n in sizes) / devices / 60)


def training_mb(study: Study, curve: Curve, sizes: Iterable[int]) -> int:
    """Memory of the host to ask for: examples as read and as prepared, and copies of the weights, in every process
    (``workers``)."""
    model, recipe = study.models[curve.model], study.recipes[curve.recipe]
    parts = study.components(curve.dataset)
    counts = {part: (study.num_examples_of(part) or _OWN_EXAMPLES).train for part in parts}
    most = (sum(counts.values()) if recipe.subset_by_seed else max(sizes)) + recipe.num_validation
    values = {part: values_of_example(study, part, model.num_dims) for part in parts}
    if model.num_frames:
        # Of each dataset of a mixture as many as it has, at most; read, then mixed or scaled.
        examples = 2 * sum(min(most, counts[part]) * values[part] for part in parts) * _VALUE
    else:
        examples = 4 * most * max(values.values()) * _VALUE  # read, ordered, selected, scaled
    weights = (3 + len(recipe.seeds)) * model.planned_parameters * _VALUE
    processes = 1 + model.num_gpus if study.device != "cpu" and model.num_gpus > 1 else 1
    return math.ceil(processes * (_PROCESS_MB + _SPARE * (examples + weights) / 1e6))


def forecast(study: Study, names: list[str]) -> pd.DataFrame:
    """What experiments cost: a row for their pre-trainings, for their proxies if there are any, and for each of
    them, and their sum.

    A cell that experiments share counts where it comes first. ``device_hours`` are hours of one device at the
    config's ``rates``, ``equivalents`` examples of the first experiment's model that would take as long.
    ``trainings_saved`` are those that every grid of learning rates would take more, for which no proxy is trained:
    less than none where a cell is trained for a proxy's sake.
    """
    extra = set(study.only_for_transfer(names))
    rows = [_row(study, name, own, extra) for name, own in cells_by_experiment(study, names).items()]
    table = pd.DataFrame(rows)
    total = table.drop(columns="experiment").sum()
    total["jobs"] = len(study.jobs(study.cells(names)))  # a pack may have cells of several rows
    return pd.concat([table, total.to_frame().T.assign(experiment="all")], ignore_index=True)


def cells_by_experiment(study: Study, names: list[str]) -> dict[str, list[Cell]]:
    """The cells of experiments: those of ``"pre-training"``, of ``"proxies"`` if there are any, then of each. A
    cell that experiments share stands where it comes first."""
    cells = study.cells(names)
    tuned = [curve for curve, _ in cells if curve.is_fine_tuned]  # those of proxies, too
    starts = {*study.pretrained(names), *(study.pretraining(curve.init, curve.model) for curve in tuned)}
    asked = set(study.asked(names))
    besides = [cell for cell in cells if cell not in asked]
    groups = {PRETRAINING: [cell for cell in besides if cell in starts]}
    if proxies := [cell for cell in besides if cell not in starts]:
        groups[PROXIES] = proxies
    seen: set = set()
    for name in names:
        own = study.downstream(name)
        groups[name] = [cell for cell in own if cell not in seen]
        seen.update(own)
    return groups


def beside_actual(study: Study, plan: pd.DataFrame, seconds: dict[Cell, float]) -> pd.DataFrame:
    """A forecast (``forecast``) of the reported experiments with the training time that its cells took, all their
    runs: ``trained_hours``, and ``actual_over_forecast``. ``seconds`` are those of every reported cell."""
    groups = cells_by_experiment(study, study.reported)
    hours = {name: sum(map(seconds.__getitem__, own)) / 3600 for name, own in groups.items()}
    trained = plan["experiment"].map(hours | {"all": sum(hours.values())})
    forecast_hours = plan["device_hours"].where(plan["device_hours"] > 0)
    return plan.assign(trained_hours=trained, actual_over_forecast=trained / forecast_hours)


def _saved(study: Study, cell: Cell, extra: set[Cell]) -> int:
    """Trainings of a cell that trying every learning rate would take more; ``extra`` are cells that it would not
    need."""
    return (0 if cell in extra else study.num_runs_of_grid(*cell)) - study.num_runs(*cell)


def _row(study: Study, name: str, own: list[Cell], extra: set[Cell]) -> dict:
    reference = study.curves(study.reported[0])[0].model
    hours = sum(seconds(study, *cell) for cell in own) / 3600
    saved = {cell: _saved(study, cell, extra) for cell in own}
    weights = sum(
        len(study.recipes[curve.recipe].seeds_at(n)) * study.models[curve.model].planned_parameters
        for curve, n in own
    )
    return {
        "experiment": name,
        "jobs": len(study.jobs(own)),
        "cells": len(own),
        "trainings": sum(study.num_runs(*cell) for cell in own),
        "examples": sum(study.cell_examples(*cell) for cell in own),
        "equivalents": round(hours * 3600 * study.models[reference].rate),
        "device_hours": round(hours, 3),
        "weights_gb": round(weights * _VALUE / 1e9, 3),
        "trainings_saved": sum(saved.values()),
        "device_hours_saved": round(
            sum(n * run_seconds(study, *cell) for cell, n in saved.items()) / 3600, 3
        ),
    }


def wall_hours(study: Study, num_devices: int, names: list[str]) -> float:
    """Training time on some devices at once, at best: all of it shared out, but no job cut in two, and each after
    those that it waits for, pre-trainings and proxies."""
    jobs = study.jobs(study.cells(names))
    times = {job: sum(seconds(study, job[0], n) for n in sizes) for job, sizes in jobs.items()}
    job_of = {(curve, n): (curve, name) for (curve, name), sizes in jobs.items() for n in sizes}

    @cache
    def end(job: tuple[Curve, str]) -> float:
        before = {job_of[cell] for n in jobs[job] for cell in study.needs(job[0], n)}
        return times[job] + max(map(end, before), default=0)

    return max(sum(times.values()) / num_devices, *map(end, jobs)) / 3600


def largest_job_mb(study: Study, names: list[str]) -> int:
    """Memory of the host that the largest training job asks for."""
    return max(training_mb(study, curve, [n]) for curve, n in study.cells(names))


def data_gb(study: Study, names: list[str]) -> float:
    """Size of the generated datasets of experiments, without compression."""
    generated = [name for name in study.needed_datasets(names) if not study.datasets[name].files]
    if not generated:
        return 0.0
    counts = {name: sum(study.num_examples_of(name).model_dump().values()) for name in generated}
    return sum(count * values_of_example(study, name) for name, count in counts.items()) * _VALUE / 1e9
