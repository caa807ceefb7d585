"""Datasets made: sampled, solved, checked, and written shard by shard."""

import dataclasses
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pdetransfer.base import numerics
from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.store import SHARD, Writer
from pdetransfer.data.streams import Stream
from pdetransfer.data.systems.registry import SYSTEMS, AbstractSystem

LARGEST_RESIDUAL = 1e-10  #: of any stored example, in float64 before rounding
MOST_ATTEMPTS = 1000  #: at drawing an example that its system accepts
_CACHED = 8  #: examples solved at once: their spectra stay in the processor's cache
_AHEAD = 2  #: shards that are being solved while another is written


@dataclass(frozen=True)
class Solved:
    """Examples as they are made, in float64: ``coefficients``, physics ``parameters`` and source ``amplitudes``,
    ``source`` and ``solution`` ``(count, N, N)``, relative ``residual`` ``(count,)``; and the parameters of
    the examples that were ``refused`` in between, ``(num_refused, num_parameters)``."""

    coefficients: np.ndarray
    parameters: np.ndarray
    amplitudes: np.ndarray
    source: np.ndarray
    solution: np.ndarray
    residual: np.ndarray
    refused: np.ndarray


@dataclass(frozen=True)
class Split:
    """How one split of a dataset is made: everything its examples depend on.

    ``system`` is a name in SYSTEMS and ``options`` the arguments of its constructor; ``seed``, ``dataset``
    and ``split`` name the stream of random numbers.
    """

    dataset: str
    split: str
    system: str
    options: dict
    num_points: int
    source: SparseGaussians
    seed: int
    count: int

    def build_system(self) -> AbstractSystem:
        return SYSTEMS[self.system](**self.options)

    def examples(self, start: int, stop: int) -> Solved:
        """The examples ``start`` to ``stop - 1``.

        An example that its system does not accept is drawn again, from uniforms of its own, until it is; so it
        depends on no other. Raises RuntimeError if that takes ``MOST_ATTEMPTS``.
        """
        stream, num_uniforms = (
            Stream(self.seed, self.dataset, self.split),
            self.build_system().num_uniforms + self.source.num_uniforms,
        )
        uniforms = stream.uniforms(start, stop, num_uniforms)
        solved, accepted = self._solve(uniforms)
        refused = [solved.parameters[~accepted]]
        for attempt in range(1, MOST_ATTEMPTS):
            pending = np.flatnonzero(~accepted)
            if not pending.size:
                break
            redrawn = self.build_system().redrawn
            uniforms[:, redrawn] = stream.uniforms(start, stop, num_uniforms, attempt)[:, redrawn]
            again, accepted[pending] = self._solve(uniforms[pending])
            refused.append(again.parameters[~accepted[pending]])
            for name in ("coefficients", "parameters", "amplitudes", "source", "solution", "residual"):
                getattr(solved, name)[pending] = getattr(again, name)
        if accepted.all():
            return dataclasses.replace(solved, refused=np.concatenate(refused))
        raise RuntimeError(
            f"example {start + np.argmin(accepted)} of {self.dataset}/{self.split} was refused "
            f"{MOST_ATTEMPTS} times; expected {self.system} with {self.options} to accept more of what is drawn"
        )

    def _solve(self, uniforms: np.ndarray) -> tuple[Solved, np.ndarray]:
        """Examples from their uniforms, and which of them are accepted."""
        system, grid = self.build_system(), Grid(self.num_points)
        amplitudes = self.source.amplitudes(uniforms[:, system.num_uniforms :])
        source = self.source.fields(amplitudes, grid)
        if system.zero_mean:
            source -= source.mean(axis=(1, 2), keepdims=True)
        source_hat = grid.to_spectrum(source)
        draw = system.sample(uniforms[:, : system.num_uniforms], source_hat, self.source, grid)
        solution, residual = system.solve_and_check(draw.coefficients, source_hat, grid)
        none = draw.parameters[:0]
        solved = Solved(draw.coefficients, draw.parameters, amplitudes, source, solution, residual, none)
        return solved, system.accepts(draw, solution, self.source, grid)


def generate(split: Split, store: Path, manifest: Path, threads: int = 1) -> dict:
    """Make a split, check it, write its store and then its manifest; return the manifest.

    Works through the examples shard by shard, so that memory does not grow with their number; the next shards
    are solved in ``threads`` while one is written. Raises RuntimeError for an example that is not finite or
    whose residual exceeds ``LARGEST_RESIDUAL``.
    """
    system = SYSTEMS[split.system]
    centres = {"centre_y": split.source.num_centres, "centre_x": split.source.num_centres}
    extra = {"parameters": {"parameter": len(system.parameter_names)}, "amplitudes": centres}
    writer = Writer(store, manifest, split.count, split.num_points, len(system.coefficient_names), extra)
    parameters, refused, largest_residual = [], [], 0.0
    with ThreadPoolExecutor(threads) as pool:
        for rows, shard in solve_shards(split, pool):
            largest_residual = max(largest_residual, float(shard.residual.max()))
            parameters.append(shard.parameters)
            refused.append(shard.refused)
            writer.write(rows, vars(shard))
    acceptance = _acceptance(split, np.concatenate(parameters), np.concatenate(refused))
    return writer.finish(
        _attributes(split) | {"largest_residual": largest_residual, "acceptance": acceptance}
    )


def solve_shards(split: Split, pool: ThreadPoolExecutor) -> Iterator[tuple[slice, Solved]]:
    """The examples shard by shard, with fields rounded as they are stored. While one shard is used, ``_AHEAD``
    more are solved in the pool. Raises RuntimeError as ``generate`` does."""
    ahead: deque[tuple[slice, dict, list[Future]]] = deque()
    for start in range(0, split.count, SHARD):
        rows = slice(start, min(start + SHARD, split.count))
        ahead.append((rows, *_start_shard(split, rows, pool)))
        if len(ahead) > _AHEAD:
            yield _finish_shard(*ahead.popleft())
    while ahead:
        yield _finish_shard(*ahead.popleft())


def _start_shard(split: Split, rows: slice, pool: ThreadPoolExecutor) -> tuple[dict, list[Future]]:
    """The fields of a shard, and what fills them: its examples in blocks that fit the cache."""
    shape = rows.stop - rows.start, split.num_points, split.num_points
    fields = {name: np.empty(shape, np.float32) for name in ("source", "solution")}

    def block(start: int) -> Solved:
        stop = min(start + _CACHED, rows.stop)
        solved = split.examples(start, stop)
        wrong = np.flatnonzero(~(solved.residual <= LARGEST_RESIDUAL))  # also catches what is not finite
        if wrong.size:
            raise RuntimeError(
                f"example {start + wrong[0]} of {split.dataset}/{split.split} has residual "
                f"{solved.residual[wrong[0]]:.3g}; expected at most {LARGEST_RESIDUAL:g}"
            )
        for name, field in fields.items():
            field[start - rows.start : stop - rows.start] = getattr(solved, name)
        return dataclasses.replace(solved, source=None, solution=None)  # float64 is not kept

    return fields, [pool.submit(block, start) for start in range(rows.start, rows.stop, _CACHED)]


def _finish_shard(rows: slice, fields: dict, blocks: list[Future]) -> tuple[slice, Solved]:
    solved = [block.result() for block in blocks]
    names = [field.name for field in dataclasses.fields(Solved) if field.name not in fields]
    small = {name: np.concatenate([getattr(block, name) for block in solved]) for name in names}
    return rows, Solved(**small, **fields)


def _acceptance(split: Split, accepted: np.ndarray, refused: np.ndarray) -> dict:
    """Share of what was drawn that was accepted: of all, and by the shifted parameter where it is an integer."""
    system = SYSTEMS[split.system]
    column = system.parameter_names.index(system.shifted)
    acceptance: dict = {"all": len(accepted) / (len(accepted) + len(refused))}
    drawn = np.concatenate([accepted[:, column], refused[:, column]])
    if (drawn % 1 == 0).all():
        acceptance[system.shifted] = {
            f"{value:g}": float((accepted[:, column] == value).sum() / (drawn == value).sum())
            for value in np.unique(drawn)
        }
    return acceptance


def _attributes(split: Split) -> dict:
    """What a reader needs to understand a store, and to make it again."""
    system = SYSTEMS[split.system]
    return {
        "dataset": split.dataset,
        "split": split.split,
        "system": split.system,
        "equation": system.equation,
        "options": split.options,
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
        "parameter_names": list(system.parameter_names),
        "units": {"source": "1", "solution": "1", "coefficients": system.coefficient_units},
        "numerics_version": numerics.SOLVER,
    }
