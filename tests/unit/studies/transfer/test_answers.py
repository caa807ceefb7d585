"""What questions and figures need of an experiment."""

import pytest

from pdetransfer.plan.entries import Experiment
from pdetransfer.studies.transfer.answers import ANSWERS
from pdetransfer.studies.transfer.questions import SHIFTED

COMPLETE = Experiment(
    question="shift",
    dataset=["d"],
    model=["m"],
    init=["scratch", "own", "mixed"],
    recipe=["r"],
    n_train=[0, 8],
)


def unfulfilled(needs, **axes):
    entry = COMPLETE.model_copy(update=axes)
    return [expected for expected, is_there in needs.items() if not is_there(entry)]


@pytest.mark.parametrize("name", ANSWERS.questions)
def test_an_experiment_with_both_arms_one_model_and_one_recipe_answers_any_question(name):
    assert unfulfilled(ANSWERS.questions[name].needs) == []


@pytest.mark.parametrize(
    ("axes", "asking"),
    [
        ({"n_train": (8, 32)}, {"shift", "mixture", "control"}),
        ({"n_train": (0,)}, {"shift", "mixture", "control"}),
        ({"init": ("own", "mixed")}, {"size", "shift", "seeds"}),
        ({"init": ("scratch",)}, {"size", "shift", "seeds", "mixture"}),
        ({"init": ("scratch", "own")}, {"mixture"}),
        ({"recipe": ("r", "s")}, {"size", "shift", "mixture"}),
        ({"model": ("m", "large")}, {"shift", "mixture"}),
    ],
)
def test_a_question_needs_what_its_answer_compares(axes, asking):
    found = {name: unfulfilled(question.needs, **axes) for name, question in ANSWERS.questions.items()}
    assert {name for name, missing in found.items() if missing} == asking
    assert all(len(found[name]) == 1 for name in asking)


@pytest.mark.parametrize("kind", ANSWERS.figures)
def test_savings_need_both_arms_and_distances_a_shift(kind):
    needs = ANSWERS.figures[kind].needs
    assert unfulfilled(needs) == []
    for init in (("scratch",), ("own",)):
        assert bool(unfulfilled(needs, init=init)) == ("savings" in kind)
    for question in ANSWERS.questions:
        by_distance = kind == "savings_by_distance"
        assert bool(unfulfilled(needs, question=question)) == (by_distance and question not in SHIFTED)
