"""Which modes a grid holds: the plan and the model say the same."""

import pytest
import torch

from configs import ROOT
from pdetransfer.models.fno import FNO
from pdetransfer.plan.check import check
from pdetransfer.plan.expand import ConfigError
from pdetransfer.plan.load import load
from pdetransfer.plan.modes import by_axis, most_modes
from pdetransfer.studies import registry


def test_one_number_is_that_of_all_axes():
    assert by_axis(3, 2) == (3, 3)
    assert by_axis([3, 5], 2) == (3, 5)


@pytest.mark.parametrize(
    ("grid", "padding", "most"),
    [
        ((8,), (), (4,)),
        ((9, 6), (), (4, 3)),
        ((9, 6), (0.25, 0), (5, 3)),
        ((5, 4, 6), (1, 0.5, 0), (5, 3, 3)),
    ],
)
def test_a_model_takes_as_many_modes_as_the_grid_holds_and_no_more(grid, padding, most):
    assert most_modes(grid, padding) == most
    fields = torch.zeros(1, 1, *grid)

    def outputs(modes):
        sizes = {"width": 2, "num_layers": 1, "in_channels": 1, "out_channels": 1, "num_dims": len(grid)}
        return FNO(modes=modes, padding=padding, **sizes)(fields)

    assert outputs(most).shape == fields.shape
    for axis in range(len(grid)):
        with pytest.raises(ValueError, match=r"modes is .* on a grid of .*; expected at most N / 2"):
            outputs([m + (i == axis) for i, m in enumerate(most)])


@pytest.mark.parametrize(
    ("padding", "modes", "mistake"),
    [
        ([], 16, None),
        ([], 17, "modes is 17 along y; expected at most half of the points that darcy has there, 16 "),
        ([0.1, 0.1], 18, None),
        (
            [0.1, 0],
            18,
            "modes is 18 along x; expected at most half of .*, 16 with padding .datasets.darcy.num_points",
        ),
    ],
)
def test_the_plan_counts_padding(padding, modes, mistake):
    """Of Darcy flow on 33 points: 33 + 3 with a padding of 0.1."""
    model = {"modes": modes, "padding": padding}
    typed = {"models": {"standard": model}, "datasets": {"darcy": {"num_points": 33}}}
    study = load(ROOT / "config", {"study": "mutransfer", "scale": "laptop"}, typed)
    arguments = study, registry.answers(study.answers), registry.quantities(study)
    if mistake is None:
        check(*arguments)
    else:
        with pytest.raises(ConfigError, match=mistake):
            check(*arguments)
