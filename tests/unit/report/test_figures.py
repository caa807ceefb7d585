"""What figures are drawn with."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from pdetransfer.plan.study import Study
from pdetransfer.report.figures import (
    MIXED_COLOURS,
    OWN_COLOURS,
    SCRATCH_COLOUR,
    arms,
    grid_of_panels,
    label_ends,
    labelled_n,
    log_log,
    panel_name,
    positions,
    save,
    systems,
)

STUDY = Study(
    pretrainings={
        init: {"dataset": dataset, "n_train": 99, "recipe": "r"}
        for init, dataset in (("poisson", "near"), ("far_poisson", "far"), ("mixed", "all"))
    },
    datasets={
        "near": {"system": "poisson"},
        "far": {"system": "poisson"},
        "own": {"files": {"train": "t", "validation": "v", "test": "s"}, "coefficients": []},
        "all": {"mix": ["near", "far"]},
    },
)


def arms_of(*inits):
    drawn = arms(pd.DataFrame({"init": inits, "dataset": "far"}), STUDY)
    return [(arm.init, arm.name, arm.colour) for arm in drawn]


def test_an_arm_has_the_colour_of_its_kind_and_a_name_where_there_are_several():
    scratch = ("scratch", "from scratch", SCRATCH_COLOUR)
    assert arms_of("poisson", "scratch", "poisson") == [scratch, ("poisson", "fine-tuned", OWN_COLOURS[0])]
    assert arms_of("mixed", "poisson", "far_poisson") == [
        ("mixed", "fine-tuned, mixed", MIXED_COLOURS[0]),
        ("poisson", "fine-tuned, own system", OWN_COLOURS[0]),
        ("far_poisson", "fine-tuned, far poisson", OWN_COLOURS[1]),
    ]


def test_a_dataset_without_a_system_stands_for_itself():
    assert systems(pd.Series(["near", "own"]), STUDY).to_list() == ["poisson", "own"]


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 2, 2)])
def test_panels_share_their_scale_and_have_a_low_one_above_where_they_show_ranges(count, rows, columns):
    _, axes = grid_of_panels([None] * count, 2.0)
    assert len(axes) == count
    assert axes[0].get_gridspec().get_geometry() == (rows, columns)
    _, axes = grid_of_panels([None] * count, 2.0, with_ranges=True)
    assert axes[0][0].get_gridspec().get_geometry() == (2 * rows, columns)
    axes[-1][1].set_ylim(3, 4)
    assert all(curves.get_ylim() == (3, 4) for _, curves in axes)
    plt.close("all")


def test_a_panel_is_named_by_what_tells_it_from_others():
    panels = [(names, None) for names in (("near", "m", "r"), ("far", "m", "s"), ("far", "m", "r"))]
    assert panel_name(panels[1][0], panels) == "far, s"
    assert panel_name(panels[1][0], panels[:2]) == "far"
    assert panel_name(panels[0][0], panels[:1]) == ""


def test_an_n_train_stands_in_logarithmic_order_with_0_left_of_the_smallest():
    assert positions(pd.Series([0, 6, 60])).to_list() == [2, 6, 60]
    figure, axes = plt.subplots()
    n_train = pd.Series([0, 512, 2048])
    log_log(axes, pd.DataFrame({"n_train": n_train, "x": positions(n_train)}))
    assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "512", "2K"]
    plt.close(figure)


def test_where_there_are_many_n_train_every_other_one_is_labelled():
    assert labelled_n(pd.Series([0, 1, 2])) == {0, 1, 2}
    assert labelled_n(pd.Series([0, *range(1, 11)])) == {0, 2, 4, 6, 8, 10}


def test_names_at_the_ends_of_lines_are_moved_apart():
    figure, axes = plt.subplots()
    axes.set(yscale="log", ylim=(0.01, 1))
    label_ends(axes, [(1, 0.1, "low", "k"), (1, 0.101, "high", "k"), (1, 0.9, "far", "k")])
    heights = {text.get_text(): text.xyann[1] for text in axes.texts}
    assert heights["high"] - heights["low"] == pytest.approx(0.055)
    assert heights["far"] > heights["high"] + 0.3
    plt.close(figure)


def test_a_figure_is_saved_in_every_format_and_repeats_itself(tmp_path):
    for folder in ("first", "again"):
        save(lambda: plt.subplots()[0], [tmp_path / folder / f"f.{end}" for end in ("svg", "png", "pdf")])
    for end in ("svg", "png", "pdf"):
        assert (tmp_path / f"first/f.{end}").read_bytes() == (tmp_path / f"again/f.{end}").read_bytes()
