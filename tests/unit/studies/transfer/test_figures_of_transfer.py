import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import seaborn as sns
from matplotlib.colors import to_rgb

from cases import cell_table, error_table, savings_table
from pdetransfer.analysis.tables import errors_by_parameter
from pdetransfer.plan.entries import Figure
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import Tables, save
from pdetransfer.studies.transfer.answers import ANSWERS
from pdetransfer.studies.transfer.figures import FIGURES
from pictures import band, bars

STUDY = Study(
    pretrainings={
        init: {"dataset": dataset, "n_train": 99, "recipe": "r"}
        for init, dataset in (("poisson", "near"), ("helmholtz", "waves"), ("mixed", "all"))
    },
    datasets={
        "near": {"system": "poisson", "eigenvalue_range": [1, 5]},
        "far": {"system": "poisson", "eigenvalue_range": [5, 10]},
        "waves": {"system": "helmholtz", "omega_range": [1, 10]},
        "fast": {"system": "helmholtz", "omega_range": [11, 15]},
        "all": {"mix": ["near", "waves"]},
        "own": {"coefficients": [], "files": {"train": "a.h5", "validation": "b.h5", "test": "c.h5"}},
    },
)


FAR, FAST = "SYS-1, e from 5 to 10\nfar", "SYS-3, ω from 11 to 15\nfast"  # as figures name them


def curves(dataset="far", inits=("scratch", "poisson"), model="m", recipe="r", sizes=(8, 32, 128)):
    """Points as an experiment gives them: zero-shot and some sizes, three seeds, fine-tuned five times better."""
    random = np.random.default_rng(0)
    return [
        (dataset, model, init, recipe, n, seed, scale * max(n, 2) ** -0.4 * random.uniform(0.9, 1.1))
        for init in inits
        for scale in (1.0 if init == "scratch" else 0.2,)
        for n in (0, *sizes)
        for seed in (0, 1, 2)
    ]


DISTANCES = pd.DataFrame(
    [(name, init) for name in ("near", "far", "waves", "fast") for init in ("poisson", "helmholtz", "mixed")],
    columns=["dataset", "init"],
).assign(model="m", mass_in_common=0.5, wasserstein=2.0, spectral_distance=0.1, zero_shot_error=0.3)


def tables(points):
    by_parameter = errors_by_parameter(error_table(points))
    return Tables(cell_table(points), savings_table(points), by_parameter, {"distances": DISTANCES})


def draw(kind, drawn):
    n_train = 32 if ANSWERS.figures[kind].at_one_n else None
    entry = Figure(kind=kind, experiments=["e"], title="A title", n_train=n_train)
    return FIGURES[kind](drawn, entry, STUDY)


def texts(figure):
    return [text.get_text() for text in figure.findobj(plt.Text)]


@pytest.mark.parametrize("kind", FIGURES)
def test_every_kind_is_saved_in_every_format_and_repeats_itself(kind, tmp_path):
    for folder in ("first", "again"):
        paths = [tmp_path / folder / name for name in ("figure.svg", "figure.png", "figure.pdf")]
        save(lambda: draw(kind, tables(curves())), paths)
    for name in ("figure.svg", "figure.png", "figure.pdf"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("kind", FIGURES)
def test_tables_of_several_experiments_are_drawn_together(kind):
    """As the workflow reads them: one below the other, with the rows of a shared curve twice."""
    first, second = tables(curves()), tables(curves() + curves("near"))
    concerned = ("cells", "savings", "by_parameter")
    both = Tables(
        *(pd.concat([getattr(t, name) for t in (first, second)]) for name in concerned),
        {"distances": DISTANCES},
    )
    figure = draw(kind, both)
    assert any("A title" in text for text in texts(figure))
    plt.close(figure)


def test_error_vs_data_labels_the_arms_and_draws_the_ranges():
    drawn = tables(curves())
    figure = draw("error_vs_data", drawn)
    assert {
        "A title",
        "zero-shot",
        "untrained",
        "fine-tuned",
        "from scratch",
        "pre-training  U(1, 5)",
        "downstream  U(5, 10)",
    } <= set(texts(figure))
    assert bars(figure.axes[0]) == {0: [((5, 10), 0.3)], 1: [((1, 5), 0.3)]}  # downstream below
    left, right = figure.axes[0].get_xlim()
    assert left < 1 < 10 < right
    means = drawn.cells.groupby(["init", "n_train"])["test_error"].mean()
    zero = [line.get_xydata()[0].tolist() for line in figure.axes[1].lines if line.get_marker() == "D"]
    assert zero == [[pytest.approx(8 / 3), pytest.approx(means[init, 0])] for init in ("scratch", "poisson")]
    names = {text.get_text(): text.xy[1] for text in figure.axes[1].texts}
    assert names["untrained"] == pytest.approx(means["scratch", 0])
    assert names["zero-shot"] == pytest.approx(means["poisson", 0])
    means = means.drop(0, level="n_train")
    lines = [line.get_ydata() for line in figure.axes[1].lines if len(line.get_ydata()) == 3]
    for init in ("scratch", "poisson"):
        assert any(np.allclose(line, means[init]) for line in lines)
    plt.close(figure)


def test_bands_of_error_vs_data_are_quartiles_over_seeds():
    drawn = tables(curves())
    figure = draw("error_vs_data", drawn)
    cells = drawn.cells[drawn.cells["n_train"] > 0]
    bands = [band(collection) for collection in figure.axes[1].collections]
    for init, found in zip(("scratch", "poisson"), bands, strict=True):
        errors = cells[cells["init"] == init].groupby("n_train")["test_error"]
        assert list(found) == list(errors.groups)
        for n, ends in found.items():
            assert ends == pytest.approx(np.percentile(errors.get_group(n), [25, 75]))
    plt.close(figure)


@pytest.mark.parametrize("kind", ["error_vs_data", "data_savings"])
def test_models_recipes_and_inits_are_told_apart(kind):
    """Another recipe is a panel with a name, another model or pre-training a line or a panel with one."""
    inits = ("scratch", "poisson", "mixed")
    points = [
        point
        for model, recipe in (("m", "r"), ("large", "r"), ("m", "long"), ("large", "long"))
        for point in curves(inits=inits, model=model, recipe=recipe)
    ]
    figure = draw(kind, tables(points))
    labels = texts(figure)
    expected = {
        "error_vs_data": {"r", "long", "fine-tuned, own system m", "fine-tuned, mixed large"},
        "data_savings": {"m, r", "large, r", "m, long", "large, long", f"{FAR}, poisson"},
    }
    assert expected[kind] <= set(labels)
    plt.close(figure)


@pytest.mark.parametrize("kind", ["error_vs_data", "data_savings"])
def test_labels_do_not_cover_each_other_with_as_many_n_as_the_paper_has(kind):
    sizes = tuple(2**power for power in range(3, 16))
    drawn = tables([*curves(sizes=sizes), *curves("fast", inits=("scratch", "helmholtz"), sizes=sizes)])
    with plt.rc_context({"xtick.labelsize": 8}):
        figure = draw(kind, drawn)
    figure.canvas.draw()
    for axes in figure.axes:
        shown = [*axes.get_xticklabels(), *(text for text in axes.texts if text.get_text().endswith("×"))]
        boxes = [text.get_window_extent() for text in shown if text.get_text()]
        assert not [(one, other) for i, one in enumerate(boxes) for other in boxes[:i] if one.overlaps(other)]
    assert {"0", "8", "32K"} <= set(texts(figure))
    plt.close(figure)


def test_a_line_is_named_at_its_end_in_every_panel():
    """Panels share their scale of errors, which the last of them may widen."""
    worse = [(*point[:-1], 50 * point[-1]) for point in curves("fast", inits=("scratch", "helmholtz"))]
    drawn = tables([*curves(), *worse])
    figure = draw("error_vs_data", drawn)
    figure.canvas.draw()
    for axes in figure.axes[1::2]:
        for text in (text for text in axes.texts if text.get_text() in ("from scratch", "fine-tuned")):
            name_height = axes.transAxes.transform(text.xyann)[1]
            line_height = axes.transData.transform(text.xy)[1]
            assert abs(name_height - line_height) < 12  # pixels
    plt.close(figure)


def arm_colours(figure):
    """Colours of the labels that name an arm, beside curves and in legends."""
    found = set()
    for text in figure.findobj(plt.Text):
        if text.get_text() in ("from scratch", "untrained") or text.get_text().startswith("fine-tuned"):
            found.add((text.get_text().split(", ")[-1], to_rgb(text.get_color())))
    for axes in figure.axes:
        for line, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.add((label.split(", ")[-1], to_rgb(line.get_color())))
    return {(name, colour) for name, colour in found if colour != (0, 0, 0)}  # texts of legends are black


def test_an_arm_has_the_same_colour_in_every_figure_and_panel():
    """Whatever the system, and whichever arms a panel has besides."""
    palette = sns.color_palette("colorblind")
    orange, blue, purple = palette[1], palette[0], palette[4]
    roles = {"from scratch": orange, "untrained": orange, "own system": blue, "mixed": purple}
    roles |= {"fine-tuned": blue}  # where there is but one
    own = [*curves("far", ("scratch", "poisson")), *curves("fast", ("helmholtz", "scratch"))]
    mixed = [
        *curves("far", ("mixed", "poisson", "scratch")),
        *curves("fast", ("scratch", "helmholtz", "mixed")),
    ]
    seen = set()
    for points in (own, mixed):
        for kind in ("error_vs_data", "error_by_parameter"):
            figure = draw(kind, tables(points))
            found = arm_colours(figure)
            plt.close(figure)
            assert "from scratch" in dict(found)
            for name, colour in found:
                assert colour == pytest.approx(roles[name]), (kind, name)
            seen |= {name for name, _ in found}
    assert seen == set(roles)


def test_panels_of_systems_have_their_own_parameter_and_ranges():
    points = [
        *curves("far", ("scratch", "poisson", "mixed")),
        *curves("fast", ("scratch", "helmholtz", "mixed")),
    ]
    figure = draw("error_vs_data", tables(points))
    labels = set(texts(figure))
    assert {FAR, FAST, "downstream  U(5, 10)", "downstream  U(11, 15)"} <= labels
    assert {"pre-training, own system  U(1, 5)", "pre-training, own system  U(1, 10)"} <= labels
    assert {"pre-training, mixed  U(1, 5)", "pre-training, mixed  U(1, 10)"} <= labels
    plt.close(figure)


def test_data_savings_marks_bounds():
    figure = draw("data_savings", tables(curves()))
    labels = texts(figure)
    assert "≥ 16×" in labels  # 8 examples do better than 128 from scratch
    assert "no savings" in labels
    (none,) = (line for line in figure.axes[0].lines if line.get_linestyle() == "--")
    np.testing.assert_array_equal(none.get_xydata(), [(n, n) for n in (8, 32, 128)])
    plt.close(figure)


def test_data_savings_has_a_panel_for_each_system_and_a_line_for_each_dataset():
    points = [
        *curves("far"),
        *curves("near"),
        *curves("fast", ("scratch", "helmholtz")),
        *curves("waves", ("scratch", "helmholtz")),
    ]
    drawn = tables(points)
    figure = draw("data_savings", drawn)
    assert [axes.get_title() for axes in figure.axes] == ["SYS-1", "SYS-3"]
    assert [axes.get_legend_handles_labels()[1] for axes in figure.axes] == [
        [FAR, "SYS-1, e from 1 to 5\nnear"],
        [FAST, "SYS-3, ω from 1 to 10\nwaves"],
    ]
    lines = [line.get_ydata() for line in figure.axes[1].lines if len(line.get_ydata()) == 4]
    for dataset in ("fast", "waves"):
        expected = drawn.savings[drawn.savings["dataset"] == dataset].sort_values("n_train")["equivalent_n"]
        assert any(np.allclose(line, expected) for line in lines)
    plt.close(figure)


@pytest.mark.parametrize("tuned", [["poisson"], ["poisson", "mixed"]])
@pytest.mark.parametrize("datasets", [["far"], ["far", "near"]])
def test_lines_of_data_savings_stand_side_by_side(datasets, tuned):
    """Points of one n_train, with their intervals, hide none of another line: they stand apart, about where a
    single one stands, nearer to each other than to those of another n_train."""
    points = [point for dataset in datasets for point in curves(dataset, ["scratch", *tuned])]
    figure = draw("data_savings", tables(points))
    sizes = np.array([8 / 3, 8, 32, 128])
    (axes,) = figure.axes
    lines = [line for line in axes.lines if len(line.get_xdata()) == len(sizes)]
    assert len(lines) == len(datasets) * len(tuned)
    places = np.array([line.get_xdata() for line in lines]) / sizes
    assert np.exp(np.log(places).mean(axis=0)) == pytest.approx(np.ones(len(sizes)))
    assert (np.diff(places, axis=0) > 0.03).all()
    assert (places.max(axis=0) / places.min(axis=0) < 1.5).all()
    marks = [line for line in axes.lines if line.get_marker() in ("o", "^", "v") and len(line.get_xdata())]
    bars = [line for line in axes.lines if len(line.get_xdata()) == 2]
    assert sorted(mark.get_xdata()[0] for mark in marks) == sorted((places * sizes).ravel())
    assert {bar.get_xdata()[0] for bar in bars} == {mark.get_xdata()[0] for mark in marks}
    plt.close(figure)


def test_data_savings_draws_the_interval_of_every_point():
    drawn = tables(curves())
    figure = draw("data_savings", drawn)
    intervals = [tuple(line.get_ydata()) for line in figure.axes[0].lines if len(set(line.get_xdata())) == 1]
    expected = drawn.savings[["equivalent_low", "equivalent_high"]].itertuples(index=False, name=None)
    assert set(expected) <= set(intervals)
    plt.close(figure)


def test_savings_by_distance_draws_each_pair_in_each_panel_with_its_interval_and_bound():
    """Farther is to the right; a panel leaves out what has no such distance."""
    drawn = tables(
        [*curves("far", ("scratch", "poisson", "mixed")), *curves("fast", ("scratch", "helmholtz"))]
    )
    distances = DISTANCES.assign(wasserstein=np.arange(len(DISTANCES), dtype=float))
    distances.loc[distances["dataset"] == "fast", "mass_in_common"] = np.nan
    figure = draw("savings_by_distance", dataclasses.replace(drawn, tables={"distances": distances}))
    assert "A title, n = 32" in texts(figure)
    assert {"SYS-1", "SYS-3", "pre-trained on a mixture"} <= set(texts(figure))
    savings = drawn.savings[drawn.savings["n_train"] == 32]
    expected = savings.merge(distances, on=["dataset", "model", "init"])
    assert len(expected) == 3
    for panel, column in zip(figure.axes, ("wasserstein", "mass_in_common"), strict=False):
        marks = [
            line for line in panel.lines if line.get_marker() in ("o", "^", "v") and len(line.get_xdata())
        ]
        there = expected.dropna(subset=column)
        points = sorted((line.get_xdata()[0], line.get_ydata()[0], line.get_marker()) for line in marks)
        markers = there["bound"].map({"exact": "o", "lower": "^", "upper": "v"})
        assert points == sorted(zip(there[column], there["ratio"], markers, strict=True))
        ends = {tuple(line.get_ydata()) for line in panel.lines if line.get_marker() == "None"}
        assert [{*line.get_ydata()} for line in panel.lines if line.get_linestyle() == "--"] == [{1}]
        intervals = there[["equivalent_low", "equivalent_high"]] / 32
        assert set(intervals.itertuples(index=False, name=None)) <= ends
    assert figure.axes[1].xaxis_inverted()
    plt.close(figure)


def test_error_by_parameter_draws_the_means_at_the_asked_n_alone():
    drawn = tables([*curves("far"), *curves("fast", ("scratch", "helmholtz"))])
    figure = draw("error_by_parameter", drawn)
    assert "A title, n = 32" in texts(figure)
    assert [axes.get_title() for axes in figure.axes] == ["SYS-1", "SYS-3"]
    assert "omega" in figure.axes[1].get_xlabel()
    rows = drawn.by_parameter
    for axes, dataset, init in zip(figure.axes, ("far", "fast"), ("poisson", "helmholtz"), strict=True):
        lines = [line.get_xydata() for line in axes.lines if len(line.get_xydata())]
        assert len(lines) == 2
        for line, arm in zip(lines, ("scratch", init), strict=True):
            of_arm = rows[(rows["dataset"] == dataset) & (rows["init"] == arm) & (rows["n_train"] == 32)]
            np.testing.assert_allclose(line, of_arm[["parameter", "test_error"]])
        (span,) = axes.patches  # of the pre-training
        ends = span.get_x(), span.get_x() + span.get_width()
        assert ends == {"poisson": (1, 5), "helmholtz": (1, 10)}[init]
    plt.close(figure)


@pytest.fixture
def of_users():
    """Tables of a user's files alone, of which neither system nor physics parameter is known."""
    drawn = tables(curves("own", ("scratch", "poisson")))
    unknown = DISTANCES.assign(mass_in_common=np.nan, wasserstein=np.nan, dataset="own").drop_duplicates()
    return dataclasses.replace(drawn, by_parameter=drawn.by_parameter[:0], tables={"distances": unknown})


@pytest.mark.parametrize("kind", FIGURES)
def test_every_kind_is_drawn_of_users_files_alone(of_users, kind):
    figure = draw(kind, of_users)
    figure.draw_without_rendering()
    is_drawn = any("A title" in text for text in texts(figure))
    assert is_drawn or "These datasets are users' files, of which no physics parameter is known." in texts(
        figure
    )
    assert is_drawn == (kind != "error_by_parameter")
    plt.close(figure)


def test_larger_models_are_darker_and_named_by_their_size():
    points = [*curves(), *curves(model="large")]
    cells = tables(points).cells
    cells.loc[cells["model"] == "large", "num_parameters"] = 1_055_137
    figure = draw("error_vs_data", dataclasses.replace(tables(points), cells=cells))
    colours = {text.get_text(): np.mean(to_rgb(text.get_color())) for text in figure.findobj(plt.Text)}
    assert colours["fine-tuned 1.06M"] < colours["fine-tuned 0K"]
    plt.close(figure)
