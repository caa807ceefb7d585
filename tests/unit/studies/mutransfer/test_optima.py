"""Best learning rates, what is lost by the proxy's, and their figures, on sweeps whose answers are known."""

import numpy as np
import pandas as pd
import pytest

from pdetransfer.plan.entries import Figure
from pdetransfer.report.figures import Tables
from pdetransfer.studies.mutransfer.answers import answer, headline
from pdetransfer.studies.mutransfer.figures import FIGURES
from pdetransfer.studies.mutransfer.optima import lost, optima, transfers
from pdetransfer.studies.mutransfer.slopes import MEASURED

RATES = 1e-3 * 2.0 ** np.arange(7)
BEST = {"standard": [1.6e-2, 8e-3, 4e-3], "mup": [9e-3, 9e-3, 9e-3]}  # by width; muP's lies between two rates
CURVATURE = 0.5


def sweep(spread=0.0, best=BEST):
    """Errors that are parabolas of log rate; a seed moves the optimum by ``spread`` in its logarithm."""
    rows = []
    for family, of_widths in best.items():
        for size, optimum in zip((100, 400, 1600), of_widths, strict=True):
            for rate in RATES:
                for seed in range(5):
                    distance = np.log(rate / optimum) - spread * (seed - 2)
                    error = 10 / size * np.exp(CURVATURE * distance**2)
                    rows.append(
                        {
                            "dataset": "d",
                            "model": f"{family}.width{size}",
                            "n_train": 64,
                            "num_parameters": size,
                            "learning_rate": rate,
                            "seed": seed,
                            "test_error": error,
                            "validation_error": 1.1 * error,
                        }
                    )
    return pd.DataFrame(rows).sample(frac=1, random_state=0).sort_values("model", ascending=False)


def test_optima_are_the_vertices_and_the_best_on_the_grid():
    table = optima(sweep()).set_index(["family", "num_parameters"])
    assert list(table.index) == [(family, size) for family in BEST for size in (100, 400, 1600)]
    for family, of_widths in BEST.items():
        assert table.loc[family, "vertex"].to_list() == pytest.approx(of_widths)
    assert table.loc["standard", "learning_rate"].to_list() == pytest.approx(BEST["standard"])
    assert table.loc["mup", "learning_rate"].to_list() == pytest.approx([8e-3] * 3)
    assert not table["edge"].any()
    assert (table["low"] <= table["vertex"] * 1.0001).all()


def test_the_interval_of_an_optimum_is_students_over_seeds():
    row = optima(sweep(spread=0.1)).iloc[0]
    half = 2.776445 * np.sqrt(0.025) / np.sqrt(5)  # t of 4 degrees of freedom; deviations are 0.1 (seed - 2)
    assert np.log([row.low, row.vertex, row.high]) == pytest.approx(
        np.log(1.6e-2) + np.array([-half, 0, half]), abs=1e-6
    )


def test_what_is_lost_is_the_error_at_the_proxys_rate_over_that_at_ones_own():
    table = transfers(sweep()).set_index(["family", "num_parameters"])
    assert list(table.index) == [(family, size) for family in BEST for size in (400, 1600)]
    lost = [np.exp(CURVATURE * np.log(ratio) ** 2) for ratio in (2, 4)]
    assert table.loc["standard", "ratio"].to_list() == pytest.approx(lost)
    assert table.loc["mup", "ratio"].to_list() == pytest.approx([1, 1])
    assert (
        table["transferred"] == table.index.get_level_values(0).map({"standard": 1.6e-2, "mup": 8e-3})
    ).all()


def test_the_rate_is_chosen_by_validation_and_reported_on_test():
    cells = sweep()
    cells["test_error"] = 1 / cells["learning_rate"]  # whose best rate is the largest
    assert optima(cells)["learning_rate"].max() < RATES[-1]
    assert transfers(cells).set_index("num_parameters").loc[1600, "ratio"].iloc[0] == pytest.approx(0.25)


def test_the_interval_of_what_is_lost_has_the_choice_of_both_rates():
    """One seed of five speaks for another rate: it decides where it is drawn often."""
    proxy = sweep(best={"mup": [8e-3, 8e-3, 8e-3]}).query("num_parameters == 100")
    other = proxy["validation_error"].where(proxy["seed"] != 0, 9e-4 / proxy["learning_rate"])
    values = lost(proxy, proxy.assign(validation_error=other))
    assert (values[1:] != 1).any()
    assert (values[1:] == 1).any()
    assert lost(proxy, proxy) == pytest.approx(np.ones(1001))


def test_an_optimum_at_an_end_of_the_grid_is_told():
    table = optima(sweep(best={"standard": [1.6e-2, 1.0, 1e-6]}))
    assert table["edge"].to_list() == [False, True, True]
    assert table["vertex"].to_list()[1:] == pytest.approx([RATES[-1], RATES[0]])
    told = list(answer(sweep(best={"standard": [1.6e-2, 1.0, 1e-6]}), None))
    assert [sentence.count("an end of the grid") for sentence in told] == [2]
    assert not any("an end of the grid" in sentence for sentence in answer(sweep(), None))


def test_a_single_seed_has_no_interval():
    table = optima(sweep().query("seed == 0"))
    assert table[["low", "high"]].isna().all(axis=None)


def test_the_answer_has_the_numbers():
    width = np.array([4.0, 8.0])
    of_steps = {"activations_change": width**-0.5, "step": 5, "seed": 0, "width": width, "modes": 4}
    steps = pd.DataFrame(
        {"dataset": "d", "model": ["mup.4", "mup.8"], **dict.fromkeys(MEASURED, 1.0), **of_steps}
    )
    told = headline(sweep(), None, {"coordinates": steps})
    assert "width^-0.50 (-0.50 to -0.50) in mup (d)" in told
    assert "2.6 (2.6 to 2.6) times the error in standard" in told
    assert "1 (1 to 1) times the error in mup" in told
    assert all("0.009" in sentence for sentence in answer(sweep(), None) if "mup" in sentence)


@pytest.mark.parametrize("kind", ["error_vs_learning_rate", "transferred_over_tuned"])
def test_figures_show_the_optima(kind):
    entry = Figure(kind=kind, experiments=["widths"], title="Title")
    cells = sweep(spread=0.1)
    figure = FIGURES[kind](Tables(cells, pd.DataFrame(), pd.DataFrame()), entry, None)
    drawn = [line for axes in figure.axes for line in axes.get_lines()]
    if kind == "error_vs_learning_rate":
        diamonds = [line.get_xdata()[0] for line in drawn if line.get_marker() == "D"]
        assert sorted(diamonds) == pytest.approx(sorted(optima(cells)["vertex"]))
        means = cells.groupby(["model", "learning_rate"])["test_error"].mean()
        curves = [line.get_ydata() for line in drawn if len(line.get_xdata()) == len(RATES)]
        found = np.sort(np.concatenate(curves))
        np.testing.assert_allclose(found, np.sort(means.to_numpy()))
    else:
        lines = [list(map(float, line.get_ydata())) for line in drawn if line.get_marker() == "o"]
        expected = transfers(cells).groupby("family", sort=False)["ratio"].apply(list)
        assert lines == [pytest.approx(ratios) for ratios in expected]
