"""Print how fast data is made, in how much memory, how fast it is read, and what of it is accepted.

    python benchmarks/data.py [examples]

Rates are for one process with two threads, on a 128 x 128 grid and, of an eighth as many examples that are solved
step by step, on that of the laptop's muTransfer study, solving alone and with the store that is written:
medians of interleaved repeats, with the processor's time for an example, all threads together, which others on the
machine disturb less. Acceptance and the ratio Ψ that the solutions really have are at the grids of the
laptop and the paper, and between.
"""

import resource
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pdetransfer.data.datasets import load
from pdetransfer.data.generation import Split, generate, solve_shards
from pdetransfer.data.grid import Grid
from pdetransfer.data.sources import SparseGaussians

PAPER = SparseGaussians(12, 1 / 32, (0.2, 0.8))
LAWS = {32: SparseGaussians(6, 1 / 16, (0.2, 0.8)), 64: PAPER, 128: PAPER}
DATASETS = {
    "poisson": [{"eigenvalue_range": [1, 5]}],
    "advection_diffusion": [
        {"psi_range": interval} for interval in ([0.2, 1], [0.2, 0.4], [0.6, 1.4], [1, 2], [2, 5])
    ],
    "helmholtz": [{"omega_range": interval} for interval in ([1, 10], [1, 5], [11, 15])],
}
STEPPED = {  # system: points a side, options
    "burgers": (256, {}),
    "darcy": (33, {}),
    "navier_stokes": (
        32,
        {"viscosity_range": [1e-3, 1e-3], "time": 10, "num_frames": 11, "amplitude": 4, "num_modes": 10},
    ),
}
REPEATS = 3


def split_of(system: str, options: dict, num_points: int, count: int) -> Split:
    return Split("benchmark", "train", system, options, num_points, LAWS[num_points], 0, count)


def solve(split: Split) -> None:
    with ThreadPoolExecutor(2) as pool:
        for _ in solve_shards(split, pool):
            pass


def store(split: Split) -> None:
    with tempfile.TemporaryDirectory() as folder:
        generate(split, Path(folder, "a.zarr"), Path(folder, "a.json"), threads=2)


def rates(count: int) -> None:
    before = peak_memory()
    print(f"examples/s, {count} examples: median (smallest to largest) of {REPEATS}; time of processor")
    splits = [split_of(system, options, 128, count) for system, (options, *_) in DATASETS.items()]
    splits += [
        Split("benchmark", "train", system, options, num_points, None, 0, count // 8)
        for system, (num_points, options) in STEPPED.items()
    ]
    for split in splits:
        system, count = split.system, split.count
        start = time.perf_counter()
        split.examples(0, 1)  # tables that are computed once
        first = time.perf_counter() - start
        measured: dict[str, list[tuple[float, float]]] = {"solved": [], "stored": []}
        for _ in range(REPEATS):
            for name, work in (("solved", solve), ("stored", store)):
                wall, processor = time.perf_counter(), time.process_time()
                work(split)
                wall, processor = time.perf_counter() - wall, time.process_time() - processor
                measured[name].append((count / wall, processor / count * 1e6))
        for name, values in measured.items():
            rate, processor = zip(*values, strict=True)
            line = f"{statistics.median(rate):6.0f} ({min(rate):.0f} to {max(rate):.0f})"
            print(f"  {system:20} {name}: {line}; {statistics.median(processor):.0f} us for each")
        print(f"  {system:20} the first example: {first:.2f} s")
    print(f"  peak memory {peak_memory():.0f} MiB, {peak_memory() - before:.0f} above what is imported")


def load_rates(count: int) -> None:
    rates = []
    with tempfile.TemporaryDirectory() as folder:
        store, manifest = Path(folder, "a.zarr"), Path(folder, "a.json")
        generate(split_of("poisson", DATASETS["poisson"][0], 128, count), store, manifest, threads=2)
        for _ in range(REPEATS):
            start = time.perf_counter()
            load([store], [manifest])
            rates.append(count / (time.perf_counter() - start))
    print(f"loaded whole, examples/s: {statistics.median(rates):.0f} ({min(rates):.0f} to {max(rates):.0f})")


def peak_memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def psi_of(split: Split, solved) -> np.ndarray:
    """‖v·∇u‖ / ‖div K∇u‖ of the solutions; the terms add up to the source, so one comes from the other."""
    grid = Grid(split.num_points)
    v1, v2 = solved.arrays["coefficients"].T[3:, :, None, None]
    advection = grid.to_field(
        1j * (v1 * grid.k_x + v2 * grid.k_y) * grid.to_spectrum(solved.arrays["solution"])
    )
    diffusion = solved.arrays["source"] - advection
    return np.linalg.norm(advection, axis=(1, 2)) / np.linalg.norm(diffusion, axis=(1, 2))


def acceptance(count: int) -> None:
    print(f"acceptance, of {count} examples")
    for system in ("advection_diffusion", "helmholtz"):
        for options in DATASETS[system]:
            for num_points in LAWS:
                split = split_of(system, options, num_points, count)
                solved = split.examples(0, count)
                share = count / (count + len(solved.refused))
                line = f"  {system:20} {next(iter(options.values()))!s:10} at {num_points:3}: {share:.3f}"
                if system == "advection_diffusion":
                    error = np.abs(psi_of(split, solved) / solved.arrays["parameters"][:, 0] - 1).max()
                    line += f"   largest relative error of psi {error:.1e}"
                else:
                    drawn = np.concatenate([solved.arrays["parameters"][:, 0], solved.refused[:, 0]])
                    accepted = solved.arrays["parameters"][:, 0]
                    by_omega = (
                        f"{omega:g}: {(accepted == omega).sum() / (drawn == omega).sum():.2f}"
                        for omega in np.unique(drawn)
                    )
                    line += "   " + ", ".join(by_omega)
                print(line)


if __name__ == "__main__":
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 4096
    rates(examples)
    load_rates(examples)
    acceptance(examples // 4)
