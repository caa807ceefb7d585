"""Proof from the examples themselves that no two sets share one."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zarr

from pdetransfer.files import read_json

_SHOWN = 5  # coincidences that an error names


def fingerprints(store: Path) -> tuple[np.ndarray, np.ndarray]:
    """64-bit hashes of each example's source, from its amplitudes, and of source and coefficients together."""
    group = zarr.open_group(store, mode="r")
    amplitudes, coefficients = group["amplitudes"][:], group["coefficients"][:]
    sources = [_hash(row) for row in amplitudes]
    examples = [_hash(*rows) for rows in zip(amplitudes, coefficients, strict=True)]
    return np.array(sources, dtype=np.uint64), np.array(examples, dtype=np.uint64)


def _hash(*arrays: np.ndarray) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return int.from_bytes(digest.digest(), "little")


def coincidences(hashes: dict[str, np.ndarray]) -> Iterator[str]:
    """Pairs of places, name and index, with the same hash; a pair may lie within one set."""
    names = np.repeat(list(hashes), [len(values) for values in hashes.values()])
    indices = np.concatenate([np.arange(len(values)) for values in hashes.values()])
    values = np.concatenate(list(hashes.values()))
    order = np.argsort(values, kind="stable")
    for i in np.flatnonzero(values[order][1:] == values[order][:-1]):
        first, second = order[i], order[i + 1]
        yield f"{names[first]} example {indices[first]} and {names[second]} example {indices[second]}"


def check(stores: list[Path], manifests: list[Path]) -> dict:
    """Counts of what was compared. Raises RuntimeError, with names and indices, if any source, or source with
    coefficients, stands twice in the splits of all datasets."""
    contents = [read_json(manifest) for manifest in manifests]
    names = [f"{content['dataset']}/{content['split']}" for content in contents]
    hashes = [fingerprints(store) for store in stores]
    for what, column in (("example", 1), ("source", 0)):
        found = list(coincidences({name: pair[column] for name, pair in zip(names, hashes, strict=True)}))
        if found:
            raise RuntimeError(
                f"{len(found)} times the same {what} stands in two places: {'; '.join(found[:_SHOWN])}; "
                f"expected no {what} twice in any training, validation and test set"
            )
    counts = {name: len(pair[0]) for name, pair in zip(names, hashes, strict=True)}
    return {"examples": sum(counts.values()), "coincidences": 0, "sets": counts}
