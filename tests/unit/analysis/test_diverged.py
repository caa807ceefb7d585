"""Cells in which a run diverged have infinite errors: what is made of the others is as if they were not there."""

import numpy as np
import pandas as pd
import pytest

from cases import error_table
from pdetransfer.analysis.bootstrap import Replicates, interval
from pdetransfer.analysis.comparison import compare
from pdetransfer.analysis.fits import scaling_laws
from pdetransfer.analysis.savings import data_savings

POINTS = [
    ("far", model, init, "r", n, seed, scale * n**-0.5 * (1 + 0.1 * seed))
    for model in ("m", "l")
    for init, scale in (("scratch", 1.0), ("poisson", 0.5))
    for n in (16, 64, 256)
    for seed in (0, 1)
]
#: A run of both arms of a model on 64 examples diverged.
SPOILT = [
    (*point[:6], np.inf) if (point[1], point[4], point[5]) == ("m", 64, 1) else point for point in POINTS
]
LEFT = [point for point in POINTS if (point[1], point[4]) != ("m", 64)]


def test_a_mean_is_infinite_in_the_replicates_that_draw_the_seed_that_diverged():
    plain, spoilt = (Replicates([error_table(points)]).means for points in (POINTS, SPOILT))
    axes = ("far", "m", "scratch", "r", 64)
    assert spoilt[axes][0] == np.inf
    assert 0.6 < np.isposinf(spoilt[axes][1:]).mean() < 0.9  # of two seeds, in three of four
    for other in plain.keys() - {axes, ("far", "m", "poisson", "r", 64)}:
        np.testing.assert_array_equal(spoilt[other], plain[other])
    assert interval(spoilt[axes])[1] == np.inf


def test_a_cell_counts_as_diverged_whatever_seeds_a_replicate_draws():
    """Of each of 20 cells one of two seeds diverged; some first replicates draw the other one twice."""
    points = [
        ("far", f"m{model}", "scratch", "r", 64, seed, np.inf if seed else 0.5)
        for model in range(20)
        for seed in (0, 1)
    ]
    replicates = Replicates([error_table(points)])
    assert any(np.isfinite(mean[1]) for mean in replicates.means.values())
    assert replicates.finite == {}


@pytest.mark.parametrize(("share", "expected"), [(0.0, (1, 1)), (0.5, (1, np.inf)), (1.0, (np.inf, np.inf))])
def test_an_interval_of_infinite_values_has_their_quantiles(share, expected):
    values = np.ones(401)
    values[1 : 1 + int(400 * share)] = np.inf
    assert interval(values) == expected


def test_laws_are_those_of_the_other_cells():
    def laws(points):
        replicates = Replicates([error_table(points)])
        return scaling_laws(replicates, {"m": 10, "l": 100}, {axes: axes[4] for axes in replicates.means})

    found, expected = laws(SPOILT), laws(LEFT)
    numbers = ["points", "smallest", "largest", "exponent"]
    pd.testing.assert_frame_equal(found[numbers], expected[numbers], rtol=1e-6)


def test_savings_are_against_the_other_cells_from_scratch_and_of_a_fine_tuned_one_none():
    found, expected = (
        data_savings(Replicates([error_table(points)])).set_index(["model", "n_train"])
        for points in (SPOILT, LEFT)
    )
    assert found.loc[("m", 64), "bound"] == "upper"
    assert found.loc[("m", 64), "test_error"] == np.inf
    columns = ["equivalent_n", "bound", "test_error"]
    pd.testing.assert_frame_equal(found.drop(("m", 64))[columns], expected[columns])


def test_a_comparison_leaves_them_out():
    found, expected = (
        compare(*2 * [error_table(points).assign(experiment="e")], {"far"}) for points in (SPOILT, LEFT)
    )
    pd.testing.assert_frame_equal(found, expected)
