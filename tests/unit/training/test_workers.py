"""Several processes train a cell as one does."""

import dataclasses
import os
import signal
import threading
import time

import pytest
import torch

from cases import SIZES, architecture_of
from pdetransfer.base import logs
from pdetransfer.base.locks import locked
from pdetransfer.data.generation import generate
from pdetransfer.data.stored import Stored
from pdetransfer.training import workers
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import train_runs
from pdetransfer.training.state import Unfinished
from pdetransfer.training.workers import Sources

pytestmark = pytest.mark.slow  # each worker takes some seconds to import PyTorch

CPUS = Hardware(torch.device("cpu"), num_devices=2)
_FEW = pytest.mark.skipif(torch.cuda.device_count() < 2, reason="there are not two CUDA devices")
RECIPE = {
    "learning_rates": [1e-3, 4e-3],
    "seeds": [0],
    "num_tuning_seeds": 1,
    "extend_grid": False,
    "batch_size": 8,
    "length": 3,
    "length_unit": "epochs",
    "validation_interval": 1,
    "num_validation": 8,
    "validation_at_most_n": False,
    "subset_by_seed": False,
    "fresh_readout": False,
    "precision": "float32",
}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, _FEW])])
def two(request):
    return Hardware(torch.device(request.param), num_devices=2)


def sources_of(system, settings, path, small_split):
    stored = []
    for split, count in (("train", 20), ("validation", 8)):
        store, manifest = path / f"{split}.zarr", path / f"{split}.json"
        generate(small_split(system, split=split, count=count), store, manifest)
        stored.append(Stored([store], [manifest]))
    return Sources({"recipe": RECIPE, "n_train": 17} | settings, *stored, None)


@pytest.fixture
def sources(tmp_path, small_split):
    """Of a cell with batches of 8, 8 and 1: one that two processes cannot share."""
    architecture = {"kind": "fno", **SIZES["fno"]}
    return sources_of("poisson", {"architecture": architecture}, tmp_path, small_split)


@pytest.fixture
def noisy(tmp_path, small_split):
    """Of the same with windows of trajectories, which are drawn by probabilities and have noise."""
    recipe = RECIPE | {"noise": 0.3, "objective": "relative_l2"}
    settings = {"architecture": architecture_of("dpot"), "recipe": recipe, "probabilities": [1.0]}
    return sources_of("shallow_water", settings, tmp_path, small_split)


@pytest.fixture
def unfinished(tmp_path):
    with locked(tmp_path / "lock") as lock:
        yield Unfinished(tmp_path / "unfinished", "key", lock)


def by_one(sources, trials, device=CPUS.device):
    return list(train_runs(sources.task(), trials, Hardware(device)))


def test_as_many_runs_as_devices_are_shared_out(sources, unfinished, two):
    trials = [(1e-3, 0), (4e-3, 0)]
    found = list(workers.train_runs(sources, trials, two, unfinished))
    for run, expected in zip(found, by_one(sources, trials, two.device), strict=True):
        assert run.validation_loss == expected.validation_loss
        for name, value in expected.best.items():
            torch.testing.assert_close(run.best[name], value, rtol=0, atol=0)


@pytest.mark.parametrize("kind", ["sources", "noisy"])
def test_fewer_runs_than_devices_share_each_batch(kind, unfinished, two, request):
    sources = request.getfixturevalue(kind)
    (run,) = workers.train_runs(sources, [(4e-3, 0)], two, unfinished)
    (expected,) = by_one(sources, [(4e-3, 0)], two.device)
    assert (run.steps, run.epochs) == (expected.steps, expected.epochs)
    for row, other in zip(run.history, expected.history, strict=True):
        for column in ("train_loss", "validation_loss", "validation_error"):
            assert row[column] == pytest.approx(other[column], rel=1e-4, nan_ok=True)
    for name, value in expected.best.items():
        assert (run.best[name] - value).norm() < 1e-3 * value.norm(), name


def test_processes_that_share_a_batch_compile_their_shares(sources, unfinished, tmp_path, monkeypatch):
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setattr(logs, "current_file", lambda: str(log))
    hardware = dataclasses.replace(CPUS, compile_from=1)
    (run,) = workers.train_runs(sources, [(4e-3, 0)], hardware, unfinished)
    (expected,) = by_one(sources, [(4e-3, 0)])
    assert run.validation_error == pytest.approx(expected.validation_error, rel=1e-3)
    assert log.read_text().count("steps of 8 examples, 4 at once, compiled") == 2
    assert "cannot be compiled" not in log.read_text()


def test_a_worker_that_fails_fails_the_job(sources, unfinished, capfd):
    broken = dataclasses.replace(sources, settings=sources.settings | {"n_train": 99})
    with pytest.raises(RuntimeError, match=r"worker \d of 2 ended with code 1, see the log"):
        list(workers.train_runs(broken, [(1e-3, 0), (4e-3, 0)], CPUS, unfinished))
    assert "99" in capfd.readouterr().err


@pytest.mark.parametrize("trials", [[(1e-3, 0), (4e-3, 0)], [(4e-3, 0)]], ids=["shared out", "together"])
def test_a_job_asked_to_stop_goes_on_where_its_workers_were(
    sources, unfinished, tmp_path, monkeypatch, trials
):
    recipe = RECIPE | {"length": 400, "validation_interval": 10}
    sources = dataclasses.replace(sources, settings=sources.settings | {"recipe": recipe})
    log = tmp_path / "log"
    log.touch()
    monkeypatch.setattr(logs, "current_file", lambda: str(log))

    def stop():
        while "step 30 of" not in log.read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(SystemExit, match="goes on from here"), unfinished.until_stopped():
        list(workers.train_runs(sources, trials, CPUS, unfinished))
    again = Unfinished(unfinished.folder, unfinished.key, unfinished.lock)
    assert not again.done_runs()
    found = list(workers.train_runs(sources, trials, CPUS, again))
    assert "goes on after step" in log.read_text()
    for run, expected in zip(found, by_one(sources, trials), strict=True):
        assert run.steps == expected.steps
        assert run.validation_error == pytest.approx(expected.validation_error, rel=1e-2)
