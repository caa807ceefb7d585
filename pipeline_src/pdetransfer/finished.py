"""Finished cells, kept by content: what was trained once is not trained again.

A cell's key is made of all that decides its numbers: settings, numerics version, the content of its data
and of its initial weights. Its files are kept under that key, outside the outputs of any rule, and are
linked from there; so a job that packs several cells trains only those that are new.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path

from pdetransfer import numerics
from pdetransfer.files import atomic, read_json, sha256_of_file

FILES = ("weights.safetensors", "history.csv", "cell.json")


def key(settings: dict, manifests: dict[str, list[Path]], init: Path | None) -> str:
    """Key of a cell with ``settings``, the ``manifests`` of its data by split, and its initial weights."""
    content = {
        "settings": settings,
        "training": numerics.TRAINING,
        "data": {split: list(map(_content, parts)) for split, parts in manifests.items()},
        "init": None if init is None else sha256_of_file(init),
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:32]


def _content(manifest: Path) -> dict:
    content = read_json(manifest)
    return {"sha256": content["sha256"], "coefficient_names": content["coefficient_names"]}


def restore(store: Path, key: str, folder: Path) -> bool:
    """Link a finished cell's files into ``folder``; False if there is none under ``key``."""
    if not (store / key).is_dir():
        return False
    for name in FILES:
        _link(store / key / name, folder / name)
    return True


def keep(store: Path, key: str, folder: Path) -> None:
    """Keep the files of the cell in ``folder`` under ``key``; they are all there or none is."""
    temporary = store / f".{key}.{os.getpid()}"
    shutil.rmtree(temporary, ignore_errors=True)
    for name in FILES:
        _link(folder / name, temporary / name)
    shutil.rmtree(store / key, ignore_errors=True)
    os.rename(temporary, store / key)


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
