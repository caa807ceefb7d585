"""Datasets made: sampled, solved, checked, and written shard by shard."""

import math
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pdetransfer.base import numerics
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.store import Writer, examples_of_shard
from pdetransfer.data.streams import Stream
from pdetransfer.data.systems._system import AbstractSystem
from pdetransfer.data.systems._trajectories import AbstractTrajectories
from pdetransfer.data.systems.registry import SYSTEMS

MOST_ATTEMPTS = 1000  #: at drawing an example that its system accepts
_CACHED = 8  #: examples solved at once: their spectra stay in the processor's cache
_AHEAD = 2  #: shards that are being solved while another is written


@dataclass(frozen=True)
class Solved:
    """Examples as they are made: ``arrays`` by name, in float64 (``systems.Made``), relative ``residual``
    ``(count,)``, and the physics parameters of the examples that were ``refused`` in between,
    ``(num_refused, num_parameters)``."""

    arrays: dict[str, np.ndarray]
    residual: np.ndarray
    refused: np.ndarray


@dataclass(frozen=True)
class Split:
    """How one split of a dataset is made: everything its examples depend on.

    ``system`` is a name in SYSTEMS and ``options`` the arguments of its constructor, ``source`` the law of the
    source where it has one; ``seed``, ``dataset`` and ``split`` name the stream of random numbers.
    """

    dataset: str
    split: str
    system: str
    options: dict
    num_points: int
    source: SparseGaussians | None
    seed: int
    count: int

    def build_system(self) -> AbstractSystem:
        return SYSTEMS[self.system](**self.options)

    def examples(self, start: int, stop: int) -> Solved:
        """The examples ``start`` to ``stop - 1``.

        An example that its system does not accept is drawn again, from uniforms of its own, until it is; so it
        depends on no other. Raises RuntimeError if that takes ``MOST_ATTEMPTS``.
        """
        system, stream = self.build_system(), Stream(self.seed, self.dataset, self.split)
        num_uniforms = system.uniforms_of_example(self.source)
        uniforms = stream.uniforms(start, stop, num_uniforms)
        made = system.make(uniforms, self.source, self.num_points)
        arrays, residual, accepted = made.arrays, made.residual, made.accepted
        refused = [arrays["parameters"][~accepted]]
        for attempt in range(1, MOST_ATTEMPTS):
            pending = np.flatnonzero(~accepted)
            if not pending.size:
                break
            redrawn = system.redrawn
            uniforms[:, redrawn] = stream.uniforms(start, stop, num_uniforms, attempt)[:, redrawn]
            again = system.make(uniforms[pending], self.source, self.num_points)
            refused.append(again.arrays["parameters"][~again.accepted])
            for name, array in arrays.items():
                array[pending] = again.arrays[name]
            residual[pending], accepted[pending] = again.residual, again.accepted
        if accepted.all():
            return Solved(arrays, residual, np.concatenate(refused))
        raise RuntimeError(
            f"example {start + np.argmin(accepted)} of {self.dataset}/{self.split} was refused "
            f"{MOST_ATTEMPTS} times; expected {self.system} with {self.options} to accept more of what is drawn"
        )


def generate(split: Split, store: Path, manifest: Path, threads: int = 1) -> dict:
    """Make a split, check it, write its store and then its manifest; return the manifest.

    Works through the examples shard by shard, so that memory does not grow with their number; the next shards
    are solved in ``threads`` while one is written. Raises RuntimeError for an example that is not finite or
    whose residual exceeds the ``largest_residual`` of its system.
    """
    system = split.build_system()
    extra = {"parameters": {"parameter": len(system.parameter_names)}, **system.drawn_arrays(split.source)}
    axes, fields = system.grid(split.num_points), system.stored(split.num_points)
    writer = Writer(store, manifest, split.count, axes, fields, len(system.coefficient_names), extra)
    parameters, refused, largest_residual = [], [], 0.0
    with ThreadPoolExecutor(threads) as pool:
        for rows, shard in solve_shards(split, pool):
            largest_residual = max(largest_residual, float(shard.residual.max()))
            parameters.append(shard.arrays["parameters"])
            refused.append(shard.refused)
            writer.write(rows, shard.arrays)
    acceptance = _acceptance(split, np.concatenate(parameters), np.concatenate(refused))
    return writer.finish(
        _attributes(split) | {"largest_residual": largest_residual, "acceptance": acceptance}
    )


def solve_shards(split: Split, pool: ThreadPoolExecutor) -> Iterator[tuple[slice, Solved]]:
    """The examples shard by shard, with fields rounded as they are stored. While one shard is used, ``_AHEAD``
    more are solved in the pool. Raises RuntimeError as ``generate`` does."""
    ahead: deque[tuple[slice, dict, list[Future]]] = deque()
    shapes = split.build_system().stored(split.num_points).values()
    shard = min(examples_of_shard(math.prod(shape.values())) for shape in shapes)
    for start in range(0, split.count, shard):
        rows = slice(start, min(start + shard, split.count))
        ahead.append((rows, *_start_shard(split, rows, pool)))
        if len(ahead) > _AHEAD:
            yield _finish_shard(*ahead.popleft())
    while ahead:
        yield _finish_shard(*ahead.popleft())


def _start_shard(split: Split, rows: slice, pool: ThreadPoolExecutor) -> tuple[dict, list[Future]]:
    """The fields of a shard, and what fills them: its examples in blocks that fit the cache."""
    system = split.build_system()
    count = rows.stop - rows.start
    shapes = system.stored(split.num_points).items()
    fields = {name: np.empty((count, *shape.values()), np.float32) for name, shape in shapes}

    def block(start: int) -> Solved:
        stop = min(start + _CACHED, rows.stop)
        solved = split.examples(start, stop)
        wrong = np.flatnonzero(
            ~(solved.residual <= system.largest_residual)
        )  # also catches what is not finite
        if wrong.size:
            raise RuntimeError(
                f"example {start + wrong[0]} of {split.dataset}/{split.split} has residual "
                f"{solved.residual[wrong[0]]:.3g}; expected at most {system.largest_residual:g}"
            )
        for name, field in fields.items():
            field[start - rows.start : stop - rows.start] = solved.arrays.pop(name)  # float64 is not kept
        return solved

    return fields, [pool.submit(block, start) for start in range(rows.start, rows.stop, _CACHED)]


def _finish_shard(rows: slice, fields: dict, blocks: list[Future]) -> tuple[slice, Solved]:
    solved = [block.result() for block in blocks]
    small = {name: np.concatenate([block.arrays[name] for block in solved]) for name in solved[0].arrays}
    residual, refused = (
        np.concatenate([getattr(block, name) for block in solved]) for name in ("residual", "refused")
    )
    return rows, Solved(fields | small, residual, refused)


def _acceptance(split: Split, accepted: np.ndarray, refused: np.ndarray) -> dict:
    """Share of what was drawn that was accepted: of all, and by the shifted parameter where it is an integer."""
    system = SYSTEMS[split.system]
    acceptance: dict = {"all": len(accepted) / (len(accepted) + len(refused))}
    if system.shifted is None:
        return acceptance
    column = system.parameter_names.index(system.shifted)
    drawn = np.concatenate([accepted[:, column], refused[:, column]])
    if (drawn % 1 == 0).all():
        acceptance[system.shifted] = {
            f"{value:g}": float((accepted[:, column] == value).sum() / (drawn == value).sum())
            for value in np.unique(drawn)
        }
    return acceptance


def _attributes(split: Split) -> dict:
    """What a reader needs to understand a store, and to make it again."""
    system, law = split.build_system(), split.source
    of_trajectories = system.attributes if isinstance(system, AbstractTrajectories) else {}
    return of_trajectories | {
        "dataset": split.dataset,
        "split": split.split,
        "system": split.system,
        "equation": system.equation,
        "options": split.options,
        "num_points": split.num_points,
        "source_parameters": law and asdict(law) | {"sparsity_range": list(law.sparsity_range)},
        "seed": split.seed,
        "fields": list(system.fields),
        "outputs": list(system.outputs),
        "own_units": not system.scale_free,
        "coefficient_names": list(system.coefficient_names),
        "parameter_names": list(system.parameter_names),
        "units": system.field_units | {"coefficients": system.coefficient_units},
        "numerics_version": numerics.SOLVER,
    }
