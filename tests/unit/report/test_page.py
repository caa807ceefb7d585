import dataclasses
import re

import pandas as pd
import pytest

from cases import cell_table, error_table, savings_table
from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.comparison import compare, summary
from pdetransfer.analysis.fits import scaling_laws
from pdetransfer.plan import entries
from pdetransfer.plan.answers import Question
from pdetransfer.plan.study import Study
from pdetransfer.report.page import (
    Data,
    Experiment,
    Picture,
    Supplement,
    caption,
    render,
    render_comparison,
    sizes,
    stages,
)
from pdetransfer.report.page import sections as sections_of


def question(title):
    """One that says how many rows it was given, and the largest savings of each experiment."""
    return Question(
        title,
        lambda cells, savings, tables: (
            f"{title}: {len(cells)} rows, {len(savings)} savings, {len(tables)} tables"
        ),
        lambda cells, savings: iter([f"up to {savings['ratio'][savings['n_train'] > 0].max():.3g} times"]),
    )


QUESTIONS = {name: question(f"Title of {name}") for name in ("data", "shift", "control")}


def sections(experiments, pictures, supplements=()):
    return sections_of(experiments, pictures, list(supplements), {"own": pd.DataFrame()}, QUESTIONS)


def experiment(name="data_scaling", question="data", n_train=(0, 8, 32, 128)):
    """Fine-tuned models have half the error of a square-root law: four times the data."""
    points = [
        ("far", "m", init, "r", n, seed, scale * max(n, 2) ** -0.5)
        for init, scale in (("scratch", 1.0), ("poisson", 0.5))
        for n in n_train
        for seed in (0, 1)
    ]
    axes = {"dataset": ["far"], "model": ["m"], "init": ["scratch", "own"], "recipe": ["r"]}
    entry = entries.Experiment(question=question, n_train=n_train, **axes)
    return Experiment(name, entry, cell_table(points), savings_table(points))


def picture(name="fig3", experiments=("data_scaling",), kind="error_vs_data"):
    entry = entries.Figure(kind=kind, experiments=experiments, title=f"Title of {name}")
    return Picture(
        name, entry, f'<?xml version="1.0"?><svg id="drawn_{name}"></svg>', ["What it is.", "How."]
    )


def test_a_summary_says_what_was_run():
    cells = experiment().cells
    at_edge = (cells["init"] == "poisson") & (cells["n_train"] == 8)
    cells.loc[at_edge, "learning_rate_edge"] = "low"
    cells.loc[cells["n_train"] == 128, "steps"] = 1600
    summary = Experiment("e", experiment().entry, cells, experiment().savings).summary
    expected = {
        "datasets": "far",
        "models": "m (99 parameters)",
        "inits": "scratch, poisson",
        "downstream examples": "0, 8, 32, 128",
        "seeds": "0, 1",
        "steps of a run": "16 to 1,600",
        "examples seen by the chosen runs": "2,688",  # 4 epochs of 8, 32 and 128, for two arms and seeds
        "seconds of the chosen runs": "24",
        "chosen learning rates at the edge of their grid": "1 of 6",
        "data savings that are bounds": "1 of 3 (33 %); 1: scratch ends at 128",
    }
    assert expected.items() <= summary.items()


def test_sections_follow_the_questions_with_their_experiments_and_figures():
    """A figure stands where its first experiment does; a question that is not asked has no section."""
    asked = [experiment("s", "shift"), experiment("d"), experiment("s2", "shift"), experiment("m", "control")]
    drawn = [picture("a", ["s2", "d"]), picture("b", ["d", "s"]), picture("c", ["d"])]
    found = sections(asked, drawn)
    assert [section.name for section in found] == ["data", "shift", "control"]
    assert [section.question for section in found] == [*QUESTIONS.values()]
    assert [[e.name for e in section.experiments] for section in found] == [["d"], ["s", "s2"], ["m"]]
    assert [[p.name for p in section.pictures] for section in found] == [["b", "c"], ["a"], []]


def test_a_supplement_stands_in_the_section_of_its_question():
    table = pd.DataFrame({"a column": ["<a value>"]})
    beside = [Supplement("shift", "A title", ["A sentence.", "Another."], table)]
    found = sections([experiment(), experiment("s", "shift")], [], beside)
    assert [section.supplements for section in found] == [[], beside]
    html = render(STUDY, found, [], None, NO_DATA, {})
    for text in ("<h3>A title</h3>", "<p>A sentence.</p>", "a column", "&lt;a value&gt;"):
        assert text in html[html.index('<h2 id="shift">') :], text


def test_a_supplement_without_a_row_says_so_and_savings_without_one_are_left_out():
    empty = Supplement("data", "A title", ["A sentence."], pd.DataFrame(columns=["a column"]))
    for asked, has_savings in ((experiment(), True), (experiment(n_train=(0,)), False)):
        body = body_of(render(STUDY, sections([asked], [], [empty]), [], None, NO_DATA, {}))
        assert "a column" not in body
        assert re.search(r"<p>A sentence.</p>\s*<p>", body)
        assert ("<summary>Data savings" in body) == has_savings == bool(len(asked.savings))


def test_the_answers_of_a_section_are_those_of_its_experiments_and_its_headline_is_of_all():
    (section,) = sections([experiment("a"), experiment("b", n_train=(8, 32))], [])
    assert section.answers == ["up to 4 times", "up to 4 times"]
    assert section.headline == "Title of data: 24 rows, 6 savings, 1 tables"


def test_a_caption_is_the_docstring_of_what_draws_it():
    def draw():
        """What is drawn.

        How to read it,
        on two lines.
        """

    assert caption(draw) == ["What is drawn.", "How to read it,\non two lines."]


def test_stages_sum_time_and_take_the_largest_memory_of_each_rule(tmp_path):
    jobs = {
        "train/a/n8.tsv": "s\tmax_rss\n10.5\t300\n",
        "train/a/n16.tsv": "s\tmax_rss\n20\t500\n",
        "train/b/packed.tsv": "s\tmax_rss\n1\t-\n",  # too short to be measured
        "report.tsv": "s\tmax_rss\n2\t100\n",
    }
    for name, text in jobs.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    table = stages(sorted(tmp_path.rglob("*.tsv")), tmp_path).set_index("stage")
    assert table.loc["train"].to_list() == [3, 31.5, 500]
    assert table.loc["report"].to_list() == [1, 2, 100]
    assert len(table) == 2


def test_sizes_count_all_files_below_a_folder(tmp_path):
    for name, size in (("cells/a/b.bin", 1_000_000), ("cells/c.bin", 500_000), ("tables/d.csv", 1000)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(bytes(size))
    (tmp_path / "report.html").write_text("no folder")
    table = sizes(tmp_path)
    assert table.to_numpy().tolist() == [["cells", 2, 1.5], ["tables", 1, 0.001]]


CLAIM = {
    "claim": "TL1",
    "statement": "Pre-training saves <data>",
    "place": "Fig. 3",
    "quantity": "smallest_savings",
    "verdict": "fails",
    "value": 1.23456,
    "low": 1.0,
    "high": 2.5,
    "bounds": {"at_least": 50},
    "cells": [],
    "tested": "Pre-training saves fifty times the data",
    "censored": 0.25,
}
NOT_RUN = CLAIM | {"verdict": "not run", "value": None, "low": None, "high": None, "censored": None}
NO_INTERVAL = CLAIM | {"low": None, "high": None, "censored": 0.0}


STUDY = Study(
    name="folder",
    scale="tiny",
    title="What is asked?",
    about="A study of <things>.",
    pretrainings={"poisson": {"dataset": "near", "n_train": 4711, "recipe": "r"}},
    datasets={"near": {"system": "poisson"}, "far": {"system": "poisson"}},
)


#: Of controls that use what is shown in the report.
NO_DATA = Data(None, [], {}, 12, [], of_controls=True)


def html_of(experiments, pictures, claims=(), data=NO_DATA, laws=None):
    costs = {"Forecast": pd.DataFrame({"experiment": ["all"], "trainings": [4321]})}
    return render(STUDY, sections(experiments, pictures), list(claims), laws, data, costs)


def body_of(html):
    """The page without the libraries that it holds."""
    return re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)


def test_the_report_needs_no_other_file():
    table = pd.DataFrame({"dataset": ["far"], "largest_residual": [1e-13]})
    figures = [('<svg id="systems"></svg>', "Three systems."), ('<svg id="ranges"></svg>', "Ranges.")]
    data = Data(table, figures, {"far": b"png"}, 1234, [])
    html = html_of([experiment()], [picture()], [CLAIM], data)
    assert not re.search(r'(src|href)\s*=\s*["\'](?!#|data:)', body_of(html))
    assert not re.search(r"<script[^>]+src=", html)
    assert "default-src 'none'" in html  # what the browser is told, and `test_browser.py` sees it do
    for text in (
        '<svg id="drawn_fig3">',
        "Title of fig3",
        '<svg id="systems">',
        "Three systems.",
        '<svg id="ranges">',
        '<img src="data:image/png;base64,cG5n"',
        "1,234",
        "data scaling",
        "4321",
        "Pre-training saves &lt;data&gt;",
        "4711",  # of the config
    ):
        assert text in html, text
    assert "<?xml" not in body_of(html)


@pytest.mark.parametrize(
    ("residuals", "told"),
    [
        ([1e-13, 1e-3], "All solutions satisfy their equation: the largest"),
        ([1e-13, None], "Where it is known, solutions satisfy their equation: the largest"),
        ([None, None], "No equation of these data is known, and none was checked. Of"),
    ],
)
def test_the_report_claims_no_equation_of_data_that_have_none(residuals, told):
    table = pd.DataFrame({"dataset": ["far", "own"], "largest_residual": residuals})
    body = body_of(html_of([experiment()], [picture()], data=Data(table, [], {}, 12, [])))
    assert f"<p>{told}" in body


def test_the_report_says_what_sets_have_in_common():
    table = pd.DataFrame({"dataset": ["far"], "largest_residual": [1e-13]})
    none, some = (
        body_of(html_of([experiment()], [picture()], data=Data(table, [], {}, 12, shared)))
        for shared in ([], ["a/train and b/train share 7 inputs"])
    )
    assert "No two have the same source" in none
    assert "No two have the same source" not in some
    assert "<li>a/train and b/train share 7 inputs</li>" in some


def test_the_report_says_whose_study_it_is_and_how_a_figure_is_read():
    body = body_of(html_of([experiment()], [picture()], [CLAIM]))
    for text in (
        "<h1>What is asked?</h1>",
        "Tiny scale. A study of &lt;things&gt;.",
        "config/folder/claims.yaml",
    ):
        assert text in body, text
    assert "<p>What it is.</p><p>How.</p>" in body


def test_the_report_gives_every_answer_and_links_to_its_section():
    asked = [experiment("d"), experiment("s", "shift"), experiment("c", "control")]
    html = html_of(asked, [picture("fig5", ["s"])])
    assert len(sections(asked, [])) == 3
    for section in sections(asked, []):
        assert f'href="#{section.name}"' in html
        assert f'id="{section.name}"' in html
        assert section.question.title in html
        for answer in (section.headline, *section.answers):
            assert answer in html


def test_claims_are_shown_with_value_interval_and_verdict_and_without_a_value_where_not_run():
    body = body_of(html_of([experiment()], [], [CLAIM, NOT_RUN]))
    for text in (
        "TL1",
        "1.23",
        "1 to 2.5",
        "25 % censored",
        "at least 50",
        "fails",
        "fifty times",
        "not run",
    ):
        assert text in body, text
    assert "2 claims: fails 1, not run 1." in body
    assert ">none</td>" not in body
    assert ">none</td>" in body_of(html_of([experiment()], [], [NO_INTERVAL]))
    assert "None" not in body


def test_scaling_laws_are_a_section_of_their_own():
    points = [("far", "m", "scratch", "r", n, seed, n**-0.5) for n in (8, 32, 128, 512) for seed in (0, 1)]
    laws = scaling_laws(Replicates([error_table(points)]), {"m": 99}, {})
    body = body_of(html_of([experiment()], [], laws=laws))
    assert '<a href="#laws">' in body
    assert '<h2 id="laws">' in body
    assert "power law: no floor identified" in body
    assert "<td>0.5</td>" in body
    assert "#laws" not in body_of(html_of([experiment()], [], laws=laws[:0]))


def test_a_report_of_controls_has_no_claims_and_shows_the_datasets_that_they_alone_use():
    table = pd.DataFrame({"dataset": ["finer"], "largest_residual": [1e-13]})
    some = Data(table, [], {"finer": b"png"}, 12, [], of_controls=True)
    for data in (NO_DATA, some):
        body = body_of(html_of([experiment()], [], data=data))
        assert 'id="claims"' not in body
        assert "Of 12\nexamples in all splits" in body
        assert "the datasets that controls alone use" in body
        assert ("finer" in body) == (data is some)
    whole = body_of(html_of([experiment()], [], data=Data(table, [], {}, 12, [])))
    assert "that controls alone use" not in whole


def test_datasets_stand_in_words_and_as_the_config_has_them_in_tables_answers_and_headings():
    """In an answer by their whole names alone."""
    told = dataclasses.replace(
        QUESTIONS["data"], answer=lambda cells, savings: ["On far, not far-off <far>."]
    )
    (section,) = sections([experiment()], [])
    table = pd.DataFrame({"dataset": ["far", "<other>"], "largest_residual": [1e-13] * 2})
    section = dataclasses.replace(section, question=told)
    body = body_of(render(STUDY, [section], [], None, Data(table, [], {"far": b"png"}, 12, []), {}))
    assert "<li>On SYS-1 (<code>far</code>), not far-off &lt;SYS-1 (<code>far</code>)&gt;.</li>" in body
    assert (
        body.count("<td>SYS-1 (<code>far</code>)</td>")
        == len(experiment().cells) + len(experiment().savings) + 2
    )
    assert "<td>&lt;other&gt;</td>" in body
    assert "<summary>SYS-1 (<code>far</code>)</summary>" in body


def test_zero_shot_rows_of_the_table_are_empty_where_nothing_was_trained():
    html = experiment().table_html({})
    assert html.count("<tr") == 1 + 2 * 4 * 2
    assert not re.search(r"nan|None", html, re.IGNORECASE)


def test_the_page_of_a_comparison_has_its_summary_every_cell_and_needs_no_other_file():
    points = [("far", "m", "scratch", "r", n, seed, n**-0.5 + seed) for n in (8, 32) for seed in (0, 1)]
    errors = error_table(points).assign(experiment="e")
    table = compare(errors, errors.assign(error=errors["error"] * 2), {"far"})
    html = render_comparison(table, "results/ours", "/a/<colleague>")
    for text in (summary(table), "results/ours", "/a/&lt;colleague&gt;", "2 of 2 cells", "chart_comparison"):
        assert text.replace("'", "&#39;") in html, text
    assert len(re.findall(r"<tr>\s*<td>far</td>", body_of(html))) == 2
    assert "default-src 'none'" in html
    assert not re.search(r'(src|href)\s*=\s*["\'](?!#|data:)', body_of(html))
