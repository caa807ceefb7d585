"""The smoke workflow from a clean copy, and what makes its results stale."""

import json
import os
import re
import shutil

import numpy as np
import pandas as pd
import pytest

import pdetransfer

pytestmark = pytest.mark.slow

RESULTS = "results/smoke"
CURVE = f"{RESULTS}/cells/poisson_e5-10/fno_medium/scratch/downstream"


def test_the_whole_workflow_runs_and_leaves_nothing_to_do(finished):
    assert finished.planned("all") == {}
    made = {str(path.relative_to(finished.path / RESULTS)) for path in (finished.path / RESULTS).rglob("*")}
    assert {
        "report.html",
        "figures/fig3a.svg",
        "figures/fig3a.png",
        "tables/data_scaling_poisson.csv",
        "savings/data_scaling_poisson.csv",
    } <= made
    assert not [name for name in made if re.search(r"/\.[^/]*$", name) and "snakemake_timestamp" not in name]


def test_the_table_has_a_row_for_each_cell_and_seed(finished):
    table = pd.read_csv(finished.path / RESULTS / "tables/data_scaling_poisson.csv")
    rows = table.groupby(["init", "n_train"])["seed"].count().to_dict()
    trained = {(init, n): 2 for init in ("scratch", "poisson") for n in (4, 8, 16, 32)}
    assert rows == trained | {("scratch", 0): 2, ("poisson", 0): 1}
    assert np.isfinite(table["test_error"]).all()
    assert (table["test_error_q25"] <= table["test_error_median"]).all()
    savings = pd.read_csv(finished.path / RESULTS / "savings/data_scaling_poisson.csv")
    assert savings["n_train"].to_list() == [0, 4, 8, 16, 32]
    assert set(savings["bound"]) <= {"exact", "lower", "upper"}


def test_the_report_needs_no_other_file(finished):
    html = (finished.path / RESULTS / "report.html").read_text()
    assert html.count("<svg") == 4
    assert "times as many" in html or "is worse than" in html
    assert not re.search(r'(src|href)\s*=\s*["\'](?!#|data:)', html)
    assert not re.search(r"@import|<script|<link", html)
    assert not re.search(r"url\((?!#)", html)


def test_a_trained_model_opens_from_its_file_alone(finished, tmp_path):
    file = shutil.copy(finished.path / CURVE / "n8/weights.safetensors", tmp_path)
    operator = pdetransfer.load_model(file, seed=1)
    x = np.arange(16) / 16
    source = np.cos(2 * np.pi * x)[None, :] * np.ones((16, 1))
    assert operator.predict(source=source, k11=0.01, k22=0.02, k12=0.0)["solution"].shape == (1, 16, 16)


def test_no_training_rule_reads_test_examples(finished):
    output = finished.succeed("-n", "--forceall", "all")
    jobs = re.split(r"\n(?=rule |localrule )", output)
    trainings = [job for job in jobs if re.match(r"(local)?rule (pre)?train", job)]
    assert len(trainings) == 7
    for job in trainings:
        inputs = re.search(r"input: (.*)", job)[1]
        assert "/train.zarr" in inputs
        assert "/test" not in inputs


def test_one_target_runs_what_it_needs(fresh):
    fresh.succeed(f"{CURVE}/n16/weights.safetensors")
    made = {path.parent.name for path in (fresh.path / RESULTS / "cells").rglob("weights.safetensors")}
    assert made == {"n16"}
    fresh.succeed(f"{CURVE}/n4/cell.json")  # packed with n8
    made = {path.parent.name for path in (fresh.path / RESULTS / "cells").rglob("weights.safetensors")}
    assert made == {"n4", "n8", "n16"}


def test_touching_or_commenting_source_files_makes_nothing_stale(finished):
    for path in (
        *finished.path.rglob("*.py"),
        *finished.path.rglob("*.smk"),
        finished.path / "workflow/Snakefile",
    ):
        os.utime(path)
    assert finished.planned("all") == {}
    finished.edit("pipeline_src/pdetransfer/training.py", "import copy\n", "import copy  # deep\n")
    finished.edit("workflow/scripts/train.py", "from pathlib", "# A comment.\nfrom pathlib")
    finished.edit("config/smoke.yaml", "grid:", "# A comment.\ngrid:")
    assert finished.planned("all") == {}


def raise_version(project, stage):
    project.edit("pipeline_src/pdetransfer/numerics.py", f"{stage} = 1", f"{stage} = 2")


def test_a_numerics_version_reruns_its_stage(finished):
    raise_version(finished, "TABLES")
    tables = {"card": 13, "datasets": 1, "disjoint": 1, "table": 1, "figure": 2, "report": 1}
    assert finished.planned("all") == tables
    raise_version(finished, "EVALUATION")
    assert finished.planned("all") == tables | {"evaluate": 2}
    raise_version(finished, "TRAINING")
    plan = finished.planned("all")
    assert (plan["pretrain"], plan["train"], plan["train_pack"]) == (1, 4, 2)
    assert "generate" not in plan
    before = {path.name for path in (finished.path / RESULTS / "finished").iterdir()}
    finished.succeed("all")
    kept = {path.name for path in (finished.path / RESULTS / "finished").iterdir()}
    assert len(kept - before) == 9  # every cell was trained again
    raise_version(finished, "SOLVER")
    assert finished.planned("all")["generate"] == 39  # 13 datasets, 3 splits


def test_another_device_makes_only_the_printed_config_stale(finished):
    finished.edit("config/smoke.yaml", "device: auto", "device: cpu")
    assert finished.planned("all") == {"report": 1}


def test_a_changed_setting_reruns_what_depends_on_it(finished):
    finished.edit_config(lambda config: config["recipes"]["downstream"].update(length=9))
    plan = finished.planned("all")
    assert (plan["train"], plan["train_pack"]) == (4, 2)
    assert not {"generate", "pretrain"} & set(plan)


def test_a_new_n_outside_the_pack_trains_only_itself(finished):
    finished.edit_config(lambda config: config["experiments"]["data_scaling_poisson"]["n_train"].append(12))
    assert finished.planned("all") == {"train": 2, "evaluate": 2, "table": 1, "figure": 2, "report": 1}


def test_a_new_n_inside_the_pack_retrains_nothing_that_is_finished(finished):
    def grow(config):
        config["packed_n_train"].append(12)
        config["experiments"]["data_scaling_poisson"]["n_train"].append(12)

    finished.edit_config(grow)
    before = {path.name for path in (finished.path / RESULTS / "finished").iterdir()}
    weights = (finished.path / CURVE / "n8/weights.safetensors").read_bytes()
    finished.succeed("all")
    assert len({path.name for path in (finished.path / RESULTS / "finished").iterdir()} - before) == 2
    assert (finished.path / CURVE / "n8/weights.safetensors").read_bytes() == weights
    assert "2 of 3 cells were finished before" in "".join(
        path.read_text() for path in (finished.path / RESULTS / "logs/train").rglob("packed.log")
    )
    assert finished.planned("all") == {}


def test_a_deleted_cell_comes_back_without_training(finished):
    shutil.rmtree(finished.path / CURVE / "n16")
    finished.succeed(f"{CURVE}/n16/cell.json")
    log = finished.path / RESULTS / "logs/train/poisson_e5-10/fno_medium/scratch/downstream/n16.log"
    assert "1 of 1 cells were finished before" in log.read_text()
    assert "step" not in log.read_text()
    assert finished.planned("all") == {}


def test_another_experiments_cells_leave_a_figure_alone(finished):
    def add(config):
        config["experiments"]["more"] = config["experiments"]["data_scaling_poisson"] | {"n_train": [8, 24]}
        config["figures"]["other"] = {"kind": "error_vs_data", "experiment": "more", "title": "Other"}

    finished.edit_config(add)
    assert finished.planned(f"{RESULTS}/figures/fig3a.svg") == {}
    plan = finished.planned("all")
    assert plan == {"train": 2, "evaluate": 2, "table": 1, "figure": 1, "report": 1}


def test_a_mixture_is_pretrained_and_fine_tuned_on_one_of_its_systems(finished):
    def add(config):
        config["experiments"]["mixture"] = {
            "dataset": ["helmholtz_w1-5"],
            "model": ["fno_medium"],
            "init": ["scratch", "mixed", "mixed_equal_steps"],
            "recipe": ["downstream"],
            "n_train": [0, 16],
        }
        config["figures"]["mixture"] = {"kind": "error_vs_data", "experiment": "mixture", "title": "Mixture"}

    finished.edit_config(add)
    finished.succeed(f"{RESULTS}/figures/mixture.svg")
    folder = finished.path / RESULTS / "cells/helmholtz_w1-5/fno_medium"
    mixed = pdetransfer.load_model(folder / "mixed/downstream/n16/weights.safetensors")
    assert mixed.channels.coefficients == ("k11", "k22", "k12", "v1", "v2", "omega")
    own = pdetransfer.load_model(folder / "scratch/downstream/n16/weights.safetensors")
    assert own.channels.coefficients == ("k11", "k22", "omega")
    steps = {
        name: json.loads((finished.path / RESULTS / f"cells/{path}/cell.json").read_text())["chosen"][0][
            "steps"
        ]
        for name, path in {
            "one": "poisson_e1-5/fno_medium/scratch/pretrain/n32",
            "mixed": "mixed/fno_medium/scratch/pretrain/n96",
            "control": "mixed/fno_medium/scratch/pretrain_equal_steps/n96",
        }.items()
    }
    assert steps["mixed"] == 3 * steps["one"]
    assert steps["control"] == steps["one"]


def test_a_cell_in_which_all_diverge_fails_with_a_message(fresh):
    def change(config):
        config["recipes"]["downstream"]["learning_rates"]["scratch"] = [1.0e30, 2.0e30]

    fresh.edit_config(change)
    result = fresh.run(f"{CURVE}/n16/cell.json")
    assert result.returncode != 0
    assert "RuntimeError: every learning rate diverged (lr 1e+30 seed 0" in result.stdout
    assert not (fresh.path / CURVE / "n16/cell.json").exists()


def test_every_run_has_a_history_and_every_job_plain_progress_lines(finished):
    cell = json.loads((finished.path / CURVE / "n16/cell.json").read_text())
    history = pd.read_csv(finished.path / CURVE / "n16/history.csv")
    assert len(history.groupby(["learning_rate", "seed"])) == len(cell["runs"]) == 4
    log = (
        finished.path / RESULTS / "logs/train/poisson_e5-10/fno_medium/scratch/downstream/n16.log"
    ).read_text()
    line = (
        r"n_train 16, run 4 of 4, lr 0.004, seed 1: epoch 4, step 8 of 8, train loss \S+, "
        r"validation loss \S+, error \S+, rate \S+, \d+ examples/s, 0 s left"
    )
    assert re.search(line, log)
