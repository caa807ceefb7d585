"""Print how many examples a second every model of a study trains with, beside the ``rate`` that its config has.

    python benchmarks/rates.py [STUDY] [SCALE] [MODEL ...]

A model's steps are those of its first cell, pre-trainings first: on random numbers of the channels and grid of the
cell's dataset, with its batch and noise, in micro-batches, compiled where the scale compiles. With ``num_gpus``, a
step is one GPU's share of the batch. Printed are medians with quartiles, on a GPU or on one thread; validations
come on top.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pdetransfer.data.examples import Examples
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.data.windows import Windows
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.plan.costs import grid_of
from pdetransfer.plan.load import load
from pdetransfer.plan.recipes import Recipe
from pdetransfer.plan.study import Cell, Study
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.noise import Noise
from pdetransfer.training.steps import Adam, Step
from rows import Row, show, spread
from training import DEVICE, run_tuned, seconds_of

CONFIG = Path(__file__).resolve().parents[1] / "config"
REPEATS = 5


def first_cells(study: Study, models: list[str]) -> Iterator[tuple[str, Cell]]:
    """The first cell of each model, pre-trainings first."""
    everything = list(study.experiments)
    cells = [*study.pretrained(everything), *study.cells(everything)]
    for name in models or study.models:
        own = [cell for cell in cells if cell[0].model == name]
        if own:
            yield name, own[0]


def examples_of(study: Study, cell: Cell, count: int) -> Examples | Windows:
    """Random numbers in place of a dataset's."""
    curve, _ = cell
    random, architecture = np.random.default_rng(0), study.models[curve.model].architecture
    systems = [SYSTEMS[study.datasets[name].system] for name in study.components(curve.dataset)]
    grid = grid_of(study, curve.dataset)
    if num_frames := architecture.get("num_frames"):
        names = tuple(dict.fromkeys(name for system in systems for name in system.channels))
        shape = count, num_frames + 1, len(names), *grid[-2:]
        return Windows.of(random.standard_normal(shape, dtype=np.float32), names, num_frames)
    fields, coefficients, outputs = (
        tuple(dict.fromkeys(name for system in systems for name in getattr(system, kind)))
        for kind in ("fields", "coefficient_names", "outputs")
    )
    values = [random.standard_normal((count, len(n), *grid), dtype=np.float32) for n in (fields, outputs)]
    constants = random.uniform(1, 2, (count, len(coefficients)))
    return Examples(values[0], constants, values[1], fields, coefficients, outputs)


def measure(study: Study, cell: Cell) -> Row:
    curve, n_train = cell
    model, recipe = study.models[curve.model], Recipe(**study.cell_settings(curve, n_train)["recipe"])
    hardware = Hardware(DEVICE, compile_from=study.compile_from)
    batch = -(-recipe.largest_batch(n_train) // model.num_gpus)
    examples = examples_of(study, cell, batch)
    operator = NeuralOperator(model.architecture, Channels.of(examples, model.architecture), {}, seed=0)
    operator.references = examples.references()
    network, (inputs, targets) = operator.model.to(DEVICE), operator.samples(examples, DEVICE)
    size = inputs.num_points, batch
    network.recompute = hardware.recomputes(operator, *size)
    compiled, part = hardware.compiles(recipe.num_steps(n_train)), hardware.micro_batch(operator, *size)
    noise = Noise(recipe.noise, 0, len(operator.channels.fields), 0) if recipe.noise else None
    optimiser = Adam(operator.parameter_groups(1e-6), fused=True)
    step = Step(network, optimiser, inputs, targets, recipe, part, compiled, None, noise)
    rows = torch.arange(batch, device=DEVICE)
    for _ in range(3):
        step(rows)
    rates = [batch / seconds_of(lambda: step(rows)) for _ in range(REPEATS)]
    return {
        "model": curve.model,
        "batch": f"{batch}, {part} at once",
        "compiled": "failed" if step.falls_back else str(compiled),
        "recomputes": str(network.recompute),
        "peak memory, MB": hardware.peak_memory_mb(),
        "examples/s": spread(rates),
        "rate": model.rate,
    }


if __name__ == "__main__":
    run_tuned()
    name, scale, *models = [*sys.argv[1:], *("transfer", "laptop")[len(sys.argv) - 1 :]]
    study = load(CONFIG, {"study": name, "scale": scale})
    print(f"{name}, {scale}: training examples/s on {Hardware(DEVICE).name}, beside the config's rate")
    for model, cell in first_cells(study, models):
        torch.compiler.reset()
        if DEVICE.type == "cuda":
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        try:
            show(measure(study, cell))
        except RuntimeError as error:  # of memory, too
            show({"model": model, "failed": str(error).splitlines()[0]})
