import time
from types import SimpleNamespace

import pytest
import torch

from cases import SIZES, architecture_of
from pdetransfer.models.registry import MODELS
from pdetransfer.training import loop
from pdetransfer.training.timing import examples_per_second


def test_a_larger_model_trains_fewer_examples_in_a_second(monkeypatch):
    """In seconds of this process alone, whatever runs beside it."""
    monkeypatch.setattr(loop, "time", SimpleNamespace(perf_counter=time.process_time))
    cpu = torch.device("cpu")
    rates = [
        examples_per_second({"kind": "fno", **SIZES["fno"], "width": width}, (16, 16), 8, 4, cpu)
        for width in (8, 64)
    ]
    assert rates[0] > 2 * rates[1] > 0


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("channels", [None, ["a", "b"]])
def test_every_model_is_timed_on_what_it_takes(kind, channels):
    """On the axes of the grid that it has: of trajectories, without time."""
    architecture = architecture_of(kind)
    if channels and "num_frames" in architecture:
        architecture |= {"channels": channels}
    assert examples_per_second(architecture, (7, 16, 16), 4, 2, torch.device("cpu")) > 0
