"""Figures of the study as data: what is drawn is what the tables have."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from cases import cell_table, savings_table
from pdetransfer.plan.entries import Figure
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import Tables, save
from pdetransfer.studies.dpot.figures import FIGURES
from pdetransfer.studies.dpot.questions import PERSISTENCE
from pictures import band

STUDY = Study(
    datasets={name: {"system": "shallow_water", "time": 1, "num_frames": 4} for name in ("near", "far")},
    pretrainings={"mixture": {"dataset": "near", "n_train": 99, "recipe": "r"}},
)
FRAMES = range(4)
FLOOR = {"near": 0.7, "far": 0.9}


def error_of(dataset, model, frame):
    return {"near": 0.1, "far": 0.2}[dataset] * {"small": 2.0, "large": 1.0}[model] * (1 + frame)


POINTS = [
    (dataset, model, init, "r", n, 0, error_of(dataset, model, 0) / (1 + n))
    for dataset in ("near", "far")
    for model in ("small", "large")
    for init in ("mixture", "scratch")
    for n in (0, 8, 32)
    if n or init != "scratch"
]
BY_FRAME = pd.DataFrame(
    [
        (dataset, model, "mixture", "r", n, frame, scale * error, scale * error / 2, scale * error * 2)
        for dataset in ("near", "far")
        for model in ("small", "large")
        for n, scale in ((0, 1.0), (8, 0.5))
        for frame in FRAMES
        for error in (error_of(dataset, model, frame),)
    ]
    + [
        (dataset, PERSISTENCE, np.nan, np.nan, 0, frame, floor * (1 + frame), 0.0, 1.0)
        for dataset, floor in FLOOR.items()
        for frame in FRAMES
    ],
    columns=["dataset", "model", "init", "recipe", "n_train", "frame", "error", "low", "high"],
)


def tables(points=POINTS):
    return Tables(cell_table(points), savings_table(points), pd.DataFrame(), {"by_frame": BY_FRAME})


def draw(kind, drawn):
    return FIGURES[kind](drawn, Figure(kind=kind, experiments=["e"], title="A title"), STUDY)


def panels(figure):
    named = {axes.get_title().rpartition("\n")[2]: axes for axes in figure.axes}
    return {dataset: axes for dataset, axes in named.items() if dataset in FLOOR}


def twice(drawn):
    """As two experiments give them that share all curves."""
    both = (pd.concat([getattr(drawn, name)] * 2) for name in ("cells", "savings", "by_parameter"))
    return Tables(*both, drawn.tables)


@pytest.mark.parametrize("kind", FIGURES)
def test_every_kind_is_saved_in_every_format_and_repeats_itself(kind, tmp_path):
    for folder in ("first", "again"):
        save(lambda: draw(kind, tables()), [tmp_path / folder / name for name in ("f.svg", "f.png", "f.pdf")])
    for name in ("f.svg", "f.png", "f.pdf"):
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


@pytest.mark.parametrize("shared", [False, True])
def test_errors_by_size_are_those_of_the_table_with_the_floor_of_persistence(shared):
    drawn = tables()
    figure = draw("error_by_size", twice(drawn) if shared else drawn)
    assert list(panels(figure)) == ["near", "far"]
    for dataset, axes in panels(figure).items():
        points = [line for line in axes.lines if line.get_marker() == "o"]
        floors = [line for line in axes.lines if line.get_linestyle() == "--"]
        bars = [line for line in axes.lines if line not in points + floors]
        assert [line.get_ydata()[0] for line in points] == pytest.approx(
            [error_of(dataset, model, 0) for model in ("small", "large")]
        )
        rows = drawn.cells[(drawn.cells["dataset"] == dataset) & (drawn.cells["n_train"] == 0)]
        expected = rows[["test_error_q25", "test_error_q75"]].to_numpy()
        np.testing.assert_allclose([line.get_ydata() for line in bars], expected)
        assert [float(line.get_ydata()[0]) for line in floors] == [FLOOR[dataset]]
        assert [label.get_text() for label in axes.get_xticklabels()] == ["small", "large"]
    plt.close(figure)


@pytest.mark.parametrize("shared", [False, True])
def test_errors_over_time_are_those_of_the_table_without_further_training(shared):
    figure = draw("error_over_time", twice(tables()) if shared else tables())
    assert list(panels(figure)) == ["near", "far"]
    for dataset, axes in panels(figure).items():
        lines = {line.get_label(): line for line in axes.lines}
        assert list(lines) == ["small", "large", "last frame repeated"]
        for name, line in lines.items():
            np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
            floor = [FLOOR[dataset] * (1 + frame) for frame in (1, 2, 3)]
            expected = floor if name.startswith("last") else [error_of(dataset, name, f) for f in (1, 2, 3)]
            assert list(line.get_ydata()) == pytest.approx(expected)
            assert (line.get_linestyle() == "--") == name.startswith("last")
        for collection, model in zip(axes.collections, ("small", "large"), strict=True):
            errors = {frame: error_of(dataset, model, frame) for frame in (1, 2, 3)}
            expected = {frame: pytest.approx((error / 2, error * 2)) for frame, error in errors.items()}
            assert band(collection) == expected
    plt.close(figure)


def test_a_model_has_one_colour_in_all_figures_and_panels():
    """Where inits differ and models do not, the inits are named."""
    points = [("near", "small", init, "r", 0, 0, 0.1) for init in ("mixture", "clean")]
    figure = draw("error_by_size", tables(points))
    assert [label.get_text() for label in panels(figure)["near"].get_xticklabels()] == ["mixture", "clean"]
    figure, other = draw("error_by_size", tables()), draw("error_over_time", tables())
    colours = {
        (title, place): line.get_color()
        for title, axes in panels(figure).items()
        for place, line in enumerate(line for line in axes.lines if line.get_marker() == "o")
    }
    for title, axes in panels(other).items():
        for place in range(2):
            assert axes.lines[place].get_color() == colours[title, place] == colours["near", place]
    plt.close("all")
