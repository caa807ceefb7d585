"""The files of a study -> one config of plain entries. Pure: nothing is read, and nothing that is given changes.

A study says what is asked, a scale how large, and settings laid over both what a user changes. Then ``like`` takes
over the settings of another entry of its section, and ``each`` makes a family of an entry: one for every value.
"""

import difflib
from collections.abc import Iterable
from itertools import product
from typing import Any

#: Sections of named entries, and where their entries name those of other sections.
REFERENCES: dict[str, dict[str, str]] = {
    "datasets": {"mix": "datasets"},
    "models": {},
    "recipes": {},
    "pretrainings": {"dataset": "datasets", "recipe": "recipes"},
    "experiments": {
        "dataset": "datasets",
        "model": "models",
        "init": "pretrainings",
        "recipe": "recipes",
    },
    "figures": {"experiments": "experiments"},
}


#: By section and family the members, each with what tells it from the others.
Families = dict[str, dict[str, dict[str, dict]]]


class ConfigError(ValueError):
    """A mistake in the config, in one sentence."""


def expected_one_of(value: object, known: Iterable[str]) -> str:
    """What was expected instead of a name, with a near one if there is any."""
    known = list(known)
    return f"expected one of {sorted(known)}{near(value, known)}"


def near(value: object, known: Iterable[str]) -> str:
    """A name that may have been meant, if there is any."""
    found = difflib.get_close_matches(str(value), list(known), n=1)
    return f" (did you mean {found[0]!r}?)" if found else ""


def expand(study: dict, scale: dict, *overrides: dict) -> dict:
    """The entries of a study at a scale, with ``overrides`` laid over them, later ones over earlier ones.

    Under ``families`` stand the members of each family by section and family, each with what tells it from the
    others. Raises ConfigError.
    """
    _check_scale(study, scale)
    config = _with_arms(study)
    for layer in (scale, *overrides):
        config = laid_over(config, _with_arms(layer))
    families: Families = {}
    for section in REFERENCES:
        entries = _entries(config, section)
        config = config | {section: _with_members(section, _resolved(section, entries), families)}
    return {key: _named(key, value, families) for key, value in config.items()} | {"families": families}


def by_arm(given: object) -> object:
    """Learning rates by arm: a list, or where they are transferred from, is what training from scratch has."""
    if isinstance(given, list):
        return {"scratch": given}
    if not isinstance(given, dict) or "transferred_from" not in given or "scratch" in given:
        return given
    other = {arm: rates for arm, rates in given.items() if arm == "fine_tuned"}
    return {"scratch": {key: value for key, value in given.items() if key not in other}} | other


def _with_arms(layer: dict) -> dict:
    """A layer whose recipes have what is transferred in its arm, so that it takes the place of the rates there."""
    recipes = {
        name: entry | {"learning_rates": by_arm(rates)}
        for name, entry in _entries(layer, "recipes").items()
        if isinstance(rates := entry.get("learning_rates"), dict)
    }
    return layer | {"recipes": layer["recipes"] | recipes} if recipes else layer


def _check_scale(study: dict, scale: dict) -> None:
    """A scale says how large the study's entries are; it has none of its own, so that none is left behind."""
    for section in REFERENCES:
        known = _entries(study, section)
        for name in _entries(scale, section):
            if name not in known:
                raise ConfigError(
                    f"{section}.{name} of the scale is no entry of the study; {expected_one_of(name, known)}"
                )


def _entries(config: dict, section: str) -> dict[str, dict]:
    entries = config.get(section, {})
    if not isinstance(entries, dict):
        raise ConfigError(f"{section} is {entries!r}; expected entries by name")
    for name, entry in entries.items():
        if not isinstance(name, str):
            raise ConfigError(f"{section} has the name {name!r}; expected text")
        if not isinstance(entry, dict):
            raise ConfigError(f"{section}.{name} is {entry!r}; expected settings by name")
    return entries


def laid_over(base: dict, over: dict) -> dict:
    """``base`` with the values of ``over``; sections and entries that both have are merged."""
    both = {
        key
        for key in base.keys() & over.keys()
        if isinstance(base[key], dict) and isinstance(over[key], dict)
    }
    return base | over | {key: laid_over(base[key], over[key]) for key in both}


def _resolved(section: str, entries: dict[str, dict]) -> dict[str, dict]:
    """The entries with what they take over by ``like``."""

    def resolve(name: str, trail: tuple[str, ...]) -> dict:
        entry = dict(entries[name])
        base = entry.pop("like", None)
        if base is None:
            return entry
        key = f"{section}.{name}.like"
        if not isinstance(base, str) or base not in entries:
            raise ConfigError(f"{key} is {base!r}; {expected_one_of(base, entries)}")
        if base in (*trail, name):
            circle = " -> ".join((*trail, name, base))
            raise ConfigError(f"{key} is {base!r}, which is like this one ({circle}); expected no circle")
        return laid_over(resolve(base, (*trail, name)), entry)

    return {name: resolve(name, ()) for name in entries}


def _with_members(section: str, entries: dict[str, dict], families: Families) -> dict[str, dict]:
    """The entries with families replaced by their members, which are noted in ``families``; an entry with the name
    of a member is laid over it."""
    found: dict[str, dict] = {}
    for name, entry in entries.items():
        settings = dict(entry)
        each = settings.pop("each", None)
        if each is None:
            found[name] = laid_over(found.get(name, {}), settings)
            continue
        families.setdefault(section, {})[name] = _members(f"{section}.{name}", name, each)
        for member, own in families[section][name].items():
            found[member] = laid_over(settings | own, found.get(member, {}))
    return found


def _members(key: str, name: str, each: dict) -> dict[str, dict]:
    """The members of a family: for each a name, made of its values, and these by setting."""
    if not isinstance(each, dict) or not each:
        raise ConfigError(f"{key}.each is {each!r}; expected lists of values by setting")
    for setting, values in each.items():
        if not isinstance(values, list) or not values:
            raise ConfigError(f"{key}.each.{setting} is {values!r}; expected a list of values")
    members: dict[str, dict] = {}
    for values in product(*each.values()):
        own = dict(zip(each, values, strict=True))
        member = ".".join([name, *(f"{setting}{_spelled(value)}" for setting, value in own.items())])
        if member in members:
            raise ConfigError(f"{key}.each makes {member} twice; expected no value twice")
        members[member] = own
    return members


def _spelled(value: object) -> str:
    """A value in a name."""
    if isinstance(value, list):
        return "-".join(map(_spelled, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _named(section: str, value: Any, families: Families) -> Any:
    """A section whose entries name members where they named families."""
    if section not in REFERENCES:
        return value
    return {
        name: {
            setting: _replaced(
                f"{section}.{name}.{setting}", given, families.get(REFERENCES[section].get(setting, ""), {})
            )
            for setting, given in entry.items()
        }
        for name, entry in value.items()
    }


def _replaced(key: str, given: object, families: dict[str, dict[str, dict]]) -> object:
    if isinstance(given, list):
        members = [list(families.get(name, [name])) if isinstance(name, str) else [name] for name in given]
        return [name for of_family in members for name in of_family]
    if not isinstance(given, str) or given not in families:
        return given
    if len(families[given]) > 1:
        raise ConfigError(f"{key} is the family {given!r}; {expected_one_of(given, families[given])}")
    return next(iter(families[given]))
