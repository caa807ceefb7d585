import numpy as np
import pandas as pd
import pytest

from pdetransfer.tables import curve_rows, data_savings, equivalent_n

SIZES = np.array([8.0, 32.0, 128.0, 512.0])


def power_law_table(scale_fine_tuned):
    """Scratch error n^-1/2, fine-tuned error ``scale_fine_tuned`` n^-1/2, two seeds around each."""
    rows = []
    for init, scale in (("scratch", 1.0), ("poisson", scale_fine_tuned)):
        for n in (0, 16, 64, 256, 1024):
            for seed, factor in ((0, 0.9), (1, 1.1)):
                error = scale * factor * max(n, 4) ** -0.5
                rows.append(("a", "m", init, "r", n, seed, error))
    return pd.DataFrame(rows, columns=["dataset", "model", "init", "recipe", "n_train", "seed", "test_error"])


def test_savings_of_a_known_power_law():
    """Half the error is four times the data: exactly, until the scratch curve ends."""
    savings = data_savings(power_law_table(0.5)).set_index("n_train")
    assert savings.loc[[16, 64, 256], "ratio"].to_list() == pytest.approx([4, 4, 4])
    assert savings.loc[[16, 64, 256], "difference"].to_list() == pytest.approx([48, 192, 768])
    assert savings["bound"].to_list() == ["exact", "exact", "exact", "exact", "lower"]
    assert savings.loc[0, "equivalent_n"] == pytest.approx(16)
    assert savings.loc[0, "ratio"] == np.inf
    assert savings.loc[1024, "equivalent_n"] == 1024


def test_harm_is_a_ratio_below_one():
    savings = data_savings(power_law_table(2.0)).set_index("n_train")
    assert savings.loc[[64, 256, 1024], "ratio"].to_list() == pytest.approx([0.25, 0.25, 0.25])
    assert savings.loc[[0, 16], "bound"].to_list() == ["upper", "upper"]


def test_interpolation_is_linear_in_the_logarithms():
    found = equivalent_n(SIZES, SIZES**-0.25, 100.0**-0.25)
    assert found == (pytest.approx(100.0), "exact")


def test_a_curve_that_is_not_monotone_is_made_so():
    """The middle two are pooled to their geometric mean; of that plateau the smallest n counts."""
    error = np.array([1.0, 0.2, 0.8, 0.1])
    assert equivalent_n(SIZES, error, 0.4) == (pytest.approx(32.0), "exact")
    assert equivalent_n(SIZES, error, 0.399).n > 128
    assert equivalent_n(SIZES, error, 0.401).n < 32


@pytest.mark.parametrize(
    ("error", "expected"), [(0.05, (512.0, "lower")), (2.0, (8.0, "upper")), (1.0, (8.0, "exact"))]
)
def test_errors_beyond_the_curve_are_bounds(error, expected):
    assert equivalent_n(SIZES, np.array([1.0, 0.5, 0.2, 0.1]), error) == expected


def test_a_row_for_each_cell_and_seed():
    errors = pd.DataFrame(
        [(n, seed, 99, i, 0.1 * (i + 1) + seed) for n in (0, 8) for seed in (0, 1) for i in range(5)],
        columns=["n_train", "seed", "num_parameters", "example", "error"],
    )
    run = {"epochs": 2.0, "steps": 4, "best_step": 3, "seconds": 1.5, "validation_error": 0.3}
    cell = {"learning_rate": 1e-3, "edge": "low", "chosen": [{"seed": seed, **run} for seed in (0, 1)]}
    curve = {"dataset": "a", "model": "m", "init": "scratch", "recipe": "r"}
    rows = curve_rows(curve, {8: cell}, errors)
    assert rows[["n_train", "seed"]].to_numpy().tolist() == [[0, 0], [0, 1], [8, 0], [8, 1]]
    last = rows.iloc[-1]
    assert last[
        ["test_error", "test_error_median", "test_error_q25", "test_error_q75"]
    ].to_list() == pytest.approx([1.3, 1.3, 1.2, 1.4])
    assert (last["learning_rate"], last["learning_rate_edge"], last["steps"]) == (1e-3, "low", 4)
    assert rows.iloc[0][["learning_rate", "validation_error"]].isna().all()
    assert rows.iloc[0][["steps", "num_parameters"]].to_list() == [0, 99]
