"""Files and what a user types -> a study."""

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import yaml
from pydantic import BaseModel, Tag, ValidationError, create_model
from pydantic_core import ErrorDetails

from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.plan.entries import Dataset, Entry
from pdetransfer.plan.expand import ConfigError, expand, expected_one_of, laid_over, near
from pdetransfer.plan.study import Study

M = TypeVar("M", bound=BaseModel)
CHOSEN = ("study", "scale", "overrides")  #: keys of config/config.yaml; all others are of a study
_NO_SCALES = ("study", "claims")  # files of a study's folder
_OF_THE_ENGINE = {  # fields of a study that no file gives
    "name": "it is the name of the folder",
    "scale": "config.yaml or --config chooses it",
    "claims": "they stand in claims.yaml",
    "families": "they are made of `each`",
}
_WORDS = {  # of pydantic, and ours
    r"a valid (tuple|list)": "a list",
    r"a valid (dictionary|dictionary or instance of \w+)": "settings by name",
    r"a valid string": "text",
    r"(Tuple|List) should have at (least|most) (\d+) items? after validation.*": r"at \2 \3 of them",
}


def load(folder: Path, config: dict, typed: dict | None = None) -> Study:
    """The study in ``folder``, the project's ``config/``, that ``config`` names by ``study`` and ``scale``, with
    its ``overrides`` of them and, over these, what is ``typed``. ``config`` is ``config.yaml``, over which all
    that is typed has been laid. Raises ConfigError, one sentence with key, value and what was expected, for the
    first mistake."""
    typed = typed or {}
    in_file = {key: value for key, value in config.items() if key in CHOSEN or key not in typed}
    name, scale = _chosen(folder, in_file)
    own = folder / name
    layers = [_read(own / "study.yaml"), _scale(own, scale)]
    layers += [_overrides(folder, config).get(name, {}).get(scale, {})]
    layers += [{key: value for key, value in typed.items() if key not in CHOSEN}]
    claims = _read(own / "claims.yaml") if (own / "claims.yaml").exists() else {}
    try:
        for key in (key for layer in layers for key in layer if key in _OF_THE_ENGINE):
            raise ConfigError(f"the top level has the key {key!r}; expected none, as {_OF_THE_ENGINE[key]}")
        settings = expand(*layers) | {"claims": claims, "name": name, "scale": scale}
        settings.setdefault("answers", name)
        if "n_train" in settings:
            usual = {"n_train": settings["n_train"]}
            settings["experiments"] = {key: usual | entry for key, entry in settings["experiments"].items()}
        settings["datasets"] = {key: _typed(key, entry) for key, entry in settings["datasets"].items()}
        return _with_values_of_families(validated(Study, settings))
    except ConfigError as mistake:
        raise ConfigError(f"study {name}, scale {scale}: {mistake}") from None


def load_typed(folder: Path, words: Iterable[str]) -> Study:
    """The study that ``config.yaml`` in ``folder`` chooses and what is typed alters, as ``load``: words
    ``key=value``, or files of such keys, as Snakemake has them after ``--config`` and ``--configfile``."""
    typed: dict = {}
    for word in words:
        key, sign, value = word.partition("=")
        if not sign and not Path(word).is_file():
            raise ConfigError(
                f"{word!r} was typed; expected key=value, such as scale=smoke, or a file of keys"
            )
        typed = laid_over(typed, {key: _parsed(value, key)} if sign else _read(Path(word)))
    return load(folder, laid_over(_read(folder / "config.yaml"), typed), typed)


def _with_values_of_families(study: Study) -> Study:
    """The study in which what tells members apart is as their entries have it: typed values were text."""

    def values(section: str, member: str, own: dict) -> dict:
        entry = getattr(study, section)[member].model_dump(mode="json")
        return {key: entry[key] for key in own}

    families = {
        section: {
            family: {member: values(section, member, own) for member, own in members.items()}
            for family, members in of_section.items()
        }
        for section, of_section in study.families.items()
    }
    return study.model_copy(update={"families": families})


def studies(folder: Path) -> list[str]:
    """The studies in a project's ``config/``."""
    return sorted(path.parent.name for path in folder.glob("*/study.yaml"))


def scales(folder: Path, study: str) -> list[str]:
    """The scales of a study."""
    return sorted(path.stem for path in (folder / study).glob("*.yaml") if path.stem not in _NO_SCALES)


def _chosen(folder: Path, config: dict) -> tuple[str, str]:
    for key in config:
        if key not in CHOSEN:
            raise ConfigError(f"config.yaml has the key {key!r}; expected it under overrides.<study>.<scale>")
    for key in CHOSEN[:2]:
        if key not in config:
            raise ConfigError(f"config.yaml has no {key!r}; expected its name")
    name, scale = str(config["study"]), str(config["scale"])
    if name not in (known := studies(folder)):
        raise ConfigError(
            f"study is {name!r}; {expected_one_of(name, known)}, the folders of config/ with a study.yaml"
        )
    if scale not in (known := scales(folder, name)):
        raise ConfigError(
            f"scale is {scale!r}; {expected_one_of(scale, known)}, the other files of config/{name}/"
        )
    return name, scale


def _overrides(folder: Path, config: dict) -> dict[str, dict[str, dict]]:
    """What a user lays over studies, by study and scale."""
    overrides = config.get("overrides") or {}
    for name, by_scale in _by_name("overrides", overrides).items():
        if name not in (known := studies(folder)):
            raise ConfigError(f"overrides.{name} is no study; {expected_one_of(name, known)}")
        for scale, settings in _by_name(f"overrides.{name}", by_scale).items():
            if scale not in (known := scales(folder, name)):
                raise ConfigError(
                    f"overrides.{name}.{scale} is no scale of it; {expected_one_of(scale, known)}"
                )
            _by_name(f"overrides.{name}.{scale}", settings)
    return overrides


def _by_name(key: str, value: Any) -> dict:
    if not isinstance(value, dict):
        raise ConfigError(f"{key} is {value!r}; expected settings by name")
    return value


def _scale(own: Path, name: str) -> dict:
    """The numbers of a scale, over those of the scale that it is ``like``."""
    settings = _read(own / f"{name}.yaml")
    base = settings.pop("like", None)
    if base is None:
        return settings
    known = [other for other in scales(own.parent, own.name) if other != name]
    if base not in known:
        raise ConfigError(f"{own / name}.yaml has like: {base!r}; {expected_one_of(base, known)}")
    whole = _read(own / f"{base}.yaml")
    if "like" in whole:
        raise ConfigError(
            f"{own / name}.yaml is like {base!r}, which is like another one; expected a whole scale"
        )
    return laid_over(whole, settings)


def _read(path: Path) -> dict:
    return _by_name(str(path), _parsed(path.read_text(), str(path)) or {})


def _parsed(text: str, at: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as mistake:
        raise ConfigError(f"{at} is no YAML: {' '.join(str(mistake).split())}") from None


def _typed(name: str, entry: dict) -> dict:
    """A dataset's entry with the arguments of its system's constructor as that asks for them."""
    system = SYSTEMS.get(entry["system"]) if isinstance(entry.get("system"), str) else None
    if system is None or {"files", "mix"} & set(entry):
        return entry
    hints = get_type_hints(system.__init__)
    arguments: dict[str, Any] = {
        key: (hints[key], ... if argument.default is argument.empty else argument.default)
        for key, argument in inspect.signature(system).parameters.items()
    }
    options = {key: value for key, value in entry.items() if key not in Dataset.model_fields}
    given = validated(create_model(entry["system"], __base__=Entry, **arguments), options, ("datasets", name))
    return entry | given.model_dump(mode="json", include=set(options))


def validated(model: type[M], settings: dict, at: tuple[str, ...] = ()) -> M:
    """The settings as a model, or ConfigError for the first mistake in them; ``at`` is where they stand."""
    try:
        return model.model_validate(settings)
    except ValidationError as error:
        mistakes = sorted(error.errors(), key=lambda mistake: mistake["type"] != "extra_forbidden")
        raise ConfigError(_sentence(model, mistakes[0], at) + _other_entry(settings, mistakes[0])) from None


def _sentence(model: type[BaseModel], mistake: ErrorDetails, at: tuple[str, ...]) -> str:
    """A validator's complaint as a sentence."""
    *outer, last = path = (*at, *mistake["loc"])
    key = _spelled(outer) or "the top level"
    fields = _fields_at(model, mistake["loc"][:-1])
    if mistake["type"] == "extra_forbidden":
        known = [name for name in fields if at or outer or name not in _OF_THE_ENGINE]
        return f"{key} has the unknown key {last!r}; {expected_one_of(last, known)}"
    if mistake["type"] == "missing":
        description = getattr(fields.get(last), "description", None) or "a value"
        return f"{key} has no {last!r}; expected {description[0].lower()}{description[1:].rstrip('.')}"
    expected = mistake["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    for said, word in _WORDS.items():
        expected = re.sub(f"^{said}$", word, expected)
    return f"{_spelled(path)} is {mistake['input']!r}; expected {expected}"


def _other_entry(settings: dict, mistake: ErrorDetails) -> str:
    """The entry that may have been meant by one that lacks what it must have: a slip in a name makes a new
    entry."""
    place = [step for step in mistake["loc"] if not _is_branch(step)]
    if mistake["type"] != "missing" or len(place) != 3:
        return ""
    section, name, _ = place
    return near(name, (other for other in settings[section] if other != name))


def _spelled(path: tuple | list) -> str:
    known = (step for step in path if not _is_branch(step))
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in known)
    return "".join(steps).removeprefix(".")


def _is_branch(step: str | int) -> bool:
    """Whether a step of a path is no key, but pydantic's own word for one of several types, or a tag."""
    return "[" in str(step) or step == "constrained-int"


def _fields_at(model: type[BaseModel], path: tuple) -> dict:
    """The fields of the model that stands at a path of settings."""
    for step in _steps(model, path):
        model = step
    return model.model_fields


def _steps(model: type[BaseModel], path: tuple) -> Iterator[type[BaseModel]]:
    branches: dict[str, type[BaseModel]] = {}
    for step in path:
        field = model.model_fields.get(step)
        if step in branches:
            model = branches[step]
        elif field is None:
            continue  # the name of an entry
        else:
            branches = dict(_branches(field.annotation))
            if not branches:
                continue
            model = next(iter(branches.values()))
        yield model


def _branches(annotation: Any, tag: str = "") -> Iterator[tuple[str, type[BaseModel]]]:
    """The models of settings within an annotation, by tag."""
    tag = next((of.tag for of in getattr(annotation, "__metadata__", ()) if isinstance(of, Tag)), tag)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield tag, annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _branches(argument, tag)
