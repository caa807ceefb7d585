"""Print examples/s of a whole cell: training, its validations, and evaluation on test examples.

    python benchmarks/full_cell.py [width,modes,grid,n_train,batch,epochs ...]

One run, as paper scale does: a validation every tenth epoch on an eighth as many examples, and as many to test.
"""

import functools
import sys
import time

from cell import noise
from pdetransfer.models.operators import NeuralOperator
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.cells import train_cell
from pdetransfer.training.evaluation import errors_by_example
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs
from rows import Row, case, show
from training import DEVICE, run_tuned

SIZES = ["16,8,32,1024,16,10"]
LARGE_SIZES = ["16,4,128,8192,128,20", "32,32,128,8192,128,20"]


def task_of(width: int, modes: int, num_points: int, n_train: int, batch: int, epochs: int) -> Task:
    num_validation = max(1, n_train // 8)
    recipe = Recipe(
        learning_rates=[1e-3],
        batch_size=batch,
        length=epochs,
        length_unit="epochs",
        validation_interval=min(10, epochs),
        num_validation=num_validation,
    )
    architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
    return Task(architecture, recipe, n_train, noise(n_train, num_points), noise(num_validation, num_points))


def measure(width: int, modes: int, num_points: int, n_train: int, batch: int, epochs: int) -> Row:
    task = task_of(width, modes, num_points, n_train, batch, epochs)
    start = time.perf_counter()
    cell = train_cell(task, functools.partial(train_runs, task, hardware=Hardware(DEVICE)))
    operator = NeuralOperator(task.architecture, cell.channels, cell.chosen[0].references, seed=0)
    operator.model.load_state_dict(cell.chosen[0].best)
    errors_by_example(operator, task.validation, DEVICE)
    seconds = time.perf_counter() - start
    rate = epochs * n_train / seconds
    return {"case": f"{case(width, modes, num_points, batch)}, n {n_train}", "examples/s": rate, "s": seconds}


if __name__ == "__main__":
    run_tuned()
    print(f"training examples/s of a whole cell, on {DEVICE.type}")
    for size in sys.argv[1:] or (LARGE_SIZES if DEVICE.type == "cuda" else SIZES):
        show(measure(*(int(value) for value in size.split(","))))
