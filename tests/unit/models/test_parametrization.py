"""muP: the table of its docstring, and what it is for: updates whose size does not follow that of the model."""

import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from configs import RECIPE
from pdetransfer.data.examples import Examples
from pdetransfer.models.checkpoints import load_model, save_models
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.models.parametrization import GROUPS, Size, kappa
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training.coordinates import first_steps
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task

CHANNELS = Channels(("f",), ("a",), ("u",))
BASE = {"width": 16, "modes": 4}


def operator(width=16, modes=4, seed=0, **keys):
    architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 4}
    return NeuralOperator(architecture | keys, CHANNELS, {"source": 1.0, "a": 1.0}, seed)


def mup(width=16, modes=4, seed=0, rule="none"):
    return operator(width, modes, seed, parametrization="mup", base=BASE, mode_rule=rule)


def test_every_parameter_is_in_one_group():
    model = operator().model
    groups = model.groups()
    assert tuple(groups) == GROUPS
    grouped = [id(parameter) for parameters in groups.values() for parameter in parameters]
    assert sorted(grouped) == sorted(map(id, model.parameters()))


@pytest.mark.parametrize("rule", ["none", "paper", "additive"])
@pytest.mark.parametrize(("width", "modes"), [(16, 4), (64, 4), (32, 8)])
def test_weights_and_learning_rates_are_those_of_the_table(width, modes, rule):
    found, factor = mup(width, modes, rule=rule), kappa(rule, Size(16, (4, 4)), Size(width, (modes, modes)))
    deviations = {"pointwise": width**-0.5, "spectral": factor * (2 * width) ** -0.5, "readout": 32**-0.5}
    for name, parameters in found.model.groups().items():
        for parameter in map(torch.Tensor.detach, parameters):
            if parameter.ndim == 1:
                assert not parameter.any()
                continue
            expected = deviations.get(name, 2**-0.5)  # of the lifting, two channels in
            assert parameter.std(correction=0) == pytest.approx(
                expected, rel=3 / math.sqrt(parameter.numel())
            )
            assert abs(parameter.mean()) < 4 * expected / math.sqrt(parameter.numel())
    rates = [group["lr"] for group in found.parameter_groups(0.1)]
    narrower = 16 / width
    assert rates == pytest.approx([0.1, 0.1 * narrower, 0.1 * narrower * factor, 0.1])
    assert found.model.output_multiplier == narrower


def test_the_rules_for_modes():
    """The multipliers of the study's sizes, from (16, 4), and the paper's D that cancels."""
    sizes = [Size(16, (16, 16)), Size(32, (32, 32)), Size(128, (32, 32))]
    base = Size(16, (4, 4))
    assert [kappa("none", base, size) for size in sizes] == [1, 1, 1]
    assert [kappa("paper", base, size) for size in sizes] == pytest.approx([0.7071, 0.6325, 0.6325], abs=1e-4)
    rates = [kappa("additive", base, size) * 16 / size.width for size in sizes]
    assert rates == pytest.approx([0.939, 0.495, 0.137], abs=1e-3)
    for num_dims in (1, 2, 3):
        sizes = (Size(8, (of,) * num_dims) for of in (3, 24))
        assert kappa("paper", *sizes) == pytest.approx(math.sqrt(math.log(3) / math.log(24)))
    assert kappa("paper", Size(8, (1,)), Size(8, (2,))) == 1


def test_at_the_proxys_size_nothing_is_multiplied():
    proxy = mup()
    assert [group["lr"] for group in proxy.parameter_groups(1.0)] == [1, 1, 1, 1]
    assert proxy.model.output_multiplier == 1


def test_the_standard_parametrization_is_one_group_and_pytorchs_weights():
    plain, named = operator(), operator(parametrization="standard")
    (group,) = plain.parameter_groups(1e-3)
    assert (group["lr"], len(group["params"])) == (1e-3, len(list(plain.model.parameters())))
    for one, other in zip(plain.model.parameters(), named.model.parameters(), strict=True):
        assert torch.equal(one, other)


def test_the_seed_decides_the_weights_of_mup():
    first, again, other = (mup(seed=seed).model.lifting.weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_rule_for_the_width_is_that_of_the_mup_package():
    """Multipliers of the learning rate by parameter, against Yang et al.'s own code, at the same modes."""
    oracle = pytest.importorskip("mup")
    sizes = {"base": 16, "delta": 32, "target": 64}
    models = {name: operator(width).model for name, width in sizes.items()}
    for name, width in sizes.items():
        models[name].projection[2] = oracle.MuReadout(2 * width, 1)
    oracle.set_base_shapes(models["target"], models["base"], delta=models["delta"])
    theirs = oracle.MuAdam(models["target"].parameters(), lr=1.0)
    expected = {id(p): group["lr"] for group in theirs.param_groups for p in group["params"]}
    found = mup(64)
    groups = zip(found.model.groups().values(), found.parameter_groups(1.0), strict=True)
    ours = {id(p): group["lr"] for parameters, group in groups for p in parameters}
    for (name, one), other in zip(found.model.named_parameters(), models["target"].parameters(), strict=True):
        assert ours[id(one)] == expected[id(other)], name
    readout = models["target"].projection[2].weight
    assert found.model.output_multiplier == 1 / readout.infshape.width_mult()


def test_a_saved_model_predicts_the_same_and_is_loaded_without_pytorchs_compiler(tmp_path):
    """Its outputs are multiplied, too; the compiler takes longer to import than PyTorch itself."""
    made, path = mup(64), tmp_path / "weights.safetensors"
    save_models(path, made.architecture, CHANNELS, [0], [made.references], [made.model.state_dict()])
    source = np.random.default_rng(0).normal(size=(2, 16, 16))
    expected = made.predict(f=source, a=1.0)["u"]
    np.testing.assert_array_equal(load_model(path).predict(f=source, a=1.0)["u"], expected)
    code = f"import sys; from pdetransfer import load_model; load_model({str(path)!r}); "
    code += "print('torch._dynamo' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def shifted(count, seed):
    """Random fields, and the same moved by a point: an operator to learn."""
    fields = np.random.default_rng(seed).normal(size=(count, 1, 16, 16)).astype(np.float32)
    return Examples(fields, np.ones((count, 1)), np.roll(fields, 1, axis=2), ("f",), ("a",), ("u",))


def last_of_five_steps(make, width, seed):
    """What five steps of Adam change (``training.coordinates``)."""
    recipe = Recipe(**RECIPE | {"learning_rates": [1e-3], "epsilon": 1e-12})
    task = Task(make(width).architecture, recipe, 8, shifted(8, seed=0), shifted(4, seed=1))
    *_, last = first_steps(task, 1e-3, seed, 5, Hardware(torch.device("cpu")))
    return last


def test_in_mup_updates_do_not_grow_with_the_width():
    """The coordinate check (Yang et al. 2022, D.1). In standard parametrization they grow nearly as the width."""
    widths, slopes = [16, 32, 64, 128], {}
    for make in (mup, operator):
        measured = [
            pd.DataFrame([last_of_five_steps(make, width, seed) for seed in range(3)]) for width in widths
        ]
        means = pd.DataFrame([of_width.mean() for of_width in measured])
        slopes[make] = {
            name: np.polyfit(np.log(widths), np.log(means[name]), 1)[0]
            for name in ("activations_change", "spectral_change", "pointwise_change")
        }
    assert all(abs(slope) < 0.15 for slope in slopes[mup].values()), slopes
    assert all(slope > 0.7 for slope in slopes[operator].values()), slopes
