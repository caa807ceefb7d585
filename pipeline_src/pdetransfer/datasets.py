"""Datasets on disk: made, written, opened. The layout is specified in ``docs/data-format.md``.

A split of a dataset is a zarr store and a JSON manifest. The manifest is written last: a store without one
is unfinished, whatever it holds.
"""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec

from pdetransfer import numerics
from pdetransfer.files import read_json, write_json
from pdetransfer.grid import Grid
from pdetransfer.sources import SparseGaussians
from pdetransfer.streams import Stream
from pdetransfer.systems import SYSTEMS

LARGEST_RESIDUAL = 1e-10  #: of any stored example, in float64 before rounding
CHUNK = 32  #: examples in a chunk, the smallest piece that is read
SHARD = 1024  #: examples in a shard, which is a file; also the piece that is generated at once
_CACHED = 16  #: examples solved at once: their spectra stay in the processor's cache


@dataclass(frozen=True)
class Split:
    """How one split of a dataset is made: everything its examples depend on.

    ``system`` is a name in SYSTEMS and ``ranges`` the arguments of its constructor; ``seed``, ``dataset``
    and ``split`` name the stream of random numbers.
    """

    dataset: str
    split: str
    system: str
    ranges: dict[str, tuple[float, float]]
    num_points: int
    source: SparseGaussians
    seed: int
    count: int

    def sample(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients ``(count, num_coefficients)`` and sources ``(count, N, N)`` of a range of examples."""
        system = SYSTEMS[self.system](**self.ranges)
        uniforms = Stream(self.seed, self.dataset, self.split).uniforms(
            start, stop, system.num_uniforms + self.source.num_uniforms
        )
        coefficients = system.sample_coefficients(uniforms[:, : system.num_uniforms])
        amplitudes = self.source.amplitudes(uniforms[:, system.num_uniforms :])
        source = self.source.fields(amplitudes, Grid(self.num_points))
        if system.zero_mean:
            source -= source.mean(axis=(1, 2), keepdims=True)
        return coefficients, source

    def examples(self, start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients, sources, solutions, residuals of the examples ``start`` to ``stop - 1``, float64."""
        system, grid = SYSTEMS[self.system](**self.ranges), Grid(self.num_points)
        coefficients, source = self.sample(start, stop)
        solution = system.solve(coefficients, source, grid)
        return coefficients, source, solution, system.residual(coefficients, source, solution, grid)


def generate(split: Split, store: Path, manifest: Path) -> dict:
    """Make a split, check it, write its store and then its manifest; return the manifest.

    Works through the examples shard by shard, so that memory does not grow with their number. Raises
    RuntimeError for an example that is not finite or whose residual exceeds ``LARGEST_RESIDUAL``.
    """
    manifest.unlink(missing_ok=True)
    shutil.rmtree(store, ignore_errors=True)
    arrays = _create(split, store)
    hashes = {name: hashlib.sha256() for name in arrays}
    rms = np.empty(split.count)
    coefficients = np.empty((split.count, len(SYSTEMS[split.system].coefficient_names)))
    largest_residual = 0.0
    for start in range(0, split.count, SHARD):
        rows = slice(start, min(start + SHARD, split.count))
        shard, residual = _solve(split, rows)
        largest_residual = max(largest_residual, residual)
        for name, values in shard.items():
            arrays[name][rows] = values
            hashes[name].update(np.ascontiguousarray(values))
        rms[rows] = source_rms(shard["source"][:, None])
        coefficients[rows] = shard["coefficients"]
    content = _attributes(split) | {
        "count": split.count,
        "largest_residual": largest_residual,
        "references": references(rms, coefficients, SYSTEMS[split.system].coefficient_names),
        "sha256": {name: hash.hexdigest() for name, hash in hashes.items()},
    }
    zarr.open_group(store, mode="r+").attrs.update(content)
    write_json(manifest, content)
    return content


def _solve(split: Split, rows: slice) -> tuple[dict[str, np.ndarray], float]:
    """The arrays of one shard as they are stored, and the largest residual before rounding."""
    blocks = []
    for start in range(rows.start, rows.stop, _CACHED):
        coefficients, source, solution, residual = split.examples(start, min(start + _CACHED, rows.stop))
        wrong = np.flatnonzero(~(residual <= LARGEST_RESIDUAL))  # also catches what is not finite
        if wrong.size:
            raise RuntimeError(
                f"example {start + wrong[0]} of {split.dataset}/{split.split} has residual "
                f"{residual[wrong[0]]:.3g}; expected at most {LARGEST_RESIDUAL:g}"
            )
        blocks.append((coefficients, source.astype(np.float32), solution.astype(np.float32), residual))
    coefficients, source, solution, residual = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
    return {"source": source, "solution": solution, "coefficients": coefficients}, float(residual.max())


def _create(split: Split, store: Path) -> dict[str, zarr.Array]:
    """An empty store with its arrays and coordinates."""
    store.parent.mkdir(parents=True, exist_ok=True)
    group = zarr.create_group(store, overwrite=True)
    points, num_coefficients = Grid(split.num_points).points, len(SYSTEMS[split.system].coefficient_names)
    for axis in ("y", "x"):
        group.create_array(axis, data=points, dimension_names=[axis]).attrs["units"] = "domain length"
    group.create_array("sample", data=np.arange(split.count), dimension_names=["sample"])

    # Shards hold whole chunks; a split smaller than a shard is one shard.
    shard = min(SHARD, -(-split.count // CHUNK) * CHUNK)
    codec = BloscCodec(cname="lz4", shuffle="bitshuffle")

    def create(name: str, shape: tuple[int, ...], dtype: str, dimensions: list[str]) -> zarr.Array:
        return group.create_array(
            name,
            shape=(split.count, *shape),
            dtype=dtype,
            chunks=(CHUNK, *shape),
            shards=(shard, *shape),
            compressors=codec,
            dimension_names=dimensions,
        )

    field = (split.num_points, split.num_points)
    return {
        "source": create("source", field, "float32", ["sample", "y", "x"]),
        "solution": create("solution", field, "float32", ["sample", "y", "x"]),
        "coefficients": create("coefficients", (num_coefficients,), "float64", ["sample", "coefficient"]),
    }


def _attributes(split: Split) -> dict:
    """What a reader needs to understand a store, and to make it again."""
    system = SYSTEMS[split.system]
    return {
        "dataset": split.dataset,
        "split": split.split,
        "system": split.system,
        "equation": system.equation,
        "ranges": {name: list(interval) for name, interval in split.ranges.items()},
        "num_points": split.num_points,
        "source_parameters": {
            "num_centres": split.source.num_centres,
            "sigma": split.source.sigma,
            "sparsity_range": list(split.source.sparsity_range),
        },
        "seed": split.seed,
        "fields": ["source"],
        "outputs": ["solution"],
        "coefficient_names": list(system.coefficient_names),
        "units": {"source": "1", "solution": "1", "coefficients": system.coefficient_units},
        "numerics_version": numerics.SOLVER,
    }


def source_rms(fields: np.ndarray) -> np.ndarray:
    """Root mean square of each example's input fields, ``(count,)``, of ``(count, num_fields, *grid)``."""
    flat = fields.reshape(len(fields), -1)
    return np.sqrt(np.einsum("ij,ij->i", flat, flat, dtype=np.float64) / flat.shape[1])


def references(rms: np.ndarray, coefficients: np.ndarray, names: tuple[str, ...]) -> dict[str, float]:
    """Constants of the input normalisation (arXiv 2306.00258, A.5), by channel.

    ``source`` is the median of the examples' source RMS (RMS rather than norm, so that it survives a change
    of resolution), a coefficient's reference the median of its absolute value; 1 where that is zero.
    """
    medians = np.median(np.abs(coefficients), axis=0)
    return {"source": float(np.median(rms))} | {
        name: float(median) if median > 0 else 1.0 for name, median in zip(names, medians, strict=True)
    }


@dataclass(frozen=True)
class Examples:
    """Examples in memory: ``fields`` and ``outputs`` ``(count, channel, *grid)``, float32, and
    ``coefficients`` ``(count, num_coefficients)``, float64, with the names of all three."""

    fields: np.ndarray
    coefficients: np.ndarray
    outputs: np.ndarray
    field_names: tuple[str, ...]
    coefficient_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, rows: slice | np.ndarray) -> "Examples":
        return Examples(
            self.fields[rows],
            self.coefficients[rows],
            self.outputs[rows],
            self.field_names,
            self.coefficient_names,
            self.output_names,
        )

    def references(self) -> dict[str, float]:
        return references(source_rms(self.fields), self.coefficients, self.coefficient_names)


def load(store: Path, manifest: Path, count: int | None = None) -> Examples:
    """The first ``count`` examples of a split, or all, read whole into memory.

    Raises ValueError if the split has fewer.
    """
    content = read_json(manifest)
    if count is not None and count > content["count"]:
        raise ValueError(f"{count} examples were asked of {store}; it has {content['count']}")
    group = zarr.open_group(store, mode="r")
    fields, outputs = (
        np.stack([group[name][:count] for name in content[key]], axis=1) for key in ("fields", "outputs")
    )
    return Examples(
        fields,
        group["coefficients"][:count],
        outputs,
        tuple(content["fields"]),
        tuple(content["coefficient_names"]),
        tuple(content["outputs"]),
    )
