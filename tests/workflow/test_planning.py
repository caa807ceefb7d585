"""What is said before anything runs: plans at every scale, and users' mistakes."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import torch

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scale", ["laptop", "paper", "smoke"])
def test_every_scale_is_planned(fresh, scale):
    output = fresh.succeed("-n", "all", "--config", f"scale={scale}")
    assert "train_pack" in output
    assert f"\nstudy transfer, scale {scale}: results/transfer/{scale}\n" in output
    assert not (fresh.path / "results/transfer").exists()


def test_the_slurm_profile_plans_paper_scale_as_typed(fresh):
    output = fresh.succeed("--profile", "slurm", "-n", "all")
    assert "results/transfer/paper/report.html" in output
    jobs = output.split("\n\n")
    minutes = {}
    for job in jobs:
        if name := re.search(
            r"rule train_pack.*curve=poisson_e5-10/(\w+)/scratch/downstream,?$", job, re.M | re.S
        ):
            minutes[name[1]] = int(re.search(r"runtime=(\d+)", job)[1])
        if any(f"\nrule {rule}" in job for rule in ("train", "pretrain", "evaluate")):
            assert "slurm_partition=gpu" in job  # of every rule of packs, too
            assert f"gpu={4 if '/fno_large/' in job and 'rule evaluate' not in job else 1}" in job
            assert "constraint=a100" in job
        elif "\nrule generate" in job:
            assert "slurm_partition=cpu" in job
            assert "cpus_per_task=8" in job
            assert "gpu=" not in job
    assert minutes["fno_tiny"] < minutes["fno_medium"] < minutes["fno_large"] <= 1440


def test_another_study_typed_beside_the_slurm_profile_is_planned_at_paper_scale(fresh):
    shutil.copytree(fresh.path / "config/transfer", fresh.path / "config/other")
    fresh.edit("config/other/study.yaml", "\ntitle:", "\nanswers: transfer\ntitle:")
    output = fresh.succeed("--profile", "slurm", "-n", "all", "--config", "study=other")
    assert "study other, scale paper: results/other/paper" in output


def test_a_configfile_beside_the_slurm_profile_must_say_the_scale(fresh):
    """It replaces the profile's own, and the scale would be the laptop's."""
    own = fresh.path / "own.yaml"
    own.write_text("longest_job: 600\n")
    result = fresh.run("--profile", "slurm", "-n", "all", "--configfile", "own.yaml")
    assert result.returncode != 0
    assert "expected one that has `scale`, or --config scale=..." in result.stdout
    own.write_text("longest_job: 600\nscale: paper\n")
    output = fresh.succeed("--profile", "slurm", "-n", "all", "--configfile", "own.yaml")
    assert "runtime=600" in output
    assert "runtime=1440" not in output


def test_the_forecast_is_printed_whenever_it_is_asked_for(fresh):
    told = [fresh.succeed("plan") for _ in range(2)]
    table = (fresh.path / "results/transfer/smoke/plan.txt").read_text()
    for words in ("examples/s", "data_scaling", "device_hours", "hours at best", "MB a job"):
        assert words in table
    assert [output.count(table) for output in told] == [1, 1]
    assert "rule forecast" in told[0]
    assert "rule forecast" not in told[1]


def test_a_project_and_its_environment_may_lie_in_folders_with_spaces(fresh):
    project = fresh.path.rename(fresh.path.with_name("a project"))
    (project / ".venv").symlink_to(sys.prefix)
    target = "results/transfer/smoke/datasets/poisson_e1-5/test.json"
    result = subprocess.run(
        [project / ".venv/bin/python", "-m", "snakemake", target],
        cwd=project,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert (project / target).exists()


def test_typed_values_are_laid_over_the_files_and_checked_the_same(fresh):
    target = "results/transfer/smoke/datasets/poisson_e1-5/train.json"
    made = fresh.succeed(target, "--config", "num_examples={train: 40}")
    assert "results/transfer/smoke" in made
    assert json.loads((fresh.path / target).read_text())["count"] == 40
    result = fresh.run("-n", "all", "--config", "num_examples={train: many}")
    assert result.returncode != 0
    assert "num_examples.train is 'many'; expected a valid integer" in result.stdout


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (
            "transfer/smoke.yaml",
            "\ngrid:",
            "\ndevice: gpu\ngrid:",
            "device is 'gpu'; expected 'auto', 'cpu' or 'cuda'",
        ),
        ("transfer/smoke.yaml", "\ngrid:", "\ndevise: cpu\ngrid:", "unknown key 'devise'; expected one of"),
        (
            "transfer/smoke.yaml",
            "fno_small:",
            "fno_smal:",
            "models.fno_smal of the scale is no entry of the study",
        ),
        (
            "transfer/smoke.yaml",
            "width: 4, modes: 2, ",
            "width: 4, ",
            "models.fno_tiny has no 'modes'; expected",
        ),
        (
            "transfer/study.yaml",
            "init: [scratch, own]",
            "init: [scratch, laplace]",
            "init is 'laplace'; expected one of",
        ),
        (
            "transfer/study.yaml",
            "like: fno_medium,",
            "like: fno_mediun,",
            "fno_raw.like is 'fno_mediun'; expected one of",
        ),
        (
            "transfer/claims.yaml",
            "quantity: parameters",
            "quantity: parameter",
            "quantity is 'parameter'; expected one",
        ),
        ("config.yaml", "scale: smoke", "scale: smok", "scale is 'smok'; expected one of"),
        (
            "config.yaml",
            "overrides: {}",
            "overrides: {transfer: {smokes: {}}}",
            "transfer.smokes is no scale of it",
        ),
    ],
)
def test_a_mistake_in_the_config_is_one_sentence_and_nothing_runs(fresh, file, old, new, message):
    fresh.edit(f"config/{file}", old, new)
    result = fresh.run("all")
    assert result.returncode != 0
    assert sum(message in line for line in result.stdout.splitlines()) == 1, result.stdout
    assert "Traceback" not in result.stdout
    assert not (fresh.path / "results/transfer").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_gpu_jobs_take_turns_and_a_missing_gpu_is_said(fresh):
    curve = "results/transfer/smoke/cells/poisson_e5-10/fno_medium/scratch/downstream_seeds"
    targets = [
        f"results/transfer/smoke/datasets/poisson_e5-10/{split}.json" for split in ("train", "validation")
    ]
    fresh.succeed(*targets)
    arguments = [
        "--keep-going",
        f"{curve}/n16/cell.json",
        f"{curve}/n24/cell.json",
        "--config",
        "device=cuda",
    ]
    result = fresh.run(*arguments)
    assert result.returncode != 0
    assert "RuntimeError: device is 'cuda', but PyTorch finds no CUDA device" in result.stdout
    assert result.stdout.count("Execute 1 jobs") == 2
    assert "Execute 2 jobs" in fresh.run("--resources", "gpu=2", *arguments).stdout


def test_a_single_figure_needs_no_experiment_that_it_does_not_show(fresh):
    """Figures that show the same are drawn beside it."""
    figures = "results/transfer/smoke/figures"
    once = {"evaluate": 1, "table": 1}
    packs = {"train_pack": 2, "train_pack_4_8_16": 2}
    size = {"generate": 5, "pretrain": 2, **packs, **once, "figures_fig4": 1}
    assert fresh.planned(f"{figures}/fig4.svg") == size
    shift = {"generate": 8, "pretrain": 1, "train_pack": 4, **once, "figures_fig5": 1}
    assert fresh.planned(f"{figures}/predictions_poisson.svg") == shift
    assert fresh.planned(f"{figures}/fig5.pdf", f"{figures}/predictions_poisson.svg") == shift


def test_an_unknown_target_is_refused(fresh):
    result = fresh.run(
        "results/transfer/smoke/cells/poisson/fno_medium/scratch/downstream_seeds/n8/cell.json"
    )
    assert result.returncode != 0
    assert "MissingRuleException" in result.stdout
