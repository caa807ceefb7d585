"""What the study says in words and tables."""

import pandas as pd
import pytest

from cases import cell_table, savings_table
from facts import facts
from pdetransfer.plan import entries
from pdetransfer.plan.study import Study
from pdetransfer.report.page import Experiment
from pdetransfer.studies.dpot.answers import ANSWERS
from pdetransfer.studies.dpot.published import PUBLISHED
from pdetransfer.studies.dpot.questions import PERSISTENCE, mean_of_persistence
from pdetransfer.studies.dpot.supplements import harmed, supplements

# Errors by dataset, init and n_train. Some fine-tuned cells are worse than from scratch, or than zero-shot.
ERRORS = {
    ("ns_thick", "mixture"): {0: 0.3, 8: 0.2, 32: 0.1},
    ("ns_thick", "scratch"): {8: 0.4, 32: 0.09},
    ("own", "mixture"): {0: 0.2, 8: 0.25, 32: 0.15},
    ("own", "scratch"): {8: 0.5, 32: 0.4},
    ("own", "other"): {8: 0.5, 32: 0.40001},
}
POINTS = [
    (dataset, "m", init, "r", n, seed, error * factor)
    for (dataset, init), by_n in ERRORS.items()
    for n, error in by_n.items()
    for seed, factor in ((0, 0.9), (1, 1.1))
]
HARMED = {("ns_thick", "mixture", 32), ("own", "mixture", 8), ("own", "other", 32)}
BY_FRAME = pd.DataFrame(
    [
        (dataset, PERSISTENCE, frame, error * (1 + frame))
        for dataset, error in (("ns_thick", 0.5), ("own", 2.0), ("elsewhere", 9.0))
        for frame in (0, 1)
    ],
    columns=["dataset", "model", "frame", "error"],
)


def experiment(question, points=POINTS, n_train=(0, 8, 32)):
    entry = entries.Experiment(
        question=question,
        dataset=["ns_thick", "own"],
        model=["m"],
        init=["mixture", "scratch"],
        recipe=["r"],
        n_train=n_train,
    )
    return Experiment(question, entry, cell_table(points), savings_table(points))


def test_exactly_the_cells_that_fine_tuning_harms_are_listed():
    found = harmed(cell_table(POINTS))
    assert {tuple(row) for row in found[["dataset", "init", "n_train"]].to_numpy()} == HARMED
    assert len(found) == len(HARMED)
    for row in found.to_dict("records"):
        own, scratch = ERRORS[row["dataset"], row["init"]], ERRORS[row["dataset"], "scratch"]
        assert row["fine-tuned"] == pytest.approx(own[row["n_train"]])
        assert row["from scratch"] == pytest.approx(scratch[row["n_train"]])
        assert row["zero-shot"] == pytest.approx(own.get(0), nan_ok=True) or 0 not in own


def test_where_nothing_is_harmed_the_table_is_empty():
    fine = [point for point in POINTS if (point[0], point[2], point[4]) not in HARMED]
    assert harmed(cell_table(fine)).empty


def test_published_errors_stand_beside_those_of_the_same_dataset():
    (found, _) = supplements(
        [experiment("size", [p for p in POINTS if p[4] == 0], (0,)), experiment("data")],
        [],
        {"by_frame": BY_FRAME},
        Study(),
    )
    table = found.table.set_index("dataset")
    assert list(table.index) == ["ns_thick", "own"]
    assert table["m"].tolist() == pytest.approx([0.3, 0.2])
    assert table[PERSISTENCE].tolist() == [0.5, 2.0]
    assert table["m, mixture, fine-tuned"].tolist() == pytest.approx([0.1, 0.15])
    assert table.loc["own", "m, other, fine-tuned"] == pytest.approx(0.40001)
    in_table_1 = ["FNO-1e-3", 0.0156, 0.00954, 0.00474, 0.00427]  # arXiv 2403.03542
    assert table.loc["ns_thick", PUBLISHED.columns].tolist() == in_table_1
    assert table.loc["own", PUBLISHED.columns].isna().all()


@pytest.mark.parametrize(
    ("questions", "expected"),
    [
        (["control"], []),
        (["data"], ["data"]),
        (["size"], ["size"]),
        (["size", "data", "noise"], ["size", "data"]),
    ],
)
def test_a_report_has_the_tables_of_its_questions(questions, expected):
    """That of controls has no tables of the study."""
    asked = [experiment(question) for question in questions]
    found = supplements(asked, [], {"by_frame": BY_FRAME}, Study())
    assert [supplement.question for supplement in found] == expected
    without = [question for question in expected if question != "size"]
    for tables in ({}, {"by_frame": BY_FRAME[:0]}):
        assert [one.question for one in supplements(asked, [], tables, Study())] == without


def test_persistence_in_words_is_that_of_the_datasets_of_an_experiment():
    assert mean_of_persistence(BY_FRAME, cell_table(POINTS)) == pytest.approx((0.5 * 2.0) ** 0.5)


@pytest.mark.parametrize("name", ANSWERS.questions)
def test_every_question_is_answered_in_one_line_and_its_curves_in_sentences(name):
    question, asked = ANSWERS.questions[name], experiment(name)
    headline = question.headline(asked.cells, asked.savings, {"by_frame": BY_FRAME})
    assert "\n" not in headline
    assert headline.endswith(".")
    sentences = list(question.answer(asked.cells, asked.savings))
    assert sentences
    assert all(sentence.endswith((".", ")")) for sentence in sentences)


def test_curves_of_several_recipes_are_told_apart():
    asked = ANSWERS.questions["control"]
    longer = [(*point[:3], "longer", *point[4:]) for point in POINTS]
    for points, named in ((POINTS, False), (POINTS + longer, True)):
        sentences = " ".join(asked.answer(cell_table(points), savings_table(points)))
        assert [f", {recipe})" in sentences for recipe in ("r", "longer")] == [named, named]


def test_headlines_have_the_geometric_mean_over_datasets():
    cells = cell_table([p for p in POINTS if p[2] == "mixture" and p[4] == 0])
    for name in ("size", "noise"):
        headline = ANSWERS.questions[name].headline(cells, None, {"by_frame": BY_FRAME})
        assert float(f"{(0.3 * 0.2) ** 0.5:.2g}") in facts(headline)
