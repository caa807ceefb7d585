"""Proof from the examples themselves that nothing is tested, or chosen, by what was trained on."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr

from pdetransfer.base.files import read_json
from pdetransfer.data.store import inputs_of

log = logging.getLogger(__name__)

#: What two sets may have in common. An example is its input with its coefficients. An input is known by its fields
#: as stored, and a source where there are any by its amplitudes: two systems that share amplitudes differ in their
#: fields, as one removes the mean.
KINDS = ("inputs", "examples", "amplitudes")
_READ = 256  # examples read at once
_SHOWN = 5  # pairs of indices that an error names


@dataclass(frozen=True)
class _Set:
    """A split of a dataset with the user's file that it comes from, and 64-bit hashes of each example by kind;
    none of amplitudes that it lacks."""

    dataset: str
    split: str
    file: str | None
    hashes: dict[str, np.ndarray]

    @classmethod
    def read(cls, store: Path, manifest: Path) -> "_Set":
        content = read_json(manifest)
        hashes = _fingerprints(store, content)
        return cls(content["dataset"], content["split"], content.get("file"), hashes)

    def __str__(self) -> str:
        return f"{self.dataset}/{self.split}"


def _fingerprints(store: Path, content: dict) -> dict[str, np.ndarray]:
    group = zarr.open_group(store, mode="r")
    coefficients = group["coefficients"][:]
    hashes: dict[str, list[bytes]] = {kind: [] for kind in KINDS}
    for start in range(0, len(coefficients), _READ):
        rows = slice(start, start + _READ)
        fields = inputs_of(group, content, rows).values()
        for *given, row in zip(*fields, coefficients[rows], strict=True):
            digest = _hash(np.stack(given))
            hashes["inputs"].append(digest.digest())
            digest.update(row)
            hashes["examples"].append(digest.digest())
    if "amplitudes" in group:
        hashes["amplitudes"] = [_hash(row).digest() for row in group["amplitudes"][:]]
    return {kind: np.frombuffer(b"".join(values), dtype=np.uint64) for kind, values in hashes.items()}


def _hash(values: np.ndarray) -> "hashlib.blake2b":
    return hashlib.blake2b(np.ascontiguousarray(values), digest_size=8)


@dataclass(frozen=True)
class _Repeated:
    """The hashes of a kind that stand more than once, ``(num_values,)``, and how often in each set,
    ``(num_values, num_sets)``."""

    values: np.ndarray
    counts: np.ndarray

    @classmethod
    def of(cls, hashes: list[np.ndarray]) -> "_Repeated":
        sets = np.repeat(np.arange(len(hashes)), [len(values) for values in hashes])
        values, places, total = np.unique(np.concatenate(hashes), return_inverse=True, return_counts=True)
        several = total > 1
        rows, here = np.cumsum(several) - 1, several[places]
        counts = np.zeros((np.count_nonzero(several), len(hashes)), dtype=np.int32)
        np.add.at(counts, (rows[places[here]], sets[here]), 1)
        return cls(values[several], counts)

    def numbers(self) -> np.ndarray:
        """Values that two sets have in common; on the diagonal how many examples of a set repeat another one."""
        present = (self.counts > 0).astype(np.int32)
        common = present.T @ present
        np.fill_diagonal(common, (self.counts - present).sum(axis=0))
        return common

    def in_both(self, first: int, second: int, once: bool) -> np.ndarray:
        """The values that two sets have in common; ``once``: that each of them has once."""
        counts = self.counts[:, [first, second]]
        return self.values[(counts == 1 if once else counts > 0).all(axis=1)]


def check(stores: list[Path], manifests: list[Path]) -> dict:
    """What the splits of all datasets have in common, in numbers; all of it is logged as warnings (``in_words``).

    Raises ValueError, with names, indices, numbers and a remedy, if two different splits, of whichever datasets,
    have an example in common, or an input: training examples that are validation or test examples, or validation
    examples that are test examples. The same split of two datasets may: the public files of arXiv 2306.00258 have
    the same sources for all ranges. And an input that a set has several times, as a file of one source and many
    coefficients does, tells no example: it may stand in two splits, with other coefficients.
    """
    sets = [_Set.read(*paths) for paths in zip(stores, manifests, strict=True)]
    repeated = {kind: _Repeated.of([one.hashes[kind] for one in sets]) for kind in KINDS}
    numbers = {kind: found.numbers() for kind, found in repeated.items()}
    pairs = np.argwhere(np.triu(sum(numbers.values())))
    for first, second in pairs:
        if sets[first].split != sets[second].split:
            for kind, found in repeated.items():
                values = found.in_both(first, second, once=kind == "inputs")
                if values.size:
                    raise ValueError(_leak(sets[first], sets[second], kind, values))
    shared = [
        {"set": str(sets[first]), "other": str(sets[second])}
        | {kind: int(numbers[kind][first, second]) for kind in KINDS}
        for first, second in pairs
    ]
    for row in shared:
        log.warning(in_words(row))
    counts = {str(one): len(one.hashes["inputs"]) for one in sets}
    return {"examples": sum(counts.values()), "sets": counts, "shared": shared}


def in_words(row: dict) -> str:
    """What two sets have in common, or one repeats, a row of ``check``'s."""
    told = ", ".join(_counted(row[kind], kind) for kind in KINDS if row[kind])
    if row["set"] == row["other"]:
        return f"{row['set']} repeats {told}"
    return f"{row['set']} and {row['other']} share {told}"


def _counted(number: int, kind: str) -> str:
    return f"{number:,} {kind if number > 1 else kind.removesuffix('s')}"


def _leak(first: _Set, second: _Set, kind: str, values: np.ndarray) -> str:
    places = zip(*(_places(one.hashes[kind], values) for one in (first, second)), strict=True)
    shown = ", ".join(f"{one} is {other}" for one, other in sorted(places)[:_SHOWN])
    return (
        f"{first} and {second} share {_counted(len(values), kind)} (by index {shown}); "
        f"expected none in two different splits: {_remedy(first, second)}"
    )


def _places(hashes: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Where each of the values stands first."""
    known, at = np.unique(hashes, return_index=True)
    return at[np.searchsorted(known, values)]


def _remedy(*sets: _Set) -> str:
    files = list(dict.fromkeys(one.file for one in sets if one.file))
    if not files:
        return "change `seed` in the config"
    if all(one.file == files[0] for one in sets):
        return f"{files[0]} is both; give one of them another file"
    return f"take these examples out of {' or '.join(files)}"
