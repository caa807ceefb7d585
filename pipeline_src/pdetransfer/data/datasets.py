"""Datasets read: examples or trajectories in memory, and mixtures of them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import zarr

from pdetransfer.base.files import UnusableFile, read_json
from pdetransfer.data.examples import Examples
from pdetransfer.data.store import arrays_of
from pdetransfer.data.systems._trajectories import FRAMES
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.windows import Windows


def load(stores: list[Path], manifests: list[Path], count: int | None = None) -> Examples:
    """The first ``count`` examples of a split, or all, read whole into memory.

    Several stores are a mixture: its examples are those of the stores in turn, so that any first n of them are
    balanced; its coefficients are those of all. Raises ValueError if there are fewer examples.
    """
    contents = [read_json(manifest) for manifest in manifests]
    names, total = _names(contents, stores), _total(contents, stores, count)
    shares = [-(-(total - index) // len(stores)) for index in range(len(stores))]
    _check_parts(contents, names, shares)
    parts = [_load_store(*part) for part in zip(stores, contents, shares, strict=True)]
    layouts = [(part.field_names, part.output_names, part.grid) for part in parts]
    for layout, name in zip(layouts, names, strict=True):
        if layout != layouts[0]:
            raise ValueError(
                f"a mixture has fields, outputs and grid {layout} in {name}; "
                f"expected {layouts[0]}, those of {names[0]}"
            )
    return parts[0] if len(parts) == 1 else _mix(parts)


def load_windows(
    stores: list[Path], manifests: list[Path], num_inputs: int, count: int | None = None
) -> Windows:
    """The first ``count`` trajectories of a split, or all, as windows of ``num_inputs`` frames and the next one.

    Several stores are a mixture, in turn as in ``load``; one that has no more is passed over, and the others are
    then taken alone. Its channels are those of all. Raises ValueError if there are fewer trajectories, or pairs.
    """
    contents = [read_json(manifest) for manifest in manifests]
    shares = _in_turn(_total(contents, stores, count), [content["count"] for content in contents])
    _check_parts(contents, _names(contents, stores), shares)
    parts = [_windows_of(*part, num_inputs) for part in zip(stores, contents, shares, strict=True)]
    return parts[0] if len(parts) == 1 else Windows.mixed(parts)


def _names(contents: list[dict], stores: list[Path]) -> list[str]:
    """What the parts of a mixture are called: users' files by their paths."""
    return [content.get("file") or str(store) for content, store in zip(contents, stores, strict=True)]


def _total(contents: list[dict], stores: list[Path], count: int | None) -> int:
    """How many examples are read; ValueError if there are not as many."""
    available = sum(content["count"] for content in contents)
    if count is not None and count > available:
        raise ValueError(
            f"{count} examples were asked of {', '.join(_names(contents, stores))}; expected at most {available}: "
            f"lower n_train or num_validation, or give more"
        )
    return available if count is None else count


def _check_parts(contents: list[dict], names: list[str], shares: list[int]) -> None:
    """Raise ValueError if a part of a mixture has not its share, or other points than the first."""
    for content, name, share in zip(contents, names, shares, strict=True):
        if share > content["count"] or content["num_points"] != contents[0]["num_points"]:
            raise ValueError(
                f"a mixture asks for {share} examples of {contents[0]['num_points']} points a side from "
                f"{name}; it has {content['count']} of {content['num_points']}"
            )


def _in_turn(total: int, available: list[int]) -> list[int]:
    """How many of ``total`` are taken from each, in turn, where one that has no more is passed over."""
    order = np.argsort(np.concatenate([np.arange(count) for count in available]), kind="stable")[:total]
    of = np.repeat(np.arange(len(available)), available)[order]
    return np.bincount(of, minlength=len(available)).tolist()


def shifted_parameter(store: Path, manifest: Path) -> np.ndarray:
    """The physics parameter whose range makes a shift, by example, ``(count,)``; NaN where there is none."""
    content = read_json(manifest)
    shifted = SYSTEMS[content["system"]].shifted if "parameter_names" in content else None
    if shifted is None:  # a user's file, or a system without a parameter
        return np.full(content["count"], np.nan)
    column = content["parameter_names"].index(shifted)
    return zarr.open_group(store, mode="r")["parameters"][:, column]


@contextmanager
def _checked(store: Path, arrays: list[str]) -> Iterator[zarr.Group]:
    """A store to read these arrays of; what is wrong with it is said in one sentence."""
    try:
        group = zarr.open_group(store, mode="r")
        for name in arrays:
            _check_shards(group[name])
        yield group
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise UnusableFile(f"{store} is damaged: {' '.join(str(error).split())}") from error


def _windows_of(store: Path, content: dict, count: int, num_inputs: int) -> Windows:
    if "channels" not in content:
        raise ValueError(
            f"{content.get('file') or store} has pairs of an input and an output; expected trajectories, as the "
            f"model takes {num_inputs} frames"
        )
    with _checked(store, [FRAMES]) as group:
        frames = group[FRAMES][:count]
    try:
        return Windows.of(frames, tuple(content["channels"]), num_inputs, content["system"])
    except ValueError as mistake:
        raise ValueError(f"{content.get('file') or store}: {mistake}") from None


def _load_store(store: Path, content: dict, count: int) -> Examples:
    with _checked(store, _stored_fields(content)) as group:
        arrays = arrays_of(group, content, slice(count))
        fields, outputs = (
            np.stack([arrays[name] for name in content[key]], axis=1) for key in ("fields", "outputs")
        )
        coefficients = group["coefficients"][:count]
    given, varied, solved = (tuple(content[key]) for key in ("fields", "coefficient_names", "outputs"))
    own_units = content.get("own_units", "file" in content)
    return Examples(fields, coefficients, outputs, given, varied, solved, own_units, content["system"])


def _stored_fields(content: dict) -> list[str]:
    return [FRAMES] if "channels" in content else content["fields"] + content["outputs"]


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
