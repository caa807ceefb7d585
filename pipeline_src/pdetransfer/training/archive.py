"""Finished cells, kept by content: what was trained once is not trained again.

A cell's key is made of all that decides its numbers: settings, numerics version, the content of its data
and of its initial weights. Its files are kept under that key, outside the outputs of any rule, and are
linked from there; so a job that packs several cells trains only those that are new. Cells that differ in
their learning rates and seeds alone lie in one folder, so that the runs they share are trained once. Beside them,
with names that start with a dot, lie the states and locks of unfinished cells. What is damaged is set aside
and made again.
"""

import hashlib
import json
import logging
import os
import shutil
from pathlib import Path

import pandas as pd

from pdetransfer.base import numerics
from pdetransfer.base.files import atomic, read_json, sha256_of_file, write_json
from pdetransfer.models.checkpoints import load_model
from pdetransfer.training.state import Run

log = logging.getLogger(__name__)

FILES = ("weights.safetensors", "history.csv", "cell.json")
_SUMS = "sha256.json"  # of the files
_GRID = ("learning_rates", "seeds", "num_tuning_seeds", "extend_grid")  # of a recipe: which runs a cell has


def key(settings: dict, manifests: dict[str, list[Path]], init: Path | None) -> str:
    """Key of a cell with ``settings``, the ``manifests`` of its data by split, and its initial weights: a folder
    for what every run of it shares, and in it a name for the runs."""
    recipe = dict(settings["recipe"])
    grid = {name: recipe.pop(name) for name in _GRID}
    shared = {
        "settings": settings | {"recipe": recipe},
        "training": numerics.TRAINING,
        "data": {split: list(map(_content, parts)) for split, parts in manifests.items()},
        "init": None if init is None else sha256_of_file(init),
    }
    return f"{_hash(shared)}/{_hash(grid)}"


def _hash(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _content(manifest: Path) -> dict:
    content = read_json(manifest)
    return {"sha256": content["sha256"], "coefficient_names": content["coefficient_names"]}


def known_runs(store: Path, key: str) -> list[Run]:
    """The runs of all finished cells that differ from the one under ``key`` in learning rates and seeds alone.

    Of runs that were not chosen in their cell there are no weights.
    """
    runs: dict[tuple[float, int], Run] = {}
    for folder in filter(_is_intact, sorted((store / key).parent.glob("[!.]*"))):
        table = pd.read_csv(folder / "history.csv")
        histories = dict(list(table.groupby(["learning_rate", "seed"])))
        cell = read_json(folder / "cell.json")
        for summary in cell["runs"]:
            at = summary["learning_rate"], summary["seed"]
            history = histories[at].drop(columns=["learning_rate", "seed"]).to_dict("records")
            run = Run.from_summary(summary, history)
            if summary in cell["chosen"]:
                operator = load_model(folder / "weights.safetensors", run.seed)
                run.references, run.best = operator.references, operator.model.state_dict()
            if at not in runs or run.best is not None:
                runs[at] = run
    return list(runs.values())


def restore(store: Path, key: str, folder: Path) -> bool:
    """Link a finished cell's files into ``folder``; False if there is none under ``key``."""
    if not (store / key).is_dir() or not _is_intact(store / key):
        return False
    for name in FILES:
        _link(store / key / name, folder / name)
    return True


def keep(store: Path, key: str, folder: Path) -> None:
    """Move ``folder``, which has the files of a cell, to where it counts as finished under ``key``."""
    write_json(folder / _SUMS, {name: sha256_of_file(folder / name) for name in FILES})
    os.rename(folder, store / key)


def unfinished(store: Path, key: str) -> Path:
    """Where the states of an unfinished cell are kept."""
    return (store / key).with_name(f".{Path(key).name}")


def lock(store: Path, key: str) -> Path:
    """The lock file of an unfinished cell."""
    place = unfinished(store, key)
    return place.with_name(f"{place.name}.lock")


def _is_intact(folder: Path) -> bool:
    """Whether a finished cell's files are what was written; if not, the cell is set aside.

    Cells of early versions have no checksums, and are taken as they are.
    """
    sums = folder / _SUMS
    try:
        changed = [
            name for name, sha256 in read_json(sums).items() if sha256_of_file(folder / name) != sha256
        ]
    except FileNotFoundError:
        changed = [name for name in FILES if not (folder / name).is_file()]
    except ValueError:
        changed = [_SUMS]
    if changed:
        aside = folder.with_name(f".{folder.name}.corrupt")
        shutil.rmtree(aside, ignore_errors=True)
        folder.rename(aside)
        log.warning(
            f"a finished cell is not used: {', '.join(changed)} changed since; it is set aside as {aside}"
        )
    return not changed


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
