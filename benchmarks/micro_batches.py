"""Print what passing a batch through the model in parts gains on one thread, where the rule asks for parts.

    python benchmarks/micro_batches.py

Whole batches and parts in turn; printed are medians and the median of the ratios, with quartiles.
"""

import statistics
import time

import torch

from pdetransfer.models.operators import Channels, Inputs, NeuralOperator
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.steps import Step
from rows import case, show, spread
from training import recipe_of

SIZES, REPEATS = [(16, 4, 64, 32), (16, 16, 128, 32)], 8  # width, modes, points a side, batch

if __name__ == "__main__":
    torch.set_num_threads(1)
    for width, modes, num_points, batch in SIZES:
        architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
        operator = NeuralOperator(architecture, Channels(("f",), (), ("u",)), {}, seed=0)
        field = torch.randn(batch, 1, num_points, num_points)
        inputs, rows = Inputs(field, torch.empty(batch, 0)), torch.arange(batch)
        part = Hardware(torch.device("cpu")).micro_batch(operator, num_points**2, batch)
        optimiser = torch.optim.Adam(operator.model.parameters(), lr=1e-3, fused=True)
        steps = [
            Step(operator.model, optimiser, inputs, field, recipe_of(batch), size, False)
            for size in (batch, part)
        ]
        times = []
        for _ in range(REPEATS + 2):
            pair = []
            for step in steps:
                start = time.perf_counter()
                step(rows)
                pair.append(time.perf_counter() - start)
            times.append(pair)
        whole, parts = (batch / statistics.median(column) for column in zip(*times[2:], strict=True))
        ratio = spread(one / other for one, other in times[2:])
        name = case(width, modes, num_points, batch)
        show({"case": name, "whole, examples/s": whole, f"parts of {part}": parts, "ratio": ratio})
