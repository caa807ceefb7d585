"""The configs of all scales, and what a mistake in one says."""

import copy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.models.registry import MODELS
from pdetransfer.plan.config import _EXPECTED, ConfigError, check_config

ROOT = Path(__file__).parents[3]
OWN_FILES = {split: f"{split}.h5" for split in ("train", "validation", "test")}
SCALES = ["config", "paper", "smoke"]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())


def read(scale):
    return yaml.safe_load((ROOT / f"config/{scale}.yaml").read_text())


def keys(value, prefix=""):
    if not isinstance(value, dict):
        return {prefix}
    return {prefix}.union(*(keys(child, f"{prefix}.{name}") for name, child in value.items()))


@pytest.fixture
def config():
    return read("config")


def changed(config, path, value):
    """A copy of the config in which the key at a dotted path is another."""
    config = copy.deepcopy(config)
    *parents, last = path.split("/")
    section = config
    for name in parents:
        section = section[name]
    section[last] = value
    return config


@pytest.mark.parametrize("scale", SCALES)
def test_a_scale_is_valid(scale):
    check_config(read(scale), SCHEMA)


@pytest.mark.parametrize("scale", SCALES[1:])
def test_a_scale_overrides_every_entry_of_the_default(scale):
    assert keys(read(scale)) == keys(read("config"))


@pytest.mark.parametrize("scale", SCALES)
def test_the_mixtures_control_takes_as_many_steps_as_one_dataset(scale):
    config = read(scale)
    one, mixed = (config["pretrainings"][name] for name in ("poisson", "mixed_equal_steps"))
    epochs, steps = (config["recipes"][entry["recipe"]] for entry in (one, mixed))
    assert steps["length_unit"] == "steps"
    assert steps["length"] == epochs["length"] * one["n_train"] / epochs["batch_size"]
    assert mixed["n_train"] == 3 * one["n_train"]


def test_scales_write_into_their_own_folders():
    assert len({read(scale)["pathvars"]["results"] for scale in SCALES}) == len(SCALES)


def test_the_schema_knows_what_the_registries_hold():
    properties = SCHEMA["properties"]
    assert set(properties["models"]["additionalProperties"]["properties"]["kind"]["enum"]) == set(MODELS)


def test_every_rule_of_the_schema_has_words():
    def validators(schema):
        if isinstance(schema, dict):
            yield from (key for key, value in schema.items() if not isinstance(value, dict))
            for child in schema.values():
                yield from validators(child)

    silent = {"$schema", "$ref", "title", "description", "required", "additionalProperties"}
    assert set(validators(SCHEMA)) - silent == set(_EXPECTED)


def test_every_key_of_the_schema_is_described_and_closed():
    def walk(schema, path):
        if schema.get("type") == "object":
            assert "additionalProperties" in schema, path
        for name, child in {**schema.get("properties", {}), **schema.get("patternProperties", {})}.items():
            assert child.get("description"), f"{path}.{name}"
            walk(child, f"{path}.{name}")
        if isinstance(schema.get("additionalProperties"), dict):
            walk(schema["additionalProperties"], f"{path}.*")

    walk(SCHEMA, "")


def test_the_readme_of_the_config_is_generated():
    script = [sys.executable, str(ROOT / "docs/config_reference.py")]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    assert (ROOT / "config/README.md").read_text() == printed, "run `make docs`"


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
        ("device", "gpu", r"device is 'gpu'; expected one of \['auto', 'cpu', 'cuda'\]"),
        ("seed", "0", "seed is '0'; expected a value of type integer$"),
        (
            "recipes/pretrain/learning_rates/scratch",
            ["1e-3"],
            r"recipes.pretrain.learning_rates.scratch\[0\] is '1e-3'; expected a value of type number "
            r"\(YAML reads a number like 1e-3 as text: write 1.0e-3\)",
        ),
        ("recipes/pretrain/batch_size", 0, "recipes.pretrain.batch_size is 0; expected at least 1"),
        (
            "datasets/poisson_e1-5/system",
            "poison",
            "system is 'poison'; expected one of .*did you mean 'poisson'",
        ),
        (
            "datasets/poisson_e1-5/eigenvalue_range",
            [5, 1],
            r"eigenvalue_range is \[5, 1\]; expected 0 < low <= high",
        ),
        ("datasets/poisson_e1-5/eigenvalue_range", [], "datasets.poisson_e1-5: .*not enough values"),
        ("datasets/mixed", {"mix": ["poisson"]}, "datasets.mixed.mix is 'poisson'; expected one of"),
        (
            "datasets/mixed/system",
            "poisson",
            r"datasets.mixed has the keys \['mix', 'system'\]; expected nothing",
        ),
        (
            "datasets/own",
            {"files": {"train": "a", "test": "b"}},
            "own.files has no 'validation'; expected",
        ),
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
        ("datasets/other", {}, r"datasets.other has the keys \[\]; expected system, files or mix"),
        ("recipes/downstream/seeds", [1, 1], r"seeds is \[1, 1\]; expected none of them twice"),
        ("datasets/a name", {"system": "poisson"}, "datasets.* is 'a name'; expected text that matches"),
        ("datasets/poisson_e1-5", {"system": "poisson"}, "poisson_e1-5 has no 'eigenvalue_range'; expected"),
        (
            "experiments/data_scaling/dataset",
            ["poisson_e5_10"],
            "experiments.data_scaling.dataset is 'poisson_e5_10'; expected one of .*poisson_e5-10",
        ),
        ("experiments/data_scaling/model", ["fno"], "model is 'fno'; expected one of"),
        (
            "experiments/data_scaling/init",
            ["Poisson"],
            "init is 'Poisson'; expected one of .*'scratch'",
        ),
        ("experiments/data_scaling/recipe", ["tune"], "recipe is 'tune'; expected one of"),
        ("experiments/data_scaling/n_train", [], r"n_train is \[\]; expected at least 1 of them"),
        (
            "experiments/data_scaling/n_train",
            [2048],
            "n_train asks for 2048 examples of poisson_e5-10; expected at most 1024",
        ),
        (
            "pretrainings/poisson/dataset",
            "poisson",
            "pretrainings.poisson.dataset is 'poisson'; expected one of",
        ),
        ("pretrainings/scratch", {"dataset": "a", "n_train": 1, "recipe": "b"}, "scratch is a reserved name"),
        (
            "pretrainings/own",
            {"dataset": "a", "n_train": 1, "recipe": "b"},
            "own is a reserved name; expected",
        ),
        ("figures/fig3/experiments", ["data"], "figures.fig3.experiments is 'data'; expected one of"),
        ("figures/fig3/experiments", [], r"figures.fig3.experiments is \[\]; expected at least 1 of them"),
        (
            "experiments/data_scaling/n_train",
            [16.0],
            r"n_train\[0\] is 16.0; expected a value of",
        ),
        ("grid/num_points", "1.5e3", "is '1.5e3'; expected a value of type integer .YAML reads"),
        (
            "experiments/data_scaling/n_train",
            [0],
            r"fig3 draws data_scaling, whose n_train is \[0\]; expected one above 0",
        ),
        (
            "experiments/data_scaling/init",
            ["poisson"],
            "fig3_savings draws the data savings of data_scaling, whose init is .*; expected scratch and a pre",
        ),
        (
            "experiments/data_scaling/init",
            ["scratch"],
            "fig3_savings draws the data savings of data_scaling, whose init is .*; expected scratch and a pre",
        ),
        (
            "figures/fig3/experiments",
            ["data_scaling", "control_length"],
            r"figures.fig3 draws \['data_scaling', 'control_length'\]; expected controls alone, or none",
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
        ("figures/fig3/kind", "pie", "figures.fig3.kind is 'pie'; expected one of"),
        ("models/fno_medium/modes", 17, "models.fno_medium.modes is 17; expected at most .*16"),
        ("source/num_centres", 9, "source: num_centres is 9 with sigma 0.0625; expected"),
        ("recipes/downstream/learning_rates/fine_tuned", [1.0], "expected as many rates in each arm"),
        ("recipes/downstream/validation_interval", 1, "expected at most 50 looks a run"),
        ("recipes/downstream/num_validation", 1000, "num_validation is 1000; expected at most .*128"),
        ("recipes/downstream/learning_rates", {"scratch": [1.0]}, "has no fine_tuned; expected one"),
        ("experiments/data_scaling/question", "why", "data_scaling.question is 'why'; expected one of"),
        (
            "recipes/downstream_seeds/num_tuning_seeds",
            6,
            "recipes.downstream_seeds.num_tuning_seeds is 6; expected at most the number of seeds, 5",
        ),
        (
            "datasets/poisson_e5-10",
            {"files": OWN_FILES, "coefficients": ["a"]},
            "experiments.data_scaling.init has 'own' for poisson_e5-10, whose system is None; "
            "expected a pre-training of that name",
        ),
        (
            "experiments/data_scaling/dataset",
            ["mixed"],
            "init has 'own' for mixed, whose system is None; expected a pre-training of that name",
        ),
        (
            "models/new",
            {"kind": "fno", "width": 1, "modes": 1, "num_layers": 1},
            "rates has no 'new'; expected",
        ),
        ("rates/fno_tin", 10, "rates is 'fno_tin'; expected one of .*did you mean 'fno_tiny'"),
        ("rates/fno_tiny", 0, "rates.fno_tiny is 0; expected more than 0"),
        ("figures/fig3/n_train", 64, "figures.fig3 has n_train; expected none, as its kind is error_vs_data"),
        (
            "figures/fig3_savings/n_train",
            64,
            "figures.fig3_savings has n_train; expected none, as its kind is data_savings",
        ),
        (
            "figures/savings_by_distance/experiments",
            ["data_scaling"],
            "draws data_scaling by distance, whose question is 'data'; expected one of .'shift', 'mixture'.",
        ),
        (
            "figures/error_by_parameter/n_train",
            65,
            "error_by_parameter.n_train is 65; expected one of shift_poisson, .16, 64, 256, 1024.",
        ),
        (
            "figures/predictions_poisson",
            {"kind": "predictions", "experiments": ["shift_poisson"], "title": "t"},
            "figures.predictions_poisson.n_train is None; expected one of shift_poisson, .16, 64, 256, 1024.",
        ),
        (
            "experiments/mixture_out_of_distribution/n_train",
            [0, 16, 256],
            "error_by_parameter.n_train is 64; expected one of mixture_out_of_distribution, .16, 256.",
        ),
    ],
)
def test_a_mistake_is_one_sentence_with_key_value_and_expectation(config, path, value, message):
    with pytest.raises(ConfigError, match=message) as error:
        check_config(changed(config, path, value), SCHEMA)
    assert "\n" not in str(error.value)


def test_a_missing_key_is_named_with_its_meaning(config):
    del config["models"]["fno_medium"]["modes"]
    with pytest.raises(ConfigError, match=r"models.fno_medium has no 'modes'; expected Kept wavenumbers"):
        check_config(config, SCHEMA)


def test_a_pretraining_that_own_needs_must_be_there(config):
    """By the name of the system, not only with a dataset of it."""
    config["pretrainings"]["other"] = config["pretrainings"].pop("advection_diffusion")
    message = (
        "has 'own' for advection_diffusion_psi1-2, whose system is advection_diffusion; expected a pre-tr"
    )
    with pytest.raises(ConfigError, match=message):
        check_config(config, SCHEMA)


def test_every_system_has_an_entry_in_some_dataset(config):
    assert {entry.get("system") for entry in config["datasets"].values()} - {None} == set(SYSTEMS)
