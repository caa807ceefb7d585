"""Proof from the examples themselves that no two sets share one."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import zarr

from pdetransfer.files import read_json
from pdetransfer.store import hash64

_SHOWN = 5  # coincidences that an error names


def fingerprints(store: Path) -> dict[str, np.ndarray]:
    """64-bit hashes of each example, by what is hashed.

    A source is known by its field as stored, and where there are any by its amplitudes: two systems that share
    amplitudes differ in their fields, as one removes the mean. An example is its source with its coefficients.
    """
    group = zarr.open_group(store, mode="r")
    fields, coefficients = group["source_hash"][:], group["coefficients"][:]
    examples = [hash64(*rows) for rows in zip(fields, coefficients, strict=True)]
    hashes = {"example": np.array(examples, dtype=np.uint64), "source": fields}
    if "amplitudes" in group:
        amplitudes = [hash64(row) for row in group["amplitudes"][:]]
        hashes["source's amplitudes"] = np.array(amplitudes, dtype=np.uint64)
    return hashes


def coincidences(hashes: dict[str, np.ndarray]) -> Iterator[str]:
    """Pairs of places, name and index, with the same hash; a pair may lie within one set."""
    if not hashes:
        return
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
    hashes = {name: fingerprints(store) for name, store in zip(names, stores, strict=True)}
    for what in ("example", "source", "source's amplitudes"):
        found = list(coincidences({name: kinds[what] for name, kinds in hashes.items() if what in kinds}))
        if found:
            raise RuntimeError(
                f"{len(found)} times the same {what} stands in two places: {'; '.join(found[:_SHOWN])}; "
                f"expected none twice in any training, validation and test set"
            )
    counts = {name: len(kinds["source"]) for name, kinds in hashes.items()}
    return {"examples": sum(counts.values()), "coincidences": 0, "sets": counts}
