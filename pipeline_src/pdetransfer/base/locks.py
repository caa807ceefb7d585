"""One writer at a time, also between machines that share nothing but a folder."""

import json
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pdetransfer.base.files import atomic

log = logging.getLogger(__name__)

BEAT = 15.0  #: seconds between two signs of life of an owner
STALE = 180.0  #: seconds without a sign of life, as the one who waits counts, until a take-over
POLL = 1.0  #: seconds between two looks of one who waits
SETTLE = 2.0  #: seconds after a take-over, in which another one may still take over the same lock


class LockLost(RuntimeError):
    """Another job has taken over; nothing more may be written."""


class Lock:
    """The lock file ``path``, held by this process, or by the ``owner`` that started it. It says who holds it, and
    its time of change is renewed every ``BEAT`` seconds as a sign of life."""

    def __init__(self, path: Path, owner: dict | None = None):
        self.path = path
        self.owner = owner or {
            "host": _host(),
            "pid": os.getpid(),
            "started": _start_time(os.getpid()),
            "slurm_job": os.getenv("SLURM_JOB_ID"),
            "token": uuid.uuid4().hex,
        }
        self._released = threading.Event()

    def check(self) -> None:
        """Raise LockLost unless this process still holds the lock; to be called before anything is written."""
        if not self._is_mine():
            raise LockLost(
                f"{self.path} is held by {_name(_read(self.path)[0])}, which took over from this job; "
                f"it goes on with the work, and this job stops"
            )

    def _is_mine(self) -> bool:
        return _read(self.path)[0].get("token") == self.owner["token"]

    def _acquire(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        seen, since = None, time.monotonic()
        while not self._create():
            now = _read(self.path)
            if now != seen:
                if seen is None or now[0] != seen[0]:
                    log.info(f"waiting for {_name(now[0])}, which holds {self.path.name}")
                seen, since = now, time.monotonic()
            if _is_dead(now[0]) or time.monotonic() - since > STALE:
                log.warning(f"{_name(now[0])} shows no sign of life: its lock is taken over")
                with atomic(self.path) as temporary:
                    temporary.write_text(json.dumps(self.owner))
                time.sleep(SETTLE)
                if self._is_mine():
                    return
            time.sleep(POLL)

    def _create(self) -> bool:
        try:
            with open(self.path, "x") as file:
                file.write(json.dumps(self.owner))
        except FileExistsError:
            return False
        return True

    def _beat(self) -> None:
        while not self._released.wait(BEAT):
            if not self._is_mine():
                return
            os.utime(self.path)

    def _release(self) -> None:
        self._released.set()
        if self._is_mine():
            self.path.unlink()


@contextmanager
def locked(path: Path) -> Iterator[Lock]:
    """Hold the lock file ``path``; wait as long as another living job holds it.

    A lock is taken over if its owner is a process of this machine that has ended, or if it has shown no sign of
    life for ``STALE`` seconds. An owner that was only asleep then finds out by ``Lock.check``.
    """
    lock = Lock(path)
    lock._acquire()
    threading.Thread(target=lock._beat, daemon=True).start()
    try:
        yield lock
    finally:
        lock._release()


def holder(path: Path) -> str | None:
    """The living owner of the lock file ``path``, in words; None without a sign of life for ``STALE`` seconds."""
    owner, beat = _read(path)
    if not owner or _is_dead(owner) or time.time() - beat / 1e9 > STALE:
        return None
    return _name(owner)


def _read(path: Path) -> tuple[dict, int]:
    """Owner and time of the last sign of life; no owner if the file is gone or half written."""
    try:
        return json.loads(path.read_text()), path.stat().st_mtime_ns
    except (OSError, ValueError):
        return {}, 0


def _name(owner: dict) -> str:
    job = f", SLURM job {owner['slurm_job']}" if owner.get("slurm_job") else ""
    return f"process {owner.get('pid')} on {owner.get('host')}{job}"


def _host() -> str:
    """Where process ids mean the same: a machine, and on it a container."""
    try:
        return f"{socket.gethostname()} {os.readlink('/proc/self/ns/pid')}"
    except OSError:
        return socket.gethostname()


def _start_time(pid: int) -> str | None:
    """When a living process started, so that a later one of the same id is told from it; None if none lives, or
    where the system does not say."""
    try:
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else rest[18]


def _is_dead(owner: dict) -> bool:
    """Whether the owner is known to have ended."""
    if owner.get("started") is None or owner.get("host") != _host():
        return False
    return _start_time(owner["pid"]) != owner["started"]
