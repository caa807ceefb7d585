"""The archive: what was trained once is not trained again.

Its record of a cell lies under a key made of all that decides the cell's numbers: settings, numerics version, the
content of its data and of its initial weights. Cells that differ in their learning rates and seeds alone share a
folder, so that the runs they have in common are trained once. In it are

* ``<trials>/``, a finished cell: its files with their checksums, from which the outputs of rules are linked; so a
  job that packs several cells trains only those that are new,
* ``.<trials>/``, an unfinished one: what its runs have reached (``state.Unfinished``),
* ``.<trials>.lock``, held by the one job that may write either (``base.locks``),
* ``.<trials>.corrupt/``, a finished one that has been damaged since, and is made again.
"""

import csv
import hashlib
import json
import logging
import math
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch

import pdetransfer
from pdetransfer.base import numerics
from pdetransfer.base.files import atomic, read_json, sha256_of_file, write_json
from pdetransfer.base.locks import locked
from pdetransfer.base.provenance import commit
from pdetransfer.models.checkpoints import load_model, save_models
from pdetransfer.training.cells import Cell
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.state import Run, Trial, Unfinished

log = logging.getLogger(__name__)

FILES = ("weights.safetensors", "history.csv", "cell.json")
_SUMS = "sha256.json"  # of the files
_TRIALS = ("learning_rates", "seeds", "num_tuning_seeds", "extend_grid")  # of a recipe: a cell's trials


@dataclass(frozen=True)
class Record:
    """What the archive has of a cell; ``folder`` is that of the finished one."""

    folder: Path

    @classmethod
    def of(
        cls, archive: Path, settings: dict, manifests: dict[str, list[Path]], init: Path | None
    ) -> "Record":
        """That of a cell with ``settings``, the ``manifests`` of its data by split, and its initial weights."""
        recipe = dict(settings["recipe"])
        trials = {name: recipe.pop(name) for name in _TRIALS if name in recipe}
        shared = {
            "settings": settings | {"recipe": recipe},
            "training": numerics.TRAINING,
            "data": {split: list(map(_content, parts)) for split, parts in manifests.items()},
            "init": None if init is None else sha256_of_file(init),
        }
        return cls(archive / _hash(shared) / _hash(trials))

    @property
    def is_finished(self) -> bool:
        return self.folder.is_dir()

    @property
    def lock(self) -> Path:
        return self._hidden(".lock")

    @contextmanager
    def being_written(self) -> Iterator[Unfinished]:
        """What the cell has reached, while no other job may write it; another one that does is waited for."""
        with locked(self.lock) as lock:
            yield Unfinished(self._hidden(), "/".join(self.folder.parts[-2:]), lock)

    def known_runs(self) -> list[Run]:
        """The runs of all finished cells that differ from this one in learning rates and seeds alone.

        Of runs that were not chosen in their cell there are no weights.
        """
        runs: dict[Trial, Run] = {}
        for record in map(Record, sorted(self.folder.parent.glob("[!.]*"))):
            for run in record._runs() if record._is_intact() else ():
                trial = run.learning_rate, run.seed
                if trial not in runs or run.best is not None:
                    runs[trial] = run
        return list(runs.values())

    def keep(self, cell: Cell, unfinished: Unfinished, settings: dict, data: str, hardware: Hardware) -> None:
        """Finish the cell: write its files beside its states, make them count all at once, and forget the states.
        ``data`` is the content of its examples. Raises LockLost if another job has taken over."""
        folder = unfinished.folder / "cell"
        _write(folder, cell, settings, data, hardware)
        write_json(folder / _SUMS, {name: sha256_of_file(folder / name) for name in FILES})
        unfinished.lock.check()
        os.rename(folder, self.folder)
        unfinished.remove()

    def restore(self, folder: Path) -> bool:
        """Link the finished cell's files into ``folder``; False if there is none."""
        if not self.is_finished or not self._is_intact():
            return False
        for name in FILES:
            _link(self.folder / name, folder / name)
        return True

    def _hidden(self, suffix: str = "") -> Path:
        return self.folder.with_name(f".{self.folder.name}{suffix}")

    def _runs(self) -> Iterator[Run]:
        """The runs of the finished cell."""
        import pandas as pd  # takes a quarter of a second, and most jobs find no such cell

        content, trial = read_json(self.folder / "cell.json"), ["learning_rate", "seed"]
        histories = pd.read_csv(self.folder / "history.csv").groupby(trial)
        for summary in content["runs"]:
            rows = histories.get_group((summary["learning_rate"], summary["seed"])).drop(columns=trial)
            run = Run.from_summary(summary, rows.to_dict("records"))
            if summary in content["chosen"]:
                operator = load_model(self.folder / "weights.safetensors", run.seed)
                run.references, run.best = operator.references, operator.model.state_dict()
            yield run

    def _is_intact(self) -> bool:
        """Whether the finished cell's files are what was written; if not, it is set aside.

        Cells of early versions have no checksums, and are taken as they are.
        """
        try:
            sums = read_json(self.folder / _SUMS)
            changed = [name for name, sha256 in sums.items() if sha256_of_file(self.folder / name) != sha256]
        except FileNotFoundError:
            changed = [name for name in FILES if not (self.folder / name).is_file()]
        except ValueError:
            changed = [_SUMS]
        if changed:
            aside = self._hidden(".corrupt")
            shutil.rmtree(aside, ignore_errors=True)
            self.folder.rename(aside)
            log.warning(
                f"a finished cell is not used: {', '.join(changed)} changed since; it is set aside as {aside}"
            )
        return not changed


def _hash(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _content(manifest: Path) -> dict:
    content = read_json(manifest)
    decides = {"sha256": content["sha256"], "coefficient_names": content["coefficient_names"]}
    return decides | ({"own_units": True} if "file" in content else {})


def _write(folder: Path, cell: Cell, settings: dict, data: str, hardware: Hardware) -> None:
    weights = folder / "weights.safetensors"
    save_models(
        weights,
        cell.architecture,
        cell.channels,
        [run.seed for run in cell.chosen],
        [run.references for run in cell.chosen],
        [run.best for run in cell.chosen],
    )
    history = [
        {"learning_rate": run.learning_rate, "seed": run.seed, **row}
        for run in cell.runs
        for row in run.history
    ]
    with atomic(folder / "history.csv") as temporary, temporary.open("w") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(history[0])
        table.writerows(["" if math.isnan(value) else value for value in row.values()] for row in history)
    content = {
        "settings": settings,
        "learning_rates": cell.learning_rates,
        "learning_rate": cell.learning_rate,
        "edge": cell.edge,
        "chosen": [run.summary() for run in cell.chosen],
        "runs": [run.summary() for run in cell.runs],
        "device": hardware.name,
        "num_devices": hardware.num_devices,
        "torch": torch.__version__,
        "pdetransfer": pdetransfer.__version__,
        "commit": commit(),
        "numerics_version": numerics.TRAINING,
        "data": data,
        "weights": sha256_of_file(weights),
    }
    write_json(folder / "cell.json", content)


def _link(source: Path, target: Path) -> None:
    """A hard link; a copy where the file system has none, or where another cell with the same content has
    its link already: Snakemake touches the files of a job, and must not touch another's."""
    with atomic(target) as temporary:
        try:
            if source.stat().st_nlink > 1:
                raise OSError
            os.link(source, temporary)
        except OSError:
            shutil.copyfile(source, temporary)
