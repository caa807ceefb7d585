"""From a study to curves, cells and settings."""

import pytest
import yaml

from configs import RECIPE, ROOT, load_study
from pdetransfer.plan.study import Curve, Study

AXES = {"dataset": ["far"], "model": ["m"], "init": ["scratch", "own"], "recipe": ["r"]}
MODEL = {"kind": "fno", "width": 4, "modes": 2, "num_layers": 1, "rate": 100}
SMALL = {
    "datasets": {
        "near": {"system": "poisson"},
        "far": {"system": "poisson"},
        "wave": {"system": "helmholtz"},
        "all": {"mix": ["near", "wave"]},
        "unused": {"system": "poisson"},
    },
    "models": {"m": MODEL, "n": MODEL},
    "recipes": dict.fromkeys("pr", RECIPE | {"learning_rates": {"scratch": [0.1], "fine_tuned": [0.1]}}),
    "pretrainings": {
        "poisson": {"dataset": "near", "n_train": 64, "recipe": "p"},
        "helmholtz": {"dataset": "wave", "n_train": 32, "recipe": "p"},
        "mixed": {"dataset": "all", "n_train": 128, "recipe": "p"},
    },
    "experiments": {
        "first": {"question": "data", **AXES, "n_train": [0, 4, 8]},
        "second": {"question": "shift", **AXES, "dataset": ["far", "wave"], "n_train": [4, 16]},
        "mixture": {"question": "mixture", **AXES, "init": ["mixed"], "n_train": [0]},
        "check": {"question": "control", **AXES, "model": ["n"], "n_train": [4]},
    },
    "figures": {
        "one": {"kind": "k", "title": "", "experiments": ["first"]},
        "both": {"kind": "k", "title": "", "experiments": ["second", "mixture"]},
        "checked": {"kind": "k", "title": "", "experiments": ["check"]},
    },
}
STUDY = Study(**SMALL)
FAR, FAR_TUNED = (Curve("far", "m", init, "r") for init in ("scratch", "poisson"))
PRETRAINED = Curve("near", "m", "scratch", "p"), 64


def with_experiment(**settings):
    return Study(
        **SMALL | {"experiments": {"e": {"question": "data", **AXES, "n_train": [4, 8], **settings}}}
    )


def test_curves_are_the_product_of_the_axes():
    axes = {
        "dataset": ["far", "near"],
        "model": ["m", "n"],
        "init": ["scratch", "mixed"],
        "recipe": ["r", "p"],
    }
    curves = with_experiment(**axes).curves("e")
    assert len(set(curves)) == len(curves) == 16
    assert curves[1] == Curve("far", "m", "scratch", "p")
    assert curves[2] == Curve("far", "m", "mixed", "r")
    assert curves[0].path == "far/m/scratch/r"
    assert [Curve.from_path(curve.path) for curve in curves] == curves


def test_own_is_the_pretraining_called_like_the_datasets_system():
    curves = STUDY.curves("second")
    assert [(curve.dataset, curve.init) for curve in curves] == [
        ("far", "scratch"),
        ("far", "poisson"),
        ("wave", "scratch"),
        ("wave", "helmholtz"),
    ]
    assert [curve.is_fine_tuned for curve in curves] == [False, True, False, True]


def test_own_and_the_pre_training_it_stands_for_are_one_curve():
    """Else a cell would be counted, and its rows merged, twice."""
    assert with_experiment(init=["scratch", "own", "poisson"]).curves("e") == [FAR, FAR_TUNED]


def test_a_pretraining_is_a_cell_from_scratch():
    assert STUDY.pretraining("mixed", "n") == (Curve("all", "n", "scratch", "p"), 128)


def test_controls_are_not_reported():
    assert STUDY.reported == ["first", "second", "mixture"]
    assert STUDY.controls == ["check"]
    assert STUDY.asking("shift", "mixture", "control") == ["second", "mixture"]


def test_figures_of_experiments_draw_some_of_them():
    assert STUDY.figures_of(["first", "mixture"]) == ["one", "both"]
    assert STUDY.figures_of(["check"]) == ["checked"]


def test_cells_are_all_that_is_trained_and_none_twice():
    """Pre-trainings come first; zero-shot trains nothing."""
    first = [PRETRAINED, (FAR, 4), (FAR, 8), (FAR_TUNED, 4), (FAR_TUNED, 8)]
    assert STUDY.cells(["first"]) == first
    both = STUDY.cells(["first", "second"])
    assert len(both) == len(set(both)) == 2 + 4 + 2 + 4  # pre-trainings, first, far at 16, wave
    assert set(first) <= set(both)
    assert STUDY.cells(["mixture"]) == [(Curve("all", "m", "scratch", "p"), 128)]


def test_pretrainings_are_those_that_fine_tuned_curves_start_from():
    assert STUDY.pretrained(["first", "second"]) == [PRETRAINED, (Curve("wave", "m", "scratch", "p"), 32)]


def test_pairs_are_a_dataset_and_the_one_of_its_system_that_its_model_was_trained_on():
    """Of a mixture, the part with the same system."""
    assert STUDY.pairs(["second", "mixture"]) == [
        {"dataset": "far", "init": "mixed", "base": "near"},
        {"dataset": "far", "init": "poisson", "base": "near"},
        {"dataset": "wave", "init": "helmholtz", "base": "wave"},
    ]


def test_datasets_are_needed_for_training_pretraining_and_zero_shot():
    assert STUDY.needed_datasets(["first"]) == ["near", "far"]
    assert STUDY.needed_datasets(["mixture"]) == ["near", "far", "wave"]
    assert STUDY.needed_datasets([]) == []


def test_a_curve_packs_what_the_experiment_needs_that_needs_most_of_it():
    """Pre-trainings are jobs of their own, and what a single control needs is no pack."""
    assert STUDY.packs == {
        FAR: (4, 16),
        FAR_TUNED: (4, 16),
        Curve("wave", "m", "scratch", "r"): (4, 16),
        Curve("wave", "m", "helmholtz", "r"): (4, 16),
    }
    assert with_experiment(dataset=["near"], recipe=["p"]).packs == {
        Curve("near", "m", "poisson", "p"): (4, 8)
    }


def test_training_from_scratch_may_go_further():
    study = with_experiment(scratch_n_train=[16, 8])
    assert study.downstream("e") == [(FAR, 4), (FAR, 8), (FAR, 16), (FAR_TUNED, 4), (FAR_TUNED, 8)]
    assert study.packs == {FAR: (4, 8, 16), FAR_TUNED: (4, 8)}


def test_another_experiments_n_are_jobs_of_their_own():
    cells = [(FAR, n) for n in (4, 8, 16)]
    assert STUDY.jobs(cells) == {(FAR, "packed"): [4, 16], (FAR, "n8"): [8]}


def test_controls_and_the_order_of_experiments_leave_packs_alone():
    more = {"question": "control", **AXES, "n_train": [2, 4, 8, 16]}
    study = Study(**SMALL | {"experiments": {"more": more, **dict(reversed(SMALL["experiments"].items()))}})
    assert study.packs == STUDY.packs


def test_what_takes_long_is_not_packed():
    sizes = [4, 8, 16, 10_000_000]
    assert with_experiment(n_train=sizes).packs[FAR] == (4, 8, 16)
    assert FAR not in with_experiment(n_train=[4, 10_000_000]).packs


def test_a_run_is_stretched_to_the_least_number_of_steps_with_its_validations():
    recipe = {
        "length": 24,
        "length_unit": "epochs",
        "min_steps": 96,
        "validation_interval": 4,
        "batch_size": 16,
    }
    recipe = Study(recipes={"r": RECIPE | recipe}).recipes["r"]
    steps = {n: (recipe.num_steps(n), recipe.steps_between_validations(n)) for n in (8, 16, 64, 256)}
    assert steps == {8: (96, 16), 16: (96, 16), 64: (96, 16), 256: (384, 64)}
    assert {n: recipe.num_examples(n) for n in (8, 16, 64, 256)} == {8: 768, 16: 1536, 64: 1536, 256: 6144}
    assert recipe.model_copy(update={"min_steps": 97}).num_steps(8) == 120  # whole units of 5 steps


def test_the_seeds_of_a_cell_are_fewer_from_an_n_on():
    recipe = Study(
        recipes={"r": SMALL["recipes"]["r"] | {"seeds": [5, 6, 7], "fewer_seeds": {32: 1, 8: 2}}}
    ).recipes["r"]
    assert [recipe.seeds_at(n) for n in (0, 7, 8, 31, 32, 99)] == [(5, 6, 7)] * 2 + [(5, 6)] * 2 + [(5,)] * 2
    assert [recipe.of_cell(False, n)["seeds"] for n in (4, 64)] == [[5, 6, 7], [5]]
    assert "fewer_seeds" not in recipe.of_cell(False, 64)


def test_a_part_of_a_study_is_a_study():
    part = STUDY.part("datasets", "pretrainings")
    assert set(part) == {"datasets", "pretrainings"}
    assert Study(**part).components("all") == ["near", "wave"]


def test_what_a_family_varies_becomes_columns_named_by_axis():
    families = {"models": {"m": {"m.width8": {"width": 8}}}, "pretrainings": {"p": {"p.n4": {"n_train": 4}}}}
    study = Study(**SMALL | {"families": families})
    assert study.columns(Curve("far", "m.width8", "p.n4", "r")) == {"model_width": 8, "init_n_train": 4}
    assert study.columns(FAR) == {}


def test_settings_of_a_cell_hold_the_rates_of_its_arm_and_what_differs_from_the_defaults():
    study = load_study("laptop")
    scratch, tuned = (study.cell_settings(curve, 8) for curve in study.curves("data_scaling")[:2])
    rates = study.recipes["downstream_seeds"].learning_rates
    assert scratch["recipe"]["learning_rates"] == list(rates.scratch)
    assert tuned["recipe"]["learning_rates"] == list(rates.fine_tuned)
    architecture = {"kind": "fno", "width": 16, "modes": 8, "num_layers": 4}
    assert scratch["architecture"] == tuned["architecture"] == architecture
    assert set(scratch["recipe"]) == {
        "learning_rates",
        "seeds",
        "batch_size",
        "length",
        "length_unit",
        "min_steps",
        "extend_grid",
        "validation_interval",
        "num_validation",
    }


@pytest.mark.parametrize("setting", [{"rate": 1}, {"num_gpus": 2}, {"input_normalisation": True}])
def test_a_setting_that_decides_no_number_is_no_part_of_a_cells_settings(setting):
    study = load_study("laptop")
    other = load_study("laptop", models={"fno_tiny": setting})
    for curve in study.curves("model_scaling"):
        assert study.cell_settings(curve, 16) == other.cell_settings(curve, 16)


def test_the_order_of_entries_changes_nothing(tmp_path):
    folder = tmp_path / "transfer"
    folder.mkdir()
    for name in ("study", "laptop"):
        content = yaml.safe_load((ROOT / f"config/transfer/{name}.yaml").read_text())
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=True))
    studies = [load_study("laptop"), load_study("laptop", tmp_path)]
    assert list(studies[0].models) != list(studies[1].models)
    for curve in studies[0].curves("data_scaling"):
        first, second = (repr(study.cell_settings(curve, 8)) for study in studies)
        assert first == second
    first, second = (repr(study.dataset_settings("poisson_e1-5", "test")) for study in studies)
    assert first == second
    first, second = (repr(study.part("datasets", "recipes")) for study in studies)
    assert first == second
