"""The archive: finished cells, kept by content. What was trained once is not trained again.

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

from pdetransfer.base import numerics
from pdetransfer.base.files import atomic, read_json, sha256_of_file, write_json
from pdetransfer.models.checkpoints import load_model
from pdetransfer.training.state import Run, Trial

log = logging.getLogger(__name__)

FILES = ("weights.safetensors", "history.csv", "cell.json")
_SUMS = "sha256.json"  # of the files
_TRIALS = ("learning_rates", "seeds", "num_tuning_seeds", "extend_grid")  # of a recipe: a cell's trials


def key(settings: dict, manifests: dict[str, list[Path]], init: Path | None) -> str:
    """Key of a cell with ``settings``, the ``manifests`` of its data by split, and its initial weights: a folder
    for what every run of it shares, and in it a name for its trials."""
    recipe = dict(settings["recipe"])
    trials = {name: recipe.pop(name) for name in _TRIALS if name in recipe}
    shared = {
        "settings": settings | {"recipe": recipe},
        "training": numerics.TRAINING,
        "data": {split: list(map(_content, parts)) for split, parts in manifests.items()},
        "init": None if init is None else sha256_of_file(init),
    }
    return f"{_hash(shared)}/{_hash(trials)}"


def _hash(content: dict) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _content(manifest: Path) -> dict:
    content = read_json(manifest)
    decides = {"sha256": content["sha256"], "coefficient_names": content["coefficient_names"]}
    return decides | ({"own_units": True} if "file" in content else {})


def known_runs(archive: Path, key: str) -> list[Run]:
    """The runs of all finished cells that differ from the one under ``key`` in learning rates and seeds alone.

    Of runs that were not chosen in their cell there are no weights.
    """
    runs: dict[Trial, Run] = {}
    for folder in filter(_is_intact, sorted((archive / key).parent.glob("[!.]*"))):
        histories = _histories(folder / "history.csv")
        content = read_json(folder / "cell.json")
        for summary in content["runs"]:
            trial = summary["learning_rate"], summary["seed"]
            run = Run.from_summary(summary, histories[trial])
            if summary in content["chosen"]:
                operator = load_model(folder / "weights.safetensors", run.seed)
                run.references, run.best = operator.references, operator.model.state_dict()
            if trial not in runs or run.best is not None:
                runs[trial] = run
    return list(runs.values())


def _histories(path: Path) -> dict[Trial, list[dict]]:
    """The histories of all runs of a finished cell."""
    import pandas as pd  # takes a quarter of a second, and most jobs find no such cell

    trial = ["learning_rate", "seed"]
    return {
        key: rows.drop(columns=trial).to_dict("records") for key, rows in pd.read_csv(path).groupby(trial)
    }


def restore(archive: Path, key: str, folder: Path) -> bool:
    """Link a finished cell's files into ``folder``; False if there is none under ``key``."""
    if not (archive / key).is_dir() or not _is_intact(archive / key):
        return False
    for name in FILES:
        _link(archive / key / name, folder / name)
    return True


def keep(archive: Path, key: str, folder: Path) -> None:
    """Move ``folder``, which has the files of a cell, into the archive, under ``key``."""
    write_json(folder / _SUMS, {name: sha256_of_file(folder / name) for name in FILES})
    os.rename(folder, archive / key)


def unfinished_folder(archive: Path, key: str) -> Path:
    """The folder for the states of an unfinished cell."""
    return (archive / key).with_name(f".{Path(key).name}")


def lock_file(archive: Path, key: str) -> Path:
    """The lock file of an unfinished cell."""
    folder = unfinished_folder(archive, key)
    return folder.with_name(f"{folder.name}.lock")


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
