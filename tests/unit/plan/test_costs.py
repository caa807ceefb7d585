"""Forecasts, against what is counted by hand or built."""

import copy
from pathlib import Path

import pandas as pd
import pytest
import torch
import yaml

from pdetransfer.models.registry import MODELS
from pdetransfer.plan import costs
from pdetransfer.plan.experiments import Curve, reported

ROOT = Path(__file__).parents[3]

RECIPE = {
    "learning_rates": {"scratch": [1e-3, 2e-3, 4e-3], "fine_tuned": [1e-4, 2e-4, 4e-4]},
    "seeds": [0, 1, 2],
    "num_tuning_seeds": 2,
    "extend_grid": False,
    "batch_size": 8,
    "length": 10,
    "length_unit": "steps",
    "num_validation": 16,
    "subset_by_seed": False,
}
AXES = {"dataset": ["a"], "model": ["m"], "init": ["scratch", "poisson"], "recipe": ["r"]}
CONFIG = {
    "grid": {"num_points": 16},
    "num_examples": {"train": 64, "validation": 16, "test": 20},
    "datasets": {name: {"system": "poisson"} for name in ("base", "a", "b", "unused")},
    "models": {"m": {"kind": "fno", "width": 4, "modes": 2, "num_layers": 1}},
    "device": "auto",
    "rates": {"m": 100},
    "num_gpus": {"m": 1},
    "packed_n_train": [],
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
SCRATCH, TUNED = (Curve("a", "m", init, "r") for init in ("scratch", "poisson"))
PRETRAINING = Curve("base", "m", "scratch", "pretrain")
RUNS = 3 * 2 + 1  # rates times tuning seeds, and the other seed


@pytest.mark.parametrize("scale", ["config", "paper", "smoke"])
def test_the_parameters_of_every_model_are_those_of_the_module(scale):
    models = yaml.safe_load((ROOT / f"config/{scale}.yaml").read_text())["models"]
    for architecture in models.values():
        sizes = {name: architecture[name] for name in ("width", "modes", "num_layers")}
        for in_channels, out_channels in ((4, 1), (8, 2)):
            with torch.device("meta"):
                model = MODELS[architecture["kind"]](
                    **sizes, in_channels=in_channels, out_channels=out_channels
                )
            counted = sum(parameter.numel() for parameter in model.parameters())
            assert costs.num_parameters(architecture, in_channels, out_channels) == counted


def test_a_cell_trains_every_rate_for_the_tuning_seeds_alone():
    assert costs.num_runs(CONFIG, SCRATCH) == costs.num_runs(CONFIG, TUNED) == RUNS
    assert costs.num_runs(CONFIG, PRETRAINING) == 3


def test_examples_are_those_of_every_batch():
    """Steps take the batch size, or n_train where that is smaller; epochs take n_train."""
    assert costs.num_examples(CONFIG, SCRATCH, 4) == RUNS * 10 * 4
    assert costs.num_examples(CONFIG, SCRATCH, 16) == RUNS * 10 * 8
    assert costs.num_examples(CONFIG, SCRATCH, 12) == RUNS * 5 * (8 + 4)
    assert costs.num_examples(CONFIG, PRETRAINING, 20) == 3 * costs.run_examples(CONFIG, PRETRAINING, 20)
    assert costs.run_examples(CONFIG, PRETRAINING, 20) == 10 * 20
    assert costs.seconds(CONFIG, SCRATCH, 16) == RUNS * 10 * 8 / 100


def test_the_forecast_counts_every_cell_once():
    """Of the second experiment, the cells of dataset a are in the first; controls are left out."""
    table = costs.forecast(CONFIG, reported(CONFIG)).set_index("experiment")
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
    config = copy.deepcopy(CONFIG)
    config["models"]["slow"] = config["models"]["m"]
    config["rates"]["slow"], config["num_gpus"]["slow"] = 25, 1
    config["experiments"]["second"]["model"] = ["slow"]
    row = costs.forecast(config, reported(config)).set_index("experiment").loc["second"]
    assert row["examples"] == 4 * RUNS * 10 * 8
    assert row["equivalents"] == 4 * row["examples"]


def test_datasets_are_counted_that_are_read():
    """base, a and b, of 100 examples of two fields of 16 x 16 float32."""
    assert costs.data_gb(CONFIG, reported(CONFIG)) == pytest.approx(3 * 100 * 2 * 16 * 16 * 4 / 1e9)


def test_what_is_asked_of_a_scheduler_grows_with_n_and_with_the_cells_of_a_job():
    config = copy.deepcopy(CONFIG)
    config["grid"]["num_points"] = 128
    config["recipes"]["r"]["length_unit"] = "epochs"
    for asked in (costs.training_minutes, costs.training_mb):
        few, many = (asked(config, SCRATCH, [n]) for n in (64, 4096))
        assert isinstance(few, int)
        assert 0 < few < many
    one, both = (costs.training_minutes(config, SCRATCH, sizes) for sizes in ([4096], [64, 4096]))
    assert both > one
    assert costs.training_mb(config, SCRATCH, [64, 4096]) == costs.training_mb(config, SCRATCH, [4096])
    config["recipes"]["r"]["subset_by_seed"] = True
    config["num_examples"]["train"] = 10_000
    assert costs.training_mb(config, SCRATCH, [64]) > costs.training_mb(
        CONFIG | {"grid": config["grid"]}, SCRATCH, [4096]
    )


def test_several_gpus_take_less_time_and_no_processor_has_any():
    config = copy.deepcopy(CONFIG)
    config["rates"]["m"] = 0.1
    config["num_gpus"]["m"] = 4
    asked = [
        costs.training_minutes(config | {"device": device}, SCRATCH, [64]) - 10 for device in ("cpu", "cuda")
    ]
    assert asked[0] == pytest.approx(4 * asked[1], abs=4)


def test_the_forecast_of_one_experiment_is_that_of_nothing_else():
    table = costs.forecast(CONFIG, ["first"]).set_index("experiment")
    everything = costs.forecast(CONFIG, reported(CONFIG)).set_index("experiment")
    assert list(table.index) == ["pre-training", "first", "all"]
    assert table.loc["first"].equals(everything.loc["first"])


def test_packed_cells_of_a_curve_are_one_job():
    """Of the first experiment's two curves each: a pack of 4 and 16; of the second's only n 16 is asked for."""
    config = CONFIG | {"packed_n_train": [4, 16]}
    jobs = costs.forecast(config, reported(config)).set_index("experiment")["jobs"]
    assert jobs[["pre-training", "first", "second"]].to_list() == [1, 2, 2]
    assert costs.forecast(CONFIG, reported(CONFIG)).set_index("experiment")["jobs"]["first"] == 4


def test_wall_time_is_bounded_by_the_share_of_a_device_and_by_the_longest_chain():
    total = (
        costs.forecast(CONFIG, reported(CONFIG)).set_index("experiment").loc["all", "examples"] / 100 / 3600
    )
    assert costs.wall_hours(CONFIG, 1, reported(CONFIG)) == pytest.approx(total)
    chain = costs.seconds(CONFIG, *(PRETRAINING, 64)) + costs.seconds(CONFIG, TUNED, 16)
    assert costs.wall_hours(CONFIG, 1000, reported(CONFIG)) == pytest.approx(chain / 3600)


def test_the_actual_time_of_a_row_is_that_of_the_forecasts_cells():
    """Every cell at twice its forecast: twice every row, the sum too."""
    groups = costs.cells_by_experiment(CONFIG, reported(CONFIG))
    plan = costs.forecast(CONFIG, reported(CONFIG))
    seconds = {cell: 2 * costs.seconds(CONFIG, *cell) for own in groups.values() for cell in own}
    table = costs.beside_actual(CONFIG, plan, seconds).set_index("experiment")
    hours = {name: sum(map(seconds.get, own)) / 3600 for name, own in groups.items()}
    assert table["trained_hours"].to_dict() == pytest.approx(hours | {"all": sum(hours.values())})
    for name in table.index:  # the forecast's hours are rounded
        low, high = (table.loc[name, "device_hours"] + step for step in (-5e-4, 5e-4))
        assert 2 * low <= table.loc[name, "trained_hours"] <= 2 * high
    pd.testing.assert_frame_equal(table[plan.columns[1:]], plan.set_index("experiment"))
