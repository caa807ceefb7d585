"""The configs of all scales, and what a mistake in one says."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from configs import OWN_FILES, RECIPE, ROOT, SCALES, load_study
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.models.registry import MODELS
from pdetransfer.plan.check import check
from pdetransfer.plan.entries import AnyModel
from pdetransfer.plan.expand import ConfigError
from pdetransfer.plan.inputs import imported
from pdetransfer.plan.load import load, load_typed, scales, studies
from pdetransfer.plan.study import Study
from pdetransfer.studies import registry

FOLDER = ROOT / "config"
AXES = {"dataset": ["d"], "model": ["m"], "init": ["scratch"], "recipe": ["r"]}


def checked(study):
    check(study, registry.answers(study.answers), registry.quantities(study))
    return study


def nested(path, value):
    """The settings with a value at a path."""
    for name in reversed(path.split("/")):
        value = {name: value}
    return value


@pytest.mark.parametrize(
    ("study", "scale"), [(s, scale) for s in studies(FOLDER) for scale in scales(FOLDER, s)]
)
def test_every_study_is_valid_at_every_scale(study, scale):
    found = checked(load(FOLDER, {"study": study, "scale": scale}))
    assert found.results == f"results/{study}/{scale}"


@pytest.mark.parametrize("scale", SCALES)
def test_the_mixtures_control_takes_as_many_steps_as_one_dataset(scale):
    study = load_study(scale)
    one, mixed = (study.pretrainings[name] for name in ("poisson", "mixed_equal_steps"))
    epochs, steps = (study.recipes[entry.recipe] for entry in (one, mixed))
    assert steps.length_unit == "steps"
    assert steps.length == epochs.length * one.n_train / epochs.batch_size
    assert mixed.n_train == 3 * one.n_train


def test_a_scale_may_be_like_another_one_and_change_some_of_its_numbers():
    laptop, pilot = load_study("laptop"), load_study("pilot")
    assert pilot.grid == laptop.grid
    assert pilot.models == laptop.models
    assert pilot.recipes["downstream"].min_steps == laptop.recipes["downstream"].min_steps == 96
    graded, tried = (
        {seed for curve, n in study.cells(study.reported) for seed in study.recipes[curve.recipe].seeds_at(n)}
        for study in (laptop, pilot)
    )
    assert not graded & tried


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("lapto", "has like: 'lapto'; expected one of .*mean 'laptop'"),
        ("pilot", "is like 'pilot', which is like"),
    ],
)
def test_a_scale_is_like_a_whole_one(base, message, tmp_path):
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    (tmp_path / "transfer/own.yaml").write_text(f"like: {base}")
    with pytest.raises(ConfigError, match=message):
        load(tmp_path, {"study": "transfer", "scale": "own"})


def test_config_knows_what_the_registries_hold():
    kinds = {kind.model_fields["kind"].annotation.__args__[0] for kind in AnyModel.__args__}
    assert kinds == set(MODELS)
    used = {
        entry.system
        for study in studies(FOLDER)
        for entry in load(FOLDER, {"study": study, "scale": scales(FOLDER, study)[0]}).datasets.values()
    }
    assert used - {None} == set(SYSTEMS)


def entries(kind, seen):
    """All models of settings below one."""
    if isinstance(kind, type) and issubclass(kind, BaseModel) and kind not in seen:
        seen.add(kind)
        for field in kind.model_fields.values():
            entries(field.annotation, seen)
    for argument in getattr(kind, "__args__", ()):
        entries(argument, seen)
    return seen


def test_every_key_is_described():
    found = entries(Study, set())
    assert len(found) > 10
    for kind in found:
        assert kind.__doc__
        assert not [name for name, field in kind.model_fields.items() if not field.description], kind


@pytest.mark.parametrize("file", ["config/README.md", "workflow/schemas/study.schema.json"])
def test_what_is_generated_of_the_keys_is_up_to_date(file, tmp_path):
    subprocess.run([sys.executable, ROOT / "docs/config_reference.py", tmp_path], check=True)
    assert (ROOT / file).read_text() == (tmp_path / file).read_text(), "run `make docs`"


def test_typed_text_becomes_what_its_key_is():
    """Snakemake reads `--config num_examples='{train: 64}'` as texts."""
    study = load_study(
        "laptop",
        num_examples={"train": "64"},
        seed="3",
        recipes={"pretrain": {"learning_rates": {"scratch": ["1e-3"]}, "extend_grid": "true"}},
        datasets={
            "poisson_e1-5": {"eigenvalue_range": ["1", "6.5"]},
            "helmholtz_w1-5": {"omega_range": ["1", "4"]},
        },
    )
    assert study.num_examples.train == 64
    assert study.seed == 3
    assert study.recipes["pretrain"].learning_rates.scratch == (1e-3,)
    assert study.recipes["pretrain"].extend_grid is True
    assert study.datasets["poisson_e1-5"].options == {"eigenvalue_range": [1, 6.5]}
    assert study.datasets["helmholtz_w1-5"].options == {"omega_range": [1, 4]}


def test_typed_values_of_a_family_are_what_their_key_is():
    study = load_study("laptop", models={"fno_tiny": {"each": {"width": ["4", "8"]}}}, experiments={})
    assert study.families["models"]["fno_tiny"] == {
        "fno_tiny.width4": {"width": 4},
        "fno_tiny.width8": {"width": 8},
    }


def test_overrides_reach_their_study_and_scale_alone_and_what_is_like_them():
    overrides = {"transfer": {"laptop": {"models": {"fno_medium": {"width": 24}}}}}
    assert load_study("laptop", overrides=overrides).models["fno_raw"].width == 24
    assert load_study("smoke", overrides=overrides) == load_study("smoke")
    typed = load_study("laptop", overrides=overrides, models={"fno_medium": {"width": 12}})
    assert typed.models["fno_raw"].width == 12


def test_a_study_that_is_typed_in_words_is_that_of_its_settings(tmp_path):
    default = yaml.safe_load((FOLDER / "config.yaml").read_text())
    assert load_typed(FOLDER, []) == load(FOLDER, default)
    assert load_typed(FOLDER, ["study=dpot", "scale=smoke"]).results == "results/dpot/smoke"
    (tmp_path / "own.yaml").write_text("scale: smoke\nmodels: {fno_medium: {width: 12, modes: 4}}\n")
    words = [str(tmp_path / "own.yaml"), "models={fno_medium: {width: 6}}", "seed=3"]
    typed = {"models": {"fno_medium": {"width": 6, "modes": 4}}, "seed": 3}
    assert load_typed(FOLDER, words) == load_study("smoke", **typed)


@pytest.mark.parametrize("word", ["smoke", "models={", "width=3", "scale=smok"])
def test_a_mistake_in_a_typed_word_is_one_sentence(word):
    with pytest.raises(ConfigError, match=r"expected|is no YAML") as error:
        load_typed(FOLDER, [word])
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"scale": "laptop"}, "config.yaml has no 'study'"),
        ({"seed": 1}, "config.yaml has the key 'seed'; expected it under overrides"),
        (
            {"overrides": {"transfer": {"laptop": {"claims": {}}}}},
            "has the key 'claims'; expected none, as they stand",
        ),
        (
            {"study": "transfr", "scale": "laptop"},
            "study is 'transfr'; expected one of .*did you mean 'transfer'",
        ),
        (
            {"study": "transfer", "scale": "lap"},
            r"scale is 'lap'; expected one of \['laptop', 'paper', 'pilot', 'smoke'\]",
        ),
        ({"overrides": {"transfr": {}}}, "overrides.transfr is no study; .*did you mean 'transfer'"),
        ({"overrides": {"transfer": {"pap": {}}}}, "overrides.transfer.pap is no scale of it; .*'paper'"),
        ({"overrides": ["transfer"]}, r"overrides is \['transfer'\]; expected settings by name"),
        ({"overrides": {"transfer": {"laptop": {"devise": "cpu"}}}}, "unknown key 'devise'; .*'device'"),
        (
            {"overrides": {"transfer": {"laptop": {"models": {"a": {"like": "b"}}}}}},
            "models.a.like is 'b'; expected",
        ),
    ],
)
def test_a_mistake_in_what_is_chosen_is_one_sentence(chosen, message):
    default = {} if {"study", "scale"} & set(chosen) else {"study": "transfer", "scale": "laptop"}
    with pytest.raises(ConfigError, match=message) as error:
        load(FOLDER, default | chosen)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            "devise",
            "cpu",
            "the top level has the unknown key 'devise'; expected one of .*did you mean 'device'",
        ),
        ("grid/num_point", 32, "grid has the unknown key 'num_point'.*did you mean 'num_points'"),
        (
            "datasets/poisson_e1-5/eigenvalue",
            1,
            "e1-5 has the unknown key 'eigenvalue'; .*mean 'eigenvalue_r",
        ),
        ("models/fno_mediun", {"width": 8}, "models.fno_mediun has no 'kind'; .*did you mean 'fno_medium'"),
        ("datasets/poison_e1-5", {"mode": 1}, "poison_e1-5 has the keys .*mode.*did you mean 'poisson_e1-5'"),
        ("seed", True, "seed is True; expected neither true nor false"),
        ("models/fno_tiny/rate", float("inf"), "models.fno_tiny.rate is inf; expected a finite number"),
        (
            "recipes/downstream_seeds/fewer_seeds",
            {64: 9},
            "seeds.fewer_seeds.64 is 9; expected from 1, .*to 5, all",
        ),
        ("datasets/new", {"system": ["poisson"]}, r"datasets.new.system is \['poisson'\]; expected text"),
        ("experiments/fits", {"like": "seeds"}, "experiments.fits has the name of a file of the results"),
        ("figures/stages", {"like": "fig3"}, "figures.stages has the name of a file of the results"),
        (
            "experiments/seeds/init",
            ["scratch"],
            "experiments.seeds asks 'seeds'; expected scratch and a pre-training",
        ),
        (
            "experiments/mixture_in_distribution/init",
            ["scratch", "own"],
            "asks 'mixture'; expected two pre-trainings",
        ),
        (
            "figures/predictions_poisson/experiments",
            ["model_scaling"],
            "as predictions; expected a single model",
        ),
        ("bounds", "reducd", "bounds is 'reducd'; .*did you mean 'reduced'"),
        ("device", "gpu", "device is 'gpu'; expected 'auto', 'cpu' or 'cuda'"),
        ("seed", "zero", "seed is 'zero'; expected a valid integer"),
        (
            "recipes/pretrain/learning_rates/scratch",
            ["1e-3x"],
            r"rates.scratch\[0\] is '1e-3x'; expected a valid num",
        ),
        (
            "recipes/pretrain/batch_size",
            0,
            "recipes.pretrain.batch_size is 0; expected greater than or equal to 1",
        ),
        (
            "datasets/poisson_e1-5/system",
            "poison",
            "system is 'poison'; expected one of .*did you mean 'poisson'",
        ),
        (
            "datasets/poisson_e1-5/eigenvalue_range",
            [5, 1],
            "eigenvalue_range is .*5.*1.*; expected 0 < low <= high",
        ),
        (
            "datasets/poisson_e1-5/eigenvalue_range",
            [],
            r"eigenvalue_range\[0\]|datasets.poisson_e1-5.eigenvalue_range",
        ),
        ("datasets/mixed", {"mix": ["poisson"]}, "datasets.mixed.mix is 'poisson'; expected one of"),
        (
            "datasets/mixed/system",
            "poisson",
            r"datasets.mixed has the keys \['mix', 'system'\]; expected nothing",
        ),
        (
            "models/fno_tiny/parametrization",
            "mup",
            "fno_tiny.base is None; expected the proxy's width and modes",
        ),
        ("models/fno_tiny/base", {"width": 4, "modes": 2}, "fno_tiny.base is .*; expected none, as its"),
        (
            "models/fno_tiny/mode_rule",
            "papers",
            "fno_tiny.mode_rule is 'papers'; expected 'none', 'paper' or",
        ),
        ("models/fno_tiny/mode_rule", "paper", "fno_tiny.mode_rule is 'paper'; expected 'none', as its"),
        ("recipes/downstream/clip", 0, "recipes.downstream.clip is 0; expected"),
        (
            "recipes/downstream/schedule",
            "cosines",
            "recipes.downstream.schedule is 'cosines'; expected 'cosine'",
        ),
        (
            "recipes/downstream/milestones",
            [3],
            r"recipes.downstream.milestones is \[3\]; expected none, as its",
        ),
        ("recipes/downstream/schedule", "halving", r"downstream.milestones is \[\]; expected at least one"),
        ("datasets/own", {"files": {"train": "a", "validation": "b"}}, "own.files has no 'test'; expected"),
        (
            "datasets/own",
            {"files": OWN_FILES},
            r"own has \[\] beside files; expected system, or coefficients",
        ),
        (
            "datasets/own",
            {"files": OWN_FILES, "system": "wave"},
            "datasets.own.system is 'wave'; expected one of",
        ),
        (
            "datasets/own",
            {"files": OWN_FILES, "system": "poisson", "eigenvalue_range": [1, 5]},
            r"own has \['eigenvalue_range', 'system'\] beside files; expected system, or coefficients",
        ),
        (
            "datasets/own",
            {"files": OWN_FILES, "system": "navier_stokes"},
            "datasets.own has no viscosity_range; expected one to check its files of navier_stokes with",
        ),
        (
            "datasets/own",
            {"files": OWN_FILES, "system": "burgers", "time": 0},
            "datasets.own: time is 0; expected more than 0",
        ),
        *(
            (
                "datasets/own",
                {"files": OWN_FILES, "coefficients": ["a", name]},
                f"datasets.own.coefficients has '{name}'; expected a name that an argument of `predict`",
            )
            for name in ("", " ", "source", "solution", "k-1", "lambda")
        ),
        (
            "experiments/mixture_in_distribution/init",
            ["poisson", "mixed"],
            r"mixture_in_distribution fine-tunes poisson on advection_diffusion_psi0.2-0.4, which has the "
            r"coefficients \['v1', 'v2'\]; expected some of \['k11', 'k22', 'k12'\], those of poisson_e1-5",
        ),
        ("datasets/other", {}, r"datasets.other has the keys \[\]; expected system, files or mix"),
        ("recipes/downstream/seeds", [1, 1], r"seeds is \[1, 1\]; expected none of them twice"),
        ("datasets/a name", {"system": "poisson", "eigenvalue_range": [1, 2]}, "a name.*pattern"),
        ("datasets/new", {"system": "poisson"}, "datasets.new has no 'eigenvalue_range'; expected"),
        (
            "experiments/data_scaling/dataset",
            ["poisson_e5_10"],
            "experiments.data_scaling.dataset is 'poisson_e5_10'; expected one of .*poisson_e5-10",
        ),
        ("experiments/data_scaling/model", ["fno"], "model is 'fno'; expected one of"),
        ("experiments/data_scaling/init", ["Poisson"], "init is 'Poisson'; expected one of .*'scratch'"),
        ("experiments/data_scaling/recipe", ["tune"], "recipe is 'tune'; expected one of"),
        ("experiments/data_scaling/n_train", [], r"n_train is \[\]; expected at least 1"),
        (
            "experiments/data_scaling/n_train",
            [2048],
            "n_train asks for 2048 examples of poisson_e5-10; expected at most 1024",
        ),
        (
            "pretrainings/poisson_again/dataset",
            "x",
            "pretrainings.poisson_again.dataset is 'x'; expected one of",
        ),
        ("pretrainings/scratch", {"dataset": "a", "n_train": 1, "recipe": "b"}, "scratch is a reserved name"),
        (
            "pretrainings/own",
            {"dataset": "a", "n_train": 1, "recipe": "b"},
            "own is a reserved name; expected",
        ),
        ("figures/fig4/experiments", ["data"], "figures.fig4.experiments is 'data'; expected one of"),
        ("figures/fig4/experiments", [], r"figures.fig4.experiments is \[\]; expected at least 1"),
        ("experiments/data_scaling/n_train", [16.5], r"n_train\[0\] is 16.5; expected a valid integer"),
        ("grid/num_points", "1.5e3", "is '1.5e3'; expected a valid integer"),
        (
            "experiments/data_scaling/n_train",
            [0],
            r"experiments.data_scaling.n_train is \[0\]; expected one above 0",
        ),
        (
            "experiments/data_scaling/init",
            ["own"],
            "draws data_scaling as data_savings; expected scratch and a pre",
        ),
        (
            "experiments/data_scaling/init",
            ["scratch"],
            "draws data_scaling as data_savings; expected scratch and a pre",
        ),
        (
            "figures/fig4/experiments",
            ["data_scaling", "control_length"],
            r"figures.fig4 draws \['data_scaling', 'control_length'\]; expected controls alone, or none",
        ),
        (
            "experiments/shift_poisson/n_train",
            [16],
            "experiments.shift_poisson asks 'shift'; expected 0 and a larger one in n_train",
        ),
        (
            "experiments/model_scaling/init",
            ["scratch"],
            "experiments.model_scaling asks 'size'; expected scratch and a pre-training in init",
        ),
        (
            "experiments/shift_poisson/model",
            ["fno_tiny", "fno_medium"],
            "experiments.shift_poisson asks 'shift'; expected a single model",
        ),
        (
            "experiments/mixture_in_distribution/recipe",
            ["downstream", "downstream_seeds"],
            "experiments.mixture_in_distribution asks 'mixture'; expected a single recipe",
        ),
        ("figures/fig4/kind", "pie", "figures.fig4.kind is 'pie'; expected one of"),
        ("models/fno_normal/modes", 17, "models.fno_normal.modes is 17 along y; expected at most .*16"),
        ("source/num_centres", 9, "source: num_centres is 9 with sigma 0.0625; expected"),
        ("recipes/downstream/learning_rates/fine_tuned", [1.0], "expected as many rates in each arm"),
        (
            "experiments/seeds/scratch_n_train",
            [4096],
            "scratch_n_train asks for 4096 .*; expected at most 1024",
        ),
        (
            "experiments/shift_poisson/scratch_n_train",
            [8, 1024],
            r"is \[8, 1024\]; expected more than the largest",
        ),
        ("experiments/control_readout/scratch_n_train", [16], "init .'own'.; expected scratch in it"),
        ("recipes/downstream/length", 1000, "expected at most 50 validations a run"),
        ("recipes/downstream/num_validation", 1000, "num_validation is 1000; expected at most .*128"),
        ("recipes/downstream/learning_rates/fine_tuned", None, "has no fine_tuned; expected one"),
        ("experiments/data_scaling/question", "why", "data_scaling.question is 'why'; expected one of"),
        (
            "recipes/downstream_seeds/num_tuning_seeds",
            6,
            "recipes.downstream_seeds.num_tuning_seeds is 6; expected at most the number of seeds, 5",
        ),
        (
            "experiments/data_scaling/dataset",
            ["mixed"],
            "init has 'own' for mixed, which has no system; expected the name of a pre-training",
        ),
        (
            "models/new",
            {"kind": "fno", "width": 1, "modes": 1, "num_layers": 1},
            "models.new has no 'rate'; expected",
        ),
        ("models/fno_tiny/rate", 0, "models.fno_tiny.rate is 0; expected greater than 0"),
        (
            "figures/figB3/n_train",
            64,
            "figures.figB3 has n_train; expected none, as its kind is error_vs_data",
        ),
        (
            "figures/savings_by_distance/experiments",
            ["data_scaling"],
            "draws data_scaling as savings_by_distance; expected .*shift.*mixture",
        ),
        (
            "figures/error_by_parameter/n_train",
            65,
            "error_by_parameter.n_train is 65; expected one of shift_poisson, .16, 64, 256.",
        ),
        (
            "figures/predictions_poisson/n_train",
            None,
            "figures.predictions_poisson.n_train is None; expected one of shift_poisson, .16, 64, 256.",
        ),
        (
            "experiments/mixture_out_of_distribution/n_train",
            [0, 16, 256],
            "error_by_parameter.n_train is 64; expected one of mixture_out_of_distribution, .16, 256.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_with_key_value_and_expectation(path, value, message):
    with pytest.raises(ConfigError, match=message) as error:
        checked(load_study("laptop", **nested(path, value)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("models/standard/num_dims", 1, "num_dims is 1; expected 2, the dimensions of darcy|padding is"),
        ("models/standard_modes/num_dims", 2, "num_dims is 2; expected 1, the dimensions of burgers"),
        ("models/standard/padding", [0.1], r"padding is \[0.1\]; expected one for each of 2 axes"),
        ("models/standard/modes", [6, 19], "modes is 19 along x; expected at most half of .*, 18"),
        ("models/standard/modes", [6, 6, 6], "modes is .*; expected one for each of 2 axes"),
        (
            "models/standard_3d/each",
            {"modes": [[7, 2, 2], [2, 2, 2]]},
            "modes is 7 along t; expected at most half of .*, 6 with padding",
        ),
        ("models/standard/input_normalisation", True, "input_normalisation is true; expected false"),
        ("models/mup/mode_rule", "sqrt", "mode_rule is 'sqrt'; expected 'none', 'paper' or 'additive'"),
        ("recipes/run/clip", 0, "clip is 0; expected greater than 0"),
        ("recipes/sweep_modes/equation_weight", 1.0, "equation_weight is 1.0 for burgers.*expected .*darcy"),
        ("recipes/sweep/data_weight", 5.0, "data_weight is 5.0; expected 1, as its equation_weight is 0"),
        ("datasets/darcy/low", 13, "low is 13.0, high 12.0; expected 0 < low < high"),
        ("datasets/navier_stokes/flow", "plume", "flow is 'plume'; expected one of"),
        ("datasets/navier_stokes/num_points", 2, "num_points is 2; expected .* 4"),
        ("datasets/navier_stokes/num_modes", 20, "has 32 points a side; expected at least 41"),
        ("datasets/navier_stokes/solver_points", 8, "solver_points is 8; expected at least 21"),
        ("datasets/darcy/num_points", 24, "darcy has 24 points a side; expected at least 32"),
        ("datasets/both", {"mix": ["darcy", "darcy_fine", "burgers"]}, "mix has fields, outputs and axes"),
    ],
)
def test_a_mistake_in_what_a_system_asks_for_is_one_sentence(path, value, message):
    with pytest.raises(ConfigError, match=message) as error:
        checked(load(FOLDER, {"study": "mutransfer", "scale": "laptop"}, nested(path, value)))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("datasets/ns_thin/num_frames", 10, "ns_thin.num_frames is 10; expected 11 at least, .* 10 frames"),
        ("datasets/ns_thick_fine/num_frames", 4, "ns_thick_fine.num_frames is 4; expected 11 at least"),
        ("datasets/ns_thick_fine/num_points", 50, "patch is 4; expected a divisor of 50, .* ns_thick_fine"),
        ("models/dpot_small/patch", 5, "dpot_small.patch is 5; expected a divisor of 32"),
        ("models/dpot_small/num_heads", 3, "dpot_small.width is 32; expected a multiple of 3, for num_heads"),
        ("models/dpot_small/width", 12, "dpot_small.width is 12; expected a multiple of 8, for a group"),
        (
            "models/dpot_small/num_frames",
            0,
            "dpot_small.num_frames is 0; expected greater than or equal to 1",
        ),
        ("models/dpot_small/num_frames", None, "dpot_small.num_frames is None; expected a valid integer"),
        ("models/dpot_small/padding", 4, "dpot_small has the unknown key 'padding'; expected one of"),
        ("models/dpot_small/num_patches", [8], r"num_patches is \[8\]; expected a valid integer"),
        ("models/dpot_small/kind", "dpoet", "dpot_small.kind is 'dpoet'; expected 'fno' or 'dpot'"),
        ("models/dpot_small/input_normalisation", True, "input_normalisation is true; expected false"),
        (
            "models/dpot_small/channels",
            ["vorticity", "activator", "inhibitor", "height"],
            r"has the channels \['depth'\]; expected some of .*'height'\], those of models.dpot_small: give it",
        ),
        (
            "models/dpot_small/channels",
            ["vorticity", "activator", "inhibitor"],
            r"has the channels \['depth'\]; expected some of .*, those of models.dpot_small: give it `channels`",
        ),
        ("models/dpot_small/channels", [], r"dpot_small.channels is \[\]; expected at least 1 of them"),
        (
            "recipes/pretrain/noise",
            -0.1,
            "recipes.pretrain.noise is -0.1; expected greater than or equal to 0",
        ),
        ("recipes/pretrain/warm_up", 1, "recipes.pretrain.warm_up is 1; expected less than 1"),
        ("recipes/pretrain/num_validation", 129, "num_validation is 129; expected at most 128, .* mixture"),
        ("recipes/downstream/num_validation", 33, "num_validation is 33; expected at most 32, .* ns_unseen"),
        *(
            (f"datasets/mixture/mix/{name}", value, f"datasets.mixture.mix.{name} is {value!r}; {expected}")
            for name, value, expected in (
                ("ns_thin", 0, "expected greater than 0"),
                ("ns_thin", -1, "expected greater than 0"),
                ("ns_thin", "often", "expected a valid number"),
            )
        ),
        ("datasets/mixture/mix/ns_thik", 1, "mixture.mix is 'ns_thik'; .*did you mean 'ns_thick'"),
        ("datasets/mixture/mix", 3, "datasets.mixture.mix is 3; expected"),
        ("datasets/mixture/mix", [], "datasets.mixture.mix is .*; expected at least 1 of them"),
        (
            "pretrainings/mixture/n_train",
            1025,
            "n_train asks for 1025 examples of mixture; expected at most 832",
        ),
        ("pretrainings/few_balanced/n_train", 777, "n_train asks for 777 examples .*; expected at most 584"),
        (
            "datasets/shallow_water/radius_range",
            [1, 3],
            r"radius_range is \[1.0, 3.0\]; expected at most 2.5",
        ),
        ("datasets/diffusion_reaction/initial", "whyte", "initial is 'whyte'; expected 'smooth' or 'white'"),
        ("datasets/ns_thin/num_frames", 1, "ns_thin: num_frames is 1; expected 2 at least"),
    ],
)
def test_a_mistake_in_what_takes_frames_is_one_sentence(path, value, message):
    with pytest.raises(ConfigError, match=message) as error:
        checked(load(FOLDER, {"study": "dpot", "scale": "laptop"}, nested(path, value)))
    assert "\n" not in str(error.value)


STEADY = {"system": "poisson", "eigenvalue_range": [1, 2]}
FLOW = {"system": "navier_stokes", "viscosity_range": [0.1, 0.2], "time": 1, "num_frames": 6, "num_modes": 3}
WATER = {"system": "shallow_water", "time": 1, "num_frames": 6}
OF_FIELDS = {"kind": "fno", "width": 4, "modes": 4, "num_layers": 1, "rate": 1, "input_normalisation": False}
OF_FRAMES = OF_FIELDS | {"num_frames": 2}
OF_BLOCKS = OF_FIELDS | {"modes": [3, 4, 4], "num_dims": 3}


@pytest.mark.parametrize(
    ("model", "data", "recipe", "message"),
    [
        (OF_FRAMES, FLOW, {}, None),
        (OF_BLOCKS, FLOW, {}, None),
        (OF_FRAMES, {"mix": ["flow", "water"]}, {"noise": 0.1}, None),
        (OF_FRAMES, {"mix": {"flow": 1, "water": 2.5}}, {}, None),
        (OF_FRAMES, STEADY, {}, "models.m.num_frames is 2; expected none, as d has no trajectories"),
        (OF_FRAMES, {"files": OWN_FILES, "coefficients": []}, {}, None),  # seen when it is read
        (
            OF_FIELDS,
            STEADY,
            {"noise": 0.1},
            "recipes.r.noise is 0.1; expected 0, as models.m, .* no num_frames",
        ),
        (OF_FIELDS | {"absent": 1}, STEADY, {}, "models.m.absent is 1.0; expected none, as .* no num_frames"),
        (
            OF_FIELDS | {"channels": ["depth"]},
            STEADY,
            {},
            "models.m.channels is .*depth.*; expected none, as",
        ),
        (OF_FRAMES | {"channels": ["vorticity"]}, WATER, {}, r"channels .*\['depth'\]; expected"),
        (
            OF_FRAMES | {"channels": ["vorticity", "height"]},
            FLOW,
            {},
            r"models.m.channels has \['height'\], which no dataset has; expected some of",
        ),
        (OF_FIELDS, FLOW, {}, "models.m.num_dims is 2; expected 3, the dimensions of d"),
        (OF_FRAMES | {"num_dims": 3}, FLOW, {}, "models.m.num_dims is 3; expected 2, the dimensions of d"),
        (OF_FRAMES | {"modes": 9}, FLOW, {}, "models.m.modes is 9 along y; expected at most half of .*, 8"),
        (
            OF_FIELDS,
            {"mix": {"steady": 1, "other": 2}},
            {},
            "datasets.d.mix gives probabilities; expected a list",
        ),
        (
            OF_FRAMES,
            {"mix": {"flow": 1, "steady": 2}},
            {},
            "datasets.d.mix gives probabilities; expected a list",
        ),
        (OF_FRAMES, {"mix": ["flow", "steady"]}, {}, "datasets.d.mix has fields, outputs and axes"),
        (
            OF_BLOCKS,
            {"mix": {"flow": 1}},
            {},
            "datasets.d.mix gives probabilities; expected a list, as models.m",
        ),
        (OF_BLOCKS, {"mix": ["flow", "water"]}, {}, "datasets.d.mix has fields, .*, as models.m, which"),
    ],
)
@pytest.mark.parametrize("where", ["trained", "pre-trained"])
def test_a_model_a_recipe_and_data_of_frames_fit_each_other(tmp_path, model, data, recipe, message, where):
    """Also where the model is only pre-trained with them."""
    study = {
        "answers": "transfer",
        "grid": {"num_points": 16},
        "source": {"num_centres": 4, "sigma": 0.125, "sparsity_range": [0.2, 0.8]},
        "num_examples": {"train": 64, "validation": 16, "test": 20},
        "datasets": {"flow": FLOW, "water": WATER, "steady": STEADY, "other": STEADY, "d": data},
        "models": {"m": model},
        "recipes": {
            "r": RECIPE | recipe,
            "plain": RECIPE | {"learning_rates": {"scratch": [1], "fine_tuned": [1]}},
        },
        "experiments": {"e": {"question": "data", "n_train": [1]} | AXES},
    }
    if where == "pre-trained":
        study["pretrainings"] = {"p": {"dataset": "d", "recipe": "r", "n_train": 8}}
        for entry in study["experiments"].values():
            entry |= {"init": ["p"], "recipe": ["plain"]}
    loaded = load(own_study(tmp_path, study), {"study": "mine", "scale": "laptop"})
    if message is None:
        assert checked(loaded).models["m"]
    else:
        with pytest.raises(ConfigError, match=message) as error:
            checked(loaded)
        assert "\n" not in str(error.value)


def own_study(folder, study, scale=None):
    """A folder of configs with one study of a user's."""
    (folder / "mine").mkdir(parents=True)
    (folder / "mine/study.yaml").write_text(yaml.safe_dump(study))
    (folder / "mine/laptop.yaml").write_text(yaml.safe_dump(scale or {}))
    return folder


def test_a_missing_number_is_named_with_its_meaning(tmp_path):
    entry = {"kind": "fno", "width": 4, "num_layers": 1, "rate": 1}
    folder = own_study(tmp_path, {"answers": "transfer", "models": {"m": entry}})
    with pytest.raises(ConfigError, match=r"models.m has no 'modes'; expected kept wavenumbers"):
        load(folder, {"study": "mine", "scale": "laptop"})


def test_what_generated_data_need_is_asked_for_and_of_own_data_nothing(tmp_path):
    generated = {"answers": "transfer", "datasets": {"d": {"system": "poisson", "eigenvalue_range": [1, 2]}}}
    with pytest.raises(ConfigError, match=r"there is no 'grid'; expected one, as datasets.d is generated"):
        checked(load(own_study(tmp_path / "a", generated), {"study": "mine", "scale": "laptop"}))
    own = {"answers": "transfer", "datasets": {"d": {"files": OWN_FILES, "coefficients": ["a"]}}}
    with pytest.raises(ConfigError, match=r"experiments has \[\]; expected one that is no control"):
        checked(load(own_study(tmp_path / "c", own), {"study": "mine", "scale": "laptop"}))
    own["models"] = {"m": {"kind": "fno", "width": 4, "modes": 4, "num_layers": 1, "rate": 1}}
    own["recipes"] = {"r": RECIPE}
    own["experiments"] = {"e": {"question": "data", "n_train": [1]} | AXES}
    assert checked(load(own_study(tmp_path / "b", own), {"study": "mine", "scale": "laptop"})).grid is None


@pytest.mark.parametrize("of", ["study", "dataset", None])
def test_examples_are_counted_in_the_study_or_in_the_dataset(tmp_path, of):
    counts = {"num_examples": {"train": 64, "validation": 16, "test": 20}}
    study = {
        "answers": "transfer",
        "grid": {"num_points": 16},
        "source": {"num_centres": 4, "sigma": 0.125, "sparsity_range": [0.2, 0.8]},
        "datasets": {"d": STEADY | (counts if of == "dataset" else {})},
        "models": {"m": OF_FIELDS},
        "recipes": {"r": RECIPE},
        "experiments": {"e": {"question": "data", "n_train": [1]} | AXES},
    } | (counts if of == "study" else {})
    loaded = load(own_study(tmp_path, study), {"study": "mine", "scale": "laptop"})
    if of:
        assert checked(loaded)
    else:
        with pytest.raises(ConfigError, match=r"there is no 'num_examples'; expected one, as datasets.d is"):
            checked(loaded)


def test_own_data_without_a_system_have_no_pretraining_of_their_own(tmp_path):
    study = {"answers": "transfer", "datasets": {"d": {"files": OWN_FILES, "coefficients": ["a"]}}}
    study["models"] = {"m": {"kind": "fno", "width": 4, "modes": 4, "num_layers": 1, "rate": 1}}
    study["recipes"] = {"r": RECIPE}
    study["experiments"] = {"e": {"question": "data", "n_train": [1]} | AXES | {"init": ["own"]}}
    with pytest.raises(ConfigError, match="'own' for d, which has no system; expected the name of a pre-tr"):
        checked(load(own_study(tmp_path, study), {"study": "mine", "scale": "laptop"}))


@pytest.mark.parametrize(
    ("system", "model", "message"),
    [
        ("burgers", {"num_dims": 2}, "models.m.num_dims is 2; expected 1, the dimensions of d"),
        ("darcy", {"num_dims": 1}, "models.m.num_dims is 1; expected 2, the dimensions of d"),
        ("burgers", {"num_dims": 1, "input_normalisation": True}, "models.m.input_normalisation is true"),
        ("burgers", {"num_dims": 1, "modes": 512}, None),
        ("poisson", {"num_dims": 2, "input_normalisation": True}, None),
    ],
)
def test_a_model_fits_the_system_of_own_data(tmp_path, system, model, message):
    sizes = {"kind": "fno", "width": 4, "modes": 4, "num_layers": 1, "rate": 1, "input_normalisation": False}
    study = {"answers": "transfer", "datasets": {"d": {"files": OWN_FILES, "system": system}}}
    study["models"] = {"m": sizes | model}
    study["recipes"] = {"r": RECIPE}
    study["experiments"] = {"e": {"question": "data", "n_train": [1]} | AXES}
    loaded = load(own_study(tmp_path, study), {"study": "mine", "scale": "laptop"})
    if message is None:
        assert checked(loaded).datasets["d"].files
    else:
        with pytest.raises(ConfigError, match=message):
            checked(loaded)


NS = {"system": "navier_stokes", "viscosity_range": [1e-3, 1e-3]}
UNKNOWN = {"coefficients": []}


@pytest.mark.parametrize(
    ("datasets", "model", "message"),
    [
        ({"d": NS}, {"num_dims": 3}, None),
        ({"d": NS | {"time": 1, "flow": "kolmogorov"}}, {"num_frames": 2}, None),
        ({"d": UNKNOWN}, {"num_dims": 3}, None),
        ({"d": UNKNOWN}, {"num_frames": 2}, None),
        ({"d": UNKNOWN}, {"num_frames": 2, "channels": ["solution", "vorticity"]}, None),
        ({"d": ["one", "other"], "one": NS, "other": UNKNOWN}, {"num_frames": 2}, None),
        ({"d": {"one": 1.0, "other": 2.0}, "one": NS, "other": UNKNOWN}, {"num_frames": 2}, None),
        ({"d": NS}, {"num_dims": 2}, "models.m.num_dims is 2; expected 3, the dimensions of d"),
        ({"d": NS | {"time": 0}}, {"num_dims": 3}, "datasets.d: time is 0; expected more than 0"),
        ({"d": NS | {"num_modes": 9}}, {"num_dims": 3}, r"d has \['num_modes', 'system'\] beside files"),
        ({"d": UNKNOWN | {"time": 1}}, {"num_dims": 3}, r"d has \['coefficients', 'time'\] beside files"),
        (
            {"d": {"coefficients": ["initial_solution"]}},
            {"num_dims": 3},
            "has 'initial_solution'; expected a",
        ),
    ],
)
def test_what_a_file_of_trajectories_holds_is_seen_when_it_is_read(tmp_path, datasets, model, message):
    sizes = {"kind": "fno", "width": 4, "modes": 4, "num_layers": 1, "rate": 1, "input_normalisation": False}
    study = {"answers": "transfer", "models": {"m": sizes | model}, "recipes": {"r": RECIPE}}
    study["datasets"] = {
        name: {"mix": entry} if name == "d" and "one" in entry else entry | {"files": OWN_FILES}
        for name, entry in datasets.items()
    }
    study["experiments"] = {"e": {"question": "data", "n_train": [1]} | AXES}
    loaded = load(own_study(tmp_path, study), {"study": "mine", "scale": "laptop"})
    if message is None:
        checked(loaded)
    else:
        with pytest.raises(ConfigError, match=message):
            checked(loaded)


def test_frames_of_an_unknown_system_have_one_channel(tmp_path):
    """By which a model that is pre-trained on them is fine-tuned, on others of such, and on a known system's if it
    has their channel, too."""
    sizes = {"kind": "fno", "width": 4, "modes": 4, "num_layers": 1, "rate": 1, "input_normalisation": False}
    entries = {"d": NS, "e": UNKNOWN, "f": UNKNOWN}
    rates = {"learning_rates": {"scratch": [0.1], "fine_tuned": [0.1]}}
    study = {"answers": "transfer", "recipes": {"r": RECIPE | rates}}
    study["datasets"] = {name: entry | {"files": OWN_FILES} for name, entry in entries.items()}
    study["pretrainings"] = {"p": {"dataset": "e", "n_train": 4, "recipe": "r"}}
    study["experiments"] = {"e": {"question": "data", "n_train": [1]} | AXES | {"init": ["p"]}}
    for dataset, channels, is_right in (
        ("f", None, True),
        ("d", None, False),
        ("d", ["solution", "vorticity"], True),
    ):
        study["experiments"]["e"]["dataset"] = [dataset]
        study["models"] = {"m": sizes | {"num_frames": 2} | ({"channels": channels} if channels else {})}
        folder = own_study(tmp_path / f"{dataset}{is_right}", study)
        loaded = load(folder, {"study": "mine", "scale": "laptop"})
        if is_right:
            checked(loaded)
        else:
            with pytest.raises(ConfigError, match=r"has the channels \['vorticity'\]; expected some of"):
                checked(loaded)


def test_a_file_of_burgers_is_read_with_the_options_of_its_entry(tmp_path):
    study = {"answers": "transfer", "datasets": {"d": {"files": OWN_FILES, "system": "burgers", "time": 0.5}}}
    study["datasets"]["e"] = {"files": OWN_FILES, "system": "darcy"}
    loaded = load(own_study(tmp_path, study), {"study": "mine", "scale": "laptop"})
    assert imported(loaded, "d", "test").settings["options"] == {"time": 0.5}
    assert "options" not in imported(loaded, "e", "test").settings


def test_a_study_is_answered_by_the_code_that_it_names(tmp_path):
    folder = own_study(tmp_path, {"answers": "transfr"})
    with pytest.raises(ConfigError, match=r"answers is 'transfr'; expected one of .*'transfer'"):
        checked(load(folder, {"study": "mine", "scale": "laptop"}))


def test_a_broken_file_is_named(tmp_path):
    folder = own_study(tmp_path, {})
    (folder / "mine/laptop.yaml").write_text("models: [\n")
    with pytest.raises(ConfigError, match=r"laptop.yaml is no YAML"):
        load(folder, {"study": "mine", "scale": "laptop"})


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (
            {"quantity": "smalest_gain"},
            "claims.C.quantity is 'smalest_gain'; expected one of .*'smallest_gain'",
        ),
        (
            {"quantity": "smallest_gain"},
            r"claims.C has \[\]; expected \['cells'\], as its quantity is smallest_gain",
        ),
        (
            {"cells": {"experiment": "e", "n": "fewest"}},
            "claims.C.cells.n is .fewest.; expected .zero., .few.",
        ),
        ({"bounds": {"paper": {"least": 1}}}, "claims.C.bounds.paper.*least"),
        (
            {
                "quantity": "smallest_error",
                "cells": {"experiment": "e", "n": "few", "dataset": {"sytem": "poisson"}},
            },
            "claims.C.cells.dataset is 'sytem'; expected one of .*did you mean 'system'",
        ),
    ],
)
def test_a_mistake_in_a_claim_is_said_when_all_is_planned(tmp_path, claim, message):
    folder = own_study(tmp_path, {"answers": "transfer"})
    whole = {"statement": "s", "place": "p", "quantity": "largest_residual", "bounds": {}} | claim
    (folder / "mine/claims.yaml").write_text(yaml.safe_dump({"C": whole}))
    with pytest.raises(ConfigError, match=message):
        checked(load(folder, {"study": "mine", "scale": "laptop"}))


def test_a_pretraining_that_own_needs_must_be_there(tmp_path):
    """By the name of the system, not only with a dataset of it."""
    study = yaml.safe_load(Path(FOLDER, "transfer/study.yaml").read_text()) | {"answers": "transfer"}
    study["pretrainings"]["other"] = study["pretrainings"].pop("advection_diffusion")
    scale = yaml.safe_load(Path(FOLDER, "transfer/laptop.yaml").read_text())
    message = (
        "has 'own' for advection_diffusion_psi1-2, whose system is advection_diffusion; expected a pre-tr"
    )
    with pytest.raises(ConfigError, match=message):
        checked(load(own_study(tmp_path, study, scale), {"study": "mine", "scale": "laptop"}))
