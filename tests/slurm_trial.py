"""The smoke workflow on a SLURM of its own, beside a local run: ``python tests/slurm_trial.py [NUM_KILLS SEED]``.

Prints jobs, partitions, GPUs and repetitions by rule, both times, and how many results differ. With NUM_KILLS,
nodes with running jobs die at random moments.
"""

import os
import random
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd

WORKFLOW = Path(__file__).with_name("workflow")
sys.path[:0] = [str(WORKFLOW), str(WORKFLOW / "slurm")]

from faults import contents  # noqa: E402

from cluster import QUICK_PROFILE, Cluster, missing  # noqa: E402
from conftest import Project  # noqa: E402

TIMED = ("plan.", "report.html")  # what they say is how long things take


def report(cluster: Cluster, project: Project) -> None:
    jobs = pd.DataFrame(cluster.jobs(project.path))
    jobs["GPUs"] = jobs.get("TresPerJob", pd.Series(index=jobs.index)).str.extract(r"gpu:(\d+)").fillna("0")
    jobs["restarts"] = jobs["Restarts"].astype(int)
    groups = jobs.groupby(["rule", "Partition", "GPUs"])
    counts = groups.agg(jobs=("JobId", "count"), started_again_by_SLURM=("restarts", "sum"))
    counts["failed"] = groups["JobState"].agg(lambda states: (states != "COMPLETED").sum())
    print(counts.reset_index().to_string(index=False))
    print(f"{len(jobs)} jobs, {jobs['restarts'].sum()} started again by SLURM")


def compare(folder: Path, num_kills: int, seed: int) -> None:
    (folder / "cluster").mkdir()
    local, project = (Project(folder / name) for name in ("local", "slurm_run"))
    start = time.monotonic()
    local.succeed("all")
    print(f"local: {time.monotonic() - start:.0f} s")
    with Cluster(folder / "cluster") as cluster, ThreadPoolExecutor() as pool:
        os.environ.update(cluster.env)
        start = time.monotonic()
        workflow = pool.submit(project.succeed, *QUICK_PROFILE, "all")
        killed = cluster.kill_nodes(project.path, workflow, num_kills, random.Random(seed))
        workflow.result()
        print(f"on SLURM: {time.monotonic() - start:.0f} s; killed with their nodes: {dict(killed)}")
        report(cluster, project)
    expected, found = (contents(each.path / "results/transfer/smoke") for each in (local, project))
    names = [name for name in expected | found if not name.startswith(TIMED)]
    differing = [name for name in names if expected.get(name) != found.get(name)]
    print(f"{len(names)} results compared, {len(differing)} differ", *differing)


if __name__ == "__main__":
    if reason := missing():
        sys.exit(f"no SLURM cluster can be started: {reason}")
    with tempfile.TemporaryDirectory() as scratch:
        compare(Path(scratch).resolve(), *map(int, sys.argv[1:] or ("0", "0")))
