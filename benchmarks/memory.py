"""Print the peak memory of a step: by default of the study's largest model on its grid, with its batch.

python benchmarks/memory.py [width,modes,grid,batch]
"""

import sys
import time

import torch

from pdetransfer.hardware import Hardware
from pdetransfer.operators import Channels, Inputs, NeuralOperator
from pdetransfer.steps import Step

if __name__ == "__main__":
    size = sys.argv[1] if len(sys.argv) > 1 else "128,32,128,128"
    width, modes, num_points, batch = (int(value) for value in size.split(","))
    hardware = Hardware(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    device = hardware.device
    architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
    channels = Channels(("source",), ("k11", "k22", "k12"), ("solution",))
    operator = NeuralOperator(architecture, channels, {}, seed=0)
    model = operator.model.to(device)
    field = torch.randn(batch, 1, num_points, num_points, device=device)
    part = hardware.micro_batch(operator, num_points**2, batch)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    step = Step(
        model, optimiser, Inputs(field, torch.ones(batch, 3, device=device)), field, "float32", part, False
    )
    start = time.perf_counter()
    for _ in range(2):
        step(torch.arange(batch, device=device))
    seconds = (time.perf_counter() - start) / 2
    print(
        f"({width}, {modes}), {num_points} x {num_points}, batch {batch} in parts of {part}, "
        f"{operator.num_parameters:,} parameters: peak {hardware.peak_memory_mb():,.0f} MB on {device.type}, "
        f"{batch / seconds:.2f} examples/s"
    )
