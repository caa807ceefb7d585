"""Tensors with a description in one safetensors file that proves its own content."""

import hashlib
import json
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from pdetransfer.base.files import UnusableFile, atomic, looks_like

_KEY = "pdetransfer"  # of the metadata


def save_tensors(path: Path, tensors: dict[str, Tensor], description: dict) -> None:
    """Write tensors and ``description``, JSON, with a checksum of both. Raises OSError if the disk is full."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    content = description | {"sha256": _digest(tensors, description)}
    with atomic(path) as temporary:
        try:
            save_file(tensors, temporary, {_KEY: json.dumps(content)})
        except SafetensorError as error:
            raise OSError(f"{path} cannot be written: {error}") from None


def read_description(path: str | Path) -> dict:
    """The description alone, not verified. Raises UnusableFile if the file is not one of ours."""
    return _read_header(path)[0]


def load_tensors(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and description, verified. Raises UnusableFile if the file is not one of ours, or damaged.

    A file without a checksum, as early versions wrote it, is taken as it is.
    """
    description, expected = _read_header(path)
    tensors = load_file(path)
    if expected not in (None, _digest(tensors, description)):
        raise UnusableFile(f"{path} is damaged: its content does not match its checksum")
    return tensors, description


def _read_header(path: str | Path) -> tuple[dict, str | None]:
    """Description and checksum."""
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        content = json.loads(metadata.get(_KEY, "null"))
    except (SafetensorError, UnicodeDecodeError) as error:
        what = looks_like(path) or f"it is of another kind, cut off or damaged ({error})"
        raise UnusableFile(f"{path} is no safetensors file: {what}") from None
    except (json.JSONDecodeError, RecursionError) as error:
        raise UnusableFile(f"{path} is damaged: its description cannot be read ({error})") from None
    if not isinstance(content, dict):
        raise UnusableFile(
            f"{path} is a safetensors file of another tool; expected one that pdetransfer wrote"
        )
    return content, content.pop("sha256", None)


def _digest(tensors: dict[str, Tensor], description: dict) -> str:
    digest = hashlib.sha256(json.dumps(description, sort_keys=True).encode())
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {list(value.shape)}".encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
