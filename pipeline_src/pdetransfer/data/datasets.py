"""Datasets read: examples in memory, mixtures, and the references of their normalisation."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import zarr

from pdetransfer.base.files import UnusableFile, read_json
from pdetransfer.data.systems.registry import SYSTEMS


def source_rms(fields: np.ndarray) -> np.ndarray:
    """Root mean square of each example's input fields, ``(count,)``, of ``(count, num_fields, *grid)``."""
    flat = fields.reshape(len(fields), -1)
    return np.sqrt(np.einsum("ij,ij->i", flat, flat, dtype=np.float64) / flat.shape[1])


def unit(channel: str) -> str:
    """The reference of a channel that is divided by its unit."""
    return f"unit of {channel}"


@dataclass(frozen=True)
class Examples:
    """Examples in memory: ``fields`` and ``outputs`` ``(count, channel, *grid)``, float32, and
    ``coefficients`` ``(count, num_coefficients)``, float64, with the names of all three. A coefficient
    that an example's system lacks is NaN. ``own_units`` are those of a user's file, or of a system whose fields
    have a scale, in which a field may have any size; other generated fields are of order one. ``system`` is
    a name in SYSTEMS, if all examples are of one."""

    fields: np.ndarray
    coefficients: np.ndarray
    outputs: np.ndarray
    field_names: tuple[str, ...]
    coefficient_names: tuple[str, ...]
    output_names: tuple[str, ...]
    own_units: bool = False
    system: str | None = None

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, rows: slice | np.ndarray) -> "Examples":
        return replace(
            self,
            fields=self.fields[rows],
            coefficients=self.coefficients[rows],
            outputs=self.outputs[rows],
        )

    def references(self) -> dict[str, float]:
        """Constants of the input normalisation (arXiv 2306.00258, A.5), by channel.

        ``source`` is the median of the examples' source RMS (RMS rather than norm, so that it survives a
        change of resolution), a coefficient's reference the median of its absolute value over the examples
        whose system has it; 1 where that is zero. Fields and outputs in units of their own have these, too:
        the medians of their RMS, by which they are of order one.
        """
        source = float(np.median(source_rms(self.fields)))
        medians = np.nanmedian(np.abs(self.coefficients), axis=0) if self.coefficient_names else ()
        references = {"source": source} | {
            name: float(median) if median > 0 else 1.0
            for name, median in zip(self.coefficient_names, medians, strict=True)
        }
        if self.own_units:
            references |= {unit(name): source for name in self.field_names}
            references |= {
                unit(name): float(np.median(source_rms(self.outputs[:, index])))
                for index, name in enumerate(self.output_names)
            }
        return references


def load(stores: list[Path], manifests: list[Path], count: int | None = None) -> Examples:
    """The first ``count`` examples of a split, or all, read whole into memory.

    Several stores are a mixture: its examples are those of the stores in turn, so that any first n of them are
    balanced; its coefficients are those of all. Raises ValueError if there are fewer examples.
    """
    contents = [read_json(manifest) for manifest in manifests]
    available = sum(content["count"] for content in contents)
    if count is not None and count > available:
        names = ", ".join(
            content.get("file") or str(store) for content, store in zip(contents, stores, strict=True)
        )
        raise ValueError(
            f"{count} examples were asked of {names}; expected at most {available}: "
            f"lower n_train or num_validation, or give more"
        )
    total = available if count is None else count
    shares = [-(-(total - index) // len(stores)) for index in range(len(stores))]
    for content, store, share in zip(contents, stores, shares, strict=True):
        if share > content["count"] or content["num_points"] != contents[0]["num_points"]:
            raise ValueError(
                f"a mixture asks for {share} examples of {contents[0]['num_points']} points a side from "
                f"{content.get('file') or store}; it has {content['count']} of {content['num_points']}"
            )
    parts = [_load_store(*part) for part in zip(stores, contents, shares, strict=True)]
    layouts = [(part.field_names, part.output_names, part.fields.shape[2:]) for part in parts]
    for layout, content, store in zip(layouts, contents, stores, strict=True):
        if layout != layouts[0]:
            raise ValueError(
                f"a mixture has fields, outputs and grid {layout} in {content.get('file') or store}; "
                f"expected {layouts[0]}, those of {contents[0].get('file') or stores[0]}"
            )
    return parts[0] if len(parts) == 1 else _mix(parts)


def shifted_parameter(store: Path, manifest: Path) -> np.ndarray:
    """The physics parameter whose range makes a shift, by example, ``(count,)``; NaN where there is none."""
    content = read_json(manifest)
    shifted = SYSTEMS[content["system"]].shifted if "parameter_names" in content else None
    if shifted is None:  # a user's file, or a system without a parameter
        return np.full(content["count"], np.nan)
    column = content["parameter_names"].index(shifted)
    return zarr.open_group(store, mode="r")["parameters"][:, column]


def _load_store(store: Path, content: dict, count: int) -> Examples:
    try:
        group = zarr.open_group(store, mode="r")
        for name in (*content["fields"], *content["outputs"]):
            _check_shards(group[name])
        fields, outputs = (
            np.stack([group[name][:count] for name in content[key]], axis=1) for key in ("fields", "outputs")
        )
        coefficients = group["coefficients"][:count]
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise UnusableFile(f"{store} is damaged: {' '.join(str(error).split())}") from error
    names = (tuple(content[key]) for key in ("fields", "coefficient_names", "outputs"))
    own_units = content.get("own_units", "file" in content)
    return Examples(fields, coefficients, outputs, *names, own_units, content["system"])


def _check_shards(array: zarr.Array) -> None:
    """Raise ValueError if a shard is missing: zarr would read zeros."""
    if array.shards is None:
        return
    num_shards, chunks = -(-array.shape[0] // array.shards[0]), array.shards[0] // array.chunks[0]
    if array.nchunks_initialized < num_shards * chunks:
        raise ValueError(f"{array.basename} has not all of its {num_shards} shards")


def _mix(parts: list[Examples]) -> Examples:
    """The examples of several datasets in turn, in one layout of channels by name."""
    names = tuple(dict.fromkeys(name for part in parts for name in part.coefficient_names))
    turn = np.argsort(np.concatenate([np.arange(len(part)) for part in parts]), kind="stable")
    coefficients = np.full((len(turn), len(names)), np.nan)
    start = 0
    for part in parts:
        columns = [names.index(name) for name in part.coefficient_names]
        coefficients[start : start + len(part), columns] = part.coefficients
        start += len(part)
    fields = np.concatenate([part.fields for part in parts])[turn]
    outputs = np.concatenate([part.outputs for part in parts])[turn]
    own_units = any(part.own_units for part in parts)
    first = parts[0]
    return Examples(
        fields,
        coefficients[turn],
        outputs,
        first.field_names,
        names,
        first.output_names,
        own_units,
        first.system if len({part.system for part in parts}) == 1 else None,
    )
