"""Data savings, against power laws for which they are known."""

import numpy as np
import pandas as pd
import pytest

from cases import error_table
from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.savings import ScratchCurve, bounds_in_words, data_savings

SIZES = np.array([8.0, 32.0, 128.0, 512.0])


def power_law(scale_fine_tuned, dataset="a", model="m", recipe="r"):
    """Scratch error n^-1/2, fine-tuned error ``scale_fine_tuned`` n^-1/2, two seeds around each."""
    return error_table(
        [
            (dataset, model, init, recipe, n, seed, scale * factor * max(n, 4) ** -0.5)
            for init, scale in (("scratch", 1.0), ("poisson", scale_fine_tuned))
            for n in (0, 16, 64, 256, 1024)
            for seed, factor in ((0, 0.9), (1, 1.1))
        ]
    )


def savings_of(*errors):
    return data_savings(Replicates(errors))


def test_savings_of_a_known_power_law():
    """Half the error is four times the data: exactly, until the scratch curve ends."""
    savings = savings_of(power_law(0.5)).set_index("n_train")
    assert savings.loc[[16, 64, 256], "ratio"].to_list() == pytest.approx([4, 4, 4])
    assert savings.loc[[16, 64, 256], "difference"].to_list() == pytest.approx([48, 192, 768])
    assert savings["bound"].to_list() == ["exact", "exact", "exact", "exact", "lower"]
    assert savings.loc[0, "equivalent_n"] == pytest.approx(16)
    assert savings.loc[0, "ratio"] == np.inf
    assert savings.loc[1024, "equivalent_n"] == 1024
    assert savings.loc[[16, 64, 256, 1024], "gain"].to_list() == pytest.approx([2, 2, 2, 2])
    assert (savings.loc[16:, "gain_low"] <= 2).all()
    assert (savings.loc[16:, "gain_high"] >= 2).all()
    assert np.isnan(savings.loc[0, "gain"])


def test_every_bound_says_why_it_is_one():
    """Half the error is out of reach at the end; a tenth is so from the start, before any training; and ten times
    the error is what scratch has on less than it was trained on."""
    ends, never, harm = (
        savings_of(power_law(scale)).set_index("n_train")["why"] for scale in (0.5, 0.01, 10.0)
    )
    assert ends.to_list() == [""] * 4 + ["scratch ends at 1,024"]
    assert all(why.startswith("never caught: scratch on 1,024 is behind") for why in never)
    assert harm[16] == "scratch is better on its smallest n, 16"
    told = bounds_in_words(savings_of(power_law(0.5), power_law(0.01, dataset="b")))
    assert told.startswith("5 of 8 (62 %); 4: never caught")
    assert told.endswith("; 1: scratch ends at 1,024")
    assert bounds_in_words(savings_of(power_law(0.5)).query("n_train < 1024")) == "0 of 3"


def test_harm_is_a_ratio_below_one():
    savings = savings_of(power_law(2.0)).set_index("n_train")
    assert savings.loc[[64, 256, 1024], "ratio"].to_list() == pytest.approx([0.25, 0.25, 0.25])
    assert savings.loc[[0, 16], "bound"].to_list() == ["upper", "upper"]


def test_interpolation_is_linear_in_the_logarithms():
    found = ScratchCurve(SIZES, SIZES**-0.25).equivalent_n(100.0**-0.25)
    assert found == (pytest.approx(100.0), "exact")


def test_a_curve_that_is_not_monotone_is_made_so():
    """The middle two are pooled to their geometric mean; of that plateau the smallest n counts."""
    curve = ScratchCurve(SIZES, np.array([1.0, 0.2, 0.8, 0.1]))
    assert curve.equivalent_n(0.4) == (pytest.approx(32.0), "exact")
    assert curve.equivalent_n(0.399).n > 128
    assert curve.equivalent_n(0.401).n < 32


@pytest.mark.parametrize(
    ("error", "expected"), [(0.05, (512.0, "lower")), (2.0, (8.0, "upper")), (1.0, (8.0, "exact"))]
)
def test_errors_beyond_the_curve_are_bounds(error, expected):
    assert ScratchCurve(SIZES, np.array([1.0, 0.5, 0.2, 0.1])).equivalent_n(error) == expected


def test_savings_are_against_scratch_of_the_same_dataset_model_and_recipe():
    """Curves that differ in one axis have savings of their own; without scratch there are none."""
    others = [power_law(1.0, dataset="b"), power_law(1.0, model="n"), power_law(1.0, recipe="s")]
    savings = savings_of(power_law(0.5), *others)
    at = savings[savings["n_train"] == 64].set_index(["dataset", "model", "recipe"])["ratio"]
    assert at["a", "m", "r"] == pytest.approx(4)
    assert at.drop(("a", "m", "r")).to_list() == pytest.approx([1, 1, 1])
    plain = power_law(0.5)
    alone = savings_of(plain[plain["init"] != "scratch"])
    assert alone.empty
    assert list(alone.columns) == list(savings.columns)


def test_a_cell_that_experiments_share_has_one_row():
    assert len(savings_of(power_law(0.5), power_law(0.5))) == 5


def test_the_interval_holds_the_equivalent_n_and_shrinks_to_it_without_spread():
    spread = savings_of(power_law(0.5)).set_index("n_train").loc[64]
    assert spread["equivalent_low"] < spread["equivalent_n"] < spread["equivalent_high"]
    plain = power_law(0.5)
    sharp = plain.groupby(["init", "n_train"])["error"].transform("mean")
    same = savings_of(plain.assign(error=sharp)).set_index("n_train").loc[64]
    assert same[["equivalent_low", "equivalent_high"]].to_list() == pytest.approx([256, 256])
    assert same["censored"] == 0


def test_zero_shot_has_an_interval_too():
    zero = savings_of(power_law(0.5)).set_index("n_train").loc[0]
    assert 16 <= zero["equivalent_low"] <= zero["equivalent_n"] <= zero["equivalent_high"] < 64


def test_savings_do_not_depend_on_the_order_of_the_errors():
    plain = power_law(0.5)
    turned = savings_of(plain.iloc[::-1]).reset_index(drop=True)
    columns = ["n_train", "equivalent_n", "bound"]
    pd.testing.assert_frame_equal(turned[columns], savings_of(plain)[columns])
