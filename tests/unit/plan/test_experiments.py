"""From a config to curves, cells and settings."""

from pathlib import Path

import pytest
import yaml

from pdetransfer.plan import experiments
from pdetransfer.plan.experiments import Curve

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config():
    return yaml.safe_load((ROOT / "config/config.yaml").read_text())


AXES = {"dataset": ["far"], "model": ["m"], "init": ["scratch", "own"], "recipe": ["r"]}
SMALL = {
    "datasets": {
        "near": {"system": "poisson"},
        "far": {"system": "poisson"},
        "wave": {"system": "helmholtz"},
        "all": {"mix": ["near", "wave"]},
        "unused": {"system": "poisson"},
    },
    "models": {"m": {}, "n": {}},
    "pretrainings": {
        "poisson": {"dataset": "near", "n_train": 64, "recipe": "p"},
        "helmholtz": {"dataset": "wave", "n_train": 32, "recipe": "p"},
        "mixed": {"dataset": "all", "n_train": 128, "recipe": "p"},
    },
    "packed_n_train": [4, 8],
    "experiments": {
        "first": {"question": "data", **AXES, "n_train": [0, 4, 8]},
        "second": {"question": "shift", **AXES, "dataset": ["far", "wave"], "n_train": [4, 16]},
        "mixture": {"question": "mixture", **AXES, "init": ["mixed"], "n_train": [0]},
        "check": {"question": "control", **AXES, "model": ["n"], "n_train": [4]},
    },
    "figures": {
        "one": {"experiments": ["first"]},
        "both": {"experiments": ["second", "mixture"]},
        "checked": {"experiments": ["check"]},
    },
}
FAR, FAR_TUNED = (Curve("far", "m", init, "r") for init in ("scratch", "poisson"))
PRETRAINED = Curve("near", "m", "scratch", "p"), 64


def test_curves_are_the_product_of_the_axes():
    axes = {
        "dataset": ["far", "near"],
        "model": ["m", "n"],
        "init": ["scratch", "mixed"],
        "recipe": ["r", "s"],
    }
    config = SMALL | {"experiments": {"e": {"question": "data", **axes, "n_train": [4]}}}
    curves = experiments.curves(config, "e")
    assert len(set(curves)) == len(curves) == 16
    assert curves[1] == Curve("far", "m", "scratch", "s")
    assert curves[2] == Curve("far", "m", "mixed", "r")
    assert curves[0].path == "far/m/scratch/r"
    assert [Curve.from_path(curve.path) for curve in curves] == curves


def test_own_is_the_pretraining_called_like_the_datasets_system():
    curves = experiments.curves(SMALL, "second")
    assert [(curve.dataset, curve.init) for curve in curves] == [
        ("far", "scratch"),
        ("far", "poisson"),
        ("wave", "scratch"),
        ("wave", "helmholtz"),
    ]
    assert [curve.is_fine_tuned for curve in curves] == [False, True, False, True]


def test_a_pretraining_is_a_cell_from_scratch():
    assert experiments.pretraining(SMALL, "mixed", "n") == (Curve("all", "n", "scratch", "p"), 128)


def test_controls_are_not_reported():
    assert experiments.reported(SMALL) == ["first", "second", "mixture"]
    assert experiments.controls(SMALL) == ["check"]


def test_figures_of_experiments_draw_some_of_them():
    assert experiments.figures_of(SMALL, ["first", "mixture"]) == ["one", "both"]
    assert experiments.figures_of(SMALL, ["check"]) == ["checked"]


def test_cells_are_all_that_is_trained_and_none_twice():
    """Pre-trainings come first; zero-shot trains nothing."""
    first = [PRETRAINED, (FAR, 4), (FAR, 8), (FAR_TUNED, 4), (FAR_TUNED, 8)]
    assert experiments.cells(SMALL, ["first"]) == first
    both = experiments.cells(SMALL, ["first", "second"])
    assert len(both) == len(set(both)) == 2 + 4 + 2 + 4  # pre-trainings, first, far at 16, wave
    assert set(first) <= set(both)
    assert experiments.cells(SMALL, ["mixture"]) == [(Curve("all", "m", "scratch", "p"), 128)]


def test_pretrainings_are_those_that_fine_tuned_curves_start_from():
    other = Curve("wave", "m", "scratch", "p"), 32
    assert experiments.pretrainings(SMALL, ["first", "second"]) == [PRETRAINED, other]


def test_pairs_are_a_dataset_and_the_one_of_its_system_that_its_model_was_trained_on():
    """Of a mixture, the part with the same system; only of experiments with shifted datasets."""
    assert experiments.shifted(SMALL) == ["second", "mixture"]
    assert experiments.pairs(SMALL, ["second", "mixture"]) == [
        {"dataset": "far", "init": "mixed", "base": "near"},
        {"dataset": "far", "init": "poisson", "base": "near"},
        {"dataset": "wave", "init": "helmholtz", "base": "wave"},
    ]


def test_budgets_compare_what_asks_for_savings_and_controls_in_both_units(config):
    assert experiments.compared(config) == ["data_scaling", "control_length"]


def test_datasets_are_needed_for_training_pretraining_and_zero_shot():
    assert experiments.needed_datasets(SMALL, ["first"]) == ["near", "far"]
    assert experiments.needed_datasets(SMALL, ["mixture"]) == ["near", "far", "wave"]
    assert experiments.needed_datasets(SMALL, []) == []


def test_curves_are_packed_that_need_every_packed_n():
    """In some experiments together; pre-trainings are jobs of their own."""
    assert experiments.packed_curves(SMALL) == [FAR, FAR_TUNED]
    assert experiments.packed_curves(SMALL | {"packed_n_train": []}) == []
    assert set(experiments.packed_curves(SMALL | {"packed_n_train": [8, 16]})) == {FAR, FAR_TUNED}
    pretrained = {"question": "data", **AXES, "dataset": ["near"], "recipe": ["p"], "n_train": [4, 8]}
    with_pretraining = SMALL | {"experiments": {"e": pretrained}}
    assert experiments.packed_curves(with_pretraining) == [Curve("near", "m", "poisson", "p")]


def test_settings_of_a_cell_hold_the_rates_of_its_arm(config):
    scratch, tuned = (
        experiments.cell_settings(config, curve, 8)
        for curve in experiments.curves(config, "data_scaling")[:2]
    )
    rates = config["recipes"]["downstream_seeds"]["learning_rates"]
    assert scratch["recipe"]["learning_rates"] == rates["scratch"]
    assert tuned["recipe"]["learning_rates"] == rates["fine_tuned"]
    assert scratch["architecture"] == tuned["architecture"] == config["models"]["fno_medium"]


def test_the_order_of_entries_changes_nothing(config):
    reordered = yaml.safe_load(yaml.safe_dump(config, sort_keys=True))
    for curve in experiments.curves(config, "data_scaling"):
        settings = [repr(experiments.cell_settings(c, curve, 8)) for c in (config, reordered)]
        assert settings[0] == settings[1]
    settings = [repr(experiments.dataset_settings(c, "poisson_e1-5", "test")) for c in (config, reordered)]
    assert settings[0] == settings[1]


def test_own_and_the_pre_training_it_stands_for_are_one_curve():
    """Else a cell would be counted, and its rows merged, twice."""
    entry = SMALL["experiments"]["first"] | {"init": ["scratch", "own", "poisson"]}
    config = SMALL | {"experiments": {"first": entry}}
    assert experiments.curves(config, "first") == [FAR, FAR_TUNED]
