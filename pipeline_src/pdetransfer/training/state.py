"""A run, and all that is kept of it while its cell is unfinished, so that a killed job goes on where it was.

A state holds weights, optimiser, schedule, running loss, best weights and history. The order of examples needs
nothing: it is drawn by the seed alone, and is drawn again up to the step that was reached. So a resumed run ends
with the same bits as an undisturbed one on the same processor, threads and version of PyTorch.
"""

import logging
import math
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from pdetransfer.base.locks import Lock
from pdetransfer.base.tensors import load_tensors, save_tensors

log = logging.getLogger(__name__)

INTERVAL = 60.0  #: seconds between two states of a run, at least
SHARE = 50  #: times the last writing's duration between two, at least: states take less than 2 % of the time
_FORMAT = 1  # of the state files

Trial = tuple[float, int]  #: learning rate and seed of a run


@dataclass
class Run:
    """One training of a cell: its trial, what came out, and its history, a row for each validation. ``best`` holds
    the weights at the validation with the lowest loss; ``seconds`` is its share of the time where runs are trained
    together, ``memory_mb`` the largest memory of the process that trained it, of the GPU where there is one."""

    learning_rate: float
    seed: int
    references: dict[str, float]
    best: dict[str, Tensor] | None = None
    best_step: int = -1
    validation_loss: float = math.inf
    validation_error: float = math.inf
    diverged: bool = False
    steps: int = 0
    epochs: float = 0.0
    seconds: float = 0.0
    memory_mb: float = 0.0
    history: list[dict] = field(default_factory=list)

    def summary(self) -> dict:
        """The scalar results, ready for JSON."""
        finite = {
            entry.name: getattr(self, entry.name)
            for entry in fields(self)
            if entry.name not in ("references", "best", "history")
        }
        return {
            name: None if isinstance(value, float) and math.isinf(value) else value
            for name, value in finite.items()
        }

    @classmethod
    def from_summary(cls, summary: dict, history: list[dict]) -> "Run":
        """A run without its weights and references."""
        finite: dict[str, Any] = {
            name: math.inf if value is None else value for name, value in summary.items()
        }
        return cls(references={}, history=history, **finite)


@dataclass
class State:
    """What a run in progress is made of, beside its data. ``loss_sum`` is the sum of the losses of the
    ``since_validation`` examples since the last validation; ``seen`` counts all examples."""

    run: Run
    model: nn.Module
    optimiser: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    loss_sum: Tensor
    since_validation: int = 0
    seen: int = 0

    def pack(self) -> tuple[dict[str, Tensor], dict]:
        """Tensors, and the rest as JSON."""
        optimiser = self.optimiser.state_dict()
        moments = {
            f"{index}.{name}": value
            for index, values in optimiser["state"].items()
            for name, value in values.items()
        }
        tensors = _prefixed("model", self.model.state_dict()) | _prefixed("optimiser", moments)
        best, run = _pack_run(self.run)
        content = {
            "run": run,
            "groups": optimiser["param_groups"],
            "schedule": self.schedule.state_dict(),
            "since_look": self.since_validation,  # the name in the files of _FORMAT 1
            "seen": self.seen,
        }
        return tensors | best | {"loss_sum": self.loss_sum}, content

    def restore(self, tensors: dict[str, Tensor], content: dict) -> None:
        """Go back to what was packed."""
        self.model.load_state_dict(_named("model", tensors))
        moments: dict[int, dict[str, Tensor]] = {}
        for name, value in _named("optimiser", tensors).items():
            index, _, key = name.partition(".")
            moments.setdefault(int(index), {})[key] = value
        self.optimiser.load_state_dict({"state": moments, "param_groups": content["groups"]})
        self.schedule.load_state_dict(content["schedule"])
        self.loss_sum = tensors["loss_sum"].to(self.loss_sum.device)
        self.since_validation, self.seen = content["since_look"], content["seen"]
        run = _unpack_run(tensors, content["run"])
        for entry in fields(run):
            setattr(self.run, entry.name, getattr(run, entry.name))


class Unfinished:
    """What an unfinished cell has reached: a file in ``folder`` for each run, in progress or done, under the
    cell's ``key``. Nothing is written unless ``lock`` is held; with None it is only read."""

    def __init__(self, folder: Path, key: str, lock: Lock | None, interval: float | None = None):
        self.folder, self.key, self.lock = folder, key, lock
        self._identity = {"format": _FORMAT, "key": key}
        self._interval = INTERVAL if interval is None else interval
        self.stopping = False  #: whether the process has been asked to stop
        self._next = 0.0

    @contextmanager
    def until_stopped(self) -> Iterator[None]:
        """Within the block, SIGTERM, which schedulers send before they kill, is answered at the next step: the
        state is written, and SystemExit raised."""

        def stop(*_: Any) -> None:
            self.stopping = True

        before = signal.signal(signal.SIGTERM, stop)
        try:
            yield
            self.leave_if_stopping()
        finally:
            signal.signal(signal.SIGTERM, before)

    def done_runs(self) -> list[Run]:
        """The runs that were trained to their end."""
        loaded = map(self._load, sorted(self.folder.glob("*.safetensors")))
        return [_unpack_run(tensors, content["run"]) for tensors, content in loaded if content.get("done")]

    def resume(self, state: State) -> bool:
        """Take a run up where it was left; False if it has not been begun."""
        self._wait()
        path = self._path(state.run)
        tensors, content = self._load(path) if path.exists() else ({}, {})
        if not content or content["done"]:
            return False
        state.restore(tensors, content)
        log.info(
            f"lr {state.run.learning_rate:g}, seed {state.run.seed}: goes on after step {state.run.steps}"
        )
        return True

    def step(self, states: list[State]) -> None:
        """After each step of runs that are trained together: write their states if it is time to, or if the
        process is asked to stop."""
        if self.stopping or time.monotonic() > self._next:
            for state in states:
                self._save(state.run, *state.pack(), done=False)
            self.leave_if_stopping()

    def done(self, run: Run) -> None:
        """Keep a run that has been trained to its end."""
        tensors, content = _pack_run(run)
        self._save(run, tensors, {"run": content}, done=True)

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, run: Run) -> Path:
        return self.folder / f"lr{run.learning_rate!r}_seed{run.seed}.safetensors"

    def _save(self, run: Run, tensors: dict[str, Tensor], content: dict, done: bool) -> None:
        if self.lock is None:
            return
        self.lock.check()
        start = time.monotonic()
        try:
            save_tensors(self._path(run), tensors, self._identity | {"done": done} | content)
        except OSError as error:  # a full disk need not end a run: it may be free again when the run is done
            log.warning(f"the state cannot be kept, and training goes on without: {error}")
        self._wait(SHARE * (time.monotonic() - start))

    def _wait(self, at_least: float = 0.0) -> None:
        self._next = time.monotonic() + max(self._interval, at_least)

    def leave_if_stopping(self) -> None:
        """Raise SystemExit if the process has been asked to stop."""
        if self.stopping:
            log.warning("stopped by SIGTERM; what was reached is kept, and the next attempt goes on from it")
            raise SystemExit("stopped by SIGTERM; the next attempt goes on from here")

    def _load(self, path: Path) -> tuple[dict[str, Tensor], dict]:
        """Tensors and content; both empty if the file is damaged or foreign, which is then set aside."""
        try:
            tensors, content = load_tensors(path)
            if {name: content.get(name) for name in self._identity} != self._identity:
                raise ValueError(f"{path} is of another cell or version")
        except ValueError as error:
            aside = path.with_suffix(".corrupt")
            path.rename(aside)
            log.warning(f"a state is not used: {error}; it is set aside as {aside.name}")
            return {}, {}
        # Copies, as the file is mapped into memory and will be replaced.
        return {name: value.clone() for name, value in tensors.items()}, content


def _pack_run(run: Run) -> tuple[dict[str, Tensor], dict]:
    content = {entry.name: getattr(run, entry.name) for entry in fields(run) if entry.name != "best"}
    return _prefixed("best", run.best or {}), content


def _unpack_run(tensors: dict[str, Tensor], content: dict) -> Run:
    return Run(**content, best=_named("best", tensors) or None)


def _prefixed(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}/{name}": value for name, value in tensors.items()}


def _named(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of ``_prefixed``."""
    start = f"{prefix}/"
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
