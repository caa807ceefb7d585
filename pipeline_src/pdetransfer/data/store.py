"""Writing the split of a dataset: a zarr store and, last, its manifest (``docs/data-format.md``)."""

import hashlib
import json
import math
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from pdetransfer.base.files import read_json, write_json
from pdetransfer.data.systems._trajectories import FRAMES, as_block

CHUNK = 32  #: examples in a chunk, the smallest piece that is read, at most
SHARD = 256  #: examples in a shard, which is a file; also the piece that is written at once, at most
_SHARD_BYTES = 2**27  # of a shard's fields, so that memory does not grow with what one example is


def examples_of_shard(values: int) -> int:
    """Examples in a shard, ``values`` float32 numbers each: a power of two."""
    most = max(1, _SHARD_BYTES // (4 * values))
    return min(SHARD, 2 ** (most.bit_length() - 1))


def inputs_of(group: zarr.Group, content: dict, rows: slice) -> dict[str, np.ndarray]:
    """What some examples of a store are given by, its fields by name; of trajectories the first frames."""
    if "channels" not in content:
        return {name: group[name][rows] for name in content["fields"]}
    frames = group[FRAMES][rows, :1]
    return {name: frames[:, :, index] for index, name in enumerate(content["fields"])}


def arrays_of(group: zarr.Group, content: dict, rows: slice) -> dict[str, np.ndarray]:
    """Fields and outputs of some examples of a store by name, ``(count, *grid)``; of trajectories as a block in
    space and time."""
    if "channels" not in content:
        return {name: group[name][rows] for name in content["fields"] + content["outputs"]}
    return as_block(group[FRAMES][rows], content["channels"])


def content_hash(manifests: list[Path]) -> str:
    """One SHA-256 of all arrays of some splits, from their manifests."""
    arrays = [read_json(manifest)["sha256"] for manifest in manifests]
    return hashlib.sha256(json.dumps(arrays, sort_keys=True).encode()).hexdigest()


class Writer:
    """Writes ``count`` examples on a grid of ``axes``, coordinates by name, shard by shard.

    Every store has ``fields``, inputs and outputs or frames, float32, and ``coefficients``; ``extra`` names more
    float64 arrays. Both give the dimensions and shape of one example. An earlier manifest is removed first: a
    store without one is unfinished, whatever it holds.
    """

    def __init__(
        self,
        store: Path,
        manifest: Path,
        count: int,
        axes: dict[str, np.ndarray],
        fields: dict[str, dict[str, int]],
        num_coefficients: int,
        extra: dict[str, dict[str, int]],
    ):
        manifest.unlink(missing_ok=True)
        shutil.rmtree(store, ignore_errors=True)
        store.parent.mkdir(parents=True, exist_ok=True)
        self._store, self._manifest, self._count = store, manifest, count
        self._group = zarr.create_group(store)
        for axis, points in axes.items():
            array = self._group.create_array(axis, data=points, dimension_names=[axis])
            array.attrs["units"] = "time" if axis == "t" else "domain length"
        self._group.create_array("sample", data=np.arange(count), dimension_names=["sample"])
        self.shard = min(examples_of_shard(math.prod(shape.values())) for shape in fields.values())
        self._arrays = {name: self._create(name, shape, "float32") for name, shape in fields.items()}
        self._arrays["coefficients"] = self._create(
            "coefficients", {"coefficient": num_coefficients}, "float64"
        )
        self._arrays |= {
            name: self._create(name, dimensions, "float64") for name, dimensions in extra.items()
        }
        self._hashes = {name: hashlib.sha256() for name in self._arrays}

    def _create(self, name: str, dimensions: dict[str, int], dtype: str) -> zarr.Array:
        shape = tuple(dimensions.values())
        # Shards hold whole chunks; a split smaller than a shard is one shard. A chunk has no empty axis.
        chunk = math.gcd(CHUNK, self.shard)
        shard = min(self.shard, -(-self._count // chunk) * chunk)
        of_example = tuple(max(1, size) for size in shape)
        return self._group.create_array(
            name,
            shape=(self._count, *shape),
            dtype=dtype,
            chunks=(chunk, *of_example),
            shards=(shard, *of_example),
            compressors=[BloscCodec(cname="lz4", shuffle="shuffle"), Crc32cCodec()],
            dimension_names=["sample", *dimensions],
            config={"write_empty_chunks": True},  # else each chunk is searched for values that are not zero
        )

    def write(self, rows: slice, values: dict[str, np.ndarray]) -> None:
        """Write all arrays of a range of examples, in order, whole shards at a time."""

        def write(name: str) -> None:
            block = np.ascontiguousarray(values[name], dtype=self._arrays[name].dtype)
            self._hashes[name].update(block)
            self._arrays[name][rows] = block

        with ThreadPoolExecutor() as pool:  # an array is hashed while another is compressed
            list(pool.map(write, self._arrays))

    def finish(self, attributes: dict) -> dict:
        """Write the attributes, and last the manifest; return it."""
        hashes = {name: hash.hexdigest() for name, hash in self._hashes.items()}
        content = attributes | {"count": self._count, "sha256": hashes}
        self._group.attrs.update(content)
        write_json(self._manifest, content)
        return content
