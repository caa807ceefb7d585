"""Scaling laws, against laws that are known."""

import numpy as np
import pandas as pd
import pytest

from cases import error_table
from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.fits import fit, scaling_laws
from pdetransfer.analysis.tables import write_table

SIZES = np.array([16.0, 64.0, 256.0, 1024.0, 4096.0])


def law(floor, amplitude, exponent, sizes=SIZES):
    return floor + amplitude * sizes**-exponent


@pytest.mark.parametrize(
    ("floor", "amplitude", "exponent"), [(0.02, 2.0, 0.5), (0.1, 5.0, 1.0), (0.0, 1.0, 0.3)]
)
def test_an_exact_law_is_found(floor, amplitude, exponent):
    found = fit(SIZES, law(floor, amplitude, exponent))
    assert found.floor == pytest.approx(floor, abs=2e-4)
    assert found.amplitude == pytest.approx(amplitude, rel=1e-2)
    assert found.exponent == pytest.approx(exponent, abs=5e-3)


def test_an_exact_power_law_is_found_without_a_floor():
    found = fit(SIZES[:2], law(0, 3.0, 0.4, SIZES[:2]), with_floor=False)
    assert (found.floor, found.amplitude, found.exponent) == (0, pytest.approx(3.0), pytest.approx(0.4))


def test_a_single_outlier_hardly_moves_the_exponent():
    errors = law(0, 1.0, 0.5)
    errors[2] *= 3
    least_squares = -np.polyfit(np.log(SIZES), np.log(errors), 1)[0]
    assert least_squares == pytest.approx(0.5)  # it is the middle one
    errors[2], errors[3] = errors[2] / 3, errors[3] * 3
    found = fit(SIZES, errors, with_floor=False)
    assert abs(found.exponent - 0.5) < abs(-np.polyfit(np.log(SIZES), np.log(errors), 1)[0] - 0.5) / 3


def table(points):
    """A run of the large model takes as many seconds as it has examples, one of the other a tenth."""
    replicates = Replicates([error_table(points)])
    seconds = {axes: axes[4] / (1 if axes[1] == "l" else 10) for axes in replicates.means}
    return scaling_laws(replicates, {"m": 1000, "l": 100_000}, seconds)


def curve(init, errors, model="m", sizes=SIZES):
    return [
        ("far", model, init, "r", int(n), seed, error)
        for n, error in zip(sizes, errors, strict=True)
        for seed in (0, 1)
    ]


def test_a_floor_is_identified_where_the_curve_bends_and_left_out_where_it_does_not():
    laws = table([*curve("scratch", law(0, 1, 0.5)), *curve("poisson", law(0.05, 1, 0.5))]).set_index("init")
    assert laws["in"].to_list() == ["examples", "examples"]
    assert laws["statement"].to_dict() == {
        "scratch": "power law: no floor identified",
        "poisson": "floor identified",
    }
    assert laws.loc["poisson", "floor_low"] <= laws.loc["poisson", "floor"] == pytest.approx(0.05, rel=0.02)
    assert laws.loc["scratch", ["floor", "floor_low", "floor_high"]].to_list() == [0, 0, 0]


def test_the_arms_are_compared_by_their_exponents():
    laws = table([*curve("scratch", law(0, 1, 0.5)), *curve("poisson", law(0, 0.2, 0.2))]).set_index("init")
    assert laws.loc["poisson", "beside_scratch"] == pytest.approx(-0.3, abs=1e-3)
    assert np.isnan(laws.loc["scratch", "beside_scratch"])


def test_few_points_are_fitted_by_a_power_law_and_one_by_none():
    laws = table(
        [*curve("scratch", law(0, 1, 0.5)[:3], sizes=SIZES[:3]), *curve("poisson", [0.1], sizes=[8])]
    )
    assert laws["init"].to_list() == ["scratch"]
    assert laws["statement"].to_list() == ["power law: 3 points"]


def test_a_table_without_a_law_has_its_columns_and_can_be_read_again(tmp_path):
    """One n_train and one model, as a first try of one's own has them."""
    laws = table(curve("scratch", [0.1], sizes=[1]))
    write_table(laws, tmp_path / "fits.csv")
    found = pd.read_csv(tmp_path / "fits.csv")
    assert found.empty
    assert list(found) == list(table(curve("scratch", law(0, 1, 0.5))))


def test_a_law_in_parameters_compares_the_models_at_the_largest_n():
    """A hundred times the parameters, a tenth of the error: exponent 1/2."""
    laws = table([*curve("scratch", law(0, 1, 0.5)), *curve("scratch", law(0, 0.1, 0.5), model="l")])
    row = laws[laws["in"] == "parameters"].iloc[0]
    assert (row["n_train"], row["smallest"], row["largest"]) == (4096, 1000, 100_000)
    assert row["exponent"] == pytest.approx(0.5)


def test_a_law_in_compute_is_that_of_the_best_model_for_it():
    """The small model has the same error in a tenth of the time, until a floor that the other has not."""
    small, large = np.maximum(law(0, 1, 0.5), 1 / 16), law(0, 1, 0.5)
    laws = table([*curve("scratch", small), *curve("scratch", large, model="l")])
    [row] = laws[laws["in"] == "compute"].to_dict("records")
    # 1.6, 6.4 and 25.6 s of the small model, 1,024 and 4,096 s of the large one
    assert (row["points"], row["smallest"], row["largest"]) == (5, 1.6, 4096)


def test_a_single_model_has_no_law_in_compute():
    assert table(curve("scratch", law(0, 1, 0.5)))["in"].to_list() == ["examples"]


def test_errors_that_do_not_fall_have_no_floor():
    [row] = table(curve("poisson", [0.5, 0.6, 0.7, 0.6, 0.7])).to_dict("records")
    assert (row["statement"], row["floor"]) == ("flat: the error does not fall", 0)
    assert row["exponent"] == pytest.approx(0, abs=1e-3)
