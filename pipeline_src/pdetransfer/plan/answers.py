"""What the code of a study gives the engine, as far as planning needs to know it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pdetransfer.plan.entries import Experiment

if TYPE_CHECKING:  # else a training job, whose parameters are read with this module, waits for pandas
    import pandas as pd

#: What an experiment must fulfil, by what is expected in words.
Needs = dict[str, Callable[[Experiment], bool]]
ONE_MODEL: Needs = {"a single model": lambda entry: len(entry.model) == 1}
ONE_RECIPE: Needs = {"a single recipe": lambda entry: len(entry.recipe) == 1}


@dataclass(frozen=True)
class Question:
    """A question's title, its answer in one sentence (from all its experiments, and tables of the study by name),
    and in one for each curve (from one of them); both are made of the table of cells and that of data savings.
    ``needs`` is what they compare."""

    title: str
    headline: "Callable[[pd.DataFrame, pd.DataFrame, dict[str, pd.DataFrame]], str]"
    answer: "Callable[[pd.DataFrame, pd.DataFrame], Iterator[str]]"
    needs: Needs = field(default_factory=dict)


@dataclass(frozen=True)
class FigureKind:
    """What a kind of figure shows: models ``at_one_n``, or all n_train; ``tables`` of the study that it reads
    beside those of its experiments; and what it needs of these."""

    at_one_n: bool = False
    tables: tuple[str, ...] = ()
    needs: Needs = field(default_factory=dict)


#: Kinds of figures that show what models predict: every study has them.
GALLERIES = {
    kind: FigureKind(
        at_one_n=True,
        needs=ONE_MODEL | ONE_RECIPE,
    )
    for kind in ("predictions", "spectra", "roll_outs")
}


@dataclass(frozen=True)
class Answers:
    """A study's code: ``questions`` and kinds of ``figures`` by name, in the order of the report.

    What the study's own rules (``rules/<study>.smk``) make stands here too: ``tables`` are names of
    ``tables/<name>.csv``, for its claims, figures and the sections of its report, and ``pictures`` of
    ``figures/<name>.svg``, shown with the data, each with the keys of a study that it is drawn from; without these
    there is no such picture.
    """

    questions: dict[str, Question]
    figures: dict[str, FigureKind]
    tables: tuple[str, ...] = ()
    pictures: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def kinds(self) -> dict[str, FigureKind]:
        """All kinds of figures: the study's own, and those that every study has."""
        return self.figures | GALLERIES
