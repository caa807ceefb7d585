"""The seam between files and functions: what a training or evaluation job reads, calls and writes."""

import functools
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch

from pdetransfer.base.files import atomic, read_json
from pdetransfer.data.examples import Examples
from pdetransfer.data.store import content_hash
from pdetransfer.data.stored import Stored, load_for
from pdetransfer.data.windows import Windows
from pdetransfer.models.checkpoints import load_model, saved_seeds
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.plan.modes import by_axis, fit
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training import workers
from pdetransfer.training.archive import Record
from pdetransfer.training.cells import train_cell
from pdetransfer.training.evaluation import errors_of
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs
from pdetransfer.training.transfer import proxy_of, with_rates

log = logging.getLogger(__name__)


def train(
    cells: list[dict],
    folders: list[Path],
    train: Stored,
    validation: Stored,
    init: Path | None,
    archive_folder: Path,
    hardware: Hardware,
) -> None:
    """Train cells that share data and initial weights, each into its folder; skip what is finished.

    ``cells`` holds the settings of each (``inputs.training``). Every cell is in the archive as soon as
    it is finished, and what an unfinished one has reached is kept on the way (``state.Unfinished``). A cell that
    another job is training is waited for.
    """
    manifests = {"train": train.manifests, "validation": validation.manifests}
    cells = list(map(_with_rates, cells))
    todo = [
        (settings, folder, record)
        for settings, folder in zip(cells, folders, strict=True)
        if not (record := Record.of(archive_folder, settings, manifests, init)).restore(folder)
    ]
    log.info(f"{len(cells) - len(todo)} of {len(cells)} cells were finished before")
    if not todo:
        return
    examples = load_for([settings for settings, _, _ in todo], train, validation)
    for of_split, split in zip(examples, (train, validation), strict=True):
        _check_grid(cells[0]["architecture"], of_split, split)
    operator = None if init is None else load_model(init)
    if operator is not None:
        _check_trained(operator, init)
        _check_units(operator, examples[0], train)
    data = content_hash([*train.manifests, *validation.manifests])
    for settings, folder, record in todo:
        with record.being_written() as unfinished:
            if record.restore(folder):
                log.info(f"n_train {settings['n_train']}: another job has finished it meanwhile")
                continue
            known = [*record.known_runs(), *unfinished.done_runs()]
            log.info(f"n_train {settings['n_train']}: {len(known)} runs were finished before")
            recipe = Recipe(**settings["recipe"])
            given = settings["architecture"], recipe, settings["n_train"], *examples, operator
            task = Task(*given, settings.get("probabilities"))
            if hardware.num_devices == 1:
                train_trials = functools.partial(train_runs, task, hardware=hardware, unfinished=unfinished)
            else:
                sources = workers.Sources(settings, train, validation, init)
                train_trials = functools.partial(
                    workers.train_runs, sources, hardware=hardware, unfinished=unfinished
                )
            with unfinished.until_stopped():
                cell = train_cell(task, train_trials, known)
                record.keep(cell, unfinished, settings, data, hardware)
                record.restore(folder)


def _check_grid(architecture: dict, examples: Examples | Windows, split: Stored) -> None:
    """Raise ValueError, with files, keys and shape, for users' files on a grid that a model is not for; what grid
    generated data has is known when a study is planned."""
    contents = [content for content in map(read_json, split.manifests) if "file" in content]
    grid, num_dims = examples.grid, architecture.get("num_dims", 2)
    is_fit, axes = _fit(architecture, grid, num_dims)
    if not contents or (len(grid) == num_dims and is_fit):
        return
    keys = [content.get("keys", content["fields"] + content["outputs"]) for content in contents]
    of_files = (f"{content['file']} ({', '.join(own)})" for content, own in zip(contents, keys, strict=True))
    raise ValueError(
        f"the grid of the examples of {' and '.join(of_files)} has shape {grid}; expected {num_dims} axes of "
        f"{axes}"
    )


def _fit(architecture: dict, grid: tuple[int, ...], num_dims: int) -> tuple[bool, str]:
    """Whether a model takes a grid, and in words what its axes must be."""
    if "patch" in architecture:
        patch = architecture["patch"]
        return all(n % patch == 0 for n in grid), f"multiples of {patch} points, by patch of the model"
    modes, padding = by_axis(architecture["modes"], num_dims), architecture.get("padding", ())
    least = ", ".join(str(2 * of_axis) for of_axis in modes)
    words = f"{least} points at least, by num_dims, modes and padding of the model"
    return len(grid) == num_dims and fit(modes, grid, padding), words


def _with_rates(settings: dict) -> dict:
    """The settings with the learning rates of a cell, and where they come from in the log."""
    found, proxy = with_rates(settings), proxy_of(settings)
    if proxy:
        rates = ", ".join(f"{rate:g}" for rate in found["recipe"]["learning_rates"])
        log.info(f"n_train {found['n_train']}: learning rates {rates}, transferred from {proxy.parent}")
    return found


def _check_trained(operator: NeuralOperator, init: Path) -> None:
    """Raise ValueError, with the file, for the weights of a pre-training that diverged."""
    if not all(weight.isfinite().all() for weight in operator.model.parameters()):
        raise ValueError(
            f"{init} is of a pre-training that diverged; expected one that trained to its end: give its recipe "
            f"smaller learning_rates"
        )


def _check_units(operator: NeuralOperator, examples: Examples | Windows, train: Stored) -> None:
    """Raise ValueError, with the names of the files, for examples in other units than the pre-training's."""
    try:
        operator.check_units(examples)
    except ValueError as mistake:
        contents = map(read_json, train.manifests)
        names = ", ".join(content.get("file") or content["dataset"] for content in contents)
        raise ValueError(f"the examples of {names} do not fit the pre-trained model: {mistake}") from None


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
    shifted physics parameter of its dataset's system, error; of a roll-out its error by frame, too."""
    import pandas as pd  # takes a quarter of a second, and training imports this module

    frames = []
    for curve in curves:
        examples, parameter = None, curve.test.shifted_parameter()
        for n_train, seed, operator in curve.operators():
            if examples is None:  # what they are read as depends on the model
                examples = curve.test.load_for(operator.architecture)
            _check_grid(operator.architecture, examples, curve.test)
            errors = pd.DataFrame(errors_of(operator, examples, device))
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
    architecture = settings["architecture"]
    examples = train.load_for(architecture)
    channels, references = Channels.of(examples, architecture), examples.references()
    recipe = Recipe(**{"learning_rates": [1.0]} | settings["recipe"])  # one that is transferred is not needed
    return [(seed, NeuralOperator(architecture, channels, references, seed)) for seed in recipe.seeds]
