"""A cell's runs on several devices of a machine: a process for each, started by the job that holds the cell.

Where there are as many runs as devices, each process trains some of the runs. Where there are fewer, all train
each run together: every batch is split among them, and their gradients are added up (``torch.distributed``,
NCCL on GPUs, Gloo on processors). Batches are those of a single process either way. What comes out is handed over
by the files of the unfinished cell, from which a killed job goes on, with any number of devices.
"""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.distributed as dist

from pdetransfer.base import logs
from pdetransfer.base.locks import Lock
from pdetransfer.data.stored import Stored, load_for
from pdetransfer.models.checkpoints import load_model
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training import loop
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.state import Run, Trial, Unfinished

_GRACE = 60.0  # seconds that workers have to write their states


@dataclass(frozen=True)
class Sources:
    """What a cell's task is read from."""

    settings: dict
    train: Stored
    validation: Stored
    init: Path | None

    def task(self) -> loop.Task:
        return loop.Task(
            self.settings["architecture"],
            Recipe(**self.settings["recipe"]),
            self.settings["n_train"],
            *load_for([self.settings], self.train, self.validation),
            None if self.init is None else load_model(self.init),
            self.settings.get("probabilities"),
        )


def train_runs(
    sources: Sources, trials: list[Trial], hardware: Hardware, unfinished: Unfinished
) -> Iterator[Run]:
    """As ``loop.train_runs``, on ``hardware.num_devices`` devices.

    Raises RuntimeError if a worker fails; its reason is in the job's log.
    """
    count = hardware.num_devices
    together = len(trials) < count
    shares = [trials] * count if together else [trials[rank::count] for rank in range(count)]
    order = {
        "sources": asdict(sources),
        "hardware": {"compile_from": hardware.compile_from, "device": hardware.device.type},
        "threads": max(1, torch.get_num_threads() // count),
        "unfinished": (unfinished.folder, unfinished.key),
        "lock": (unfinished.lock.path, unfinished.lock.owner),
        "log": logs.current_file(),
    }
    with tempfile.TemporaryDirectory() as folder:
        meeting = {"file": f"{folder}/meeting", "count": count} if together else None
        processes = [
            _start(order | {"rank": rank, "trials": share, "meeting": meeting})
            for rank, share in enumerate(shares)
        ]
        _end(processes, processes[:1] if together else processes, unfinished)
    yield from (run for run in unfinished.done_runs() if (run.learning_rate, run.seed) in trials)


def _start(order: dict) -> subprocess.Popen:
    process = subprocess.Popen([sys.executable, "-m", __name__], stdin=subprocess.PIPE, text=True)
    assert process.stdin
    with process.stdin as pipe:
        json.dump(order, pipe, default=str)
    return process


def _end(processes: list[subprocess.Popen], writers: list[subprocess.Popen], unfinished: Unfinished) -> None:
    """Wait for all; if one fails, or the job is asked to stop, let the ``writers`` write their states and stop."""
    failed: list[tuple[int, int]] = []
    while any(process.poll() is None for process in processes):
        failed = failed or [(rank, p.returncode) for rank, p in enumerate(processes) if p.poll()]
        if unfinished.stopping or failed:
            _stop(processes, writers)
        time.sleep(0.05)
    unfinished.leave_if_stopping()
    for rank, code in failed or [(rank, process.returncode) for rank, process in enumerate(processes)]:
        if code:
            raise RuntimeError(f"worker {rank} of {len(processes)} ended with code {code}, see the log")


def _stop(processes: list[subprocess.Popen], writers: list[subprocess.Popen]) -> None:
    for process in writers:
        process.terminate()
    end = time.monotonic() + _GRACE
    for process in writers:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, end - time.monotonic()))
    for process in processes:
        process.kill()


def _work(order: dict) -> None:
    """What a worker does."""
    logs.to_file(order["log"], goes_on=True)
    torch.set_num_threads(order["threads"])
    rank, meeting = order["rank"], order["meeting"]
    kind = order["hardware"]["device"]
    device = torch.device(kind, rank) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(device)  # or each worker takes memory of the first GPU, too
    if meeting:
        backend = "nccl" if kind == "cuda" else "gloo"
        dist.init_process_group(
            backend, init_method=f"file://{meeting['file']}", rank=rank, world_size=meeting["count"]
        )
    is_writer = not meeting or rank == 0
    if not is_writer:  # a scheduler may signal all; what trains together stops when the first does
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder, key), (path, owner) = order["unfinished"], order["lock"]
    unfinished = Unfinished(Path(folder), key, Lock(Path(path), owner) if is_writer else None)
    sources = order["sources"]
    train, validation = (
        Stored(*(list(map(Path, sources[split][name])) for name in ("stores", "manifests")))
        for split in ("train", "validation")
    )
    init = None if sources["init"] is None else Path(sources["init"])
    task = Sources(sources["settings"], train, validation, init).task()
    hardware = Hardware(device, compile_from=order["hardware"]["compile_from"])
    trials = [tuple(trial) for trial in order["trials"]]
    with unfinished.until_stopped() if is_writer else contextlib.nullcontext():
        for _ in loop.train_runs(task, trials, hardware, unfinished):
            pass
    if meeting:
        dist.destroy_process_group()


if __name__ == "__main__":
    _work(json.load(sys.stdin))
