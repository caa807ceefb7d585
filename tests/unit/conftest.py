import sys

import pytest
import torch

from cases import OPTIONS
from pdetransfer.data.generation import Split
from pdetransfer.data.sources import SparseGaussians

_NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def _no_figure_is_left_open():
    yield
    if pyplot := sys.modules.get("matplotlib.pyplot"):
        pyplot.close("all")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, _NO_GPU])])
def device(request):
    """Each kind of device; `pytest -m gpu` takes the tests on a GPU alone."""
    return torch.device(request.param)


@pytest.fixture
def small_split():
    """Build a small split of a system."""

    def build(system="poisson", split="train", count=8, dataset="d", num_points=16, seed=0):
        source = SparseGaussians(num_centres=4, sigma=1 / 8, sparsity_range=(0.2, 0.8))
        return Split(dataset, split, system, OPTIONS[system], num_points, source, seed, count)

    return build
