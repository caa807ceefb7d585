"""`snakemake --profile slurm` on a real SLURM with virtual nodes; what it asked for is read from SLURM's records.

One experiment with all kinds of jobs stands for the workflow. GPUs are asked for, training is on the CPU.
"""

import re
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

pytestmark = pytest.mark.slow

GPU_RULES = {"pretrain", "train", "train_pack", "evaluate"}
SHARED = ("card", "datasets", "disjoint", "figure", "gallery", "predictions", "report", "stages", "systems", "table")
CPU_RULES = {"generate", *SHARED}
# The profile as it is, but with quick looks at the queue.
SLURM = (
    *("--profile", "slurm", "--config", "device=cpu"),
    *("--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"),
    *("--max-jobs-per-timespan", "100/1s"),
)


def one_experiment(config):
    """Leave data_scaling of one dataset, with its figures and one of predictions."""
    for name, entry in config["experiments"].items():
        if name != "data_scaling":
            entry["question"] = "control"
    config["experiments"]["data_scaling"]["dataset"] = ["poisson_e5-10"]
    config["figures"]["predictions_poisson"]["experiments"] = ["data_scaling"]


def running(cluster, rule, wildcards=""):
    """The first job of a rule that runs, once there is one."""

    def find():
        jobs = [job for job in cluster.jobs() if job["rule"] == rule and wildcards in job["Comment"]]
        return next((job for job in jobs if job["JobState"] == "RUNNING" and cluster.processes(job["JobId"])), None)

    return cluster.wait_for(f"no {rule} job runs", find, seconds=240)


def minutes(job):
    hours, minutes, seconds = map(int, job["TimeLimit"].split(":"))
    return 60 * hours + minutes + seconds / 60


def megabytes(job):
    number, unit = re.fullmatch(r"([\d.]+)([MG])", job["MinMemoryNode"]).groups()
    return float(number) * {"M": 1, "G": 1024}[unit]


def test_the_workflow_runs_on_a_cluster_as_the_profile_says(cluster, fresh):
    fresh.edit_config(one_experiment)
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fresh.run, *SLURM, "all")
        cancelled = running(cluster, "pretrain")["JobId"]
        cluster.run("scancel", cancelled)
        result = run.result()
    assert result.returncode == 0, result.stdout
    assert (fresh.path / "results/smoke/report.html").exists()

    print(result.stdout)
    print((cluster.path/"submitted").read_text())
    for j in cluster.jobs(): print(j)
    print(cluster.run("sdiag"))
    assert 0
