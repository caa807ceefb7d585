"""Trained models on disk: one safetensors file holds a cell's models, one for each seed.

Every tensor carries a leading axis of seeds; the file's metadata says what rebuilds the operators.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from pdetransfer.base.files import UnusableFile
from pdetransfer.base.tensors import load_tensors, read_description, save_tensors
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.models.registry import MODELS

WEIGHTS = "weights.safetensors"  #: the file's name in a folder
_SHOWN = 5  # of what a folder without it has


def save_models(
    path: Path,
    architecture: dict,
    channels: Channels,
    seeds: list[int],
    references: list[dict[str, float]],
    states: list[dict[str, Tensor]],
) -> None:
    """Write the models of a cell: ``references`` and ``states`` (state dicts) in the order of ``seeds``."""
    tensors = {name: torch.stack([state[name].cpu() for state in states]) for name in states[0]}
    description = {
        "architecture": architecture,
        "fields": channels.fields,
        "coefficients": channels.coefficients,
        "outputs": channels.outputs,
        "seeds": seeds,
        "references": references,
    }
    save_tensors(path, tensors, description)


def saved_seeds(path: Path) -> list[int]:
    return read_description(path)["seeds"]


def load_model(path: str | Path, seed: int | None = None) -> NeuralOperator:
    """The trained operator in a ``weights.safetensors``, or in a folder that has one, from that file alone.

    A cell has a model for each seed; ``seed`` None takes the first. Raises ValueError for a seed that the
    file does not have, or a file that is damaged or not one of ours, FileNotFoundError where there is none.

    >>> operator = load_model("results/transfer/laptop/models/...")                        # doctest: +SKIP
    >>> operator.predict(source=f, k11=0.01, k22=0.03, k12=0.0)["solution"]       # doctest: +SKIP
    """
    path = _weights(Path(path))
    tensors, description = load_tensors(path)
    if seed is not None and seed not in description.get("seeds", [seed]):
        raise ValueError(f"seed is {seed}; {path} has {description['seeds']}")
    try:
        return _rebuild(tensors, description, seed)
    except (AttributeError, KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UnusableFile(f"{path} holds no model that can be rebuilt: {reason}") from None


def _weights(path: Path) -> Path:
    """The weights file at a path, or in a folder."""
    file = path / WEIGHTS if path.is_dir() else path
    if file.is_file():
        return file
    has = ", ".join(sorted(entry.name for entry in path.iterdir())[:_SHOWN]) if path.is_dir() else None
    what = (
        "does not exist"
        if has is None
        else f"has no {WEIGHTS}" + (f", but {has}" if has else ": it is empty")
    )
    raise FileNotFoundError(f"{path} {what}; expected the folder of a cell or of a model, or its {WEIGHTS}")


def _rebuild(tensors: dict[str, Tensor], description: dict, seed: int | None) -> NeuralOperator:
    seeds, architecture = description["seeds"], description["architecture"]
    seed = seeds[0] if seed is None else seed
    index = seeds.index(seed)
    channels = Channels(*(tuple(description[key]) for key in ("fields", "coefficients", "outputs")))
    if architecture["kind"] not in MODELS:
        raise ValueError(f"kind is {architecture['kind']!r}; expected one of {sorted(MODELS)}")
    _check_sizes(tensors, architecture)
    with torch.device("meta"):  # no weights are drawn, and no memory is asked for
        operator = NeuralOperator(architecture, channels, description["references"][index], seed)
    _check_shapes(tensors, operator.model)
    state = {name: value[index].clone() for name, value in tensors.items()}
    operator.model.load_state_dict(state, assign=True)
    return operator


def _check_sizes(tensors: dict[str, Tensor], architecture: dict) -> None:
    """Raise ValueError for a size that no model in the file can have."""
    most = sum(value.numel() for value in tensors.values())
    for name, size in architecture.items():
        if isinstance(size, int) and not 0 <= size <= most:
            raise ValueError(f"{name} is {size}, and the file has {most} numbers")


def _check_shapes(tensors: dict[str, Tensor], model: nn.Module) -> None:
    """Raise ValueError unless the file has the tensors of the model."""
    expected = {name: value.shape for name, value in model.state_dict().items()}
    found = {name: value.shape[1:] for name, value in tensors.items()}
    if found != expected:
        names = sorted(name for name in expected | found if expected.get(name) != found.get(name))
        raise ValueError(f"{names[0]} has the shape {found.get(names[0])}; expected {expected.get(names[0])}")
