import pytest
import torch

from cases import OPTIONS
from pdetransfer.data.generation import Split
from pdetransfer.data.sources import SparseGaussians


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def small_split():
    """Build a small split of a system."""

    def build(system="poisson", split="train", count=8, dataset="d", num_points=16, seed=0):
        source = SparseGaussians(num_centres=4, sigma=1 / 8, sparsity_range=(0.2, 0.8))
        return Split(dataset, split, system, OPTIONS[system], num_points, source, seed, count)

    return build
