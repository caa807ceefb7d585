"""Print what writing the state of an unfinished training costs, by default of the laptop's model.

    python benchmarks/state.py [width,modes ...]

A state is written when ``state.INTERVAL`` seconds and ``state.SHARE`` times the last writing's duration have
passed; printed are its size, the duration of five writings, and the share of the time that this is.
"""

import copy
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from pdetransfer.base.locks import locked
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.training import state

if __name__ == "__main__":
    for size in sys.argv[1:] or ["16,8"]:
        width, modes = (int(value) for value in size.split(","))
        architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
        channels = Channels(("source",), ("k11", "k22", "k12"), ("solution",))
        model = NeuralOperator(architecture, channels, {}, seed=0).model
        optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=1000)
        model(torch.randn(1, 1, 2 * modes, 2 * modes), torch.ones(1, 3)).sum().backward()
        optimiser.step(), schedule.step()
        run = state.Run(1e-3, 0, {"source": 1.0}, best=copy.deepcopy(model.state_dict()))
        at = state.State(run, model, optimiser, schedule, torch.zeros(()))
        with tempfile.TemporaryDirectory() as folder, locked(Path(folder, "lock")) as lock:
            unfinished = state.Unfinished(Path(folder, "cell"), "key", lock, interval=0.0)
            seconds = []
            for _ in range(5):
                start = time.perf_counter()
                unfinished._next = 0.0
                unfinished.step([at])
                seconds.append(time.perf_counter() - start)
            (file,) = Path(folder, "cell").iterdir()
            megabytes = file.stat().st_size / 1e6
        median = statistics.median(seconds)
        share = median / (median + max(state.INTERVAL, state.SHARE * median))
        print(
            f"({width}, {modes}): {megabytes:,.1f} MB, {median:.3f} s ({min(seconds):.3f} to {max(seconds):.3f}), "
            f"{share:.2%} of the time"
        )
