"""Proof from the examples themselves that no two sets share one."""

import hashlib
from pathlib import Path

import numpy as np
import zarr

from pdetransfer.base.files import read_json
from pdetransfer.data.store import SHARD

_SHOWN = 5  # coincidences that an error names


def fingerprints(store: Path) -> dict[str, np.ndarray]:
    """64-bit hashes of each example, by what is hashed.

    A source is known by its field as stored, and where there are any by its amplitudes: two systems that share
    amplitudes differ in their fields, as one removes the mean. An example is its source with its coefficients.
    """
    group = zarr.open_group(store, mode="r")
    coefficients = group["coefficients"][:]
    hashes: dict[str, list[int]] = {"example": [], "source": []}
    for start in range(0, len(coefficients), SHARD):
        rows = slice(start, start + SHARD)
        for field, row in zip(group["source"][rows], coefficients[rows], strict=True):
            hashes["source"].append(_hash(field))
            hashes["example"].append(_hash(field, row))
    if "amplitudes" in group:
        hashes["source's amplitudes"] = [_hash(row) for row in group["amplitudes"][:]]
    return {what: np.array(values, dtype=np.uint64) for what, values in hashes.items()}


def _hash(*arrays: np.ndarray) -> int:
    digest = hashlib.blake2b(digest_size=8)
    for array in arrays:
        digest.update(np.ascontiguousarray(array))
    return int.from_bytes(digest.digest(), "little")


def coincidences(hashes: dict[str, np.ndarray]) -> tuple[list[str], int]:
    """Places, set and index, of equal hashes in two sets; and how many stand twice within one set."""
    sets = np.repeat(np.arange(len(hashes)), [len(values) for values in hashes.values()])
    indices = np.concatenate([np.arange(len(values)) for values in hashes.values()])
    values = np.concatenate(list(hashes.values()))
    order = np.argsort(values, kind="stable")
    equal = np.flatnonzero(values[order][1:] == values[order][:-1])
    pairs = [(order[i], order[i + 1]) for i in equal]
    names = list(hashes)
    across = [
        f"{names[sets[first]]} example {indices[first]} and {names[sets[second]]} example {indices[second]}"
        for first, second in pairs
        if sets[first] != sets[second]
    ]
    return across, len(pairs) - len(across)


def check(stores: list[Path], manifests: list[Path]) -> dict:
    """Counts of what was compared. Raises RuntimeError, with names and indices, if any source, or source with
    coefficients, stands in two of the splits of all datasets.

    A set may repeat a source, as a user's file with one source and many coefficients does; it is counted.
    """
    contents = [read_json(manifest) for manifest in manifests]
    names = [f"{content['dataset']}/{content['split']}" for content in contents]
    hashes = {name: fingerprints(store) for name, store in zip(names, stores, strict=True)}
    repeated = {}
    for what in ("example", "source", "source's amplitudes"):
        kinds = {name: kinds[what] for name, kinds in hashes.items() if what in kinds}
        found, repeated[what] = coincidences(kinds) if kinds else ([], 0)
        if found:
            raise RuntimeError(
                f"{len(found)} times the same {what} stands in two sets: {'; '.join(found[:_SHOWN])}; "
                f"expected none in common: take one out of the files, or change the config's seed"
            )
    counts = {name: len(kinds["source"]) for name, kinds in hashes.items()}
    return {
        "examples": sum(counts.values()),
        "in_two_sets": 0,
        "repeated_within_a_set": repeated,
        "sets": counts,
    }
