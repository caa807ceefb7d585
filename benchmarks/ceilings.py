"""Print how near a training step comes to what the device can do: operations and bytes, against a large matrix
product and a large copy that are timed in turn with it; medians, with quartiles of the shares.

    python benchmarks/ceilings.py [width,modes,grid,batch ...]

Operations are those of matrix products, counted by PyTorch; bytes are the inputs and outputs of every kernel as if
none were found in a cache, so that on a processor their rate may exceed the copy's. On a GPU or on one thread.
"""

import statistics
import sys

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from rows import Row, case, show, spread
from training import DEVICE, our_step, run_tuned, seconds_of, step_inputs

SIZES = ["16,8,32,16", "16,4,64,8", "16,16,64,8", "32,32,64,8", "16,4,128,8", "32,32,128,8"]
LARGE_SIZES = ["16,4,128,128", "32,32,128,128", "32,32,128,256"]
SIDE, COPIED = (8192, 2**28) if DEVICE.type == "cuda" else (2048, 2**25)  # of the product; floats of the copy
REPEATS = 9
CEILINGS = {"GFLOP/s": "a large product", "GB/s": "a large copy"}


class Traffic(TorchDispatchMode):
    """Bytes of the inputs and outputs of every kernel but views."""

    num_bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        outputs = function(*args, **(kwargs or {}))
        if not function.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, outputs)) if isinstance(leaf, Tensor)]
            self.num_bytes += sum(tensor.nbytes for tensor in tensors)
        return outputs


def compare(width: int, modes: int, num_points: int, batch: int) -> Row:
    """Rates of a step, and shares of the ceilings."""
    matrix, source = torch.randn(SIDE, SIDE, device=DEVICE), torch.randn(COPIED, device=DEVICE)
    target = torch.empty_like(source)
    step = our_step(*step_inputs(width, modes, num_points, batch), compiled=False)
    with FlopCounterMode(display=False) as flops, Traffic() as traffic:
        step()
    works = step, lambda: matrix @ matrix, lambda: target.copy_(source)
    times = [[seconds_of(work) for work in works] for _ in range(REPEATS + 2)][2:]
    row: Row = {"case": case(width, modes, num_points, batch)}
    for unit, of_step, of_ceiling, column in (
        ("GFLOP/s", flops.get_total_flops(), 2 * SIDE**3, 1),
        ("GB/s", traffic.num_bytes, 2 * source.nbytes, 2),
    ):
        row[unit] = statistics.median(of_step / taken[0] for taken in times) / 1e9
        row[f"of {CEILINGS[unit]}"] = spread(of_step / t[0] / (of_ceiling / t[column]) for t in times)
    return row


if __name__ == "__main__":
    run_tuned()
    print(
        f"on {DEVICE.type}: rates of a step, and shares of those of a product of {SIDE} x {SIDE} and of a copy"
    )
    for size in sys.argv[1:] or SIZES + (LARGE_SIZES if DEVICE.type == "cuda" else []):
        show(compare(*(int(value) for value in size.split(","))))
