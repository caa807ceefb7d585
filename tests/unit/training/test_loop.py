import dataclasses
import itertools
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from cases import SIZES, architecture_of, as_examples, as_windows
from pdetransfer.data.windows import Windows
from pdetransfer.models.operators import Channels, NeuralOperator
from pdetransfer.plan.recipes import Recipe
from pdetransfer.training import loop
from pdetransfer.training.cells import train_cell
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, batches, train_runs

CPU = torch.device("cpu")
ARCHITECTURE = {"kind": "fno", **SIZES["fno"]}
RECIPE = Recipe(
    learning_rates=[1e-3, 4e-3],
    seeds=[0, 1],
    num_tuning_seeds=2,
    extend_grid=False,
    batch_size=8,
    length=6,
    length_unit="epochs",
    validation_interval=2,
    num_validation=8,
    validation_at_most_n=False,
    subset_by_seed=False,
    fresh_readout=False,
    precision="float32",
)


@pytest.fixture
def train(small_split):
    return as_examples(small_split(split="train"), 20)


@pytest.fixture
def validation(small_split):
    return as_examples(small_split(split="validation"), 8)


def cell(train, validation, n_train=20, init=None, known=(), **changes):
    task = Task(ARCHITECTURE, RECIPE.model_copy(update=changes), n_train, train, validation, init)
    return train_cell(task, lambda trials: train_runs(task, trials, Hardware(CPU)), known)


def trials(runs):
    return [(run.learning_rate, run.seed) for run in runs]


@pytest.fixture
def trained_trials(monkeypatch):
    """The trial of each run, in order of training."""
    done = []

    def counted(task, trials, *rest):
        done.extend(trials)
        return loop.train_runs(task, trials, *rest)

    monkeypatch.setattr(sys.modules[__name__], "train_runs", counted)
    return done


@pytest.fixture
def diverging(monkeypatch):
    """The runs of these trials count as diverged."""
    trials = set()

    def spoilt(task, *rest):
        for run in loop.train_runs(task, *rest):
            run.diverged = (run.learning_rate, run.seed) in trials
            yield run

    monkeypatch.setattr(sys.modules[__name__], "train_runs", spoilt)
    return trials


def assert_same_weights(runs, others):
    for run, other in zip(runs, others, strict=True):
        assert set(run.best) == set(other.best)
        for name, value in run.best.items():
            torch.testing.assert_close(value, other.best[name], rtol=0, atol=0)


def test_a_cell_trains_and_chooses_by_validation_error(train, validation):
    trained = cell(train, validation)
    assert trials(trained.runs) == [(1e-3, 0), (1e-3, 1), (4e-3, 0), (4e-3, 1)]
    means = {
        rate: np.mean([r.validation_error for r in trained.runs if r.learning_rate == rate])
        for rate in (1e-3, 4e-3)
    }
    assert trained.learning_rate == min(means, key=means.get)
    assert trained.edge == ("high" if trained.learning_rate == 4e-3 else "low")
    assert [run.seed for run in trained.chosen] == [0, 1]
    for run in trained.runs:
        losses = [row["validation_loss"] for row in run.history]
        assert len(losses) == 4  # before training, and after epochs 2, 4, 6
        assert run.validation_loss == min(losses[1:])
        assert losses[-1] < losses[0]
        assert run.history[-1]["learning_rate_now"] == pytest.approx(0, abs=1e-12)
        assert (run.steps, run.epochs) == (18, 6)  # 20 examples are batches of 8, 8 and 4
        assert (run.best is None) == (run.learning_rate != trained.learning_rate)


def test_the_kept_weights_are_those_of_the_best_validation(train, validation):
    trained = cell(train, validation)
    for run in trained.chosen:
        operator = NeuralOperator(ARCHITECTURE, trained.channels, run.references, seed=99)
        operator.model.load_state_dict(run.best)
        outputs = operator.apply(operator.inputs(validation, CPU))
        loss = (outputs - torch.from_numpy(validation.outputs)).square().sum(dim=(1, 2, 3)).mean()
        assert float(loss) == pytest.approx(run.validation_loss, rel=1e-5)


def test_the_same_seed_gives_the_same_numbers(train, validation):
    first, again = (cell(train, validation) for _ in range(2))
    for a, b in zip(first.runs, again.runs, strict=True):
        assert [row["validation_loss"] for row in a.history] == [row["validation_loss"] for row in b.history]
    assert_same_weights(first.chosen, again.chosen)
    assert first.runs[0].validation_loss != first.runs[1].validation_loss


def test_only_the_first_n_examples_are_used(train, validation):
    """What lies beyond them may be anything."""
    spoilt = dataclasses.replace(train, outputs=train.outputs.copy())
    spoilt.outputs[12:] = np.nan
    trained = cell(spoilt, validation, n_train=12)
    expected = cell(train[:12], validation, n_train=12)
    assert trained.chosen[0].validation_loss == expected.chosen[0].validation_loss


def test_a_seed_may_choose_another_subset(train, validation):
    """Subsets differ between seeds, and nest within one."""
    few, many = (
        {run.seed: run.references for run in cell(train, validation, n, subset_by_seed=True).chosen}
        for n in (4, 20)
    )
    assert few[0] != few[1]
    assert many[0] == many[1] == train.references()
    assert few[0] != train[:4].references()


def test_length_in_steps(train, validation):
    trained = cell(train, validation, length=7, length_unit="steps", validation_interval=3)
    run = trained.runs[0]
    assert [row["step"] for row in run.history] == [0, 3, 6, 7]
    assert run.epochs == pytest.approx((8 + 8 + 4 + 8 + 8 + 4 + 8) / 20)


def test_fine_tuning_keeps_channels_and_references_and_the_initial_weights_if_best(train, validation):
    init = NeuralOperator(
        ARCHITECTURE, Channels.of(train, ARCHITECTURE), {"source": 1.0, "k11": 2.0, "k22": 3.0, "k12": 4.0}, 3
    )
    before = {name: value.clone() for name, value in init.model.state_dict().items()}
    harmful = cell(train, validation, init=init, learning_rates=[30.0], length=1, validation_interval=1)
    for run in harmful.chosen:
        assert run.best_step == 0
        assert run.references == init.references
        for name, value in run.best.items():
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    assert harmful.channels == init.channels
    for name, value in init.model.state_dict().items():
        torch.testing.assert_close(value, before[name], rtol=0, atol=0)
    useful = cell(train, validation, init=init)
    assert useful.chosen[0].validation_loss < harmful.chosen[0].validation_loss


def test_a_diverged_run_is_recorded_and_loses(train, validation):
    trained = cell(train, validation, learning_rates=[1e30, 1e-3])
    assert [run.diverged for run in trained.runs] == [True, True, False, False]
    assert trained.learning_rate == 1e-3
    assert trained.runs[0].steps < trained.runs[2].steps
    assert trained.runs[0].summary()["validation_error"] is None
    assert math.isfinite(trained.chosen[0].validation_error)


def test_a_cell_in_which_all_diverge_fails(train, validation):
    with pytest.raises(
        RuntimeError, match=r"every learning rate diverged \(lr 1e\+30 seed 0, lr 1e\+30 seed 1"
    ):
        cell(train, validation, learning_rates=[1e30, 2e30])


def test_of_a_single_rate_that_runs_diverge_is_the_result(train, validation):
    trained = cell(train, validation, learning_rates=[1e6])
    assert (trained.learning_rate, trained.edge) == (1e6, "inside")
    assert trials(trained.chosen) == trials(trained.runs) == [(1e6, 0), (1e6, 1)]
    for run in trained.chosen:
        assert run.diverged
        assert run.validation_error == math.inf
        assert run.references == train.references()
        assert all(weights.isnan().all() for weights in run.best.values())


def test_of_a_single_rate_the_seeds_that_do_not_diverge_keep_their_weights(train, validation, diverging):
    """Of one that does, what was best before is not its result, nor are known runs that have no references."""
    plain = cell(train, validation, learning_rates=[1e-3])
    diverging.add((1e-3, 1))
    trained = cell(train, validation, learning_rates=[1e-3], num_tuning_seeds=1)
    assert_same_weights(trained.chosen[:1], plain.chosen[:1])
    assert trained.chosen[1].summary()["validation_error"] is None
    known = [replace(run, references={}, best=None) for run in trained.runs]
    again = cell(train, validation, learning_rates=[1e-3], num_tuning_seeds=1, known=known)
    for run, other in zip(trained.chosen, again.chosen, strict=True):
        assert run.references == other.references
        assert run.best.keys() == other.best.keys()
        assert run.best["lifting.weight"].isnan().all() == other.best["lifting.weight"].isnan().all()


def test_the_loss_is_the_sum_over_the_grid_averaged_over_the_batch(train, validation):
    """One full batch, one step: Adam aside, the first training loss is that of the initial weights."""
    trained = cell(train, validation, n_train=8, length=1, length_unit="steps", validation_interval=1)
    run = trained.chosen[0]
    operator = NeuralOperator(ARCHITECTURE, trained.channels, run.references, run.seed)
    outputs = operator.apply(operator.inputs(train[:8], CPU)).numpy()
    expected = ((outputs - train.outputs[:8]) ** 2).sum() / 8
    assert run.history[-1]["train_loss"] == pytest.approx(expected, rel=1e-4)


def test_only_the_tuning_seeds_try_every_rate(train, validation, trained_trials):
    trained = cell(train, validation, seeds=[5, 3, 4], num_tuning_seeds=1)
    other = {1e-3: 4e-3, 4e-3: 1e-3}[trained.learning_rate]
    assert trained_trials[:2] == [(1e-3, 5), (4e-3, 5)]
    assert trained_trials[2:] == [(trained.learning_rate, 3), (trained.learning_rate, 4)]
    assert [run.seed for run in trained.chosen] == [5, 3, 4]
    assert (other, 5) in trials(trained.runs)
    assert len(trained.runs) == 4


def test_other_seeds_do_not_change_the_chosen_rate_or_weights(train, validation):
    """The mean is over the tuning seeds alone."""
    one = cell(train, validation, seeds=[0], num_tuning_seeds=1)
    three = cell(train, validation, seeds=[0, 1, 2], num_tuning_seeds=1)
    assert three.learning_rate == one.learning_rate
    assert_same_weights(one.chosen, three.chosen[:1])


def test_a_rate_that_diverges_for_a_seed_beyond_tuning_gives_way_to_the_next_best(
    train, validation, diverging
):
    plain = cell(train, validation, seeds=[0, 1], num_tuning_seeds=1)
    best = plain.learning_rate
    other = {1e-3: 4e-3, 4e-3: 1e-3}[best]
    diverging.add((best, 1))
    trained = cell(train, validation, seeds=[0, 1], num_tuning_seeds=1)
    assert trained.learning_rate == other
    assert trials(trained.chosen) == [(other, 0), (other, 1)]
    assert trials([run for run in trained.runs if run.diverged]) == [(best, 1)]
    expected = cell(train, validation, learning_rates=[other])
    assert_same_weights(trained.chosen, expected.chosen)


def test_a_cell_whose_rates_all_diverge_for_some_seed_fails(train, validation, diverging):
    diverging |= {(1e-3, 1), (4e-3, 1)}
    with pytest.raises(RuntimeError, match="every learning rate diverged"):
        cell(train, validation, num_tuning_seeds=1)


def test_known_runs_are_not_trained_again(train, validation, trained_trials):
    first = cell(train, validation, seeds=[0], num_tuning_seeds=1)
    trained_trials.clear()
    more = cell(train, validation, seeds=[0, 1], num_tuning_seeds=1, known=first.runs)
    assert trained_trials == [(first.learning_rate, 1)]
    assert more.chosen[0] is first.chosen[0]
    assert_same_weights(more.chosen, cell(train, validation, seeds=[0, 1], num_tuning_seeds=1).chosen)


def test_a_known_run_without_weights_is_trained_again_only_if_chosen(train, validation, trained_trials):
    whole = cell(train, validation)
    weightless = [dataclasses.replace(run, best=None) for run in whole.runs]
    trained_trials.clear()
    again = cell(train, validation, known=weightless)
    assert trained_trials == trials(whole.chosen)
    assert_same_weights(again.chosen, whole.chosen)


@pytest.mark.parametrize(
    ("n_train", "at_most_n", "count"), [(4, False, 6), (4, True, 4), (20, True, 6), (20, False, 6)]
)
def test_validation_is_on_as_many_examples_as_the_recipe_says(train, validation, n_train, at_most_n, count):
    """What lies beyond them may be anything."""
    for beyond, diverged in ((count, False), (count - 1, True)):
        spoilt = dataclasses.replace(validation, outputs=validation.outputs.copy())
        spoilt.outputs[beyond:] = np.nan
        changes = {"num_validation": 6, "validation_at_most_n": at_most_n, "learning_rates": [1e-3]}
        error = cell(train, spoilt, n_train, **changes).chosen[0].validation_error
        assert math.isfinite(error) != diverged


@pytest.mark.parametrize(("rates", "beyond"), [([1e-3, 4e-3], 1.6e-2), ([4e-3, 1e3], 4e-3**2 / 1e3)])
def test_a_grid_is_extended_beyond_the_edge_that_is_best_once(train, validation, rates, beyond):
    plain = cell(train, validation, learning_rates=rates)
    assert plain.learning_rate == 4e-3
    extended = cell(train, validation, learning_rates=rates, extend_grid=True)
    assert extended.learning_rates == [*rates, pytest.approx(beyond)]
    expected = cell(train, validation, learning_rates=extended.learning_rates)
    assert extended.learning_rate == expected.learning_rate
    assert extended.edge == expected.edge
    assert trials(extended.runs) == trials(expected.runs)
    assert_same_weights(extended.chosen, expected.chosen)


def test_a_grid_whose_best_rate_is_inside_is_not_extended(train, validation):
    rates = [1e-7, 4e-3, 1e3]
    assert cell(train, validation, learning_rates=rates, extend_grid=True).learning_rates == rates


def test_a_fresh_readout_is_the_seeds_and_the_rest_is_pre_trained(train, validation):
    init = NeuralOperator(ARCHITECTURE, Channels.of(train, ARCHITECTURE), train.references(), seed=7)
    recipe = RECIPE.model_copy(update={"fresh_readout": True})
    started = Task(ARCHITECTURE, recipe, 20, train, validation, init).operator(3, train).model.state_dict()
    untrained = NeuralOperator(
        ARCHITECTURE, Channels.of(train, ARCHITECTURE), train.references(), seed=3
    ).model
    for name, value in started.items():
        expected = untrained if name.startswith("projection.") else init.model
        torch.testing.assert_close(value, expected.state_dict()[name], rtol=0, atol=0)


def test_a_training_sees_nothing_of_the_units_of_a_file(train, validation):
    """Source and solution both times 2⁻²⁰, some 1e-6."""

    def own(examples, factor):
        fields, outputs = np.float32(factor) * examples.fields, np.float32(factor) * examples.outputs
        return replace(examples, fields=fields, outputs=outputs, own_units=True)

    one, other = (cell(own(train, factor), own(validation, factor)) for factor in (1, 2.0**-20))
    assert [run.history for run in one.runs[1:]] == [run.history for run in other.runs[1:]]
    assert_same_weights(one.chosen, other.chosen)


# Trajectories.


@pytest.fixture
def flows(small_split):
    return as_windows(small_split("navier_stokes"), 12)


@pytest.fixture
def reactions(small_split):
    return as_windows(small_split("diffusion_reaction"), 8)


CHANNELS = ["vorticity", "activator", "inhibitor"]


def of_windows(train, init=None, probabilities=None, kind="dpot", **changes):
    architecture = architecture_of("dpot") | {"channels": CHANNELS}
    if kind == "fno":
        architecture = ARCHITECTURE | {"num_frames": 2, "input_normalisation": False, "channels": CHANNELS}
    recipe = RECIPE.model_copy(
        update={"learning_rates": [3e-3], "seeds": [0], "objective": "relative_l2"} | changes
    )
    task = Task(architecture, recipe, len(train), train, train, init, probabilities)
    return task, train_cell(task, lambda trials: train_runs(task, trials, Hardware(CPU)), ())


def trained_operator(task, cell):
    operator = NeuralOperator(task.architecture, cell.channels, cell.chosen[0].references, seed=99)
    operator.model.load_state_dict(cell.chosen[0].best)
    return operator


@pytest.mark.parametrize("kind", ["dpot", "fno"])
def test_what_is_fine_tuned_on_channels_that_pre_training_lacked_has_their_units_from_its_own_data(
    flows, reactions, kind
):
    """And keeps those of the channels that it had, whatever the new data has of them."""
    task, pretrained = of_windows(flows, kind=kind)
    init = trained_operator(task, pretrained)
    assert init.channels == Channels(tuple(CHANNELS), (), tuple(CHANNELS))
    assert init.references == flows.references()
    larger = replace(flows, planes=3 * flows.planes)
    both = Windows.mixed([larger, reactions])
    _, tuned = of_windows(both, init, kind=kind)
    assert tuned.channels == init.channels
    expected = reactions.references() | flows.references()
    assert tuned.chosen[0].references == pytest.approx(expected)
    assert init.references == flows.references()  # it is another's, too
    _, alone = of_windows(reactions, init, kind=kind)
    assert alone.chosen[0].references == pytest.approx(expected)
    losses = [row["validation_loss"] for row in alone.chosen[0].history]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("absent", [0.0, 1.0])
def test_channels_that_a_system_lacks_enter_no_loss_where_they_are_zero(flows, absent):
    """With ones in their place they do, as in the public code."""
    plain, _ = of_windows(flows, length=1)
    task = replace(plain, architecture=plain.architecture | {"absent": absent})
    (run,) = train_runs(task, [(3e-3, 0)], Hardware(CPU))
    operator = NeuralOperator(task.architecture, task.channels, flows.references(), seed=0)
    inputs, targets = operator.samples(task.validation_examples(), CPU)
    outputs, truth = operator.apply(inputs), targets[:]
    is_there = truth.flatten(2).norm(dim=2) > 0
    assert is_there.sum(dim=1).tolist() == [3 if absent else 1] * len(truth)
    of_channel = (outputs - truth).flatten(2).norm(dim=2) / truth.flatten(2).norm(dim=2).clamp(min=1e-30)
    expected = (of_channel * is_there).sum(dim=1) / is_there.sum(dim=1)
    assert run.history[0]["validation_loss"] == pytest.approx(float(expected.mean()), rel=1e-4)


def test_the_share_of_a_dataset_is_its_probability_whatever_its_size(flows, reactions):
    """Among trajectories of a dataset all have the same; without probabilities all of all have."""
    mixed = Windows.mixed([flows, reactions[:3]])
    task = Task(architecture_of("dpot"), RECIPE, len(mixed), mixed, mixed, None, [1.0, 3.0])
    weights = task.sampling_weights(mixed)
    for part, share in enumerate((0.25, 0.75)):
        own = weights[mixed.part == part]
        assert float(own.sum() / weights.sum()) == pytest.approx(share)
        assert (own == own[0]).all()
    few = mixed[mixed.part == 1]  # of whose probabilities one is of no trajectory
    assert task.sampling_weights(few).tolist() == pytest.approx([1.0] * 3)
    assert replace(task, probabilities=None).sampling_weights(mixed) is None
    rows = torch.cat(list(itertools.islice(batches(len(mixed), 8, 0, CPU, weights), 2000)))
    assert (mixed.part[rows] == 1).mean() == pytest.approx(0.75, abs=0.02)


def test_what_is_never_drawn_changes_no_weights(flows, reactions):
    """A dataset of next to no probability, with the units of the others' channels."""
    mixed = Windows.mixed([flows, reactions])
    changed = replace(
        mixed,
        planes=np.where(np.isin(mixed.channel_of_plane, [1, 2])[:, None, None], -mixed.planes, mixed.planes),
    )
    runs = []
    for train in (mixed, changed):
        task, _ = of_windows(train, probabilities=[1.0, 1e-12], length=1, validation_interval=1)
        task = replace(task, validation=flows)
        runs += train_runs(task, [(3e-3, 0)], Hardware(CPU))
    assert runs[0].history == runs[1].history
    assert_same_weights(runs[:1], runs[1:])


def test_noise_is_of_training_alone(flows):
    """The first validation, before any step, is without; the first training loss with."""
    runs = []
    for noise in (0.0, 0.5):
        task, _ = of_windows(flows, noise=noise, length=1, validation_interval=1)
        runs += train_runs(task, [(3e-3, 0)], Hardware(CPU))
    first, second = (run.history for run in runs)
    assert first[0]["validation_loss"] == second[0]["validation_loss"]
    assert first[1]["train_loss"] != second[1]["train_loss"]


def test_only_the_first_n_trajectories_are_used(flows):
    spoilt = replace(flows, planes=flows.planes.copy())
    spoilt.planes[spoilt.first[6] :] = np.nan
    task, _ = of_windows(flows[:6])
    runs = [*train_runs(replace(task, train=spoilt, n_train=6), [(3e-3, 0)], Hardware(CPU))]
    runs += train_runs(task, [(3e-3, 0)], Hardware(CPU))
    assert runs[0].history[1:] == runs[1].history[1:]
    assert_same_weights(runs[:1], runs[1:])
