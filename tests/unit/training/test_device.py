"""What a GPU asks of training, tried on PyTorch's device without memory ("meta"): between two validations nothing
is read back, nothing but the order of examples is sent, and every operation has all its data on the device."""

import contextlib
import itertools

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from cases import OF_FIELDS, architecture_of, data_of
from pdetransfer.models.registry import MODELS
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training import loop, steps
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

META = torch.device("meta")


class Watched(TorchDispatchMode):
    """Raises where an operation reads from the device, or mixes tensors of two; counts what is sent to it."""

    sent = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        given = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        outputs = function(*args, **(kwargs or {}))
        made = [leaf for leaf in tree_leaves(outputs) if isinstance(leaf, Tensor)]
        kinds = {tensor.device.type for tensor in given if tensor.ndim > 0}
        if function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            self.sent += kinds | {tensor.device.type for tensor in made} == {"cpu", "meta"}
        elif len(kinds) > 1:
            raise AssertionError(f"{function} mixes {[(tensor.device, tensor.shape) for tensor in given]}")
        if "meta" in kinds and not all(isinstance(leaf, Tensor) for leaf in tree_leaves(outputs)):
            raise AssertionError(f"{function} reads from the device")
        return outputs


@pytest.fixture
def watched(monkeypatch):
    """Training on the device without memory, of which validations are left out: they read."""
    monkeypatch.setattr(loop._Validator, "validate", lambda *_, **__: None)
    monkeypatch.setattr(loop._Training, "validate", lambda _: None)
    monkeypatch.setattr(loop._Training, "report", lambda *_: None)
    # PyTorch's fused Adam and autocast refuse this device.
    monkeypatch.setattr(loop, "Adam", lambda groups, fused, **keys: steps.Adam(groups, **keys))
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())
    with Watched() as watched:
        yield watched


@pytest.fixture(params=MODELS)
def task(request, small_split):
    train, validation = data_of(request.param, small_split, train=20, test=4)
    recipe = Recipe(
        learning_rates=[1e-3, 4e-3],
        batch_size=8,
        length=4,
        length_unit="epochs",
        validation_interval=4,
        num_validation=4,
    )
    return Task(architecture_of(request.param), recipe, 20, train, validation)


@pytest.mark.parametrize("num_together", [1, 2])
@pytest.mark.parametrize("micro_batch", [4, 8])
@pytest.mark.parametrize("recompute", [False, True])
def test_steps_neither_wait_for_the_device_nor_leave_data_behind(
    watched, task, monkeypatch, num_together, micro_batch, recompute
):
    monkeypatch.setattr(Hardware, "runs_at_once", lambda *_: num_together)
    monkeypatch.setattr(Hardware, "micro_batch", lambda *_: micro_batch)
    monkeypatch.setattr(Hardware, "recomputes", lambda *_: recompute)
    begun = []
    step = loop._step
    monkeypatch.setattr(loop, "_step", lambda *given: begun.append(watched.sent) or step(*given))
    runs = list(train_runs(task, [(1e-3, 0), (4e-3, 0)], Hardware(META)))
    assert [run.steps for run in runs] == 2 * [12]
    # The order of the examples of each run, and of trajectories which windows are taken.
    sent = 2 // len(begun) if task.architecture["kind"] in OF_FIELDS else 2
    assert watched.sent - begun[-1] == sent


def test_what_is_read_or_left_behind_is_noticed(watched):
    here, there = torch.ones(3), torch.ones(3, device=META)
    assert watched.sent == 0
    here.to(META)
    assert watched.sent == 1
    for fault in (lambda: float(there.sum()), lambda: here + there, lambda: there[there > 0]):
        with pytest.raises((AssertionError, RuntimeError, NotImplementedError)):
            fault()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.filterwarnings("ignore")  # of PyTorch's own modules
@pytest.mark.parametrize("num_together", [1, 2])
@pytest.mark.parametrize("compile_from", [0, 1])
def test_on_a_gpu_steps_do_not_wait_for_it(task, monkeypatch, request, num_together, compile_from):
    """After the first of them, which allocate and compile; PyTorch says where it waits."""
    request.addfinalizer(lambda: torch.cuda.set_sync_debug_mode("default"))
    monkeypatch.setattr(Hardware, "runs_at_once", lambda *_: num_together)
    take_step = loop._step

    def watched(*given):
        step, numbers = take_step(*given), itertools.count()

        def watch(rows):
            torch.cuda.set_sync_debug_mode("error" if next(numbers) in range(4, 11) else "default")
            return step(rows)

        return watch

    monkeypatch.setattr(loop, "_step", watched)
    hardware = Hardware(torch.device("cuda"), compile_from=compile_from)
    runs = list(train_runs(task, [(1e-3, 0), (4e-3, 0)], hardware))
    assert [run.steps for run in runs] == 2 * [12]
