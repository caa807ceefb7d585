"""A trained cell as a folder that can be sent on: its models, what they are in JSON, and a model card."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np
import torch

from pdetransfer.analysis.tables import PROVENANCE
from pdetransfer.base.files import read_json, sha256_of_file, write_json
from pdetransfer.base.tensors import read_description
from pdetransfer.data.cards import equation
from pdetransfer.data.store import content_hash
from pdetransfer.data.stored import Stored
from pdetransfer.data.systems._spectral import SpectralSystem
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.models.checkpoints import WEIGHTS, load_model
from pdetransfer.plan.study import Curve
from pdetransfer.training.evaluation import errors_of

_OF_DATA = ("dataset", "system", "options", "num_points", "source_parameters", "count", "channels")


@dataclass(frozen=True)
class TrainedCell:
    """A cell, its files, and the data that it was trained and is tested on, by stored dataset."""

    curve: Curve
    weights: Path
    summary: Path  #: its ``cell.json``
    train_manifests: list[Path]
    test: list[Stored]


def export(cell: TrainedCell, folder: Path, device: torch.device) -> None:
    """Write ``weights.safetensors``, ``config.json`` and ``README.md``, a model card, into ``folder``.

    The test error is that on the test examples of the datasets that the cell was trained on. Raises ValueError if
    the weights are damaged.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(cell.weights, folder / WEIGHTS)
    content = describe(cell, device)
    write_json(folder / "config.json", content)
    (folder / "README.md").write_text(model_card(content))


def model_card(content: dict) -> str:
    """The card of a cell that is described so (``describe``), Markdown."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    systems = [SYSTEMS.get(part["system"]) for part in content["data"]]
    on_square = all(system is not None and issubclass(system, SpectralSystem) for system in systems)
    return environment.get_template("model_card.md.j2").render(content, on_square=on_square)


def describe(cell: TrainedCell, device: torch.device) -> dict:
    """All that is known of a cell, ready for JSON: what rebuilds its operators, how it was trained and how well it
    does, where it comes from."""
    summary, manifests = read_json(cell.summary), list(map(read_json, cell.train_manifests))
    return {
        "name": f"{cell.curve.path}/n{summary['settings']['n_train']}",
        **read_description(cell.weights),
        "num_parameters": load_model(cell.weights).num_parameters,
        "init": cell.curve.init,
        "n_train": summary["settings"]["n_train"],
        "recipe": summary["settings"]["recipe"],
        "learning_rate": summary["learning_rate"],
        "data": [
            {key: manifest.get(key) for key in _OF_DATA} | {"equation": equation(manifest)}
            for manifest in manifests
        ],
        "test_errors": [row for stored in cell.test for row in _test_errors(cell.weights, stored, device)],
        "seconds": sum(run["seconds"] for run in summary["chosen"]),
        "provenance": {name: summary.get(name) for name in PROVENANCE}
        | {"data": content_hash(cell.train_manifests), "weights": sha256_of_file(cell.weights)},
    }


def _test_errors(weights: Path, stored: Stored, device: torch.device) -> list[dict]:
    """Mean and median relative L2 error of each seed's model."""
    (dataset,) = {read_json(path)["dataset"] for path in stored.manifests}
    examples, rows = stored.load_for(read_description(weights)["architecture"]), []
    for seed in read_description(weights)["seeds"]:
        errors = errors_of(load_model(weights, seed), examples, device)["error"]
        told = {"dataset": dataset, "seed": seed, "examples": len(errors)}
        rows.append(told | {"mean": float(np.mean(errors)), "median": float(np.median(errors))})
    return rows
