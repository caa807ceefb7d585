"""What a config asks for, before it is run: examples, time, memory, disk. Pure, and free of torch."""

import math
from collections.abc import Iterable

import pandas as pd

from pdetransfer.plan.experiments import (
    Curve,
    cells,
    components,
    curves,
    needed_datasets,
    packed_curves,
    pretraining,
    reported,
    trained_n,
)

PRETRAINING = "pre-training"  #: the row of cells that are trained for their weights alone
_VALUE = 4  # bytes of a float32
_PROCESS_MB = 1500  # of a job that has loaded PyTorch
_SPARE = 1.5  # what is asked for, over what is forecast


def num_runs(config: dict, curve: Curve) -> int:
    """Trainings of a cell, at most: the tuning seeds with every learning rate, one more where the grid may be
    extended; the others with the chosen one."""
    recipe = config["recipes"][curve.recipe]
    rates = recipe["learning_rates"]["fine_tuned" if curve.is_fine_tuned else "scratch"]
    tuning = min(recipe["num_tuning_seeds"], len(recipe["seeds"]))
    return (len(rates) + recipe["extend_grid"]) * tuning + len(recipe["seeds"]) - tuning


def run_examples(config: dict, curve: Curve, n_train: int) -> int:
    """Training examples of one run: every example of every batch."""
    recipe = config["recipes"][curve.recipe]
    if recipe["length_unit"] == "epochs":
        return recipe["length"] * n_train
    epochs, steps = divmod(recipe["length"], math.ceil(n_train / recipe["batch_size"]))
    return epochs * n_train + steps * min(recipe["batch_size"], n_train)


def run_seconds(config: dict, curve: Curve, n_train: int) -> float:
    """Training time of one run at the config's ``rates``."""
    return run_examples(config, curve, n_train) / config["rates"][curve.model]


def num_examples(config: dict, curve: Curve, n_train: int) -> int:
    """Training examples of a cell: those of all its runs."""
    return num_runs(config, curve) * run_examples(config, curve, n_train)


def seconds(config: dict, curve: Curve, n_train: int) -> float:
    """Training time of a cell at the config's ``rates``."""
    return num_examples(config, curve, n_train) / config["rates"][curve.model]


def num_parameters(architecture: dict, in_channels: int, out_channels: int = 1) -> int:
    """Real parameters of a Fourier neural operator in two dimensions; a complex weight counts two."""
    width, modes = architecture["width"], architecture["modes"]
    layer = 2 * (2 * modes * modes) * width**2 + width**2 + width
    projection = 2 * width * width + 2 * width + out_channels * (2 * width + 1)
    return (in_channels + 1) * width + architecture["num_layers"] * layer + projection


def training_minutes(config: dict, curve: Curve, sizes: Iterable[int]) -> int:
    """Time to ask a scheduler for, for a job that trains these cells."""
    devices = config["num_gpus"][curve.model] if config["device"] != "cpu" else 1
    return math.ceil(10 + _SPARE * sum(seconds(config, curve, n) for n in sizes) / devices / 60)


def training_mb(config: dict, curve: Curve, sizes: Iterable[int]) -> int:
    """Memory of the host to ask for: examples as read and as prepared, and copies of the weights."""
    recipe, points = config["recipes"][curve.recipe], config["grid"]["num_points"]
    whole = config["num_examples"]["train"] * len(components(config, curve.dataset))
    num_loaded = (whole if recipe["subset_by_seed"] else max(sizes)) + recipe["num_validation"]
    examples = 4 * num_loaded * 2 * points**2 * _VALUE  # source and solution; read, ordered, selected, scaled
    weights = (3 + len(recipe["seeds"])) * num_parameters(config["models"][curve.model], 8) * _VALUE
    return math.ceil(_PROCESS_MB + _SPARE * (examples + weights) / 1e6)


def forecast(config: dict, names: list[str]) -> pd.DataFrame:
    """What experiments cost: a row for their pre-trainings and for each of them, and their sum.

    A cell that experiments share counts where it comes first. ``device_hours`` are hours of one device at the
    config's ``rates``, ``equivalents`` examples of the first experiment's model that would take as long.
    """
    rows = [_row(config, name, own) for name, own in cells_by_experiment(config, names).items()]
    table = pd.DataFrame(rows)
    total = table.drop(columns="experiment").sum()
    return pd.concat([table, total.to_frame().T.assign(experiment="all")], ignore_index=True)


def cells_by_experiment(config: dict, names: list[str]) -> dict[str, list[tuple[Curve, int]]]:
    """The cells of experiments: those of ``"pre-training"``, then of each. A cell that experiments share stands
    where it comes first."""
    groups = {PRETRAINING: [cell for cell in cells(config, names) if not _is_downstream(config, cell, names)]}
    seen: set = set()
    for name in names:
        own = [(curve, n) for curve in curves(config, name) for n in trained_n(config, name)]
        groups[name] = [cell for cell in own if cell not in seen]
        seen.update(own)
    return groups


def beside_actual(config: dict, plan: pd.DataFrame, seconds: dict[tuple[Curve, int], float]) -> pd.DataFrame:
    """A forecast (``forecast``) of the reported experiments with the training time that its cells took, all their
    runs: ``trained_hours``, and ``actual_over_forecast``. ``seconds`` are those of every reported cell."""
    groups = cells_by_experiment(config, reported(config))
    hours = {name: sum(map(seconds.__getitem__, own)) / 3600 for name, own in groups.items()}
    trained = plan["experiment"].map(hours | {"all": sum(hours.values())})
    forecast_hours = plan["device_hours"].where(plan["device_hours"] > 0)
    return plan.assign(trained_hours=trained, actual_over_forecast=trained / forecast_hours)


def _is_downstream(config: dict, cell: tuple[Curve, int], names: list[str]) -> bool:
    curve, n_train = cell
    return any(curve in curves(config, name) and n_train in trained_n(config, name) for name in names)


def _row(config: dict, name: str, own: list[tuple[Curve, int]]) -> dict:
    reference = curves(config, reported(config)[0])[0].model
    hours = sum(seconds(config, *cell) for cell in own) / 3600
    weights = sum(
        len(config["recipes"][curve.recipe]["seeds"]) * num_parameters(config["models"][curve.model], 8)
        for curve, _ in own
    )
    return {
        "experiment": name,
        "jobs": _num_jobs(config, own),
        "cells": len(own),
        "trainings": sum(num_runs(config, curve) for curve, _ in own),
        "examples": sum(num_examples(config, *cell) for cell in own),
        "equivalents": round(hours * 3600 * config["rates"][reference]),
        "device_hours": round(hours, 3),
        "weights_gb": round(weights * _VALUE / 1e9, 3),
    }


def _num_jobs(config: dict, own: list[tuple[Curve, int]]) -> int:
    """Training jobs of cells: one for all packed n_train of a curve, one for each other cell."""
    packed = packed_curves(config)
    return len({(curve, (n in config["packed_n_train"] and curve in packed) or n) for curve, n in own})


def wall_hours(config: dict, num_devices: int, names: list[str]) -> float:
    """Training time on some devices at once, at best: all of it shared out, but no job cut in two, and the
    fine-tunings of a model after its pre-training."""
    times: dict = {}
    for curve, n in cells(config, names):
        is_packed = n in config["packed_n_train"] and curve in packed_curves(config)
        job = curve, is_packed or n
        times[job] = times.get(job, 0) + seconds(config, curve, n)
    starts = {
        curve: seconds(config, *pretraining(config, curve.init, curve.model))
        for curve, _ in times
        if curve.is_fine_tuned
    }
    longest = max(time + starts.get(curve, 0) for (curve, _), time in times.items())
    return max(sum(times.values()) / num_devices, longest) / 3600


def largest_job_mb(config: dict, names: list[str]) -> int:
    """Memory of the host that the largest training job asks for."""
    return max(training_mb(config, curve, [n]) for curve, n in cells(config, names))


def data_gb(config: dict, names: list[str]) -> float:
    """Size of the datasets of experiments, without compression."""
    points, count = config["grid"]["num_points"], sum(config["num_examples"].values())
    return len(needed_datasets(config, names)) * count * 2 * points**2 * _VALUE / 1e9
