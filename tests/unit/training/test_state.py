"""A killed training goes on where it was, to the same bits; nobody else writes its cell; bad files are refused."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from cases import SIZES
from pdetransfer.base import locks
from pdetransfer.base.files import read_json
from pdetransfer.data.generation import generate
from pdetransfer.training import jobs, state
from pdetransfer.training.hardware import Hardware

RECIPE = {
    "learning_rates": [1e-3, 4e-3],
    "seeds": [0, 1],
    "num_tuning_seeds": 1,
    "extend_grid": False,
    "batch_size": 8,
    "length": 12,
    "length_unit": "epochs",
    "validation_interval": 3,
    "num_validation": 4,
    "validation_at_most_n": False,
    "subset_by_seed": False,
    "fresh_readout": False,
    "precision": "float32",
}
SETTINGS = {
    "architecture": {"kind": "fno", "width": 4, "modes": 4, "num_layers": 2},
    "n_train": 20,  # batches of 8, 8 and 4
    "recipe": RECIPE,
}
STEPS = 3 * 12


class Killed(BaseException):
    pass


class Project:
    """A results folder with a dataset of each of some systems, of which a cell is trained on their mixture."""

    def __init__(self, path, small_split, device="cpu", systems=("poisson",)):
        self.path, self.device, self.architecture, self.settings = path, torch.device(device), {}, {}
        self.splits = {}
        for split, count in (("train", 20), ("validation", 4)):
            names = [split if len(systems) == 1 else f"{split}_{system}" for system in systems]
            files = [(path / f"{name}.zarr", path / f"{name}.json") for name in names]
            for system, (store, manifest) in zip(systems, files, strict=True):
                generate(small_split(system, split=split, count=count // len(systems)), store, manifest)
            self.splits[split] = jobs.Stored(*map(list, zip(*files, strict=True)))

    def train(self, name="cells", archive="archive", **recipe):
        jobs.train(
            [
                SETTINGS
                | {"recipe": RECIPE | recipe}
                | {"architecture": SETTINGS["architecture"] | self.architecture}
                | self.settings
            ],
            [self.path / name],
            self.splits["train"],
            self.splits["validation"],
            None,
            self.path / archive,
            Hardware(self.device),
        )

    def states(self):
        return sorted(self.path.glob("archive/*/.*/*.safetensors"))

    def assert_equal(self, name="cells", other="undisturbed"):
        """To the bit: weights, history, and results but for the time they took."""
        a, b = (load_file(self.path / at / "weights.safetensors") for at in (name, other))
        assert set(a) == set(b)
        for tensor in a:
            torch.testing.assert_close(a[tensor], b[tensor], rtol=0, atol=0)
        histories = [pd.read_csv(self.path / at / "history.csv") for at in (name, other)]
        pd.testing.assert_frame_equal(*histories, check_exact=True)
        contents = [read_json(self.path / at / "cell.json") for at in (name, other)]
        for content in contents:
            for run in content["runs"] + content["chosen"]:
                del run["seconds"], run["memory_mb"]
        assert contents[0] == contents[1]


@pytest.fixture
def project(tmp_path, small_split):
    project = Project(tmp_path, small_split)
    project.train("undisturbed", archive="elsewhere")
    return project


@pytest.fixture
def killed_after(monkeypatch):
    """Kill training after this many steps of it, the state written after each of some."""

    def arm(num_steps, interval=0.0, patched=monkeypatch):
        step, done = state.Unfinished.step, []

        def counted(self, states):
            step(self, states)
            done.extend(one.run.steps for one in states)
            if len(done) >= num_steps:
                raise Killed

        patched.setattr(state, "INTERVAL", interval)
        patched.setattr(state, "SHARE", 0)
        patched.setattr(state.Unfinished, "step", counted)
        return done

    return arm


# In the first epoch, at its end, before and after a validation, in the second rate, in the last seed.
@pytest.mark.parametrize("num_steps", [1, 3, 8, 9, 10, 34, 40, 71, 100])
def test_a_killed_cell_goes_on_where_it_was_to_the_same_bits(project, killed_after, monkeypatch, num_steps):
    with monkeypatch.context():
        killed_after(num_steps)
        with pytest.raises(Killed):
            project.train()
    monkeypatch.undo()
    taken = []
    step = state.Unfinished.step
    monkeypatch.setattr(state.Unfinished, "step", lambda self, states: (step(self, states), taken.append(1)))
    project.train()
    project.assert_equal()
    assert len(taken) + num_steps == 3 * (STEPS - 1)  # no step twice
    assert not list(project.path.glob("archive/*/.*"))


CHOICES = {
    "halving": {"schedule": "halving", "milestones": [3, 7], "clip": 0.1},
    "one cycle": {"schedule": "one_cycle", "betas": [0.8, 0.9], "epsilon": 1e-12},
    "relative": {"objective": "relative_l2"},
}


@pytest.mark.parametrize("choice", CHOICES)
@pytest.mark.parametrize("parametrization", ["standard", "mup"])
def test_a_killed_cell_goes_on_whatever_its_recipe_asks_for(
    tmp_path, small_split, killed_after, monkeypatch, choice, parametrization
):
    project = Project(tmp_path, small_split)
    if parametrization == "mup":
        project.architecture = {"parametrization": "mup", "base": {"width": 2, "modes": 4}}
    with monkeypatch.context():
        killed_after(20)
        with pytest.raises(Killed):
            project.train(**CHOICES[choice])
    monkeypatch.undo()
    project.train(**CHOICES[choice])
    project.train("undisturbed", archive="elsewhere", **CHOICES[choice])
    project.assert_equal()
    rates = pd.read_csv(project.path / "cells/history.csv")["learning_rate_now"]
    assert rates.nunique() > 2


OF_FRAMES = {"num_frames": 2, "input_normalisation": False}


@pytest.mark.parametrize("architecture", [OF_FRAMES, {"kind": "dpot", **SIZES["dpot"], **OF_FRAMES}])
@pytest.mark.parametrize("probabilities", [None, [1.0, 3.0]])
@pytest.mark.parametrize("num_steps", [20, 45])
def test_a_killed_cell_of_noisy_windows_goes_on_to_the_same_bits(
    tmp_path, small_split, killed_after, monkeypatch, architecture, probabilities, num_steps
):
    """In its first run, and in its second."""
    project = Project(tmp_path, small_split, systems=("navier_stokes", "shallow_water"))
    monkeypatch.setitem(
        SETTINGS,
        "architecture",
        architecture if "kind" in architecture else SETTINGS["architecture"] | architecture,
    )
    project.settings = {"probabilities": probabilities} if probabilities else {}
    recipe = {"noise": 0.1, "objective": "relative_l2", "weight_decay": 1e-3, "seeds": [0]}
    with monkeypatch.context() as patched:
        killed_after(num_steps, patched=patched)
        with pytest.raises(Killed):
            project.train(**recipe)
    project.train(**recipe)
    project.train("undisturbed", archive="elsewhere", **recipe)
    project.assert_equal()
    project.train("other", archive="elsewhere", **recipe | {"noise": 0.2})
    histories = [pd.read_csv(project.path / name / "history.csv") for name in ("undisturbed", "other")]
    assert (histories[0]["train_loss"] != histories[1]["train_loss"]).iloc[1:].any()


def test_on_either_device_a_killed_cell_goes_on(tmp_path, small_split, device, killed_after, monkeypatch):
    project = Project(tmp_path, small_split, device)
    with monkeypatch.context():
        killed_after(20)
        with pytest.raises(Killed):
            project.train()
    monkeypatch.undo()
    assert project.states()
    project.train()
    project.train("undisturbed", archive="elsewhere")
    project.assert_equal()


def test_a_cell_killed_again_and_again_ends_the_same(project, killed_after, monkeypatch):
    for num_steps in (5, 1, 17, 30, 2, 20):
        with monkeypatch.context():
            killed_after(num_steps)
            with pytest.raises(Killed):
                project.train()
        monkeypatch.undo()
    project.train()
    project.assert_equal()


def test_between_states_the_steps_since_the_last_are_done_again(project, killed_after, monkeypatch):
    with monkeypatch.context():
        killed_after(40, interval=1e6)
        with pytest.raises(Killed):
            project.train()
    monkeypatch.undo()
    assert len(project.states()) == 1  # the first run, which is done
    project.train()
    project.assert_equal()


@pytest.mark.parametrize("how", ["flipped", "truncated", "empty", "of another cell", "of another version"])
def test_a_bad_state_is_set_aside_and_never_loaded(project, killed_after, monkeypatch, caplog, how):
    with monkeypatch.context():
        killed_after(5)
        with pytest.raises(Killed):
            project.train()
    monkeypatch.undo()
    (path,) = project.states()
    content = bytearray(path.read_bytes())
    if how == "flipped":
        content[-3] ^= 4
    elif how == "truncated":
        del content[len(content) // 2 :]
    elif how == "empty":
        content.clear()
    elif how == "of another cell":
        tensors, description = state.load_tensors(path)
        state.save_tensors(path, tensors, description | {"key": "another"})
        content = path.read_bytes()
    else:
        monkeypatch.setattr(state, "_FORMAT", state._FORMAT + 1)
    path.write_bytes(content)
    aside = []
    monkeypatch.setattr(state.Unfinished, "remove", lambda self: aside.extend(self.folder.iterdir()))
    project.train()
    project.assert_equal()
    assert path.with_suffix(".corrupt") in aside
    assert f"it is set aside as {path.stem}.corrupt" in caplog.text
    assert "goes on after step" not in caplog.text


def test_a_state_that_cannot_be_written_ends_no_training(project, monkeypatch, caplog):
    monkeypatch.setattr(state, "INTERVAL", 0.0)
    save = state.save_tensors

    def full(path, tensors, description):
        raise OSError(f"{path} cannot be written: no space left on device")

    monkeypatch.setattr(state, "save_tensors", full)
    project.train()
    assert "training goes on without: " in caplog.text
    monkeypatch.setattr(state, "save_tensors", save)
    project.assert_equal()


def test_states_are_written_seldom(project, monkeypatch):
    """No sooner than the interval, nor than many times what the last one took."""
    written, now = [], [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def slow(path, tensors, description):
        now[0] += 3.0
        written.append(now[0])

    unfinished = state.Unfinished(project.path / "none", "key", _Held())
    monkeypatch.setattr(state, "save_tensors", slow)
    run = state.Run(1e-3, 0, {})
    at = _Packed(run)
    unfinished._wait()
    for _ in range(1000):
        now[0] += 1.0
        unfinished.step([at])
    assert written[0] == pytest.approx(state.INTERVAL, abs=5)
    assert written[1] - written[0] == pytest.approx(3.0 * state.SHARE, abs=5)


class _Held:
    def check(self):
        pass


class _Packed:
    def __init__(self, run):
        self.run = run

    def pack(self):
        return {}, {}


# What a job does, in a process of its own; state every step.
JOB = """
import json, logging, sys, torch
from pathlib import Path
from pdetransfer.base import locks
from pdetransfer.training import jobs, state
from pdetransfer.training.hardware import Hardware
torch.set_num_threads(1)
path, name, settings, stale = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3]), float(sys.argv[4])
state.INTERVAL = state.SHARE = 0
locks.BEAT, locks.STALE, locks.POLL, locks.SETTLE = 0.2, stale, 0.05, 0.3
logging.basicConfig(level=logging.INFO, format="%(message)s")
stored = [jobs.Stored([path / f"{split}.zarr"], [path / f"{split}.json"]) for split in ("train", "validation")]
jobs.train([settings], [path / name], *stored, None, path / "archive", Hardware(torch.device("cpu")))
"""
LONG = 30  # epochs


class Job:
    def __init__(self, project, name="cells", length=12, stale=100.0):
        self.log = project.path / f"{name}.log"
        settings = json.dumps(SETTINGS | {"recipe": RECIPE | {"length": length, "validation_interval": 3}})
        command = [sys.executable, "-c", JOB, str(project.path), name, settings, str(stale)]
        with open(self.log, "a") as log:
            self.process = subprocess.Popen(command, stderr=log)

    def wait_for(self, text, seconds=600):
        end = time.monotonic() + seconds
        while text not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.02)

    def signal(self, number):
        self.process.send_signal(number)
        return self.process.wait(600) if number != signal.SIGSTOP else None

    def end(self):
        assert self.process.wait(600) == 0, self.log.read_text()


@pytest.fixture
def long_project(project):
    shutil.rmtree(project.path / "undisturbed")
    project.train("undisturbed", archive="longer", length=LONG)
    return project


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_real_process_that_is_killed_goes_on(long_project, number):
    job = Job(long_project, length=LONG)
    job.wait_for("lr 0.004, seed 0: epoch 3")
    code = job.signal(number)
    assert code == (1 if number == signal.SIGTERM else -signal.SIGKILL)
    assert len(long_project.states()) == 2
    assert bool(list(long_project.path.glob("archive/*/.*.lock"))) == (number == signal.SIGKILL)
    assert ("stopped by SIGTERM" in job.log.read_text()) == (number == signal.SIGTERM)
    again = Job(long_project, length=LONG)
    again.end()
    text = again.log.read_text()
    assert "lr 0.004, seed 0: goes on after step" in text
    assert text.count(f"lr 0.001, seed 0: epoch {LONG},") == 1
    assert ("its lock is taken over" in text) == (number == signal.SIGKILL)
    long_project.assert_equal()


def test_a_second_job_waits_for_the_first_and_takes_its_cell(long_project):
    first = Job(long_project, length=LONG)
    first.wait_for("epoch 3")
    first.signal(signal.SIGSTOP)  # so that it holds the lock when the second one wants it
    second = Job(long_project, name="second", length=LONG)
    second.wait_for(f"waiting for process {first.process.pid} on ")
    first.process.send_signal(signal.SIGCONT)
    first.end()
    second.end()
    assert "epoch" not in second.log.read_text()
    assert "another job has finished it meanwhile" in second.log.read_text()
    for name in ("cells", "second"):
        long_project.assert_equal(name)


def test_a_job_that_shows_no_sign_of_life_is_replaced_and_writes_no_more(long_project):
    first = Job(long_project, length=LONG)
    first.wait_for("epoch 3")
    first.signal(signal.SIGSTOP)
    second = Job(long_project, name="second", length=LONG, stale=1.0)
    second.wait_for("shows no sign of life")
    second.wait_for("goes on after step")
    first.process.send_signal(signal.SIGCONT)
    assert first.process.wait(600) == 1
    assert "LockLost" in first.log.read_text()
    assert not (long_project.path / "cells").exists()
    second.end()
    long_project.assert_equal("second")


def test_of_many_that_take_over_one_at_a_time_holds_the_lock(tmp_path):
    """A lock of a dead process, and six that want it; each writes when it enters and leaves."""
    dead = subprocess.run(
        [sys.executable, "-c", HOLD.format(seconds=0, end="os._exit(0)"), tmp_path], check=True
    )
    assert dead.returncode == 0
    assert (tmp_path / "lock").exists()
    code = HOLD.format(seconds=0.2, end="pass")
    holders = [subprocess.Popen([sys.executable, "-c", code, tmp_path]) for _ in range(6)]
    assert [holder.wait(600) for holder in holders] == [0] * 6
    entries = (tmp_path / "entries").read_text().split()
    assert entries[0] == "in"  # of the one that died
    assert entries[1:] == ["in", "out"] * 6
    assert not (tmp_path / "lock").exists()


HOLD = """
import os, sys, time
from pathlib import Path
from pdetransfer.base import locks
locks.POLL, locks.SETTLE = 0.02, 0.5
path = Path(sys.argv[1])
def write(text):
    with open(path / "entries", "a") as file:
        file.write(text + chr(10))
with locks.locked(path / "lock"):
    write("in")
    time.sleep({seconds})
    {end}
    write("out")
"""


def test_the_lock_of_another_machine_is_not_judged_by_its_process_id(tmp_path, monkeypatch):
    owner = {"host": "elsewhere", "pid": 2**22 + 1, "started": "1", "token": "t", "slurm_job": "17"}
    (tmp_path / "lock").write_text(json.dumps(owner))
    assert not locks._is_dead(owner)
    assert locks._is_dead(owner | {"host": locks._host()})
    assert locks._is_dead(owner | {"host": locks._host(), "pid": os.getpid()})  # the id was given again
    monkeypatch.setattr(locks, "STALE", 0.3)
    monkeypatch.setattr(locks, "POLL", 0.05)
    monkeypatch.setattr(locks, "SETTLE", 0.05)
    start = time.monotonic()
    with locks.locked(tmp_path / "lock") as lock:
        assert time.monotonic() - start >= 0.3
        lock.check()
    assert not (tmp_path / "lock").exists()
