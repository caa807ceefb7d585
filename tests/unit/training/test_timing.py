import torch

from cases import SIZES
from pdetransfer.training.timing import examples_per_second


def test_a_larger_model_trains_fewer_examples_in_a_second():
    cpu = torch.device("cpu")
    rates = [
        examples_per_second({"kind": "fno", **SIZES["fno"], "width": width}, (16, 16), 8, 4, cpu)
        for width in (8, 64)
    ]
    assert rates[0] > 2 * rates[1] > 0
