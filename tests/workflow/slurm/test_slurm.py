"""`snakemake --profile slurm` on a real SLURM with virtual nodes; what it asks for is read from SLURM's records.

One experiment with every kind of job stands for the workflow. GPUs are asked for; training is on the CPU.
"""

import random
import re
import signal
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from faults import start

from cluster import ACCOUNT, QUICK_PROFILE, rule_of

pytestmark = pytest.mark.slow

GPU_RULES = {"pretrain", "train", "train_pack", "train_pack_4_8_16", "evaluate"}
LOCAL_RULES = {"forecast"}


def one_experiment(config):
    """Leave data_scaling of one dataset, with its figures and one of predictions; trainings take two GPUs."""
    for name, entry in config["experiments"].items():
        if name != "data_scaling":
            entry["question"] = "control"
    config["experiments"]["data_scaling"]["dataset"] = ["poisson_e5-10"]
    config["figures"]["predictions_poisson"]["experiments"] = ["data_scaling"]
    config["figures"]["savings_by_distance"]["kind"] = "error_by_parameter"  # which controls may have, too
    config["models"]["fno_medium"]["num_gpus"] = 2


def running(cluster, project, rule, count=1):
    """The jobs of a rule that run, once there are so many of them."""

    def find():
        jobs = [job for job in cluster.running(project.path) if job["rule"] == rule]
        return jobs if len(jobs) == count else None

    return cluster.wait_for(f"not {count} {rule} jobs run", find, seconds=300)


def minutes(job):
    hours, minutes, seconds = map(int, job["TimeLimit"].split(":"))
    return 60 * hours + minutes + seconds / 60


def asked(job):
    """Minutes, megabytes and CPUs of a job."""
    return minutes(job), job["MinMemoryNode"], int(job["CPUs/Task"])


def test_a_workflow_runs_on_a_cluster_as_the_profile_says(cluster, fresh):
    fresh.edit_config(one_experiment)
    planned = fresh.planned("all")
    trained = {rule for rule in planned if rule in GPU_RULES}
    assert trained == {"pretrain", "train_pack_4_8_16", "evaluate"}
    assert planned.keys() >= {"generate", "card", "table", "figures_fig3", "report"}
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fresh.run, *QUICK_PROFILE, "all")
        [cancelled] = running(cluster, fresh, "pretrain")
        cluster.run("scancel", cancelled["JobId"])
        result = run.result()
    assert result.returncode == 0, result.stdout
    assert (fresh.path / "results/transfer/smoke/report.html").exists()

    jobs = cluster.jobs(fresh.path)
    submitted = Counter(planned) + Counter(pretrain=1) - Counter(LOCAL_RULES)
    assert Counter(job["rule"] for job in jobs) == submitted
    for job in jobs:
        on_gpu, num_gpus = job["rule"] in GPU_RULES, 1 if job["rule"] == "evaluate" else 2
        assert job["Account"] == ACCOUNT
        assert job["Partition"] == ("gpu" if on_gpu else "cpu")
        assert re.sub("[^a-z0-9]", ":", job.get("TresPerJob", "")) == (
            f"gres:gpu:{num_gpus}" if on_gpu else ""
        )
        assert job["Features"] == ("a100" if on_gpu else "(null)")
    with_qos = [rule_of(line) for line in cluster.submit_lines(fresh.path) if " --qos=normal " in line]
    assert Counter(with_qos) == Counter(job["rule"] for job in jobs if job["rule"] in GPU_RULES)

    assert {asked(job) for job in jobs if job["rule"] == "generate"} == {(60, "8000M", 8)}
    assert {asked(job) for job in jobs if job["rule"] == "report"} == {(60, "8000M", 2)}
    assert {asked(job) for job in jobs if job["rule"].startswith("train_pack")} == {(11, "4503M", 8)}
    assert {asked(job) for job in jobs if job["rule"] == "evaluate"} == {(240, "32000M", 8)}
    # The cancelled job was done again, with more of what it may have lacked.
    pretrain = [(job["JobState"], *asked(job)) for job in jobs if job["rule"] == "pretrain"]
    assert pretrain == [("CANCELLED", 11, "4503M", 8), ("COMPLETED", 22, "9006M", 8)]


def test_a_cancelled_job_one_out_of_time_and_one_on_a_dead_node_are_done_again(cluster, fresh):
    splits = [
        f"results/transfer/smoke/datasets/poisson_e5-10/{split}.json"
        for split in ("train", "validation", "test")
    ]
    # Two of three jobs fit on a node; the shortest time that SLURM knows.
    asks = ("--set-resources", "generate:runtime=attempt", "generate:cpus_per_task=8")
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fresh.run, *QUICK_PROFILE, *asks, "--", *splits)
        jobs = running(cluster, fresh, "generate", count=3)
        node = min(jobs, key=lambda job: [other["NodeList"] for other in jobs].count(job["NodeList"]))[
            "NodeList"
        ]
        [stranded] = [job["JobId"] for job in jobs if job["NodeList"] == node]
        cancelled, stuck = (job["JobId"] for job in jobs if job["NodeList"] != node)
        for process in cluster.processes(stuck):
            if "slurmstepd" not in process.name():
                process.send_signal(signal.SIGSTOP)
        cluster.run("scancel", cancelled)
        cluster.kill_node(node)
        result = run.result()
    cluster.start_node(node)
    assert result.returncode == 0, result.stdout
    assert all((fresh.path / name).exists() for name in splits)

    ended = {job["JobId"]: job for job in cluster.jobs(fresh.path)}
    assert ended[cancelled]["JobState"] == "CANCELLED"
    assert ended[stuck]["JobState"] == "TIMEOUT"
    assert (ended[stranded]["JobState"], ended[stranded]["Restarts"]) == ("COMPLETED", "1")
    again = [ended[job] for job in ended.keys() - {cancelled, stuck, stranded}]
    assert [(job["JobState"], *asked(job)) for job in again] == 2 * [("COMPLETED", 2, "16000M", 8)]


CELL = "results/transfer/smoke/cells/poisson_e1-5/fno_medium/scratch/pretrain/n32"
LOG = "results/transfer/smoke/logs/train/poisson_e1-5/fno_medium/scratch/pretrain/n32.log"


def long_training(project):
    """States and signs of life at intervals that suit the length of a test."""

    def longer(config):
        config["recipes"]["pretrain"] |= {"length": 3000, "validation_interval": 100}

    project.edit_config(longer)
    project.edit("pipeline_src/pdetransfer/training/state.py", "INTERVAL = 60.0", "INTERVAL = 0.5")
    project.edit("pipeline_src/pdetransfer/training/state.py", "SHARE = 50", "SHARE = 1")


def weights(project):
    return (project.path / CELL / "weights.safetensors").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(another):
    """The same training, on this machine."""
    long_training(another)
    another.succeed(f"{CELL}/cell.json")
    return weights(another)


def test_a_training_on_a_node_that_dies_goes_on_elsewhere_to_the_same_bits(cluster, fresh, undisturbed):
    long_training(fresh)
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fresh.run, *QUICK_PROFILE, f"{CELL}/cell.json")
        [job] = running(cluster, fresh, "pretrain")
        states = fresh.path / "results/transfer/smoke/archive"
        cluster.wait_for("no state is written", lambda: list(states.glob("*/.*/*.safetensors")), 60)
        time.sleep(random.uniform(0, 3))
        cluster.kill_node(job["NodeList"])
        result = run.result()
    cluster.start_node(job["NodeList"])
    assert result.returncode == 0, result.stdout
    assert "goes on after step" in (fresh.path / LOG).read_text()
    assert weights(fresh) == undisturbed


def test_jobs_of_a_killed_snakemake_live_on_and_those_of_the_next_one_wait(cluster, fresh, undisturbed):
    long_training(fresh)
    first = start(fresh, *QUICK_PROFILE, f"{CELL}/cell.json")
    [orphan] = running(cluster, fresh, "pretrain")
    first.kill()
    first.wait()
    fresh.succeed("--unlock")
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fresh.run, *QUICK_PROFILE, f"{CELL}/cell.json")
        running(cluster, fresh, "pretrain", count=2)
        result = run.result()
    assert result.returncode == 0, result.stdout
    waited = rf"waiting for process \d+ on .*, SLURM job {orphan['JobId']}, which holds"
    assert re.search(waited, (fresh.path / LOG).read_text())
    states = [job["JobState"] for job in cluster.jobs(fresh.path) if job["rule"] == "pretrain"]
    assert states == ["COMPLETED", "COMPLETED"]
    assert weights(fresh) == undisturbed


def test_the_status_tells_of_jobs_on_nodes_from_where_snakemake_runs(cluster, fresh):
    fresh.edit_config(
        lambda config: config["recipes"]["pretrain"].update(length=3000, validation_interval=100)
    )
    cell = "poisson_e1-5/fno_medium/scratch/pretrain/n32"
    told = ""
    with ThreadPoolExecutor() as pool:
        run = pool.submit(fresh.run, *QUICK_PROFILE, f"results/transfer/smoke/cells/{cell}/cell.json")
        [job] = running(cluster, fresh, "pretrain")
        expected = (
            rf"running: {cell}: .*epoch .*rate .* s left \(process \d+ on .*, SLURM job {job['JobId']}\)"
        )
        while not re.search(expected, told):
            assert not run.done(), told
            told = fresh.told("status")
        result = run.result()
    assert result.returncode == 0, result.stdout
    assert "1 done, 0 running, 40 waiting, 0 failed" in fresh.told("status")
