"""What is wrong with a config: the first mistake, in one sentence with key, value and what was expected."""

import difflib
import inspect
import re
from collections.abc import Iterable, Iterator

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.validators import extend

from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan.experiments import CONTROL, OWN, SCRATCH, SHIFTED, components, curves, trained_n

_BY_MODEL = ("rates", "num_gpus")  # keys with a number for every model

MOST_LOOKS = 50  #: at the validation examples in one run; they cost nearly as much as training otherwise

_AT_ONE_N = (
    "error_by_parameter",
    "savings_by_distance",
    "predictions",
    "spectra",
)  # kinds of figures that show models of a single n_train

# What a validator of the schema asks for, in words.
_EXPECTED = {
    "type": "a value of type {}",
    "enum": "one of {}",
    "minimum": "at least {}",
    "exclusiveMinimum": "more than {}",
    "minItems": "at least {} of them",
    "maxItems": "at most {} of them",
    "minLength": "at least {} characters",
    "uniqueItems": "none of them twice",
    "pattern": "text that matches {}",
}


# To JSON Schema 16.0 is an integer; to a file name it is not.
_Validator = extend(
    Draft202012Validator,
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine("integer", lambda _, value: type(value) is int),
)


class ConfigError(ValueError):
    """A mistake in the config, in one sentence."""


def check_config(config: dict, schema: dict) -> None:
    """Raise ConfigError, one sentence with key, value and what was expected, for the first mistake."""
    error = best_match(_Validator(schema).iter_errors(config))
    if error is not None:
        raise ConfigError(_sentence(error))
    for check in (
        _check_data,
        _check_models,
        _check_recipes,
        _check_names,
        _check_experiments,
        _check_questions,
        _check_figures,
    ):
        for mistake in check(config):
            raise ConfigError(f"config: {mistake}")


def _check_data(config: dict) -> Iterator[str]:
    try:
        SparseGaussians(**config["source"])
    except ValueError as mistake:
        yield f"source: {mistake}"
    stored = [name for name, entry in config["datasets"].items() if "mix" not in entry]
    for name, entry in config["datasets"].items():
        if "mix" in entry:
            if set(entry) != {"mix"}:
                yield f"datasets.{name} has the keys {sorted(entry)}; expected nothing beside mix"
            for component in entry["mix"]:
                if component not in stored:
                    yield _unknown(f"datasets.{name}.mix", component, stored)
        elif "files" in entry:
            yield from _check_own_data(name, entry)
        else:
            yield from _check_system(name, entry)


def _check_own_data(name: str, entry: dict) -> Iterator[str]:
    beside = sorted(set(entry) - {"files"})
    if beside not in (["system"], ["coefficients"]):
        yield f"datasets.{name} has {beside} beside files; expected system, or coefficients with their names"
    if entry.get("system", "poisson") not in SYSTEMS:
        yield _unknown(f"datasets.{name}.system", entry["system"], SYSTEMS)


def _check_system(name: str, entry: dict) -> Iterator[str]:
    """The keys of a dataset's entry are the arguments of its system's constructor."""
    if "system" not in entry:
        yield f"datasets.{name} has the keys {sorted(entry)}; expected system, files or mix"
    if entry["system"] not in SYSTEMS:
        yield _unknown(f"datasets.{name}.system", entry["system"], SYSTEMS)
    system = SYSTEMS[entry["system"]]
    arguments = inspect.signature(system).parameters
    options = {key: value for key, value in entry.items() if key != "system"}
    for key in options:
        if key not in arguments:
            yield f"datasets.{name} has the unknown key {key!r}; {_one_of(key, arguments)}"
    for key, argument in arguments.items():
        if argument.default is argument.empty and key not in options:
            yield f"datasets.{name} has no {key!r}; expected one, as its system is {entry['system']}"
    try:
        system(**options)
    except (TypeError, ValueError) as mistake:
        yield f"datasets.{name}: {mistake}"


def _check_models(config: dict) -> Iterator[str]:
    most = config["grid"]["num_points"] // 2
    for name, model in config["models"].items():
        if model["modes"] > most:
            yield f"models.{name}.modes is {model['modes']}; expected at most grid.num_points / 2, {most}"
        for key in _BY_MODEL:
            if name not in config[key]:
                yield f"{key} has no {name!r}; expected a number for every model"


def _check_recipes(config: dict) -> Iterator[str]:
    for name, recipe in config["recipes"].items():
        if len({len(rates) for rates in recipe["learning_rates"].values()}) > 1:
            yield (
                f"recipes.{name}.learning_rates is {recipe['learning_rates']}; "
                f"expected as many rates in each arm, so that both get the same budget"
            )
        if recipe["length"] > MOST_LOOKS * recipe["validation_interval"]:
            yield (
                f"recipes.{name}.validation_interval is {recipe['validation_interval']} "
                f"for a length of {recipe['length']}; expected at most {MOST_LOOKS} looks a run"
            )
        if recipe["num_tuning_seeds"] > len(recipe["seeds"]):
            yield (
                f"recipes.{name}.num_tuning_seeds is {recipe['num_tuning_seeds']}; "
                f"expected at most the number of seeds, {len(recipe['seeds'])}"
            )
        shortest = min(map(len, recipe["learning_rates"].values()))
        if recipe["extend_grid"] and shortest < 2:
            yield f"recipes.{name}.learning_rates has {shortest} rate; expected at least 2, as extend_grid is true"
        if recipe["num_validation"] > config["num_examples"]["validation"]:
            yield (
                f"recipes.{name}.num_validation is {recipe['num_validation']}; expected at most "
                f"num_examples.validation, {config['num_examples']['validation']}"
            )


def _check_names(config: dict) -> Iterator[str]:
    """Every name that an entry refers to is an entry."""
    for name in {SCRATCH, OWN} & set(config["pretrainings"]):
        yield f"pretrainings.{name} is a reserved name; expected another one"
    known = {
        "dataset": config["datasets"],
        "model": config["models"],
        "init": [SCRATCH, OWN, *config["pretrainings"]],
        "recipe": config["recipes"],
    }
    for key in _BY_MODEL:
        for name in config[key]:
            if name not in config["models"]:
                yield _unknown(key, name, config["models"])
    for name, entry in config["pretrainings"].items():
        for key in ("dataset", "recipe"):
            if entry[key] not in known[key]:
                yield _unknown(f"pretrainings.{name}.{key}", entry[key], known[key])
    for name, experiment in config["experiments"].items():
        for key, names in known.items():
            for value in experiment[key]:
                if value not in names:
                    yield _unknown(f"experiments.{name}.{key}", value, names)
        for dataset in experiment["dataset"] if OWN in experiment["init"] else ():
            system = config["datasets"][dataset].get("system")
            if system not in config["pretrainings"]:
                yield (
                    f"experiments.{name}.init has 'own' for {dataset}, whose system is {system}; "
                    f"expected a pre-training of that name"
                )
    for name, figure in config["figures"].items():
        for experiment in figure["experiments"]:
            if experiment not in config["experiments"]:
                yield _unknown(f"figures.{name}.experiments", experiment, config["experiments"])


def _check_experiments(config: dict) -> Iterator[str]:
    wanted = [
        (f"pretrainings.{name}.n_train", entry["dataset"], [entry["n_train"]])
        for name, entry in config["pretrainings"].items()
    ]
    for name, entry in config["experiments"].items():
        wanted += [(f"experiments.{name}.n_train", dataset, entry["n_train"]) for dataset in entry["dataset"]]
    for key, dataset, values in wanted:
        if any("files" in config["datasets"][name] for name in components(config, dataset)):
            continue  # what a file holds is seen when it is read
        available = config["num_examples"]["train"] * len(components(config, dataset))
        if max(values, default=0) > available:
            yield f"{key} asks for {max(values)} examples of {dataset}; expected at most {available}"
    for name in config["experiments"]:
        for curve in curves(config, name):
            if curve.is_fine_tuned and "fine_tuned" not in config["recipes"][curve.recipe]["learning_rates"]:
                yield (
                    f"recipes.{curve.recipe}.learning_rates has no fine_tuned; "
                    f"expected one, as experiments.{name} fine-tunes with it"
                )


def _check_questions(config: dict) -> Iterator[str]:
    """An experiment has what the answer to its question compares."""
    for name, entry in config["experiments"].items():
        question = entry["question"]
        tuned = [init for init in entry["init"] if init != SCRATCH]
        needed = {
            "0 and a larger one in n_train": question not in ("shift", "mixture", "control")
            or (0 in entry["n_train"] and any(entry["n_train"])),
            "scratch and a pre-training in init": question not in ("size", "shift")
            or (SCRATCH in entry["init"] and tuned),
            "a single recipe": question not in ("size", "shift", "mixture") or len(entry["recipe"]) == 1,
            "a single model": question not in ("shift", "mixture") or len(entry["model"]) == 1,
        }
        for expected, is_there in needed.items():
            if not is_there:
                yield f"experiments.{name} asks {question!r}; expected {expected}"


def _check_figures(config: dict) -> Iterator[str]:
    for name, figure in config["figures"].items():
        asked = {config["experiments"][experiment]["question"] for experiment in figure["experiments"]}
        if CONTROL in asked and len(asked) > 1:
            yield f"figures.{name} draws {figure['experiments']}; expected controls alone, or none"
        entries = {experiment: config["experiments"][experiment] for experiment in figure["experiments"]}
        for experiment, entry in entries.items():
            if not any(entry["n_train"]):
                yield f"figures.{name} draws {experiment}, whose n_train is [0]; expected one above 0"
            if figure["kind"] in _AT_ONE_N and figure.get("n_train") not in trained_n(config, experiment):
                yield (
                    f"figures.{name}.n_train is {figure.get('n_train')}; "
                    f"expected one of {experiment}, {trained_n(config, experiment)}"
                )
            if figure["kind"] == "savings_by_distance" and entry["question"] not in SHIFTED:
                yield (
                    f"figures.{name} draws {experiment} by distance, whose question is {entry['question']!r}; "
                    f"expected one of {list(SHIFTED)}"
                )
            if "savings" in figure["kind"] and not {SCRATCH} < set(entry["init"]):
                yield (
                    f"figures.{name} draws the data savings of {experiment}, whose init is "
                    f"{entry['init']}; expected scratch and a pre-training"
                )
        if figure["kind"] not in _AT_ONE_N and "n_train" in figure:
            yield f"figures.{name} has n_train; expected none, as its kind is {figure['kind']}"


def _unknown(key: str, value: str, known: Iterable[str]) -> str:
    return f"{key} is {value!r}; {_one_of(value, known)}"


def _one_of(value: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(str(value), known, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"expected one of {sorted(known)}{hint}"


def _sentence(error: ValidationError) -> str:
    """A schema's complaint as a sentence."""
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
    key, value, schema = "".join(steps).removeprefix("."), error.instance, error.schema
    if error.validator == "additionalProperties":
        known = schema["properties"]
        unknown = next(name for name in value if name not in known)
        return f"config: {key or 'the top level'} has the unknown key {unknown!r}; {_one_of(unknown, known)}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in value)
        meaning = schema["properties"][missing]["description"]
        return f"config: {key or 'the top level'} has no {missing!r}; expected {meaning}"
    expected = _EXPECTED[error.validator].format(error.validator_value)
    if re.fullmatch(r"[+-]?[\d.]+e[+-]?\d+", str(value), re.IGNORECASE):
        expected += " (YAML reads a number like 1e-3 as text: write 1.0e-3)"
    return f"config: {key} is {value!r}; expected {expected}"
