"""What a dataset holds, in numbers: one card for each, and the table of all."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import zarr

from pdetransfer.base.files import read_json
from pdetransfer.data import disjoint
from pdetransfer.data.examples import source_rms
from pdetransfer.data.store import arrays_of
from pdetransfer.data.systems._trajectories import OF_TRAJECTORIES
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.systems.words import dataset_in_words

_READ = 1024  # examples of the training split that statistics of fields are computed from, at most
_READ_BYTES = 2**29  # of all of them
_GALLERY = 5  # examples shown


@dataclass(frozen=True)
class Card:
    """A dataset's training split: ``facts`` ready for JSON, and what its picture is drawn from.

    ``parameters`` has the physics parameters of all training examples (the coefficients of a user's file, if any),
    ``rms`` the RMS of the fields and outputs of the first examples, ``spectra`` their mean energy by whole
    wavenumber, ``gallery`` the first field and output, whose names are ``shown``, of some.
    """

    facts: dict
    parameters: pd.DataFrame
    rms: pd.DataFrame
    spectra: pd.DataFrame
    shown: tuple[str, str]
    gallery: list[tuple[np.ndarray, np.ndarray]]


def read_card(stores: dict[str, Path], manifests: dict[str, Path], shared: list[dict]) -> Card:
    """The card of a dataset from its stores and manifests by split, and from what sets have in common
    (``disjoint.check``)."""
    contents = {split: read_json(manifest) for split, manifest in manifests.items()}
    train, group = contents["train"], zarr.open_group(stores["train"], mode="r")
    kind = "parameter" if "parameters" in group else "coefficient"
    parameters = pd.DataFrame(group[f"{kind}s"][:], columns=train[f"{kind}_names"])
    shown = train["fields"][0], train["outputs"][0]
    fields = arrays_of(group, train, slice(_count_read(group, train)))
    rms = pd.DataFrame({name: source_rms(values) for name, values in fields.items()})
    spectra = pd.DataFrame({name: spectrum(values, train["system"]) for name, values in fields.items()})
    sets, coefficients = {f"{train['dataset']}/{split}" for split in contents}, group["coefficients"][:]
    facts = {
        "dataset": train["dataset"],
        "system": train["system"],
        "equation": equation(train),
        "options": train.get("options", {}),
        "points": train["num_points"],
        "examples": {split: content["count"] for split, content in contents.items()},
        "largest_residual": _largest_residual(contents),
        "acceptance": train.get("acceptance", {}),
        "parameters": {name: _quartiles(values) for name, values in parameters.items()},
        "coefficients": _quartiles(pd.Series(np.linalg.norm(coefficients, axis=1)))
        if coefficients.shape[1]
        else {},
        "rms": {name: _quartiles(values) for name, values in rms.items()},
        "shared": [row for row in shared if sets & {row["set"], row["other"]}],
    } | {key: train[key] for key in OF_TRAJECTORIES if key in train}
    gallery = list(zip(*(fields[name][:_GALLERY] for name in shown), strict=True))
    return Card(facts, parameters, rms, spectra, shown, gallery)


def _count_read(group: zarr.Group, content: dict) -> int:
    """Examples that statistics are computed from: of large ones fewer."""
    one = arrays_of(group, content, slice(1)).values()
    return min(_READ, max(_GALLERY, _READ_BYTES // sum(array.nbytes for array in one)))


def equation(manifest: dict) -> str | None:
    """The equation that a split's examples solve; None of a user's file of which none is known."""
    return SYSTEMS[manifest["system"]].equation if manifest["system"] else None


def in_words(manifest: dict) -> str:
    """A dataset in words (``dataset_in_words``), of a split's manifest or a card's facts; its name, where nothing
    is known of a user's file."""
    if manifest["system"] is None:
        return manifest["dataset"]
    return dataset_in_words(manifest["system"], manifest.get("options", {}))


def spectrum(fields: np.ndarray, system: str | None = None) -> np.ndarray:
    """Mean energy of fields ``(count, *grid)`` by whole wavenumber 0 to N // 2, of the axis with least points.

    Returns ``(N // 2 + 1,)``. ``system`` is a name in SYSTEMS, None of an unknown one, whose fields are taken to
    be periodic. Fields that are not are continued evenly: no jump is at the boundary. Of blocks in time it is the
    mean over their frames.
    """
    import scipy.fft  # takes a third of a second

    is_periodic, axes = (SYSTEMS[system].periodic, SYSTEMS[system].axes) if system else (True, ())
    if "t" in axes:
        fields = fields.reshape(-1, *fields.shape[2:])
    shape = fields.shape[1:]
    if not is_periodic:
        fields = np.pad(fields, [(0, 0), *((0, n - 2) for n in shape)], mode="reflect")
    period, grid = 1 if is_periodic else 2, fields.shape[1:]
    hat = scipy.fft.rfft(fields.astype(np.float64))
    for axis in range(1, len(grid)):
        hat = scipy.fft.fft(hat, axis=axis)
    energy = (np.abs(hat / np.prod(grid)) ** 2).mean(axis=0)
    waves = [np.fft.fftfreq(n, 1 / n) for n in grid[:-1]] + [np.fft.rfftfreq(grid[-1], 1 / grid[-1])]
    wavenumber = np.sqrt(sum(k**2 for k in np.meshgrid(*waves, indexing="ij", sparse=True)))
    count = np.where((waves[-1] == 0) | (waves[-1] == grid[-1] / 2), 1, 2)  # of the half axis
    bins = np.rint(wavenumber / period).astype(int).ravel()
    return np.bincount(bins, (energy * count).ravel())[: min(shape) // 2 + 1]


def _largest_residual(contents: dict[str, dict]) -> float | None:
    residuals = [
        content["largest_residual"] for content in contents.values() if "largest_residual" in content
    ]
    return max(residuals, default=None)


def _quartiles(values: pd.Series) -> dict[str, float]:
    names = ["smallest", "quartile 1", "median", "quartile 3", "largest"]
    return dict(zip(names, map(float, values.quantile([0, 0.25, 0.5, 0.75, 1])), strict=True))


def datasets_table(facts: list[dict], pretraining: list[str]) -> pd.DataFrame:
    """A row for each dataset with its shift: how far its range is covered by its system's pre-training range.

    ``pretraining`` names the datasets that models are pre-trained on. The overlap is the share of a dataset's
    range, as an interval, that lies in the pre-training range; empty without ranges.
    """
    ranges = {card["dataset"]: _range(card) for card in facts}
    bases = [card for card in facts if card["dataset"] in pretraining]
    rows = []
    for card in facts:
        interval = ranges[card["dataset"]]
        references = [ranges[base["dataset"]] for base in bases if base["system"] == card["system"]]
        overlaps = [_overlap(interval, reference) for reference in references if interval and reference]
        rows.append(
            {
                "dataset": card["dataset"],
                "system": card["system"],
                "parameter": SYSTEMS[card["system"]].shifted if interval else None,
                "low": interval[0] if interval else None,
                "high": interval[1] if interval else None,
                "role": "pre-training" if card["dataset"] in pretraining else "downstream",
                "overlap": max(overlaps, default=None),
                "train": card["examples"]["train"],
                "validation": card["examples"]["validation"],
                "test": card["examples"]["test"],
                "largest_residual": card["largest_residual"],
                "acceptance": card["acceptance"].get("all"),
                "shared": "; ".join(map(disjoint.in_words, card["shared"])),
            }
        )
    return pd.DataFrame(rows)


def _range(card: dict) -> list[float] | None:
    if card["system"] is None:
        return None
    shifted = SYSTEMS[card["system"]].shifted
    return card["options"].get(f"{shifted}_range")


def _overlap(interval: list[float], reference: list[float]) -> float:
    low, high = max(interval[0], reference[0]), min(interval[1], reference[1])
    length = interval[1] - interval[0]
    return max(0.0, high - low) / length if length else float(low <= high)
