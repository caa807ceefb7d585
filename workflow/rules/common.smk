"""Config, wildcards and the helper functions of all rules."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import yaml
from snakemake.exceptions import WorkflowError

# The workflow runs the package that lies beside it, in the jobs that it starts too.
PACKAGE = str(Path(workflow.basedir).parent / "pipeline_src")
sys.path.insert(0, PACKAGE)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [PACKAGE, os.getenv("PYTHONPATH")])))
# Else glibc gives large blocks back to the system after each use, and fetches them again in pages of 4 KB.
os.environ.update(
    GLIBC_TUNABLES="glibc.malloc.hugetlb=1:"
    f"glibc.malloc.mmap_threshold={2**25}:glibc.malloc.trim_threshold={2**36}"
)

from pdetransfer.base import numerics
from pdetransfer.plan import costs, experiments
from pdetransfer.plan.config import ConfigError, check_config
from pdetransfer.plan.experiments import Curve

# A folder to compare with, for one start of Snakemake: no part of what is run.
OTHER = config.pop("other", None)

try:
    check_config(config, yaml.safe_load(Path(workflow.basedir, "schemas/config.schema.yaml").read_text()))
except ConfigError as mistake:
    raise WorkflowError(str(mistake)) from None


SPLITS = ["train", "validation", "test"]
REPORTED = experiments.reported(config)
CONTROLS = experiments.controls(config)
# Of users' files, those that no experiment reads are shown, too.
STORED = [
    name
    for name, entry in config["datasets"].items()
    if name in experiments.needed_datasets(config, REPORTED) or "files" in entry
]
# Claims are judged by controls, too, once those have been run.
JUDGED = [
    *REPORTED,
    *(name for name in CONTROLS if Path(config["pathvars"]["results"], "errors", f"{name}.parquet").exists()),
]
# So are budgets: of experiments that ask for data savings, those that have been run.
COMPARED = [name for name in experiments.compared(config) if name in JUDGED]
OWN = [name for name, entry in config["datasets"].items() if "files" in entry]
GENERATED = [name for name, entry in config["datasets"].items() if not {"files", "mix"} & set(entry)]


PACKED = [curve.path for curve in experiments.packed_curves(config)]

# The tables of an experiment, and their folders.
TABLES = {"cells": "tables", "savings": "savings", "by_parameter": "by_parameter"}


def one_of(names):
    """A pattern that matches these names, and none if there are none."""
    return f"({'|'.join(map(re.escape, names))})"


def is_gallery(figure):
    """Whether a figure shows predictions of models, not tables."""
    return config["figures"][figure]["kind"] in ("predictions", "spectra")


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
    figure=one_of(name for name in config["figures"] if not is_gallery(name)),
    predictions=one_of(name for name in config["figures"] if is_gallery(name)),
    system=r"\w+",


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
    return {"init": pretrained_cell(curve, "weights.safetensors")} if curve.is_fine_tuned else {}


def pretrained_cell(curve, name):
    """A file of the pre-training that a curve starts from."""
    source, n_train = experiments.pretraining(config, curve.init, curve.model)
    return f"<results>/cells/{source.path}/n{n_train}/{name}"


def pretraining_datasets():
    """Stored datasets that models are pre-trained on, those of mixtures one by one."""
    names = [entry["dataset"] for entry in config["pretrainings"].values()]
    parts = {component for name in names for component in experiments.components(config, name)}
    return sorted(parts & set(STORED))


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


def job_sizes(wildcards):
    """The n_train of a training job: the one asked for, or all that are packed."""
    return [int(wildcards.n_train)] if "n_train" in wildcards.keys() else config["packed_n_train"]


def cell_settings(wildcards):
    curve = Curve.from_path(wildcards.curve)
    return [experiments.cell_settings(config, curve, n) for n in job_sizes(wildcards)]


def training_minutes(wildcards, attempt):
    asked = costs.training_minutes(config, Curve.from_path(wildcards.curve), job_sizes(wildcards))
    return min(attempt * asked, config["longest_job"])


def training_gpus(wildcards):
    asked = config["num_gpus"][Curve.from_path(wildcards.curve).model]
    return num_gpus() * (asked if workflow.non_local_exec_or_dryrun else min(asked, GPUS_HERE))


def evaluation_gpus(wildcards):
    return num_gpus()


def training_mb(wildcards, attempt):
    asked = costs.training_mb(config, Curve.from_path(wildcards.curve), job_sizes(wildcards))
    return min(attempt, 2) * asked  # most later attempts are due to time, not to memory


def finished_cells():
    return str(Path(config["pathvars"]["results"], "finished"))


def model_inputs(wildcards):
    """A cell's files, and what it was trained on and is tested on."""
    curve, cell = Curve.from_path(wildcards.curve), "<results>/cells/{curve}/n{n_train}"
    return (
        {"weights": f"{cell}/weights.safetensors", "cell": f"{cell}/cell.json"}
        | split_files(curve.dataset, "test")
        | {"train_manifest": split_files(curve.dataset, "train")["train_manifest"]}
    )


def cell_files(curve, sizes, name):
    return [f"<results>/cells/{curve.path}/n{n}/{name}" for n in sizes]


def beside_another_snakemake(wildcards):
    """No files; but with this job alone Snakemake neither takes nor, at its end, removes locks, as with --nolock."""
    if set(workflow.dag_settings.targets) == {"status"}:
        workflow.persistence.lock = workflow.persistence.unlock = workflow.persistence.noop
    return []


def training_jobs(cells):
    """The training jobs of cells: log and cells of each, as ``snakemake status`` looks at them."""
    results, jobs = Path(config["pathvars"]["results"]), {}
    for curve, n_train in cells:
        is_packed = curve.path in PACKED and n_train in config["packed_n_train"]
        log = results / "logs/train" / curve.path / ("packed.log" if is_packed else f"n{n_train}.log")
        parts = experiments.components(config, curve.dataset)
        cell = {
            "name": f"{curve.path}/n{n_train}",
            "folder": results / "cells" / curve.path / f"n{n_train}",
            "settings": experiments.cell_settings(config, curve, n_train),
            "manifests": {
                split: [results / "datasets" / part / f"{split}.json" for part in parts]
                for split in ("train", "validation")
            },
            "init": (
                Path(pretrained_cell(curve, "weights.safetensors").replace("<results>", str(results)))
                if curve.is_fine_tuned
                else None
            ),
        }
        jobs.setdefault(log, []).append(cell)
    return [{"log": log, "cells": cells} for log, cells in jobs.items()]


def jobs_by_target(wildcards):
    """The training jobs of `all`, and those that `controls` has besides."""
    reported = experiments.cells(config, REPORTED)
    besides = [cell for cell in experiments.cells(config, CONTROLS) if cell not in reported]
    return {"all": training_jobs(reported), "controls": training_jobs(besides)}


def evaluated_datasets(wildcards):
    """The stored datasets that an experiment is evaluated on."""
    names = config["experiments"][wildcards.experiment]["dataset"]
    return list(dict.fromkeys(part for name in names for part in experiments.components(config, name)))


def has_zero_shot(wildcards):
    return 0 in config["experiments"][wildcards.experiment]["n_train"]


def evaluation_inputs(wildcards):
    """Test examples, and the models of an experiment, curve by curve."""
    curves, datasets = experiments.curves(config, wildcards.experiment), evaluated_datasets(wildcards)
    inputs = {
        "test": ancient(expand("<results>/datasets/{dataset}/test.zarr", dataset=datasets)),
        "test_manifest": expand("<results>/datasets/{dataset}/test.json", dataset=datasets),
        "weights": [
            file
            for curve in curves
            for file in cell_files(curve, trained_n(wildcards), "weights.safetensors")
        ],
    }
    if has_zero_shot(wildcards):
        # An untrained network has the references of all training examples.
        inputs |= {
            "train": ancient(expand("<results>/datasets/{dataset}/train.zarr", dataset=datasets)),
            "train_manifest": expand("<results>/datasets/{dataset}/train.json", dataset=datasets),
            "init": [initial_weights(curve)["init"] for curve in curves if curve.is_fine_tuned],
        }
    return inputs


def evaluated_curves(wildcards):
    return [
        {
            "axes": asdict(curve),
            "components": experiments.components(config, curve.dataset),
            "untrained": {} if curve.is_fine_tuned else experiments.cell_settings(config, curve, 0),
        }
        for curve in experiments.curves(config, wildcards.experiment)
    ]


def trained_n(wildcards):
    return experiments.trained_n(config, wildcards.experiment)


def experiment_cells(wildcards):
    """The axes of an experiment's cells, curve by curve."""
    return [
        asdict(curve) | {"n_train": n}
        for curve in experiments.curves(config, wildcards.experiment)
        for n in trained_n(wildcards)
    ]


def cell_summaries(wildcards):
    curves = experiments.curves(config, wildcards.experiment)
    return [file for curve in curves for file in cell_files(curve, trained_n(wildcards), "cell.json")]


def zero_shot_curves(wildcards):
    """The curves of an experiment whose pre-trained weights are evaluated as they are."""
    curves = experiments.curves(config, wildcards.experiment) if has_zero_shot(wildcards) else []
    return [curve for curve in curves if curve.is_fine_tuned]


def zero_shot_cells(wildcards):
    return [asdict(curve) | {"n_train": 0} for curve in zero_shot_curves(wildcards)]


def zero_shot_summaries(wildcards):
    return [pretrained_cell(curve, "cell.json") for curve in zero_shot_curves(wildcards)]


def figure_tables(wildcards):
    """The tables of a figure's experiments, kind by kind; and the table of shifts, if it draws distances."""
    figure = config["figures"][wildcards.figure]
    by_distance = {"shifts": "<results>/tables/shifts.csv"} if figure["kind"] == "savings_by_distance" else {}
    return report_tables(figure["experiments"]) | by_distance


def figure_options(wildcards):
    """A figure's entry, the datasets of its experiments, and what their inits are pre-trained on."""
    figure = config["figures"][wildcards.figure]
    curves = [curve for name in figure["experiments"] for curve in experiments.curves(config, name)]
    pretrainings = {
        curve.init: config["pretrainings"][curve.init]["dataset"] for curve in curves if curve.is_fine_tuned
    }
    datasets = [*(curve.dataset for curve in curves), *pretrainings.values()]
    names = {name for dataset in datasets for name in (dataset, *experiments.components(config, dataset))}
    options = figure | {
        "pretrainings": pretrainings,
        "datasets": {name: entry for name, entry in config["datasets"].items() if name in names},
    }
    return experiments.canonical(options)


def prediction_options(wildcards):
    """A figure's entry, at the n_train that the file's name asks for, if it does."""
    entry = config["figures"][wildcards.predictions]
    n = int(wildcards.get("n_train", entry["n_train"]))
    for name in entry["experiments"]:
        if n not in (known := config["experiments"][name]["n_train"]):
            raise WorkflowError(f"n_train is {n}; expected one of {name}'s, {known}")
    return experiments.canonical(entry | {"n_train": n})


def predicted_curves(wildcards):
    """The curves of a figure of predictions: none twice, only of datasets that are stored."""
    names = config["figures"][wildcards.predictions]["experiments"]
    curves = dict.fromkeys(curve for name in names for curve in experiments.curves(config, name))
    return [asdict(curve) for curve in curves if curve.dataset in STORED]


def predicted_datasets(wildcards):
    return list(dict.fromkeys(curve["dataset"] for curve in predicted_curves(wildcards)))


def prediction_inputs(wildcards):
    figure, datasets = prediction_options(wildcards), predicted_datasets(wildcards)
    return {
        "test": ancient(expand("<results>/datasets/{dataset}/test.zarr", dataset=datasets)),
        "test_manifest": expand("<results>/datasets/{dataset}/test.json", dataset=datasets),
        "errors": expand("<results>/errors/{experiment}.parquet", experiment=figure["experiments"]),
        "weights": [
            file
            for curve in predicted_curves(wildcards)
            for file in cell_files(Curve(**curve), [figure["n_train"]], "weights.safetensors")
        ],
    }


def compared_files(wildcards):
    """Test errors and manifests of test examples, of what has been run here and in the other folder."""
    here, there = config["pathvars"]["results"], OTHER and str(OTHER)
    if there is None:
        raise WorkflowError("nothing to compare with; expected --config other=<a results folder>")
    errors = sorted(map(str, Path(there).glob("errors/*.parquet")))
    if not errors:
        raise WorkflowError(
            f"other is {there!r}; expected a results folder, with files errors/<experiment>.parquet"
        )
    run = [name for name in config["experiments"] if Path(here, "errors", f"{name}.parquet").exists()]
    if not run:
        raise WorkflowError(f"{here} has no test errors to compare with {there}; `snakemake all` makes them")
    stored = [name for name in config["datasets"] if Path(here, "datasets", name, "test.json").exists()]
    return {
        "errors": expand("<results>/errors/{experiment}.parquet", experiment=run),
        "manifests": expand("<results>/datasets/{dataset}/test.json", dataset=stored),
        "other_errors": errors,
        "other_manifests": sorted(map(str, Path(there).glob("datasets/*/test.json"))),
    }


def gallery_stores(suffix):
    """Training examples of a system's datasets."""

    def files(wildcards):
        names = [name for name in STORED if config["datasets"][name].get("system") == wildcards.system]
        return expand("<results>/datasets/{dataset}/train.{suffix}", dataset=names, suffix=suffix)

    return files


SYSTEMS = list(dict.fromkeys(config["datasets"][name].get("system") for name in STORED))
# The pre-trainings of reported experiments, and the stored datasets that they were trained on.
PRETRAINED = sorted(experiments.pretrainings(config, REPORTED), key=str)
PRETRAINED_ON = sorted(
    {part for curve, _ in PRETRAINED for part in experiments.components(config, curve.dataset)}
)


def budget_settings(wildcards):
    """All of the config that decides what the compared experiments process."""
    entries = {name: config["experiments"][name] for name in COMPARED}
    datasets = {name for entry in entries.values() for name in entry["dataset"]}
    return experiments.canonical(
        {
            "experiments": entries,
            "datasets": {name: config["datasets"][name] for name in datasets},
            "recipes": config["recipes"],
            "pretrainings": config["pretrainings"],
        }
    )


def pretrained_models(wildcards):
    return {
        "weights": [
            file for curve, n in PRETRAINED for file in cell_files(curve, [n], "weights.safetensors")
        ],
        "stores": ancient(expand("<results>/datasets/{dataset}/train.zarr", dataset=PRETRAINED_ON)),
        "manifests": expand("<results>/datasets/{dataset}/train.json", dataset=PRETRAINED_ON),
    }


# What fine-tuned models of the shifted experiments go from and to, and the datasets of both.
SHIFTED = experiments.shifted(config)
PAIRS = experiments.pairs(config, SHIFTED)
PAIRED = sorted({pair[end] for pair in PAIRS for end in ("dataset", "base")})
DATA_FIGURES = ["stages", "systems", *(f"gallery_{name}" for name in SYSTEMS if name), "shifts"]


def report_tables(names):
    return {
        kind: expand(f"<results>/{folder}/{{experiment}}.csv", experiment=names)
        for kind, folder in TABLES.items()
    }


def report_pictures(names):
    return {"figures": expand("<results>/figures/{figure}.svg", figure=experiments.figures_of(config, names))}


def num_gpus():
    """GPUs that a job which trains or evaluates takes at least, here or on a cluster; PyTorch is too slow to ask."""
    if config["device"] == "auto":
        return int(not workflow.local_exec or shutil.which("nvidia-smi") is not None)
    return int(config["device"] == "cuda")


# Jobs share the GPUs of this machine, unless --resources gpu=... says that there are others. Whether they run on a
# cluster is known only later, so its profile says that.
NVIDIA_SMI = shutil.which("nvidia-smi")
GPUS_HERE = (
    subprocess.run([NVIDIA_SMI, "--list-gpus"], capture_output=True).stdout.count(b"\n") if NVIDIA_SMI else 1
)
if num_gpus() and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", GPUS_HERE)
