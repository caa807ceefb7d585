"""The parts of ``gpu.py``, each of which adds its rows to the report as soon as they are measured.

They are started by it, one process for each: ``gpu_parts.py PART FOLDER``.
"""

import copy
import functools
import multiprocessing
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

import ceilings
import cell as cells
import dpot as dpots
import full_cell
import memory as memories
import precision as precisions
import training
import transforms as ways_to_modes
from gpu import ROOT, Report
from oracles import dpot_by_fft, errors_of, errors_of_fno
from pdetransfer.base.locks import locked
from pdetransfer.base.tensors import read_description
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import train_runs
from pdetransfer.training.state import Run, Unfinished
from pdetransfer.training.steps import compile_model
from rows import Row, case, spread
from training import DEVICE, our_step, run_tuned, seconds_of, step_inputs

Add = Callable[[Row], None]

ON_GPU = DEVICE.type == "cuda"
MODELS = [(32, 32), (16, 4), (128, 32), (16, 16)] if ON_GPU else [(8, 4), (4, 2)]
NUM_POINTS = 128 if ON_GPU else 16
BATCHES = (128, 32) if ON_GPU else (4,)
CELLS = ["16,4,128,1024,128,20", "32,32,128,1024,128,20"] if ON_GPU else ["8,4,16,32,8,2"]
TOGETHER = ["16,4,128,8", "16,4,128,16", "16,4,128,32", "32,32,128,8", "8,4,32,8"] if ON_GPU else ["4,2,8,4"]
RESUMED = (16, 4, 128, 256, 32, 150) if ON_GPU else (4, 2, 8, 16, 8, 400)  # as full_cell.task_of takes them
# width, num_layers, num_heads, patch, points, batch: the laptop's larger one, and the published Tiny
DPOTS = [(64, 4, 4, 4, 32, 16), (512, 4, 4, 8, 128, 160)] if ON_GPU else [(16, 2, 2, 4, 16, 2)]
NUM_SEEDS, NUM_STEPS = (3, 500) if ON_GPU else (2, 20)  # of trainings in bfloat16
OUTPUTS, GRADIENTS = 1e-6, 1e-5  #: relative errors that a model may have
REPEATS = 9


def machine() -> dict[str, str]:
    """What the rows depend on."""
    found = {"device": Hardware(DEVICE).name if ON_GPU else f"a processor ({platform.machine()}), toy sizes"}
    if ON_GPU and (query := shutil.which("nvidia-smi")):
        command = [query, "--query-gpu=driver_version", "--format=csv,noheader"]
        found["driver"] = subprocess.run(command, capture_output=True, text=True).stdout.split("\n")[0]
    versions = {"PyTorch": torch.__version__, "CUDA": torch.version.cuda, "Python": platform.python_version()}
    return found | {name: str(version) for name, version in versions.items()} | {"on": f"{date.today()}"}


def attempt(add: Add, name: str, measure: Callable[[], Row]) -> None:
    """Add what is measured, or why it cannot be."""
    try:
        add({"case": name} | measure())
    except Exception as error:
        add({"case": name, "failed": f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}"})


def tests(add: Add) -> None:
    """The tests marked ``gpu``."""

    class Plugin:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.when == "call" or not report.passed:
                row = {"case": report.nodeid.removeprefix("tests/unit/"), "outcome": report.outcome}
                row |= {"s": report.duration}
                if report.failed:
                    row["failed"] = str(report.longrepr).splitlines()[-1]
                add(row)

    # In folders whose tests import little. What another version of PyTorch warns of is no fault of ours.
    folders = [str(ROOT / "tests/unit" / name) for name in ("models", "training")]
    options = ["-m", "gpu", "-q", "-p", "no:cacheprovider", "-W", "default", "--rootdir", str(ROOT)]
    code = pytest.main([*options, *folders], plugins=[Plugin()])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise RuntimeError(f"pytest ended with {code.name}")


def accuracy(add: Add) -> None:
    """Errors of outputs and gradients against double precision: of a model as it is, with products in
    TensorFloat-32, and compiled."""
    torch.set_num_threads(os.cpu_count() or 1)  # double precision is computed on the processor
    for way in ("as it is", "in TF32", "compiled") if ON_GPU else ("as it is", "compiled"):
        for width, modes in MODELS:
            name = f"{case(width, modes, NUM_POINTS, 2)}, {way}"
            attempt(add, name, functools.partial(_errors, width, modes, way))

    for width, modes in MODELS if ON_GPU else ():
        size = width, modes, NUM_POINTS, 2
        attempt(add, f"{case(*size)}, the published FNO", functools.partial(_of_published, *size))


def _of_published(*size: int) -> Row:
    """Its outputs on a GPU against those on a processor. The product with R makes spectra that no real field has;
    what the inverse FFT makes of them is left to the library."""
    operator, x, _ = step_inputs(*size)
    published = training.PublishedFNO(operator.model.cpu())
    with torch.no_grad():
        on_processor, on_gpu = published(x.cpu()), published.to(DEVICE)(x).cpu()
    return {"difference of outputs": float((on_gpu - on_processor).norm() / on_processor.norm())}


def _errors(width: int, modes: int, way: str) -> Row:
    operator, x, _ = step_inputs(width, modes, NUM_POINTS, 2)
    forward = compile_model(operator.model) if way == "compiled" else operator.model
    torch.set_float32_matmul_precision("high" if way == "in TF32" else "highest")
    of_outputs, of_gradients = errors_of_fno(operator.model, DEVICE, x.cpu(), forward)
    of_gradient = max(of_gradients.values())
    within = of_outputs < OUTPUTS and of_gradient < GRADIENTS
    return {
        "outputs": of_outputs,
        "gradients": of_gradient,
        f"within {OUTPUTS:g} and {GRADIENTS:g}": str(within),
    }


def cell(add: Add) -> None:
    """A whole cell, with its validations and the evaluation."""
    for size in CELLS:
        attempt(add, size, functools.partial(full_cell.measure, *map(int, size.split(","))))


def step(add: Add) -> None:
    """The step beside other models', and how near it comes to what the device can do."""
    for batch in BATCHES:
        for width, modes in MODELS:
            size = width, modes, NUM_POINTS, batch
            attempt(add, case(*size), functools.partial(_step, *size))


def _step(*size: int) -> Row:
    return training.compare(*size) | ceilings.compare(*size)


def transforms(add: Add) -> None:
    """The Fourier transforms as products, and as FFTs."""
    for width, modes in MODELS:
        size = width, modes, NUM_POINTS, BATCHES[0]
        attempt(add, case(*size), functools.partial(ways_to_modes.compare, *size))


def together(add: Add) -> None:
    """Small runs as one batched model, and one by one, as they are and compiled."""
    for size in TOGETHER:
        attempt(add, size, functools.partial(cells.compare_steps, *map(int, size.split(","))))


def precision(add: Add) -> None:
    """What bfloat16 changes: the time of a step, beside that in TensorFloat-32, and the error of a training."""
    for width, modes in MODELS:
        size = width, modes, NUM_POINTS, BATCHES[0]
        attempt(add, case(*size), functools.partial(_gains, *size))
    for kind in precisions.ARCHITECTURES:
        for row in precisions.compare(kind, NUM_SEEDS, NUM_STEPS):
            add(row)


def _gains(*size: int) -> Row:
    operator, x, target = step_inputs(*size)
    steps = {
        name: our_step(copy.deepcopy(operator), x, target, False, name) for name in ("float32", "bfloat16")
    }
    others = {"bfloat16": steps["bfloat16"]} | ({"TF32": _in_tf32(steps["float32"])} if ON_GPU else {})
    times = []
    for _ in range(REPEATS + 1):
        full = seconds_of(steps["float32"])
        times.append({name: full / seconds_of(other) for name, other in others.items()})
    return {f"float32 / {name}": spread(ratios[name] for ratios in times[1:]) for name in others}


def _in_tf32(step: Callable[[], object]) -> Callable[[], None]:
    def taken() -> None:
        torch.set_float32_matmul_precision("high")
        step()
        torch.set_float32_matmul_precision("highest")

    return taken


def memory(add: Add) -> None:
    """Peak memory of a step of the largest model, with activations kept and computed again."""
    size = (128, 32, 128, 128) if ON_GPU else (8, 4, 16, 4)
    for recompute, name in ((True, "computed again"), (False, "kept")):
        attempt(add, f"{case(*size)}, activations {name}", functools.partial(_memory, *size, recompute))


def _memory(*size_and_way: int) -> Row:
    peak, rate = memories.in_a_process(*size_and_way)
    return {"peak memory, MB": peak, "examples/s": rate}


def resume(add: Add) -> None:
    """A training that is killed and resumed, and an undisturbed one, each against another undisturbed one."""
    for compile_from in (0, 1) if ON_GPU else (0,):
        name = case(*RESUMED[:3], RESUMED[4]) + (", compiled" if compile_from else "")
        undisturbed = _train(None, compile_from)
        attempt(add, f"{name}, undisturbed", functools.partial(_again, compile_from, undisturbed))
        attempt(add, f"{name}, killed", functools.partial(_killed_and_resumed, compile_from, undisturbed))


def _again(compile_from: int, undisturbed: Run) -> Row:
    return _difference(_train(None, compile_from), undisturbed)


def _train(folder: Path | None, compile_from: int) -> Run:
    """Train a run; with a folder, its state is kept there."""
    task, hardware = full_cell.task_of(*RESUMED), Hardware(DEVICE, compile_from=compile_from)
    if folder is None:
        (run,) = train_runs(task, [(1e-3, 0)], hardware)
    else:
        with locked(folder / "lock") as lock:
            (run,) = train_runs(task, [(1e-3, 0)], hardware, Unfinished(folder, "key", lock, interval=0.0))
    return run


def _killed_and_resumed(compile_from: int, undisturbed: Run) -> Row:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        process = multiprocessing.get_context("spawn").Process(target=_train, args=(folder, compile_from))
        process.start()
        while process.is_alive() and _steps_kept(folder) < undisturbed.steps // 4:
            time.sleep(0.01)
        process.kill()
        process.join()
        if process.exitcode == 0:
            raise RuntimeError("the training ended before it could be killed")
        after = _steps_kept(folder)
        return _difference(_train(folder, compile_from), undisturbed) | {"resumed after step": after}


def _steps_kept(folder: Path) -> int:
    """Steps of the run whose state is in the folder."""
    return max((read_description(path)["run"]["steps"] for path in folder.glob("*.safetensors")), default=0)


def _difference(run: Run, other: Run) -> Row:
    """Of the weights, relative, the largest of any parameter; of the validation error, relative."""
    assert run.best is not None
    assert other.best is not None
    pairs = [(run.best[name].cpu(), value.cpu()) for name, value in other.best.items()]
    return {
        "steps": run.steps,
        "difference of weights": max(float((one - two).norm() / two.norm()) for one, two in pairs),
        "of the validation error": abs(run.validation_error / other.validation_error - 1),
    }


def processes(add: Add) -> None:
    """Steps of two processes that share each batch, against those of one; on one card, and
    without NCCL, where there is no other."""
    size = (*MODELS[0], NUM_POINTS, BATCHES[0])
    alone = _losses(*size)
    for backend in ("nccl", "gloo") if torch.cuda.device_count() > 1 else ("gloo",):  # NCCL wants a card each
        attempt(add, f"{case(*size)}, {backend}", functools.partial(_of_two, backend, size, *alone))


def _of_two(backend: str, size: tuple[int, ...], losses: list[float], seconds: float) -> Row:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    with tempfile.TemporaryDirectory() as folder:
        workers = [
            context.Process(target=_worker, args=(rank, backend, f"{folder}/meeting", size, results))
            for rank in range(2)
        ]
        for worker in workers:
            worker.start()
        found = [results.get(timeout=60) for _ in workers]
        for worker in workers:
            worker.join()
    if said := [result for result in found if isinstance(result, str)]:
        raise RuntimeError(said[0])
    differences = [abs(one / two - 1) for mine, _ in found for one, two in zip(mine, losses, strict=True)]
    return {
        "steps": len(losses),
        "difference of losses": max(differences),
        "time over that of one process": max(taken for _, taken in found) / seconds,
        "cards": min(2, torch.cuda.device_count()),
    }


def _worker(rank: int, backend: str, meeting: str, size: tuple[int, ...], results) -> None:
    try:
        if ON_GPU:
            torch.cuda.set_device(rank % torch.cuda.device_count())
        dist.init_process_group(backend, init_method=f"file://{meeting}", rank=rank, world_size=2)
        results.put(_losses(*size))
        dist.destroy_process_group()
    except Exception as error:
        results.put((str(error).splitlines() or [type(error).__name__])[-1])


def _losses(width: int, modes: int, num_points: int, batch: int) -> tuple[list[float], float]:
    """Losses of ten steps, and seconds of the last five."""
    taken = our_step(*step_inputs(width, modes, num_points, batch), compiled=False)
    losses = [float(taken()) for _ in range(5)]
    start = time.perf_counter()
    losses += [float(taken()) for _ in range(5)]
    return losses, time.perf_counter() - start


def dpot(add: Add) -> None:
    """DPOT: errors of outputs and gradients against double precision, the step and the roll-out beside those of a
    plain one, the two ways to transform tokens, and what the published sizes take."""
    for size in DPOTS:
        for way in ("as it is", "compiled"):
            attempt(add, f"{dpots.name_of(*size)}, {way}", functools.partial(_errors_of_dpot, size, way))
    for size in DPOTS:
        attempt(add, dpots.name_of(*size), functools.partial(dpots.compare, *size))
        attempt(add, f"{dpots.name_of(*size)}, roll-out", functools.partial(dpots.compare_roll_outs, *size))
    for tokens in dpots.TOKENS:
        attempt(add, f"{tokens} x {tokens} tokens", functools.partial(dpots.compare_transforms, tokens))
    for name, batch in dpots.BATCHES.items() if ON_GPU else ():
        attempt(add, name, functools.partial(dpots.in_a_process, name, batch))


def _errors_of_dpot(size: tuple[int, ...], way: str) -> Row:
    torch.set_num_threads(os.cpu_count() or 1)  # double precision is computed on the processor
    model, x = dpots.model_and_inputs(*size[:-1], 2)
    model.to(DEVICE)
    forward = compile_model(model) if way == "compiled" else model
    of_outputs, of_gradients = errors_of(dpot_by_fft, model, DEVICE, x, forward)
    return {"outputs": of_outputs, "gradients": max(of_gradients.values())}


PARTS: dict[str, Callable[[Add], None]] = {
    part.__name__: part
    for part in (
        tests,
        accuracy,
        cell,
        step,
        dpot,
        transforms,
        together,
        precision,
        memory,
        resume,
        processes,
    )
}

if __name__ == "__main__":
    run_tuned()
    name, folder = sys.argv[1], Path(sys.argv[2])
    report = Report(folder)
    report.parts[name]["machine"] = machine()
    report.write()
    PARTS[name](lambda row: report.add(name, row))
