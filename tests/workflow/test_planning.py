"""What is said before anything runs: plans at every scale, and users' mistakes."""

import re

import pytest
import torch

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("config", [None, "config/paper.yaml", "config/smoke.yaml"])
def test_every_scale_is_planned(fresh, config):
    assert "train_pack" in fresh.succeed("-n", "all", config=config)
    assert not (fresh.path / "results/laptop").exists()


def test_the_slurm_profile_plans_paper_scale_as_typed(fresh):
    output = fresh.succeed("--profile", "slurm", "-n", "all", config=None)
    assert "results/paper/report.html" in output
    jobs = output.split("\n\n")
    minutes = {}
    for job in jobs:
        if name := re.search(
            r"rule train_pack.*curve=poisson_e5-10/(\w+)/scratch/downstream,?$", job, re.M | re.S
        ):
            minutes[name[1]] = int(re.search(r"runtime=(\d+)", job)[1])
        if any(f"\nrule {rule}" in job for rule in ("train", "pretrain", "evaluate")):
            assert "slurm_partition=gpu" in job
            assert f"gpu={4 if '/fno_large/' in job and 'rule evaluate' not in job else 1}" in job
            assert "constraint=a100" in job
        elif "\nrule generate" in job:
            assert "slurm_partition=cpu" in job
            assert "cpus_per_task=8" in job
            assert "gpu=" not in job
    assert minutes["fno_tiny"] < minutes["fno_medium"] < minutes["fno_large"] <= 1440


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("device: auto", "device: gpu", "device is 'gpu'; expected one of ['auto', 'cpu', 'cuda']"),
        (
            "device: auto",
            "device: auto\ndevise: cpu",
            "the top level has the unknown key 'devise'; expected one",
        ),
        (
            "[4.0e-3]",
            "[4e-3]",
            "is '4e-3'; expected a value of type number (YAML reads a number like 1e-3 as text",
        ),
        (
            "init: [scratch, own]",
            "init: [scratch, laplace]",
            "init is 'laplace'; expected one of",
        ),
    ],
)
def test_a_mistake_in_the_config_is_one_sentence_and_nothing_runs(fresh, old, new, message):
    fresh.edit("config/smoke.yaml", old, new)
    result = fresh.run("all")
    assert result.returncode != 0
    assert sum(message in line for line in result.stdout.splitlines()) == 1, result.stdout
    assert "Traceback" not in result.stdout
    assert not (fresh.path / "results/smoke").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_gpu_jobs_take_turns_and_a_missing_gpu_is_said(fresh):
    curve = "results/smoke/cells/poisson_e5-10/fno_medium/scratch/downstream_seeds"
    targets = [f"results/smoke/datasets/poisson_e5-10/{split}.json" for split in ("train", "validation")]
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


def test_an_unknown_target_is_refused(fresh):
    result = fresh.run("results/smoke/cells/poisson/fno_medium/scratch/downstream_seeds/n8/cell.json")
    assert result.returncode != 0
    assert "MissingRuleException" in result.stdout
