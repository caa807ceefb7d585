"""What the first steps of a run change, against the same computed by other means."""

import numpy as np
import pytest
import torch

from cases import as_examples
from configs import RECIPE
from pdetransfer.data.examples import Examples
from pdetransfer.models.fno import SpectralConvolution
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.coordinates import blocks, first_steps, largest_norm
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs

CPU = Hardware(torch.device("cpu"))
MUP = {"parametrization": "mup", "base": {"width": 2, "modes": 2}}
RATE = 1e-3


def task(train, validation, **keys):
    """Of runs of three steps at a constant rate."""
    lengths = {"length": 3, "length_unit": "steps", "validation_interval": 3, "batch_size": 3}
    constant = {"learning_rates": [RATE], "schedule": "halving", "milestones": [9]}
    sizes = {"kind": "fno", "width": 4, "modes": 2, "num_layers": 2}
    return Task(sizes | keys, Recipe(**RECIPE | lengths | constant), 8, train, validation)


@pytest.mark.parametrize("modes", [(3,), (3, 2), (2, 2, 2)])
def test_the_largest_norm_of_spectral_weights_is_the_largest_singular_value(modes):
    weight = SpectralConvolution(8, modes, "normal").weight.detach()
    real, imaginary = weight.flatten(0, -3).chunk(2, dim=-1)
    exact = torch.linalg.matrix_norm(real + 1j * imaginary, ord=2).max()
    assert largest_norm(blocks(weight)) == pytest.approx(exact.item(), rel=1e-2)
    assert largest_norm(torch.zeros(3, 4)) == 0


@pytest.mark.parametrize("keys", [{}, MUP], ids=["standard", "mup"])
def test_changes_are_those_that_training_makes(small_split, keys):
    given = task(*(as_examples(small_split(split=split), 8) for split in ("train", "validation")), **keys)
    (run,) = train_runs(given, [(RATE, 0)], CPU)
    assert run.best_step == 3
    before, after = (given.operator(0, given.examples(0)) for _ in range(2))
    after.model.load_state_dict(run.best)
    *_, last = first_steps(given, RATE, 0, 3, CPU)
    outputs = [operator.outputs(given.validation) for operator in (before, after)]
    assert last["outputs_change"] == pytest.approx(np.sqrt(np.mean((outputs[1] - outputs[0]) ** 2)), rel=1e-4)
    for group, quantity in (("spectral", "spectral_change"), ("pointwise", "pointwise_change")):
        pairs = zip(*(operator.model.groups()[group] for operator in (before, after)), strict=True)
        changes = [(new - old).detach() for old, new in pairs]
        changes = [torch.complex(*c.chunk(2, dim=-1)) if group == "spectral" else c for c in changes]
        norms = [torch.linalg.matrix_norm(change, ord=2).max().item() for change in changes]
        assert last[quantity] == pytest.approx(np.mean(norms), rel=1e-2)


def test_activations_are_those_of_each_layer_before_the_last_projection(small_split):
    """A model of one layer: z = W P x + b + F⁻¹ R F P x, which the projection takes."""
    given = task(
        *(as_examples(small_split(split=split), 8) for split in ("train", "validation")), num_layers=1
    )
    operator, seen = given.operator(0, given.examples(0)), []
    operator.model.projection[0].register_forward_hook(lambda module, given, result: seen.append(given[0]))
    operator.outputs(given.validation)
    first, *_ = first_steps(given, RATE, 0, 1, CPU)
    assert first["activations"] == pytest.approx(seen[0].detach().square().mean().sqrt().item(), rel=1e-5)


@pytest.mark.parametrize("num_dims", [1, 3])
def test_any_number_of_dimensions_is_measured(num_dims):
    """And names of fields that are the system's own; every step adds to the changes at first."""
    fields = np.random.default_rng(0).normal(size=(8, 1, *(8,) * num_dims)).astype(np.float32)
    examples = Examples(fields, np.empty((8, 0)), fields, ("a",), (), ("u",))
    rows = list(first_steps(task(examples, examples, num_dims=num_dims), RATE, 0, 3, CPU))
    assert [row["step"] for row in rows] == [1, 2, 3]
    for name in ("activations_change", "outputs_change", "spectral_change", "pointwise_change"):
        values = [row[name] for row in rows]
        assert 0 < values[0] < values[1] < values[2], name
