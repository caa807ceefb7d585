"""The seam between files and functions: what a training or evaluation job reads, calls and writes."""

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

import pdetransfer
from pdetransfer import datasets, finished, numerics
from pdetransfer.checkpoints import load_model, save_models, saved_seeds
from pdetransfer.evaluation import errors_by_example
from pdetransfer.files import atomic, read_json, sha256_of_file, write_json
from pdetransfer.locks import locked
from pdetransfer.operators import Channels, NeuralOperator
from pdetransfer.provenance import commit
from pdetransfer.state import Unfinished
from pdetransfer.store import content_hash
from pdetransfer.training import Cell, Recipe, train_cell

log = logging.getLogger(__name__)


def set_device(name: str, threads: int) -> torch.device:
    """The device that config's ``device`` names; ``threads`` of the processor are used, no more.

    Raises RuntimeError if "cuda" is asked for and there is none.
    """
    torch.set_num_threads(threads)
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise RuntimeError(
            "device is 'cuda', but PyTorch finds no CUDA device; expected one, or 'cpu' or 'auto'"
        )
    return torch.device("cuda" if available and name != "cpu" else "cpu")


@dataclass(frozen=True)
class Stored:
    """A split on disk: its stores and their manifests, one of each for each dataset of a mixture."""

    stores: list[Path]
    manifests: list[Path]

    @classmethod
    def of(cls, stores: list[str], manifests: list[str]) -> "Stored":
        return cls(list(map(Path, stores)), list(map(Path, manifests)))

    def load(self, count: int | None = None) -> datasets.Examples:
        return datasets.load(self.stores, self.manifests, count)

    def shifted_parameter(self) -> np.ndarray:
        """By example; NaN in a mixture, whose systems have different ones."""
        if len(self.stores) > 1:
            return np.full(sum(read_json(manifest)["count"] for manifest in self.manifests), np.nan)
        return datasets.shifted_parameter(self.stores[0], self.manifests[0])


def train(
    cells: list[dict],
    folders: list[Path],
    train: Stored,
    validation: Stored,
    init: Path | None,
    store_of_finished: Path,
    device: torch.device,
) -> None:
    """Train cells that share data and initial weights, each into its folder; skip what is finished.

    ``cells`` holds the settings of each (``experiments.cell_settings``). Every cell is kept as soon as it is
    finished, and what an unfinished one has reached is kept on the way (``state.Unfinished``). A cell that another
    job is training is waited for.
    """
    manifests = {"train": train.manifests, "validation": validation.manifests}
    keys = [finished.key(settings, manifests, init) for settings in cells]
    todo = [
        (settings, folder, key)
        for settings, folder, key in zip(cells, folders, keys, strict=True)
        if not finished.restore(store_of_finished, key, folder)
    ]
    log.info(f"{len(cells) - len(todo)} of {len(cells)} cells were finished before")
    if not todo:
        return
    train_examples, validation_examples = _load([settings for settings, _, _ in todo], train, validation)
    operator = None if init is None else load_model(init)
    for settings, folder, key in todo:
        place = finished.unfinished(store_of_finished, key)
        with locked(finished.lock(store_of_finished, key)) as lock:
            if finished.restore(store_of_finished, key, folder):
                log.info(f"n_train {settings['n_train']}: another job has finished it meanwhile")
                continue
            unfinished = Unfinished(place, key, lock)
            known = [*finished.known_runs(store_of_finished, key), *unfinished.done_runs()]
            log.info(f"n_train {settings['n_train']}: {len(known)} runs were finished before")
            with unfinished.until_stopped():
                cell = train_cell(
                    settings["architecture"],
                    Recipe(**settings["recipe"]),
                    settings["n_train"],
                    train_examples,
                    validation_examples,
                    operator,
                    device,
                    known,
                    unfinished,
                )
                data = content_hash([*train.manifests, *validation.manifests])
                _write_cell(cell, settings, data, place / "cell", device)
                lock.check()
                finished.keep(store_of_finished, key, place / "cell")
                unfinished.remove()
                finished.restore(store_of_finished, key, folder)


def _load(
    cells: list[dict], train: Stored, validation: Stored
) -> tuple[datasets.Examples, datasets.Examples]:
    """Both splits, read once, as far as any of the cells needs them."""
    recipes = [settings["recipe"] for settings in cells]
    whole = any(recipe["subset_by_seed"] for recipe in recipes)
    n_train = None if whole else max(settings["n_train"] for settings in cells)
    return train.load(n_train), validation.load(max(recipe["num_validation"] for recipe in recipes))


def _write_cell(cell: Cell, settings: dict, data: str, folder: Path, device: torch.device) -> None:
    weights = folder / "weights.safetensors"
    save_models(
        weights,
        cell.architecture,
        cell.channels,
        [run.seed for run in cell.chosen],
        [run.references for run in cell.chosen],
        [run.best for run in cell.chosen],
    )
    history = pd.DataFrame(
        [
            {"learning_rate": run.learning_rate, "seed": run.seed, **row}
            for run in cell.runs
            for row in run.history
        ]
    )
    with atomic(folder / "history.csv") as temporary:
        history.to_csv(temporary, index=False)
    content = {
        "settings": settings,
        "learning_rate": cell.learning_rate,
        "edge": cell.edge,
        "chosen": [run.summary() for run in cell.chosen],
        "runs": [run.summary() for run in cell.runs],
        "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
        "torch": torch.__version__,
        "pdetransfer": pdetransfer.__version__,
        "commit": commit(),
        "numerics_version": numerics.TRAINING,
        "data": data,
        "weights": sha256_of_file(weights),
    }
    write_json(folder / "cell.json", content)


@dataclass(frozen=True)
class Evaluated:
    """A curve to evaluate: its axes, test examples, trained models by n_train, and the seeds and operators of
    n_train 0."""

    axes: dict[str, str]
    test: Stored
    weights: dict[int, Path]
    zero_shot: list[tuple[int, NeuralOperator]]

    def operators(self) -> Iterator[tuple[int, int, NeuralOperator]]:
        """n_train, seed and operator of each model, one of the trained ones in memory at a time."""
        for seed, operator in self.zero_shot:
            yield 0, seed, operator
        for n_train, path in self.weights.items():
            for seed in saved_seeds(path):
                yield n_train, seed, load_model(path, seed)


def evaluate(curves: Iterable[Evaluated], output: Path, device: torch.device) -> None:
    """Write the test errors of curves, example by example: the axes, n_train, seed, num_parameters, example, the
    shifted physics parameter of its dataset's system, error."""
    frames = []
    for curve in curves:
        examples, parameter = curve.test.load(), curve.test.shifted_parameter()
        for n_train, seed, operator in curve.operators():
            errors = pd.DataFrame({"error": errors_by_example(operator, examples, device)})
            log.info(f"{curve.axes}, n_train {n_train}, seed {seed}: test error {errors['error'].mean():.4f}")
            model = {"n_train": n_train, "seed": seed, "num_parameters": operator.num_parameters}
            errors["parameter"] = parameter
            frames.append(errors.rename_axis("example").reset_index().assign(**curve.axes, **model))
    table = pd.concat(frames, ignore_index=True)
    with atomic(output) as temporary:
        table.astype(dict.fromkeys(curve.axes, "category")).to_parquet(temporary, index=False)


def pretrained(init: Path) -> list[tuple[int, NeuralOperator]]:
    """The operators of zero-shot evaluation, with their seeds: the one that fine-tuning starts from."""
    return [(saved_seeds(init)[0], load_model(init))]


def untrained(settings: dict, train: Stored) -> list[tuple[int, NeuralOperator]]:
    """The operators that training from scratch starts from, by seed.

    With no examples to compute references from, those of the whole training split are taken.
    """
    examples = train.load()
    channels, references = Channels.of(examples), examples.references()
    return [
        (seed, NeuralOperator(settings["architecture"], channels, references, seed))
        for seed in settings["recipe"]["seeds"]
    ]
