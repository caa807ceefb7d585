"""Print how near a training step comes to what the device can do: operations and bytes, against a large matrix
product and a large copy that are measured beside it.

    python benchmarks/ceilings.py [width,modes,grid,batch ...]

Operations are those of matrix products, counted by PyTorch; bytes are the inputs and outputs of every kernel as if
none were found in a cache, so that on a processor their rate may exceed the copy's. On a GPU or on one thread.
"""

import statistics
import sys
import time

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode
from training import DEVICE, our_step, run_tuned, step_inputs

SIZES = ["16,8,32,16", "16,4,64,8", "16,16,64,8", "32,32,64,8", "16,4,128,8", "32,32,128,8"]
LARGE_SIZES = ["16,4,128,128", "32,32,128,128", "32,32,128,256"]
SIDE, COPIED = (8192, 2**28) if DEVICE.type == "cuda" else (2048, 2**25)  # of the product; floats of the copy
REPEATS = 9


class Traffic(TorchDispatchMode):
    """Bytes of the inputs and outputs of every kernel but views."""

    num_bytes = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        outputs = function(*args, **(kwargs or {}))
        if not function.is_view:
            tensors = [leaf for leaf in tree_leaves((args, kwargs, outputs)) if isinstance(leaf, Tensor)]
            self.num_bytes += sum(tensor.nbytes for tensor in tensors)
        return outputs


def seconds_of(work) -> float:
    """Median over repeats, the device being done with each."""
    synchronise = torch.cuda.synchronize if DEVICE.type == "cuda" else lambda: None
    times = []
    for _ in range(REPEATS + 2):
        synchronise()
        start = time.perf_counter()
        work()
        synchronise()
        times.append(time.perf_counter() - start)
    return statistics.median(times[2:])


def main(sizes: list[str]) -> None:
    matrix, source = torch.randn(SIDE, SIDE, device=DEVICE), torch.randn(COPIED, device=DEVICE)
    target = torch.empty_like(source)
    operations = 2 * SIDE**3 / seconds_of(lambda: matrix @ matrix)
    copied = 2 * source.nbytes / seconds_of(lambda: target.copy_(source))
    print(
        f"on {DEVICE.type}: {operations / 1e9:,.0f} GFLOP/s in a product, {copied / 1e9:,.0f} GB/s in a copy"
    )
    for size in sizes:
        width, modes, num_points, batch = (int(value) for value in size.split(","))
        operator, x, u = step_inputs(width, modes, num_points, batch)
        step = our_step(operator, x, u, compiled=False)
        with FlopCounterMode(display=False) as flops, Traffic() as traffic:
            step()
        seconds, counted, moved = seconds_of(step), flops.get_total_flops(), traffic.num_bytes
        of_product, of_copy = counted / seconds / operations, moved / seconds / copied
        name = f"({width}, {modes}), {num_points} x {num_points}, batch {batch}"
        print(f"  {name}: {batch / seconds:,.0f} examples/s")
        print(f"    {counted / seconds / 1e9:,.0f} GFLOP/s, {of_product:.0%} of the product's")
        print(f"    {moved / seconds / 1e9:,.1f} GB/s, {of_copy:.0%} of the copy's", flush=True)


if __name__ == "__main__":
    run_tuned()
    main(sys.argv[1:] or SIZES + (LARGE_SIZES if DEVICE.type == "cuda" else []))
