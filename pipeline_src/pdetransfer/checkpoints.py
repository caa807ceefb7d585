"""Trained models on disk: one safetensors file holds a cell's models, one for each seed.

Every tensor carries a leading axis of seeds; the file's metadata says what rebuilds the operators.
"""

import json
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from pdetransfer.files import atomic
from pdetransfer.operators import Channels, NeuralOperator

_KEY = "pdetransfer"  # of the metadata


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
    with atomic(path) as temporary:
        save_file(tensors, temporary, {_KEY: json.dumps(description)})


def saved_seeds(path: Path) -> list[int]:
    return _description(path)["seeds"]


def load_model(path: str | Path, seed: int | None = None) -> NeuralOperator:
    """The trained operator in a ``weights.safetensors``, from that file alone.

    A cell has a model for each seed; ``seed`` None takes the first. Raises ValueError for a seed that the
    file does not have, or a file that is not one of ours.

    >>> operator = load_model("results/laptop/cells/.../weights.safetensors")     # doctest: +SKIP
    >>> operator.predict(source=f, k11=0.01, k22=0.03, k12=0.0)["solution"]       # doctest: +SKIP
    """
    description = _description(path)
    seeds = description["seeds"]
    seed = seeds[0] if seed is None else seed
    if seed not in seeds:
        raise ValueError(f"seed is {seed}; {path} has {seeds}")
    index = seeds.index(seed)
    channels = Channels(*(tuple(description[key]) for key in ("fields", "coefficients", "outputs")))
    operator = NeuralOperator(description["architecture"], channels, description["references"][index], seed)
    with safe_open(path, framework="pt") as file:
        operator.model.load_state_dict({name: file.get_slice(name)[index] for name in file.keys()})  # noqa: SIM118
    return operator


def _description(path: str | Path) -> dict:
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata() or {}
    if _KEY not in metadata:
        raise ValueError(f"{path} holds no models of pdetransfer; expected a cell's weights.safetensors")
    return json.loads(metadata[_KEY])
