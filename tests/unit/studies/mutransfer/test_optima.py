"""Best learning rates, what is lost by the proxy's, and their figures, on sweeps whose answers are known."""

import io
import itertools

import numpy as np
import pandas as pd
import pytest

from facts import facts
from pdetransfer.plan import entries
from pdetransfer.plan.entries import Figure
from pdetransfer.report.figures import Tables
from pdetransfer.report.page import Experiment
from pdetransfer.studies.mutransfer.answers import answer, headline
from pdetransfer.studies.mutransfer.figures import FIGURES
from pdetransfer.studies.mutransfer.optima import lost, moved, optima, transfers
from pdetransfer.studies.mutransfer.optima import sweep as sweep_of
from pdetransfer.studies.mutransfer.slopes import MEASURED
from pdetransfer.studies.mutransfer.supplements import supplements, transfer_table
from pictures import band

RATES = 1e-3 * 2.0 ** np.arange(7)
BEST = {"standard": [1.6e-2, 8e-3, 4e-3], "mup": [9e-3, 9e-3, 9e-3]}  # by width; muP's lies between two rates
CURVATURE = 0.5


#: Activations change by as much in muP, and in proportion to the width else.
COORDINATES = pd.DataFrame(
    {
        "dataset": "d",
        "model": f"{family}.width{width}",
        "width": width,
        "modes": 4,
        "step": 5,
        "seed": seed,
        **dict.fromkeys(MEASURED, 1.0 if family == "mup" else float(width)),
    }
    for family, width, seed in itertools.product(BEST, (8, 16, 32), (0, 1))
)


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
                            "init": "scratch",
                            "recipe": f"sweep.lr{rate}",
                            "n_train": 64,
                            "num_parameters": size,
                            "learning_rate": rate,
                            "seed": seed,
                            "epochs": 2.0,
                            "seconds": size / 100,
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
    assert table.loc["standard", "setting"].to_list() == pytest.approx(BEST["standard"])
    assert table.loc["mup", "setting"].to_list() == pytest.approx([8e-3] * 3)
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
    assert optima(cells)["setting"].max() < RATES[-1]
    assert transfers(cells).set_index("num_parameters").loc[1600, "ratio"].iloc[0] == pytest.approx(0.25)


def test_the_interval_of_what_is_lost_has_the_choice_of_both_rates():
    """One seed of five speaks for another rate: it decides where it is drawn often."""
    proxy = sweep(best={"mup": [8e-3, 8e-3, 8e-3]}).query("num_parameters == 100")
    other = proxy["validation_error"].where(proxy["seed"] != 0, 9e-4 / proxy["learning_rate"])
    proxy, other = sweep_of(proxy), sweep_of(proxy.assign(validation_error=other))
    values = lost(proxy, other)
    assert (values[1:] != 1).any()
    assert (values[1:] == 1).any()
    assert lost(proxy, proxy) == pytest.approx(np.ones(1001))


def test_an_optimum_at_an_end_of_the_grid_is_told():
    table = optima(sweep(best={"standard": [1.6e-2, 1.0, 1e-6]}))
    assert table["edge"].to_list() == [False, True, True]
    assert table["vertex"].to_list()[1:] == pytest.approx([RATES[-1], RATES[0]])
    told = list(answer(sweep(best={"standard": [1.6e-2, 1.0, 1e-6]}), None))
    assert [sentence.count("an end of") for sentence in told] == [2]
    assert not any("an end of" in sentence for sentence in answer(sweep(), None))


def diverged(cells, family, *rates, size=1600, seed=0):
    """With a run that diverged at some rates, of one model and seed."""
    at = (cells["model"] == f"{family}.width{size}") & cells["learning_rate"].isin(rates)
    spoilt, errors = cells.copy(), ["validation_error", "test_error"]
    spoilt.loc[at & (cells["seed"] == seed), errors] = np.inf
    return spoilt


def test_a_setting_at_which_a_run_diverged_is_not_the_best_nor_in_a_parabola():
    """The errors of other seeds there do not count, either."""
    cells, rows = sweep(spread=0.1), ["family", "num_parameters"]
    far = optima(diverged(cells, "mup", *RATES[5:])).set_index(rows)
    pd.testing.assert_frame_equal(far, optima(cells).set_index(rows))
    near = optima(diverged(cells, "mup", *RATES[4:])).set_index(rows).loc["mup", 1600]
    assert near[["setting", "vertex", "low", "high"]].to_list() == pytest.approx([RATES[3]] * 4)
    assert near["edge"]
    between = optima(diverged(cells, "mup", RATES[3])).set_index(rows).loc["mup", 1600]
    assert between["setting"] == RATES[4]
    assert np.isfinite([between["vertex"], between["test_error"]]).all()


def test_a_model_that_diverges_at_the_proxys_rate_has_lost_all():
    spoilt = diverged(sweep(), "mup", 8e-3)
    ratios = transfers(spoilt).set_index(["family", "num_parameters"])
    lost_all = ratios.loc["mup", 1600]
    assert lost_all["ratio"] == lost_all["high"] == np.inf
    assert np.isfinite(ratios.loc[["standard"], "ratio"]).all()
    told = facts(headline(spoilt, None, {"coordinates": COORDINATES}), "standard", "mup", "∞")
    assert told[:6] == ["standard", 2.6, 2.6, 2.6, "mup", "∞"]
    assert np.isposinf(transfer_table(spoilt)["ratio"]).sum() == 1


def test_a_model_that_diverges_at_all_rates_has_no_best_one():
    spoilt = diverged(sweep(), "mup", *RATES)
    row = optima(spoilt).set_index(["family", "num_parameters"]).loc["mup", 1600]
    assert row["test_error"] == np.inf
    assert np.isnan(row[["setting", "vertex", "low", "high"]].to_numpy(float)).all()
    smallest, _, largest = (
        rows for _, rows in sweep_of(spoilt).query("family == 'mup'").groupby("size", sort=False)
    )
    assert np.isnan(moved(smallest, largest).values).all()
    assert np.isnan(lost(largest, smallest)).all()
    assert len(list(answer(spoilt, None))) == 2
    assert len(transfers(spoilt)) == 4
    headline(spoilt, None, {"coordinates": COORDINATES})


@pytest.mark.parametrize("rates", [RATES[4:], [8e-3], RATES], ids=["large", "the proxy's", "all"])
@pytest.mark.parametrize("kind", sorted(set(FIGURES) - {"coordinate_check"}))
def test_figures_mark_what_diverged_and_nothing_infinite_is_drawn(kind, rates):
    entry = Figure(kind=kind, experiments=["widths"], title="Title")
    cells = diverged(sweep(spread=0.1), "mup", *rates)
    figure = FIGURES[kind](Tables(cells, pd.DataFrame(), pd.DataFrame()), entry, None)
    figure.savefig(io.BytesIO())
    drawn = [line for axes in figure.axes for line in axes.get_lines()]
    assert not any(np.isinf(line.get_ydata()).any() for line in drawn)
    crosses = [x for line in drawn if line.get_marker() == "x" for x in line.get_xdata()]
    at_proxys = len(rates) == 1
    expected = {"error_by_setting": list(rates), "transferred_over_tuned": [1600] * at_proxys}
    assert crosses == pytest.approx(expected.get(kind, []))


@pytest.mark.parametrize("kind", ["error_by_setting", "transferred_over_tuned"])
def test_crosses_of_several_models_or_families_do_not_hide_each_other(kind):
    cells = sweep(spread=0.1)
    for family, rate in (("mup", 8e-3), ("standard", 1.6e-2)):
        for size in (400, 1600):
            cells = diverged(cells, family, rate, size=size)
    entry = Figure(kind=kind, experiments=["widths"], title="Title")
    figure = FIGURES[kind](Tables(cells, pd.DataFrame(), pd.DataFrame()), entry, None)
    for axes in figure.axes:
        crosses = [line.get_xydata() for line in axes.get_lines() if line.get_marker() == "x"]
        assert len(crosses) == 2
        heights = [set(of_one[:, 1]) for of_one in crosses]
        assert all(len(of_one) == 1 for of_one in heights)
        assert 0.02 < abs(heights[0].pop() - heights[1].pop()) < 0.2
        assert all(((of_one[:, 1] > 0.5) & (of_one[:, 1] < 1)).all() for of_one in crosses)


def test_a_single_seed_has_no_interval():
    table = optima(sweep().query("seed == 0"))
    assert table[["low", "high"]].isna().all(axis=None)


def test_the_answer_has_the_numbers():
    told = headline(sweep(), None, {"coordinates": COORDINATES})
    assert facts(told, "d", "standard", "mup", "width") == [
        *("d", "standard", 2.6, 2.6, 2.6, "mup", 1, 1, 1),
        *("d", "standard", "width", 1, 1, 1, "mup", "width", 0, 0, 0),
    ]
    standard, mup = (facts(sentence, "standard", "mup") for sentence in answer(sweep(), None))
    assert mup == ["mup", 100, 400, 1600, *3 * (0.009, 0.009, 0.009), *mup[-3:]]
    assert standard[:4] == ["standard", 100, 400, 1600]
    assert standard[4:-3:3] == [0.016, 0.008, 0.004]


def test_transferring_costs_the_proxys_sweep_and_one_run():
    row = transfers(sweep()).set_index("num_parameters").loc[1600].iloc[0]
    runs = len(RATES)
    assert row["seconds_tuned"] == pytest.approx(16 * runs)
    assert row["seconds_transferred"] == pytest.approx(1 * runs + 16)
    assert row["examples_tuned"] == 2 * 64 * runs
    assert row["examples_transferred"] == 2 * 64 * (runs + 1)
    table = transfer_table(sweep())
    assert table["examples, over tuning"].to_list() == pytest.approx([(runs + 1) / runs] * 4)


def test_the_report_of_controls_has_what_transferring_costs_them():
    axes = {"dataset": ["d"], "model": ["m"], "init": ["scratch"], "recipe": ["r"], "n_train": [8]}
    control = Experiment("sizes", entries.Experiment(question="control", **axes), sweep(), pd.DataFrame())
    (supplement,) = supplements([control], [], {}, None)
    assert supplement.question == "control"
    pd.testing.assert_frame_equal(supplement.table, transfer_table(sweep()))


def test_the_optimum_moves_by_as_many_factors_of_two():
    cells = sweep_of(sweep())
    for family, steps in (("standard", -2), ("mup", 0)):
        smallest, _, largest = (rows for _, rows in cells[cells["family"] == family].groupby("size"))
        found = moved(smallest, largest)
        assert found.values == pytest.approx(np.full(1001, steps))
        assert found.censored == 0


@pytest.mark.parametrize(
    ("of_smallest", "of_largest", "beyond"),
    [
        (
            slice(3),
            slice(None),
            -1,
        ),  # the best of both lies in the upper half of RATES, and of these at their end
        (slice(None), slice(3), 1),
        (slice(3), slice(3), 2),
    ],
)
def test_what_moves_from_or_to_an_end_of_the_settings_is_censored(of_smallest, of_largest, beyond):
    """A bound, or where both are the same end nothing: any that are better lie beyond it."""
    cells = sweep_of(sweep()).query("family == 'mup'")
    smallest, _, largest = (rows for _, rows in cells.groupby("size"))
    parts = [
        rows[rows["setting"].isin(RATES[part])]
        for rows, part in ((smallest, of_smallest), (largest, of_largest))
    ]
    found = moved(*parts)
    assert (found.beyond == beyond).all()
    assert found.censored == 1


@pytest.mark.parametrize(
    ("column", "texts", "settings"),
    [
        ("recipe_batch_size", [8, 16, 32], [8, 16, 32]),
        ("recipe_betas", ["[0.9, 0.98]", "[0.9, 0.99]", "[0.9, 0.999]"], [0.02, 0.01, 0.001]),
    ],
)
def test_a_sweep_may_be_over_another_setting(column, texts, settings):
    rates = RATES[: len(texts)]
    cells = sweep().query("learning_rate in @rates")
    cells[column] = cells["learning_rate"].map(dict(zip(rates, texts, strict=True)))
    found = sweep_of(cells.assign(learning_rate=1e-3))
    assert sorted(found["setting"].unique()) == sorted(settings)
    assert set(optima(cells)["setting"]) <= set(settings)


@pytest.mark.parametrize("kind", sorted(set(FIGURES) - {"coordinate_check"}))
def test_figures_show_the_optima(kind):
    entry = Figure(kind=kind, experiments=["widths"], title="Title")
    cells = sweep(spread=0.1)
    figure = FIGURES[kind](Tables(cells, pd.DataFrame(), pd.DataFrame()), entry, None)
    drawn = [line for axes in figure.axes for line in axes.get_lines()]
    if kind == "error_by_setting":
        diamonds = [line.get_xdata()[0] for line in drawn if line.get_marker() == "D"]
        assert sorted(diamonds) == pytest.approx(sorted(optima(cells)["vertex"]))
        means = cells.groupby(["model", "learning_rate"])["test_error"].mean()
        curves = [line.get_ydata() for line in drawn if len(line.get_xdata()) == len(RATES)]
        found = np.sort(np.concatenate(curves))
        np.testing.assert_allclose(found, np.sort(means.to_numpy()))
        intervals = [line.get_xdata() for line in drawn if line.get_marker() == "None"]
        np.testing.assert_allclose(intervals, optima(cells)[["low", "high"]])
        bands = [band(collection) for axes in figure.axes for collection in axes.collections]
        for model, found in zip(optima(cells)["model"], bands, strict=True):
            errors = cells[cells["model"] == model].groupby("learning_rate")["test_error"]
            assert list(found) == pytest.approx(list(errors.groups))
            ends = errors.agg(["min", "max"]).to_numpy()
            np.testing.assert_allclose([*found.values()], ends)
        return
    lines = [list(map(float, line.get_ydata())) for line in drawn if line.get_marker() == "o"]
    ends = [[*path.vertices[:, 1]] for found in figure.axes[0].collections for path in found.get_paths()]
    if kind == "optimum_by_size":
        np.testing.assert_allclose(ends, optima(cells)[["low", "high"]])
        expected = optima(cells).groupby("family", sort=False)["vertex"].apply(list)
        assert lines[::2] == [pytest.approx(vertices) for vertices in expected]
    if kind == "transferred_over_tuned":
        assert next({*line.get_ydata()} for line in drawn if line.get_marker() == "None") == {1}
        np.testing.assert_allclose(ends, transfers(cells)[["low", "high"]])
        expected = transfers(cells).groupby("family", sort=False)["ratio"].apply(list)
        assert lines == [pytest.approx(ratios) for ratios in expected]
    if kind == "error_by_cost":
        for column, found in (("error_transferred", lines[::2]), ("error_tuned", lines[1::2])):
            expected = transfers(cells).groupby("family", sort=False)[column].apply(list)
            assert found == [pytest.approx(errors) for errors in expected]
        seconds = [list(line.get_xdata()) for line in drawn if line.get_marker() == "o"]
        for column, found in (("seconds_transferred", seconds[::2]), ("seconds_tuned", seconds[1::2])):
            expected = transfers(cells).groupby("family", sort=False)[column].apply(list)
            assert found == [pytest.approx(of_family) for of_family in expected]
