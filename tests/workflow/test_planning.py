"""What is said before anything runs: plans at every scale, and users' mistakes."""

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
    for job in jobs:
        if any(f"\nrule {rule}" in job for rule in ("train", "pretrain", "evaluate")):
            assert "slurm_partition=gpu" in job
            assert "gpu=1" in job
            assert "constraint=a100" in job
        elif "\nrule generate" in job:
            assert "slurm_partition=cpu" in job
            assert "gpu=" not in job


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["device=gpu"], "config: device is 'gpu'; expected one of ['auto', 'cpu', 'cuda']"),
        (["devise=cpu"], "config: the top level has the unknown key 'devise'"),
        (["seed=1e-3"], "config: seed is '1e-3'; expected a value of type integer (YAML reads"),
        (["packed_n_train=[99999]"], "config: packed_n_train asks for 99999 examples; expected at most"),
    ],
)
def test_a_mistake_in_the_config_is_one_sentence_and_nothing_runs(fresh, arguments, message):
    result = fresh.run("all", "--config", *arguments)
    assert result.returncode != 0
    assert sum(message in line for line in result.stdout.splitlines()) == 1, result.stdout
    assert "Traceback" not in result.stdout
    assert not (fresh.path / "results/smoke").exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_gpu_jobs_take_turns_and_a_missing_gpu_is_said(fresh):
    target = "results/smoke/cells/poisson_e1-5/fno_medium/scratch/pretrain/n32/cell.json"
    result = fresh.run(target, "--config", "device=cuda")
    assert result.returncode != 0
    assert "Provided resources: gpu=1\n" in result.stdout
    assert "RuntimeError: device is 'cuda', but PyTorch finds no CUDA device" in result.stdout
    more = fresh.run(target, "--resources", "gpu=4", "--config", "device=cuda")
    assert "Provided resources: gpu=4\n" in more.stdout


def test_an_unknown_target_is_refused(fresh):
    result = fresh.run("results/smoke/cells/poisson/fno_medium/scratch/downstream/n8/cell.json")
    assert result.returncode != 0
    assert "MissingRuleException" in result.stdout
