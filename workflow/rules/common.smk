"""Config, wildcards and the helper functions of all rules."""

import os
import re
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

# The workflow runs the package that lies beside it, in the jobs that it starts too.
PACKAGE = str(Path(workflow.basedir).parent / "pipeline_src")
sys.path.insert(0, PACKAGE)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [PACKAGE, os.getenv("PYTHONPATH")])))

from pdetransfer import experiments, numerics
from pdetransfer.config import ConfigError, check_config
from pdetransfer.experiments import Curve

try:
    check_config(config, yaml.safe_load(Path(workflow.basedir, "schemas/config.schema.yaml").read_text()))
except ConfigError as mistake:
    raise WorkflowError(str(mistake)) from None


SPLITS = ["train", "validation", "test"]
OWN = [name for name, entry in config["datasets"].items() if "files" in entry]
GENERATED = [name for name, entry in config["datasets"].items() if not {"files", "mix"} & set(entry)]


def one_of(names):
    """A pattern that matches these names, and none if there are none."""
    return f"({'|'.join(map(re.escape, names))})"


wildcard_constraints:
    dataset=one_of([*GENERATED, *OWN]),
    split="|".join(SPLITS),
    curve="/".join(
        one_of(names)
        for names in (
            config["datasets"],
            config["models"],
            [experiments.SCRATCH, *config["pretrainings"]],
            config["recipes"],
        )
    ),
    n_train=r"[1-9]\d*",
    experiment=one_of(config["experiments"]),
    figure=one_of(config["figures"]),


def split_files(dataset, split):
    """Stores and manifests of a split, one of each for each dataset of a mixture. The manifest says when its
    store has changed."""
    names = experiments.components(config, dataset)
    return {
        split: [ancient(f"<results>/datasets/{name}/{split}.zarr") for name in names],
        f"{split}_manifest": [f"<results>/datasets/{name}/{split}.json" for name in names],
    }


def dataset_settings(wildcards):
    return experiments.dataset_settings(config, wildcards.dataset, wildcards.split)


def own_file(wildcards):
    return config["datasets"][wildcards.dataset]["files"][wildcards.split]


def own_settings(wildcards):
    entry = config["datasets"][wildcards.dataset]
    return {
        "dataset": wildcards.dataset,
        "split": wildcards.split,
        "system": entry.get("system"),
        "coefficient_names": entry.get("coefficients", []),
    }


def initial_weights(curve):
    """The pre-trained weights that a curve starts from, if any."""
    if not curve.is_fine_tuned:
        return {}
    source, n_train = experiments.pretraining(config, curve.init, curve.model)
    return {"init": f"<results>/cells/{source.path}/n{n_train}/weights.safetensors"}


def pretraining_datasets():
    """Datasets that models are pre-trained on, those of mixtures one by one."""
    names = [entry["dataset"] for entry in config["pretrainings"].values()]
    return sorted({component for name in names for component in experiments.components(config, name)})


def pretraining_wildcards():
    """Patterns of the wildcards of all cells that are pre-trainings."""
    cells = [
        experiments.pretraining(config, init, model)
        for model in config["models"]
        for init in config["pretrainings"]
    ]
    return {
        "curve": one_of(sorted({curve.path for curve, _ in cells})),
        "n_train": one_of(sorted({str(n_train) for _, n_train in cells})),
    }


def training_inputs(wildcards):
    """Training and validation examples and initial weights; never test examples."""
    curve = Curve.from_path(wildcards.curve)
    return (
        split_files(curve.dataset, "train")
        | split_files(curve.dataset, "validation")
        | initial_weights(curve)
    )


def cell_settings(wildcards):
    """Settings of the cells of a job: the one asked for, or all that are packed."""
    packed = "n_train" not in wildcards.keys()
    sizes = config["packed_n_train"] if packed else [int(wildcards.n_train)]
    return [experiments.cell_settings(config, Curve.from_path(wildcards.curve), n) for n in sizes]


def finished_cells():
    return str(Path(config["pathvars"]["results"], "finished"))


def evaluation_inputs(wildcards):
    """Test examples, and the models of one curve of an experiment."""
    curve = Curve.from_path(wildcards.curve)
    trained = experiments.trained_n(config, wildcards.experiment)
    inputs = split_files(curve.dataset, "test") | {
        "weights": [f"<results>/cells/{curve.path}/n{n}/weights.safetensors" for n in trained]
    }
    if 0 in config["experiments"][wildcards.experiment]["n_train"]:
        # An untrained network has the references of all training examples.
        inputs |= initial_weights(curve) or split_files(curve.dataset, "train")
    return inputs


def untrained_settings(wildcards):
    """Settings of the networks that a curve from scratch starts from."""
    curve = Curve.from_path(wildcards.curve)
    return {} if curve.is_fine_tuned else experiments.cell_settings(config, curve, 0)


def trained_n(wildcards):
    return experiments.trained_n(config, wildcards.experiment)


def experiment_curves(wildcards):
    return [asdict(curve) for curve in experiments.curves(config, wildcards.experiment)]


def table_inputs(wildcards):
    """Test errors and cells of an experiment, curve by curve."""
    curves = experiments.curves(config, wildcards.experiment)
    return {
        "errors": [f"<results>/errors/{wildcards.experiment}/{curve.path}.parquet" for curve in curves],
        "cells": [
            f"<results>/cells/{curve.path}/n{n}/cell.json"
            for curve in curves
            for n in experiments.trained_n(config, wildcards.experiment)
        ],
    }


def figure_table(wildcards):
    return f"<results>/tables/{config['figures'][wildcards.figure]['experiment']}.csv"


def figure_options(wildcards):
    figure = config["figures"][wildcards.figure]
    experiment = config["experiments"][figure["experiment"]]
    pretrainings = {
        name: entry["dataset"] for name, entry in config["pretrainings"].items() if name in experiment["init"]
    }
    datasets = [*experiment["dataset"], *pretrainings.values()]
    names = {name for dataset in datasets for name in (dataset, *experiments.components(config, dataset))}
    options = {
        "kind": figure["kind"],
        "title": figure["title"],
        "pretrainings": pretrainings,
        "datasets": {name: entry for name, entry in config["datasets"].items() if name in names},
    }
    return experiments.canonical(options)


def num_gpus():
    """GPUs that a job which trains or evaluates takes on this machine; PyTorch is too slow to ask here."""
    if config["device"] == "auto":
        return int(shutil.which("nvidia-smi") is not None)
    return int(config["device"] == "cuda")


# One GPU job at a time, unless --resources gpu=... says that there are more GPUs.
if num_gpus() and workflow.local_exec and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", 1)
