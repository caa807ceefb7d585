"""The standing of cells, from the files that jobs leave."""

import os
import subprocess
import sys
import time

import pytest
import torch

import cases
from pdetransfer.base.locks import STALE, locked
from pdetransfer.data.generation import generate
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.status import PlannedCell, Standing, describe, standings

ONE_RUN = {"learning_rates": [1e-3], "seeds": [0], "num_tuning_seeds": 1}
SETTINGS = cases.SETTINGS | {"recipe": cases.SETTINGS["recipe"] | ONE_RUN}
PROGRESS = "n_train 4, lr 0.001, seed 0: epoch 2, step 8 of 16, train loss 1.0e-01, 5 s left"


class Job:
    """A training job of two cells, n 4 and 8, and what is said of them."""

    def __init__(self, path, small_split):
        self.path, self.log, self.archive = path, path / "packed.log", path / "archive"
        manifests = {}
        for split in ("train", "validation"):
            manifest = path / f"{split}.json"
            generate(small_split(split=split), path / f"{split}.zarr", manifest)
            manifests[split] = [manifest]
        self.cells = [
            PlannedCell(f"c/n{n}", path / f"c/n{n}", SETTINGS | {"n_train": n}, manifests, None)
            for n in (4, 8)
        ]

    def lock(self, index):
        return self.cells[index].record(self.archive).lock

    def write(self, *lines, age=0.0):
        self.log.write_text("".join(f"2026-01-02 03:04:05,678 {line}\n" for line in lines))
        self.grow_old(self.log, age)

    def grow_old(self, file, age):
        os.utime(file, times=(time.time() - age,) * 2)

    def train(self, *cells):
        stored = [
            jobs.Stored([self.path / f"{s}.zarr"], [self.path / f"{s}.json"]) for s in ("train", "validation")
        ]
        settings, folders = [cell.settings for cell in cells], [cell.folder for cell in cells]
        jobs.train(settings, folders, *stored, None, self.archive, Hardware(torch.device("cpu")))

    @property
    def standings(self):
        return {s.name: (s.status, s.told) for s in standings(self.cells, self.log, self.archive)}

    @property
    def statuses(self):
        return [self.standings[cell.name][0] for cell in self.cells]


@pytest.fixture
def job(tmp_path, small_split):
    return Job(tmp_path, small_split)


def test_cells_wait_before_their_job_and_are_done_after_it(job):
    assert job.statuses == ["waiting", "waiting"]
    job.train(*job.cells)
    job.write("the end", age=2 * STALE)
    assert job.statuses == ["done", "done"]
    (job.cells[1].folder / "cell.json").unlink()  # it comes back without training
    assert job.statuses == ["done", "waiting"]


def test_a_cell_without_its_data_waits(job):
    job.write(PROGRESS)
    job.cells[0].manifests["train"][0].unlink()
    assert job.statuses == ["waiting", "waiting"]


def test_a_cell_runs_while_a_living_job_holds_its_lock(job):
    """The cell before it is done, the one after it waits."""
    job.train(job.cells[0])
    job.write("an earlier line", PROGRESS, age=2 * STALE)
    with locked(job.lock(1)):
        assert job.statuses == ["done", "running"]
        told = job.standings["c/n8"][1]
        assert told.startswith(f"{PROGRESS} (process {os.getpid()} on ")
    assert job.statuses == ["done", "failed"]
    (job.cells[0].folder / "cell.json").unlink()
    job.archive.rename(job.archive.with_name("away"))
    with locked(job.lock(0)):
        assert job.statuses == ["running", "waiting"]


def test_a_job_that_was_killed_has_failed_at_once_where_its_process_can_be_seen(job):
    job.write(PROGRESS)
    code = (
        "import pathlib, sys, time; from pdetransfer.base.locks import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print(1, flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(job.lock(0))]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        assert job.statuses == ["running", "waiting"]
        process.kill()
    assert job.statuses == ["failed", "failed"]
    assert job.standings["c/n4"][1] == f"{PROGRESS} (log: {job.log})"


def test_a_job_on_another_machine_has_failed_when_it_shows_no_sign_of_life(job):
    job.write(PROGRESS, age=2 * STALE)
    lock = job.lock(0)
    lock.parent.mkdir(parents=True)
    lock.write_text('{"host": "elsewhere", "pid": 7, "started": "1", "slurm_job": "42", "token": "t"}')
    assert job.statuses == ["running", "waiting"]
    assert job.standings["c/n4"][1].endswith("(process 7 on elsewhere, SLURM job 42)")
    job.grow_old(lock, STALE + 1)
    assert job.statuses == ["failed", "failed"]


def test_a_job_that_reads_its_data_runs_until_its_log_is_old_or_tells_of_an_error(job):
    job.write()
    assert job.standings["c/n4"] == ("running", "starts")
    job.write("0 of 2 cells were finished before")
    assert job.standings["c/n8"] == ("running", "0 of 2 cells were finished before")
    job.write("0 of 2 cells were finished before", age=STALE + 1)
    assert job.statuses == ["failed", "failed"]
    job.write("failed")
    with open(job.log, "a") as file:
        file.write("Traceback (most recent call last):\nRuntimeError: every learning rate diverged\n")
    told = f"RuntimeError: every learning rate diverged (log: {job.log})"
    assert job.standings == {"c/n4": ("failed", told), "c/n8": ("failed", told)}


def test_the_description_counts_all_and_names_what_runs_and_what_failed():
    found = {
        "all": [Standing("a", "done"), Standing("b", "running", "step 2"), Standing("c", "failed", "why")],
        "controls": [Standing("d", "waiting"), Standing("e", "running", "step 3")],
    }
    assert describe(found).splitlines() == [
        "all: 3 cells: 1 done, 1 running, 0 waiting, 1 failed",
        "controls: 2 cells: 0 done, 1 running, 1 waiting, 0 failed",
        "running: b: step 2",
        "running: e: step 3",
        "failed: c: why",
    ]
