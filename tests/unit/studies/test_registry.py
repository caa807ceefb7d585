"""Studies are found by their folders."""

from pathlib import Path

import pytest

import pdetransfer.studies
from pdetransfer.plan.answers import Answers
from pdetransfer.plan.expand import ConfigError
from pdetransfer.plan.load import load, scales, studies
from pdetransfer.studies import registry

ROOT = Path(__file__).parents[3]
NAMES = sorted(path.parent.name for path in Path(pdetransfer.studies.__path__[0]).glob("*/__init__.py"))


@pytest.mark.parametrize("name", NAMES)
def test_every_folder_is_a_study(name):
    assert isinstance(registry.answers(name), Answers)


@pytest.mark.parametrize(
    "study",
    [
        load(ROOT / "config", {"study": name, "scale": scale})
        for name in studies(ROOT / "config")
        for scale in scales(ROOT / "config", name)
    ],
    ids=lambda study: f"{study.name}-{study.scale}",
)
def test_every_shipped_study_has_its_code(study):
    assert study.answers in NAMES


def test_an_unknown_study_is_a_mistake_in_the_config():
    with pytest.raises(ConfigError, match=rf"^answers is 'transfr'; expected one of .*'{NAMES[-1]}'"):
        registry.answers("transfr")


@pytest.mark.parametrize("name", NAMES)
def test_what_a_study_announces_is_there(name):
    """Each kind of figure is drawn, each picture too, and each question has a title of its own."""
    answers = registry.answers(name)
    assert set(registry.part(name, "figures").FIGURES) == set(answers.figures)
    if answers.pictures:
        assert set(registry.part(name, "pictures").PICTURES) == set(answers.pictures)
    assert {table for kind in answers.figures.values() for table in kind.tables} <= set(answers.tables)
    titles = [question.title for question in answers.questions.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles)
