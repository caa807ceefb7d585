"""Forecasts, against what is counted by hand or built."""

import pandas as pd
import pytest
import torch

from configs import SCALES, load_study
from pdetransfer.models.operators import Channels, NeuralOperator, sizes_of_module
from pdetransfer.models.registry import MODELS
from pdetransfer.plan import costs
from pdetransfer.plan.entries import DPOT
from pdetransfer.plan.study import Curve, Study

RECIPE = {
    "learning_rates": {"scratch": [1e-3, 2e-3, 4e-3], "fine_tuned": [1e-4, 2e-4, 4e-4]},
    "seeds": [0, 1, 2],
    "num_tuning_seeds": 2,
    "batch_size": 8,
    "length": 10,
    "length_unit": "steps",
    "validation_interval": 10,
    "num_validation": 16,
}
AXES = {"dataset": ["a"], "model": ["m"], "init": ["scratch", "poisson"], "recipe": ["r"]}
MODEL = {"kind": "fno", "width": 4, "modes": 2, "num_layers": 1, "rate": 100}
SETTINGS = {
    "grid": {"num_points": 16},
    "num_examples": {"train": 64, "validation": 16, "test": 20},
    "datasets": {
        name: {"system": "poisson", "eigenvalue_range": [1, 5]} for name in ("base", "a", "b", "unused")
    },
    "models": {"m": MODEL},
    "recipes": {
        "r": RECIPE,
        "pretrain": RECIPE | {"seeds": [0], "num_tuning_seeds": 1, "length_unit": "epochs"},
    },
    "pretrainings": {"poisson": {"dataset": "base", "n_train": 64, "recipe": "pretrain"}},
    "experiments": {
        "first": {"question": "data", **AXES, "n_train": [0, 4, 16]},
        "second": {"question": "shift", **AXES, "dataset": ["a", "b"], "n_train": [0, 16]},
        "left_out": {"question": "control", **AXES, "n_train": [32]},
    },
}
STUDY = Study(**SETTINGS)
SCRATCH, TUNED = (Curve("a", "m", init, "r") for init in ("scratch", "poisson"))
PRETRAINING = Curve("base", "m", "scratch", "pretrain")
RUNS = 3 * 2 + 1  # rates times tuning seeds, and the other seed


def changed(**sections):
    """The study with other settings, section by section."""
    merged = {
        name: SETTINGS[name] | value if isinstance(value, dict) else value for name, value in sections.items()
    }
    return Study(**SETTINGS | merged)


@pytest.mark.parametrize("scale", SCALES)
def test_the_parameters_of_every_model_are_those_of_the_module(scale):
    for entry in load_study(scale).models.values():
        sizes = sizes_of_module(entry.architecture)
        for in_channels, out_channels in ((4, 1), (8, 2)):
            with torch.device("meta"):
                model = MODELS[entry.kind](**sizes, in_channels=in_channels, out_channels=out_channels)
            counted = sum(parameter.numel() for parameter in model.parameters())
            assert entry.num_parameters(in_channels, out_channels) == counted


SIZES_OF_DPOT = {
    "width": 16,
    "num_layers": 2,
    "num_heads": 4,
    "patch": 4,
    "num_patches": 4,
    "readout_width": 6,
}


@pytest.mark.parametrize(
    "more",
    [{}, {"mlp_ratio": 3}, {"mixer": "attention"}, {"num_patches": (3, 5)}, {"num_frames": 1}, {"patch": 2}],
)
def test_the_parameters_of_a_model_of_frames_are_those_of_its_operator(more):
    entry = DPOT(kind="dpot", rate=1, **{"num_frames": 3} | SIZES_OF_DPOT | more)
    for num_channels in (1, 3):
        channels = tuple("abc"[:num_channels])
        with torch.device("meta"):
            operator = NeuralOperator(entry.architecture, Channels(channels, (), channels), {}, seed=0)
        of_entry = entry.num_parameters(entry.channels_in(num_channels, 0), num_channels)
        assert of_entry == operator.num_parameters


@pytest.mark.parametrize("channels", [("vorticity", "depth"), None])
def test_a_forecast_has_the_weights_of_a_model_of_frames_with_its_channels(channels):
    """Or with eight, where it has those of its data. Of the first experiment, 3 seeds of 2 sizes of 2 curves."""
    sizes = SIZES_OF_DPOT | {"kind": "dpot", "num_frames": 3, "width": 512, "rate": 1}
    own = tuple(f"c{number}" for number in range(len(channels or range(8))))
    study = changed(models={"m": sizes | ({"channels": channels} if channels else {})})
    with torch.device("meta"):
        operator = NeuralOperator(study.models["m"].architecture, Channels(own, (), own), {}, seed=0)
    found = costs.forecast(study, ["first"]).set_index("experiment").loc["first", "weights_gb"]
    assert found == pytest.approx(4 * 12 * operator.num_parameters / 1e9, rel=0.01)


def test_pre_trainings_that_are_only_tested_are_pre_trainings():
    """Where nothing is trained on them, too."""
    first = SETTINGS["experiments"]["first"] | {"init": ["poisson"], "n_train": [0]}
    table = costs.forecast(changed(experiments={"first": first}), ["first"]).set_index("experiment")
    assert table["cells"].to_dict() == {"pre-training": 1, "first": 0, "all": 1}


def test_a_cell_trains_every_rate_for_the_tuning_seeds_alone():
    assert STUDY.num_runs(SCRATCH, 4) == STUDY.num_runs(TUNED, 4) == RUNS
    assert STUDY.num_runs(PRETRAINING, 64) == 3


def test_from_an_n_on_fewer_seeds_are_trained():
    study = changed(recipes={"r": SETTINGS["recipes"]["r"] | {"fewer_seeds": {16: 2}}})
    assert [study.num_runs(SCRATCH, n) for n in (4, 16, 32)] == [RUNS, RUNS - 1, RUNS - 1]


def test_examples_are_those_of_every_batch():
    """Steps take the batch size, or n_train where that is smaller; epochs take n_train."""
    assert STUDY.cell_examples(SCRATCH, 4) == RUNS * 10 * 4
    assert STUDY.cell_examples(SCRATCH, 16) == RUNS * 10 * 8
    assert STUDY.cell_examples(SCRATCH, 12) == RUNS * 5 * (8 + 4)
    assert STUDY.cell_examples(PRETRAINING, 20) == 3 * STUDY.run_examples(PRETRAINING, 20)
    assert STUDY.run_examples(PRETRAINING, 20) == 10 * 20
    assert costs.seconds(STUDY, SCRATCH, 16) == RUNS * 10 * 8 / 100


def test_the_forecast_counts_every_cell_once():
    """Of the second experiment, the cells of dataset a are in the first; controls are left out."""
    table = costs.forecast(STUDY, STUDY.reported).set_index("experiment")
    expected = {  # cells, trainings, examples
        "pre-training": [1, 3, 3 * 10 * 64],
        "first": [4, 4 * RUNS, 2 * RUNS * 10 * (4 + 8)],
        "second": [2, 2 * RUNS, 2 * RUNS * 10 * 8],
    }
    expected["all"] = [sum(values) for values in zip(*expected.values(), strict=True)]
    assert list(table.index) == list(expected)
    for name, values in expected.items():
        assert table.loc[name, ["cells", "trainings", "examples"]].to_list() == values
        assert table.loc[name, "equivalents"] == values[2]
        assert table.loc[name, "device_hours"] == pytest.approx(values[2] / 100 / 3600, abs=2e-3)


def test_a_slower_model_costs_more_examples_of_the_first_ones_model():
    second = SETTINGS["experiments"]["second"] | {"model": ["slow"]}
    study = changed(models={"slow": MODEL | {"rate": 25}}, experiments={"second": second})
    row = costs.forecast(study, study.reported).set_index("experiment").loc["second"]
    assert row["examples"] == 4 * RUNS * 10 * 8
    assert row["equivalents"] == 4 * row["examples"]


def test_datasets_are_counted_that_are_read():
    """base, a and b, of 100 examples of two fields of 16 x 16 float32."""
    assert costs.data_gb(STUDY, STUDY.reported) == pytest.approx(3 * 100 * 2 * 16 * 16 * 4 / 1e9)


def test_what_is_asked_of_a_scheduler_grows_with_n_and_with_the_cells_of_a_job():
    grid, epochs = {"num_points": 128}, RECIPE | {"length_unit": "epochs"}
    study = changed(grid=grid, recipes={"r": epochs})
    for asked in (costs.training_minutes, costs.training_mb):
        few, many = (asked(study, SCRATCH, [n]) for n in (64, 4096))
        assert isinstance(few, int)
        assert 0 < few < many
    one, both = (costs.training_minutes(study, SCRATCH, sizes) for sizes in ([4096], [64, 4096]))
    assert both > one
    assert costs.training_mb(study, SCRATCH, [64, 4096]) == costs.training_mb(study, SCRATCH, [4096])
    whole = changed(
        grid=grid, recipes={"r": epochs | {"subset_by_seed": True}}, num_examples={"train": 10_000}
    )
    assert costs.training_mb(whole, SCRATCH, [64]) > costs.training_mb(study, SCRATCH, [4096])


BIG = {"num_points": 128}
FLOW = {"system": "diffusion_reaction", "time": 1, "num_frames": 5}
TAKES_FRAMES = SIZES_OF_DPOT | {"kind": "dpot", "rate": 1, "num_frames": 2, "num_patches": 32}


@pytest.mark.parametrize(
    ("settings", "values"),
    [
        ({}, 2 * 128 * 128),  # source and solution
        ({"datasets": {"a": FLOW}, "models": {"m": TAKES_FRAMES}}, 5 * 2 * 128 * 128),  # frames of two fields
    ],
    ids=["fields", "frames"],
)
def test_memory_is_asked_for_all_copies_of_the_examples(settings, values):
    """As read and as prepared, at least; ten would keep nodes idle."""
    study = changed(grid=BIG, num_examples={"train": 4096}, **settings)
    few, many = (costs.training_mb(study, SCRATCH, [n]) for n in (1024, 4096))
    copies = (many - few) / ((4096 - 1024) * values * 4 / 1e6)
    assert 2 <= copies <= 10


def test_memory_is_asked_for_all_copies_of_the_weights():
    """Weights, gradients and two moments, and the best ones of three seeds, or most of them; not twice as much."""
    sizes = MODEL | {"width": 256, "modes": 8, "num_layers": 4}
    small, large = (
        costs.training_mb(changed(models={"m": model}), SCRATCH, [16]) for model in (MODEL, sizes)
    )
    counted = changed(models={"m": sizes}).models["m"].num_parameters(9, 1)
    copies = (large - small) / (counted * 4 / 1e6)
    assert 4 <= copies <= 14


def test_the_smallest_training_is_asked_what_a_process_with_pytorch_needs():
    assert 1000 <= costs.training_mb(STUDY, SCRATCH, [4]) <= 3000


def test_several_gpus_take_less_time_and_no_processor_has_any():
    asked = [
        costs.training_minutes(
            changed(models={"m": MODEL | {"rate": 0.1, "num_gpus": 4}}, device=device), SCRATCH, [64]
        )
        - 10
        for device in ("cpu", "cuda")
    ]
    assert asked[0] == pytest.approx(4 * asked[1], abs=4)


def test_each_process_of_several_gpus_has_its_own_memory():
    """The job, and a worker for each GPU."""
    one, four = (
        costs.training_mb(changed(models={"m": MODEL | {"num_gpus": count}}, device="cuda"), SCRATCH, [64])
        for count in (1, 4)
    )
    assert four == pytest.approx(5 * one, rel=1e-3)


def test_other_rates_are_those_of_another_study():
    faster = costs.at_rates(STUDY, {"m": 200})
    assert costs.seconds(STUDY, SCRATCH, 16) == 2 * costs.seconds(faster, SCRATCH, 16)


def test_own_data_alone_need_no_grid_to_be_planned():
    files = {"files": {"train": "a.h5", "test": "b.h5"}, "coefficients": []}
    datasets = dict.fromkeys(SETTINGS["datasets"], files)
    study = Study(**SETTINGS | {"grid": None, "num_examples": None, "datasets": datasets})
    assert costs.training_mb(study, SCRATCH, [64]) > costs.training_mb(STUDY, SCRATCH, [64])
    assert costs.data_gb(study, study.reported) == 0


def test_the_forecast_of_one_experiment_is_that_of_nothing_else():
    table = costs.forecast(STUDY, ["first"]).set_index("experiment")
    everything = costs.forecast(STUDY, STUDY.reported).set_index("experiment")
    assert list(table.index) == ["pre-training", "first", "all"]
    assert table.loc["first"].equals(everything.loc["first"])


def test_packed_cells_of_a_curve_are_one_job():
    """Of the first experiment's two curves each: a pack of 4 and 16; of the second's only n 16 is asked for."""
    jobs = costs.forecast(STUDY, STUDY.reported).set_index("experiment")["jobs"]
    assert jobs[["pre-training", "first", "second"]].to_list() == [1, 2, 2]


def test_wall_time_is_bounded_by_the_share_of_a_device_and_by_the_longest_chain():
    total = costs.forecast(STUDY, STUDY.reported).set_index("experiment").loc["all", "examples"] / 100 / 3600
    assert costs.wall_hours(STUDY, 1, STUDY.reported) == pytest.approx(total)
    pack = costs.seconds(STUDY, TUNED, 4) + costs.seconds(STUDY, TUNED, 16)
    chain = costs.seconds(STUDY, *(PRETRAINING, 64)) + pack
    assert costs.wall_hours(STUDY, 1000, STUDY.reported) == pytest.approx(chain / 3600)


def test_the_actual_time_of_a_row_is_that_of_the_forecasts_cells():
    """Every cell at twice its forecast: twice every row, the sum too."""
    groups = costs.cells_by_experiment(STUDY, STUDY.reported)
    plan = costs.forecast(STUDY, STUDY.reported)
    seconds = {cell: 2 * costs.seconds(STUDY, *cell) for own in groups.values() for cell in own}
    table = costs.beside_actual(STUDY, plan, seconds).set_index("experiment")
    hours = {name: sum(map(seconds.get, own)) / 3600 for name, own in groups.items()}
    assert table["trained_hours"].to_dict() == pytest.approx(hours | {"all": sum(hours.values())})
    for name in table.index:  # the forecast's hours are rounded
        low, high = (table.loc[name, "device_hours"] + step for step in (-5e-4, 5e-4))
        assert 2 * low <= table.loc[name, "trained_hours"] <= 2 * high
        if table.loc[name, "device_hours"]:
            ratio = table.loc[name, "trained_hours"] / table.loc[name, "device_hours"]
            assert table.loc[name, "actual_over_forecast"] == pytest.approx(ratio)
    pd.testing.assert_frame_equal(table[plan.columns[1:]], plan.set_index("experiment"))
