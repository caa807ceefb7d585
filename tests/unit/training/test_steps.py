"""However a step is taken, whole or in parts, alone or together, the run is the same."""

import dataclasses

import numpy as np
import pytest
import torch

from cases import architecture_of, data_of
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.models.registry import MODELS
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training import loop, steps
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, train_runs
from pdetransfer.training.noise import Noise
from pdetransfer.training.schedules import one_cycle
from pdetransfer.training.steps import Adam, Step

CPU = torch.device("cpu")
GPU = torch.device("meta")  # any that is no processor
RECIPE = Recipe(
    learning_rates=[1e-3, 4e-3],
    seeds=[0, 1],
    num_tuning_seeds=2,
    batch_size=8,
    length=4,
    length_unit="epochs",
    validation_interval=2,
    num_validation=8,
)
TRIALS = [(rate, seed) for rate in RECIPE.learning_rates for seed in RECIPE.seeds]


@pytest.fixture(params=MODELS)
def task(request, small_split):
    data = data_of(request.param, small_split, train=20, validation=8)
    return Task(architecture_of(request.param), RECIPE, 20, *data)


def taken(task, device, micro_batch=8, compiled=False, recompute=False, adam=Adam, noise=0.0, **recipe):
    """Losses of five steps, and the weights after them."""
    train = task.train
    channels = Channels.of(train, task.architecture)
    operator = NeuralOperator(task.architecture, channels, train.references(), seed=0)
    operator.model.to(device).recompute = recompute
    optimiser = adam(operator.model.parameters(), lr=1e-3, fused=True)
    inputs, targets = operator.samples(train, device)
    recipe = RECIPE.model_copy(update=recipe)
    added = Noise(noise, 0, len(task.channels.fields), 0) if noise else None
    step = Step(operator.model, optimiser, inputs, targets, recipe, micro_batch, compiled, noise=added)
    batches = torch.arange(20, device=device).split(8)
    losses = [float(step(batches[number % 3])) for number in range(5)]
    return losses, operator.model.state_dict()


def assert_close(one, other, tolerance):
    torch.testing.assert_close(one[0], other[0], rtol=tolerance, atol=0)
    for name, value in one[1].items():
        assert (value - other[1][name]).norm() <= tolerance * value.norm(), name


def test_adam_is_pytorchs(task, device):
    assert_close(taken(task, device), taken(task, device, adam=torch.optim.Adam), 0)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize("micro_batch", [1, 3, 4])
def test_the_gradients_of_parts_add_up(task, device, micro_batch, noise):
    whole = taken(task, device, noise=noise)
    assert_close(whole, taken(task, device, micro_batch, noise=noise), 1e-4)
    assert noise == 0 or whole[0] != taken(task, device)[0]


@pytest.mark.parametrize("batch_size", [1, 8])
def test_the_shares_of_processes_add_up(task, monkeypatch, batch_size):
    """With noise, too, and where there are more processes than examples: loss and gradient are the batch's."""
    operator = NeuralOperator(task.architecture, task.channels, task.train.references(), seed=0)
    inputs, targets = operator.samples(task.train, CPU)

    def step(rank, world):
        operator.model.zero_grad()
        monkeypatch.setattr(steps, "_rank_and_world", lambda: (rank, world))
        monkeypatch.setattr(steps.dist, "all_reduce", lambda summed: None)
        added = Noise(0.3, 0, len(task.channels.fields), 0)
        recipe = RECIPE.model_copy(update={"objective": "relative_l2"})
        taken = Step(operator.model, None, inputs, targets, recipe, 3, False, noise=added)
        loss = taken._gradient(torch.arange(batch_size))
        return loss, torch.cat([parameter.grad.flatten() for parameter in operator.model.parameters()])

    whole, parts = step(0, 1), [step(rank, 3) for rank in range(3)]
    for expected, found in zip(whole, (sum(part) for part in zip(*parts, strict=True)), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_weight_decay_pulls_the_weights_by_the_gradient(task, monkeypatch):
    """A first step of Adam goes against the sign of gradient + weight decay times weight (no decoupled decay)."""
    recipe = RECIPE.model_copy(
        update={
            "weight_decay": 1e9,
            "schedule": "one_cycle",
            "warm_up": 0.5,
            "length": 20,
            "length_unit": "steps",
        }
    )
    rates, weights, operators = [], [], []
    make = loop._step

    def watched(begun, *given):
        (training,), step = begun, make(begun, *given)
        operators.append(training.operator)

        def watch(rows):
            rates.append(training.optimiser.param_groups[0]["lr"])
            weights.append([p.detach().clone() for p in training.operator.model.parameters()])
            return step(rows)

        return watch

    monkeypatch.setattr(loop, "_step", watched)
    list(train_runs(dataclasses.replace(task, recipe=recipe), [(1e-3, 0)], Hardware(CPU)))
    expected = [1e-3 * one_cycle(step, 20, 0.5) for step in range(20)]
    assert rates == pytest.approx(expected)
    assert rates[0] < rates[5] < rates[10] == max(rates) > rates[15] > rates[19]
    for before, after in zip(*weights[:2], strict=True):
        large = before.abs() > 1e-3  # beside which no gradient counts
        expected = before - rates[0] * before.sign()
        torch.testing.assert_close(after[large], expected[large], rtol=2e-7, atol=2e-7)


def test_lower_precision_is_that_of_the_pointwise_products_alone(task, device):
    losses, weights = taken(task, device, precision="bfloat16")
    exact = taken(task, device)
    assert losses != exact[0]
    torch.testing.assert_close(losses, exact[0], rtol=2e-2, atol=0)
    assert all(value.dtype == torch.float32 for value in weights.values())


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_activations_computed_again_are_those_that_were_kept(task, device, precision):
    assert_close(
        taken(task, device, precision=precision), taken(task, device, precision=precision, recompute=True), 0
    )


def test_activations_that_are_computed_again_are_not_kept(task):
    inputs, _ = NeuralOperator(task.architecture, task.channels, task.train.references(), seed=0).samples(
        task.train, CPU
    )

    def kept(recompute):
        model = NeuralOperator(task.architecture, task.channels, task.train.references(), seed=0).model
        model.recompute, sizes = recompute, []
        with torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.nbytes) or t, lambda t: t):
            model(*(part[:1].repeat_interleave(64, dim=0) for part in inputs.batch(torch.arange(1))))
        return sum(sizes)

    assert kept(True) < 0.7 * kept(False)


@pytest.mark.slow
@pytest.mark.parametrize("micro_batch", [4, 8])
@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.filterwarnings("ignore")  # of PyTorch's own modules
def test_a_compiled_step_is_the_same(task, device, recompute, micro_batch, caplog):
    compiled = taken(task, device, micro_batch, compiled=True, recompute=recompute)
    assert_close(taken(task, device, micro_batch, recompute=recompute), compiled, 1e-4)
    assert "cannot be compiled" not in caplog.text


def test_where_compiling_fails_training_goes_on_without(task, device, monkeypatch, caplog):
    def broken(model):
        def forward(*inputs):
            raise RuntimeError("no C++ compiler\nand a long story")

        return forward

    monkeypatch.setattr(steps, "compile_model", broken)
    assert_close(taken(task, device), taken(task, device, compiled=True), 0)
    (record,) = caplog.records
    assert record.message == (
        "the model cannot be compiled, and trains without: RuntimeError: no C++ compiler"
    )


def test_the_objective_is_that_of_the_recipe(task, device):
    """The loss at the first batch, and parts that add up, whichever it is."""
    operator = NeuralOperator(task.architecture, task.channels, task.train.references(), seed=0)
    inputs, targets = operator.samples(task.train, CPU)
    rows = torch.arange(8)
    outputs, targets = operator.apply(inputs, rows).numpy(), targets[rows].numpy()
    difference, norm = (np.linalg.norm(of.reshape(8, -1), axis=1) for of in (outputs - targets, targets))
    for objective, expected in (("sum_of_squares", difference**2), ("relative_l2", difference / norm)):
        losses, _ = whole = taken(task, device, objective=objective)
        assert losses[0] == pytest.approx(expected.mean(), rel=1e-5)
        assert_close(whole, taken(task, device, micro_batch=3, objective=objective), 1e-4)


def test_each_element_of_the_gradient_is_cut_to_the_clip(task, device):
    """Adam is scale-free, so that a clip that cuts all changes the steps, and one that cuts nothing does not."""
    _, plain = taken(task, device)
    assert_close(taken(task, device), taken(task, device, clip=1e9), 0)
    _, cut = taken(task, device, clip=1e-6)
    assert any(not torch.equal(value, plain[name]) for name, value in cut.items())
    start = NeuralOperator(
        task.architecture, task.channels, task.train.references(), seed=0
    ).model.state_dict()
    for name, value in start.items():
        # Five steps of equal gradients, up to their signs.
        assert (cut[name].cpu() - value).abs().max() <= 5 * 1.01e-3


def trained(task, trials=TRIALS, device=CPU):
    return {(run.learning_rate, run.seed): run for run in train_runs(task, trials, Hardware(device))}


@pytest.fixture
def together(monkeypatch):
    monkeypatch.setattr(Hardware, "runs_at_once", lambda *_: 3)


@pytest.mark.parametrize("fine_tuned", [False, True])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"subset_by_seed": True},
        {
            "clip": 0.1,
            "objective": "relative_l2",
            "schedule": "one_cycle",
            "betas": (0.8, 0.9),
            "epsilon": 1e-12,
        },
    ],
)
def test_runs_trained_together_are_those_trained_one_by_one(task, device, monkeypatch, fine_tuned, changes):
    init = NeuralOperator(task.architecture, task.channels, task.train.references(), seed=5)
    recipe = RECIPE.model_copy(update=changes)
    task = dataclasses.replace(task, n_train=12, recipe=recipe, init=init if fine_tuned else None)
    monkeypatch.setattr(Hardware, "runs_at_once", lambda *_: 1)
    alone = trained(task, device=device)
    monkeypatch.setattr(Hardware, "runs_at_once", lambda *_: 3)
    assert_same_runs(alone, trained(task, device=device))


def test_a_run_that_diverges_leaves_the_others_alone(task, together):
    with_it = trained(task, [(1e-3, 0), (1e30, 0), (4e-3, 0)])
    assert with_it[1e30, 0].diverged
    assert with_it[1e30, 0].steps < with_it[1e-3, 0].steps
    del with_it[1e30, 0]
    assert_same_runs(with_it, trained(task, [(1e-3, 0), (4e-3, 0)]))


def assert_same_runs(runs, others):
    assert runs.keys() == others.keys()
    for trial, run in runs.items():
        other = others[trial]
        for column in ("step", "validation_loss", "train_loss"):
            values = [[row[column] for row in history] for history in (run.history, other.history)]
            torch.testing.assert_close(*values, rtol=1e-3, atol=0, equal_nan=True)
        assert run.best_step == other.best_step


def test_the_shares_of_a_batch_cover_it(monkeypatch):
    for batch_size, num_processes, share in ((128, 4, 32), (17, 4, 5), (1, 4, 1), (8, 1, 8)):
        monkeypatch.setattr(steps, "_rank_and_world", lambda world=num_processes: (0, world))
        assert steps.share_of(batch_size) == share
        rows = torch.arange(batch_size)
        assert max(len(rows[rank::num_processes]) for rank in range(num_processes)) == share


def test_a_micro_batch_is_large_enough_to_read_the_weights_for():
    def sizes(width, modes, num_points, batch_size):
        architecture = {"kind": "fno", "width": width, "modes": modes, "num_layers": 1}
        operator = NeuralOperator(architecture, Channels(("f",), (), ("u",)), {}, seed=0)
        return Hardware(CPU).micro_batch(operator, num_points**2, batch_size)

    assert sizes(16, 8, 32, 16) == 16  # 1 MB
    assert sizes(16, 4, 64, 32) == 8  # of 8 MB
    assert sizes(16, 16, 128, 32) == 2
    assert sizes(16, 16, 128, 3) == 2
    assert sizes(32, 32, 64, 32) == 32  # its weights have 16 MB, too
    assert sizes(16, 4, 1024, 4) == 1


def test_a_gpu_takes_a_batch_in_parts_whose_activations_of_all_layers_fit_it():
    def size(batch_size, **sizes):
        architecture = {"kind": "dpot", "num_heads": 8, "patch": 8, "num_patches": 16, **sizes}
        with torch.device("meta"):
            operator = NeuralOperator(architecture, Channels(("a",), (), ("a",)), {}, seed=0)
        return Hardware(GPU).micro_batch(operator, 128**2, batch_size)

    assert size(160, width=512, num_layers=4, readout_width=32) == 160
    assert size(40, width=1024, num_layers=12, readout_width=32) == 40
    assert size(40, width=1536, num_layers=24, readout_width=128) == 20
    assert size(40, width=2048, num_layers=27, readout_width=128) == 14


def test_activations_are_computed_again_where_they_are_large():
    def recomputes(width, num_points, batch_size):
        architecture = {"kind": "fno", "width": width, "modes": 4, "num_layers": 1}
        operator = NeuralOperator(architecture, Channels(("f",), (), ("u",)), {}, seed=0)
        return Hardware(CPU).recomputes(operator, num_points**2, batch_size)

    assert recomputes(128, 128, 128)
    assert not recomputes(32, 128, 128)


def test_only_small_runs_that_are_not_compiled_are_trained_together_and_only_on_a_gpu():
    def at_once(device, batch_size, compile_from=0):
        architecture = {"kind": "fno", "width": 16, "modes": 4, "num_layers": 1}
        operator = NeuralOperator(architecture, Channels(("f",), (), ("u",)), {}, seed=0)
        return Hardware(device, compile_from=compile_from).runs_at_once(operator, 128**2, batch_size, 5000)

    assert (
        at_once(GPU, 8) == at_once(GPU, 1) == 16
    )  # as many as were measured together; 8 MB with a batch of 8
    assert at_once(GPU, 9) == at_once(GPU, 16) == at_once(GPU, 8, compile_from=5000) == at_once(CPU, 8) == 1
