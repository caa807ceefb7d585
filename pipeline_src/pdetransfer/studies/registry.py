"""Studies by name: a study is a folder beside this file, and is found by it."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from pdetransfer.plan.answers import Answers
from pdetransfer.plan.expand import ConfigError, expected_one_of
from pdetransfer.plan.study import Study


def answers(name: str) -> Answers:
    """What the code of a study gives the engine."""
    return part(name, "answers").ANSWERS


def quantities(study: Study) -> dict[str, Callable]:
    """What the claims of a study may be judged by; nothing where it makes none."""
    return part(study.answers, "quantities").QUANTITIES if study.claims else {}


def part(name: str, module: str) -> ModuleType:
    """A module of a study's code. Raises ConfigError if there is no such study."""
    known = [path.parent.name for path in Path(__file__).parent.glob("*/answers.py")]
    if name not in known:
        raise ConfigError(f"answers is {name!r}; {expected_one_of(name, known)}")
    return import_module(f"pdetransfer.studies.{name}.{module}")
