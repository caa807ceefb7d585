"""Kills at random moments, and the comparison with an undisturbed run."""

import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd

TARGET = "results/transfer/smoke/tables/seeds.csv"
ARGUMENTS = ("--rerun-incomplete", "--cores=2", TARGET)


def alike(config: dict) -> list[dict]:
    """The recipe of seeds, and the one that is like it, but for learning rates that a proxy has tuned with it."""
    return [config["recipes"][name] for name in ("downstream_seeds", "downstream_transferred")]


def prepare(project) -> None:
    """Longer trainings, and states and signs of life at intervals that suit them."""

    def longer(config):
        config["recipes"]["pretrain"] |= {"length": 100, "validation_interval": 10}
        for recipe in alike(config):
            recipe |= {"length": 200, "validation_interval": 20}

    project.edit_config(longer)
    for file, name, value in (
        ("training/state", "INTERVAL = 60.0", "INTERVAL = 0.2"),
        ("training/state", "SHARE = 50", "SHARE = 1"),
        ("base/locks", "BEAT = 15.0", "BEAT = 0.5"),
        ("base/locks", "STALE = 180.0", "STALE = 10.0"),
        ("base/locks", "POLL = 1.0", "POLL = 0.1"),
        ("base/locks", "SETTLE = 2.0", "SETTLE = 0.2"),
    ):
        project.edit(f"pipeline_src/pdetransfer/{file}.py", name, value)


def start(project, *arguments: str) -> subprocess.Popen:
    """Snakemake, in a session of its own, without ``arguments`` for the target; its output goes to the file
    ``output``."""
    arguments = arguments or ARGUMENTS
    command = [Path(sys.executable).with_name("snakemake")]
    environment = os.environ | {"PYTHONPATH": ""}
    with open(project.path / "output", "w") as output:
        unlock = [*command, "--unlock", *arguments]
        subprocess.run(unlock, cwd=project.path, env=environment, stdout=output, stderr=output, check=True)
        return subprocess.Popen(
            [*command, *arguments],
            cwd=project.path,
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def jobs(project) -> dict[int, str]:
    """The processes of running jobs of the project, and the names of their scripts."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_text()
            if Path(os.readlink(folder / "cwd")) == project.path and (
                script := re.search(r"/tmp[^/]*?\.(\w+)\.py\0", command)
            ):
                found[int(folder.name)] = script[1]
        except OSError:
            continue
    return found


def kill_many(project, num_kills: int, seed: int) -> collections.Counter:
    """Run the project's target to its end again and again, with this many kills on the way, and compare each end
    with an undisturbed run; the number of kills by what was killed and how, of rounds, and of resumed runs."""
    chance = random.Random(seed)
    prepare(project)
    assert start(project).wait() == 0, (project.path / "output").read_text()
    expected, counts = contents(project.path / "results/transfer/smoke"), collections.Counter()
    while sum(counts[kind] for kind in counts if " by " in kind) < num_kills:
        shutil.rmtree(project.path / "results/transfer/smoke")
        while (code := _run_with_a_kill(project, chance, counts)) != 0:
            assert code is not None
        found = contents(project.path / "results/transfer/smoke")
        assert set(found) == set(expected), set(found) ^ set(expected)
        differing = [name for name, value in expected.items() if found[name] != value]
        assert not differing, differing
        counts["rounds without a difference"] += 1
        print(dict(counts), flush=True)
    return counts


def _run_with_a_kill(project, chance, counts) -> int:
    """Run Snakemake, kill something of it once, and wait for its end; 0 if it came to the end of all work."""
    begin, process = time.time(), start(project)
    try:
        assert process.wait(timeout=chance.uniform(1.5, 9)) == 0, (project.path / "output").read_text()
    except subprocess.TimeoutExpired:
        number = chance.choice([signal.SIGKILL, signal.SIGTERM])
        running = sorted(jobs(project).items())
        pid, name = chance.choice([*running, *running, (process.pid, "snakemake")])
        try:
            os.kill(pid, number)
            counts[f"{name} by {number.name}"] += 1
        except ProcessLookupError:
            pass
        # Jobs of a killed Snakemake live on, as on a cluster.
        process.wait()
    logs = project.path.glob("results/transfer/smoke/logs/train/**/*.log")
    texts = [path.read_text() for path in logs if path.stat().st_mtime >= begin]
    counts["runs resumed"] += sum(text.count("goes on after step") for text in texts)
    counts["locks taken over"] += sum(text.count("its lock is taken over") for text in texts)
    return process.returncode


def contents(folder: Path) -> dict[str, object]:
    """What a run leaves, file by file, but for times and logs."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not {"logs", "benchmarks", "archive"} & set(path.relative_to(folder).parts)
        and not path.name.startswith(".")
    }


def _content(path: Path) -> object:
    if path.name == "cell.json":
        cell = json.loads(path.read_text())
        for run in cell["runs"] + cell["chosen"]:
            del run["seconds"], run["memory_mb"]
        return cell
    if path.parent.name == "tables":
        read = pd.read_csv if path.suffix == ".csv" else pd.read_parquet
        return read(path).filter(regex="^(?!.*(seconds|memory))").to_csv()
    return path.read_bytes()


def wait_for_orphans(project) -> None:
    while jobs(project):
        time.sleep(0.1)
