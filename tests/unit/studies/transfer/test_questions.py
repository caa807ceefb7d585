"""Every answer, word for word, on a table small enough to read it off."""

import pandas as pd
import pytest

from cases import cell_table, savings_table
from pdetransfer.studies.transfer.questions import QUESTIONS

SCRATCH = {0: 1.0, 8: 0.4, 32: 0.2, 128: 0.1}
TUNED = {0: 0.3, 8: 0.2, 32: 0.1, 128: 0.05}


def points(errors, dataset="far", model="m", init="scratch", recipe="r", seed=0):
    """A curve: errors by n_train."""
    return [(dataset, model, init, recipe, n, seed, error) for n, error in errors.items()]


def answers(question, rows, num_parameters=None):
    cells, savings = cell_table(rows), savings_table(rows)
    if num_parameters:
        cells["num_parameters"] = cells["model"].map(num_parameters)
    return list(QUESTIONS[question].answer(cells, savings))


@pytest.mark.parametrize(
    ("tuned", "needed", "ratios"),
    [
        (TUNED, ["32 (32 to 32)", "128 (128 to 128)", "at least 128"], ["4", "4", "at least 1"]),
        ({0: 0.3, 8: 0.3, 32: 0.04, 128: 0.03}, ["at least 128"], ["at least 4", "at least 1"]),
        ({8: 0.9, 32: 0.8}, ["at most 8", "at most 8"], ["at most 1", "at most 0.25"]),
    ],
    ids=["exact", "lower bound", "harm"],
)
def test_data_says_the_savings_along_a_curve(tuned, needed, ratios):
    (told,) = answers("data", points(SCRATCH) + points(tuned, init="poisson"))
    assert ", ".join(needed) in told
    assert f"{', '.join(ratios)} times as many" in told


def test_data_has_a_sentence_for_each_curve():
    rows = [
        point
        for dataset in ("near", "far")
        for init in ("scratch", "poisson", "mixed")
        for point in points(SCRATCH if init == "scratch" else TUNED, dataset=dataset, init=init)
    ]
    found = answers("data", rows)
    assert [sentence.split(",")[0] for sentence in found] == ["On near"] * 2 + ["On far"] * 2


def test_data_without_fine_tuning_tells_the_errors_and_claims_no_savings():
    trained = {n: error for n, error in SCRATCH.items() if n}
    assert answers("data", points(trained)) == [
        "On far, m, r: the error at n = 32, 128 is 0.2, 0.1 from scratch."
    ]
    assert headline("data", points(trained)).startswith("Savings of data compare")


def test_size_compares_the_smallest_and_the_largest_model():
    """The order of the table does not matter, the number of parameters does."""
    gains = {"large": (0.2, 0.05), "small": (0.6, 0.5), "medium": (0.4, 0.1)}
    rows = [
        point
        for model, (scratch, tuned) in gains.items()
        for point in points({0: 1.0, 8: 0.9, 32: scratch, 1024: scratch / 2}, model=model)
        + points({0: 0.8, 8: 0.7, 32: tuned, 1024: tuned / 2}, model=model, init="poisson")
    ]
    assert answers("size", rows, {"small": 67281, "medium": 10**6, "large": 268535425}) == [
        "On far, with 67,281, 1,000,000, 268,535,425 parameters the error at n = 1,024 is 0.25, 0.05, 0.025 "
        "fine-tuned and 0.3, 0.2, 0.1 from scratch; at n = 32 the gain, error from scratch over error "
        "fine-tuned, goes from 1.2 to 4."
    ]


def test_answers_compare_the_n_that_both_arms_have():
    rows = points(SCRATCH | {512: 0.05}) + points(TUNED, init="poisson")
    assert "n = 0, 32, 128 is" in answers("control", rows)[0]
    assert "n = 128 is" in answers("size", rows, {"m": 9})[0]


def test_shift_goes_along_the_datasets_with_bounds():
    tuned = {"near": (0.1, 0.05), "far": (0.2, 0.1), "farther": (0.6, 0.5)}
    rows = [
        point
        for dataset, (zero, few) in tuned.items()
        for point in points(SCRATCH, dataset=dataset)
        + points({0: zero, 8: zero, 32: few, 128: few}, dataset=dataset, init="poisson")
    ]
    assert answers("shift", rows) == [
        "Along near, far, farther, the zero-shot error is 0.1, 0.2, 0.6; fine-tuned on 32 examples it is 0.05, "
        "0.1, 0.5, for which training from scratch needs at least 4, 4, at most 0.25 times as many. "
        "The smallest savings: farther at n = 8, farther at n = 32, farther at n = 128."
    ]


def test_bounds_may_leave_open_where_the_smallest_savings_are():
    rows = [
        point
        for dataset, few in (("near", 0.01), ("far", 0.02))
        for point in points(SCRATCH, dataset=dataset)
        + points({0: 0.5, 8: few, 32: few}, dataset=dataset, init="poisson")
    ]
    assert answers("shift", rows)[0].endswith("left open by bounds at n = 8, left open by bounds at n = 32.")


def test_shift_has_a_sentence_for_each_pretraining():
    rows = [
        point
        for dataset, init in (("p1", "poisson"), ("h1", "helmholtz"), ("p2", "poisson"))
        for point in points(SCRATCH, dataset=dataset) + points(TUNED, dataset=dataset, init=init)
    ]
    assert [sentence.split(", the")[0] for sentence in answers("shift", rows)] == ["Along p1, p2", "Along h1"]


def test_mixture_compares_all_inits():
    rows = (
        points(SCRATCH)
        + points(TUNED, init="advection_diffusion")
        + points({0: 0.25, 8: 0.2, 32: 0.12345, 128: 0.06}, init="mixed")
    )
    assert answers("mixture", rows) == [
        "On far, the error without training is 1 from scratch, 0.3 from advection-diffusion, 0.25 from mixed; "
        "at n = 32 it is 0.2 from scratch, 0.1 from advection-diffusion, 0.123 from mixed."
    ]


def test_seeds_say_the_spread_of_each_arm():
    """Quartiles of 0.9, 1, 1.1 are a tenth apart; what is not trained does not count."""
    rows = [
        point
        for init, spread in (("scratch", 0.1), ("poisson", 0.02))
        for seed, sign in ((0, -1), (1, 0), (2, 1))
        for point in points(
            {0: 1 + 0.9 * sign} | {n: (1 + sign * spread) / n for n in (8, 32, 128)}, init=init, seed=seed
        )
    ]
    assert answers("seeds", rows) == [
        "On far, the quartiles of the error over 3 seeds are 2 % from poisson and 10 % from scratch of its mean "
        "apart (median over n)."
    ]


def test_control_lists_every_curve():
    rows = [
        point
        for recipe in ("steps", "epochs")
        for point in points(SCRATCH, recipe=recipe) + points(TUNED, init="poisson", recipe=recipe)
    ]
    rest = "the error at n = 0, 32, 128 is 1, 0.2, 0.1 from scratch; 0.3, 0.1, 0.05 from poisson."
    assert answers("control", rows) == [f"On far, m, steps: {rest}", f"On far, m, epochs: {rest}"]


def headline(question, rows, num_parameters=None, **tables):
    cells, savings = cell_table(rows), savings_table(rows)
    if num_parameters:
        cells["num_parameters"] = cells["model"].map(num_parameters)
    return QUESTIONS[question].headline(cells, savings, tables or {"budgets": at_equal_epochs(savings)})


def at_equal_epochs(savings):
    """The savings as the table of budgets has them."""
    ratios = {
        f"ratio{end}": savings[f"equivalent_{name}"] / savings["n_train"]
        for end, name in (("", "n"), ("_low", "low"), ("_high", "high"))
    }
    return savings.assign(budget="equal epochs", **ratios)


def test_the_headline_of_q1_has_the_savings_of_every_dataset():
    rows = [
        *(points(SCRATCH) + points(TUNED, init="poisson")),
        *points(SCRATCH, "near"),
        *points({n: error / 10 for n, error in TUNED.items()}, "near", init="poisson"),
    ]
    assert headline("data", rows) == (
        "A model fine-tuned on 32 examples has the error of one from scratch with 4 (4 to 4) times (far) and "
        "at least 4 times (near) as many at equal epochs."
    )


def test_the_headline_of_q1_has_every_budget_that_was_run_but_the_one_without_the_pre_training():
    told = {"equal epochs": 7.0, "equal steps": float("nan"), "equal compute": 5.0}
    told["equal compute with pre-training"] = 0.5
    budgets = pd.DataFrame(
        [
            {
                "dataset": "far",
                "model": "m",
                "init": "poisson",
                "n_train": 32,
                "budget": budget,
                "ratio": ratio,
            }
            | {"ratio_low": ratio, "ratio_high": 2 * ratio, "bound": "exact", "censored": 0.0}
            for budget, ratio in told.items()
        ]
    )
    assert headline("data", points(SCRATCH) + points(TUNED, init="poisson"), budgets=budgets).endswith(
        "with 7 (7 to 14) times (far) as many at equal epochs; "
        "0.5 (0.5 to 1) times (far) as many at equal compute with pre-training."
    )


def test_the_headline_of_q1_tells_the_curves_of_a_dataset_apart():
    row = {"dataset": "far", "init": "poisson", "n_train": 32, "budget": "equal epochs", "bound": "lower"}
    budgets = pd.DataFrame([row | {"model": model, "ratio": 2.0} for model in ("m", "big")])
    assert headline("data", points(SCRATCH) + points(TUNED, init="poisson"), budgets=budgets).endswith(
        "at least 2 times (far, m, poisson) and at least 2 times (far, big, poisson) as many at equal epochs."
    )


def test_the_headline_of_q2_has_the_gain_of_the_smallest_and_the_largest_model():
    better = {n: error / 2 for n, error in TUNED.items()}
    rows = [
        *points(SCRATCH, model="big"),
        *points(better, model="big", init="poisson"),
        *points(SCRATCH),
        *points(TUNED, init="poisson"),
    ]
    assert headline("size", rows, {"m": 1000, "big": 20000}) == (
        "From 1,000 to 20,000 parameters, the gain at 32 examples, error from scratch over error fine-tuned, "
        "goes from 2 to 4 on far."
    )


def test_the_headline_of_q2_has_the_sizes_that_each_experiment_has():
    """Of two experiments, the second lacks the largest model and has another recipe."""
    sizes = {"small": 10, "medium": 100, "large": 1000}
    rows = [
        point
        for dataset, recipe, models in (("far", "r", ("small", "large")), ("far", "s", ("small", "medium")))
        for model in models
        for init, errors in (("scratch", SCRATCH), ("poisson", TUNED))
        for point in points(errors, dataset, model=model, init=init, recipe=recipe)
    ]
    told = headline("size", rows, sizes)
    assert "From 10 to 1,000 parameters" in told
    assert "from 10 to 100 parameters" in told


def test_the_headline_of_q3_goes_from_the_nearest_to_the_farthest_dataset_of_each_system():
    rows = [
        *points(SCRATCH, "near"),
        *points(TUNED, "near", init="poisson"),
        *points(SCRATCH),
        *points({n: 2 * error for n, error in TUNED.items()}, init="poisson"),
        *points(SCRATCH, "wind"),
        *points(TUNED, "wind", init="advection_diffusion"),
    ]
    assert headline("shift", rows) == (
        "As the physics shifts, the error of the pre-trained model as it is goes from 0.3 to 0.6 (poisson) "
        "and from 0.3 to 0.3 (advection-diffusion)."
    )


def test_the_headline_of_q4_compares_the_mixed_with_the_own_pretraining():
    worse = {n: 1.5 * error for n, error in TUNED.items()}
    rows = [
        *(points(SCRATCH) + points(TUNED, init="poisson") + points(worse, init="mixed")),
        *(points(TUNED, "near", init="poisson") + points(TUNED, "near", init="mixed")),
    ]
    assert headline("mixture", rows) == (
        "At 32 examples, one model pre-trained on all systems has 1 to 1.5 times the error of one pre-trained "
        "on the dataset's own system, over 2 datasets."
    )


def test_the_headline_of_the_seeds_has_the_spread_of_each_arm():
    rows = [
        point
        for seed in range(5)
        for init, step in (("scratch", 0.1), ("poisson", 0.01))
        for point in points({8: 1 + step * (seed - 2)}, init=init, seed=seed)
    ]
    assert headline("seeds", rows) == (
        "Over 5 seeds, the quartiles of the error are 20 % of its mean apart from scratch and 2 % fine-tuned."
    )
