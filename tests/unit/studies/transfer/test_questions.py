"""The numbers and names of every answer, on a table small enough to read them off."""

import pandas as pd
import pytest

from cases import cell_table, savings_table
from facts import facts
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
        (TUNED, [32, 32, 32, 128, 128, 128, "at least", 128], [4, 4, "at least", 1]),  # with intervals
        ({32: 0.04, 128: 0.03}, ["at least", 128, "at least", 128], ["at least", 4, "at least", 1]),
        ({8: 0.9, 32: 0.8}, ["at most", 8, "at most", 8], ["at most", 1, "at most", 0.25]),
    ],
    ids=["exact", "lower bound", "harm"],
)
def test_data_says_the_savings_along_a_curve(tuned, needed, ratios):
    (told,) = answers("data", points(SCRATCH) + points(tuned, init="poisson"))
    errors = {n: error for n, error in tuned.items() if n}
    scratch = [SCRATCH[n] for n in errors]
    gains = [float(f"{SCRATCH[n] / error:.2g}") for n, error in errors.items()]
    said = ["far", *errors, *errors.values(), *needed, *ratios, *scratch, *gains]
    assert facts(told, "far") == said


def test_data_has_a_sentence_for_each_curve():
    rows = [
        point
        for dataset in ("near", "far")
        for init in ("scratch", "poisson", "mixed")
        for point in points(SCRATCH if init == "scratch" else TUNED, dataset=dataset, init=init)
    ]
    found = answers("data", rows)
    assert [facts(sentence, "near", "far")[0] for sentence in found] == ["near", "near", "far", "far"]


def test_data_without_fine_tuning_tells_the_errors_and_claims_no_savings():
    trained = {n: error for n, error in SCRATCH.items() if n}
    (told,) = answers("data", points(trained))
    assert facts(told, "far", "m", "r", "scratch") == ["far", "m", "r", 32, 128, 0.2, 0.1, "scratch"]
    assert facts(headline("data", points(trained))) == []


def test_size_compares_the_smallest_and_the_largest_model():
    """The order of the table does not matter, the number of parameters does."""
    gains = {"large": (0.2, 0.05), "small": (0.6, 0.5), "medium": (0.4, 0.1)}
    rows = [
        point
        for model, (scratch, tuned) in gains.items()
        for point in points({0: 1.0, 8: 0.9, 32: scratch, 1024: scratch / 2}, model=model)
        + points({0: 0.8, 8: 0.7, 32: tuned, 1024: tuned / 2}, model=model, init="poisson")
    ]
    (told,) = answers("size", rows, {"small": 67281, "medium": 10**6, "large": 268535425})
    errors, gains = told.split(";")
    expected = [0.25, 0.05, 0.025, "fine-tuned", 0.3, 0.2, 0.1, "scratch"]
    assert facts(errors, "far", "fine-tuned", "scratch") == ["far", 67281, 10**6, 268535425, 1024, *expected]
    assert facts(gains) == [32, 1.2, 4]


def test_answers_compare_the_n_that_both_arms_have():
    rows = points(SCRATCH | {512: 0.05}) + points(TUNED, init="poisson")
    assert facts(answers("control", rows)[0])[:3] == [0, 32, 128]
    assert facts(answers("size", rows, {"m": 9})[0])[:2] == [9, 128]


def test_shift_goes_along_the_datasets_with_bounds():
    tuned = {"near": (0.1, 0.05), "far": (0.2, 0.1), "farther": (0.6, 0.5)}
    rows = [
        point
        for dataset, (zero, few) in tuned.items()
        for point in points(SCRATCH, dataset=dataset)
        + points({0: zero, 8: zero, 32: few, 128: few}, dataset=dataset, init="poisson")
    ]
    (told,) = answers("shift", rows)
    assert facts(told, *tuned) == [
        *tuned,
        *(0.1, 0.2, 0.6),  # zero-shot
        *(32, 0.05, 0.1, 0.5),
        *("at least", 4, 4, "at most", 0.25),
        *("farther", 8, "farther", 32, "farther", 128),  # the smallest savings
    ]


def test_bounds_may_leave_open_where_the_smallest_savings_are():
    rows = [
        point
        for dataset, few in (("near", 0.01), ("far", 0.02))
        for point in points(SCRATCH, dataset=dataset)
        + points({0: 0.5, 8: few, 32: few}, dataset=dataset, init="poisson")
    ]
    assert facts(answers("shift", rows)[0], "near", "far")[-2:] == [8, 32]  # and no dataset


def test_shift_has_a_sentence_for_each_pretraining():
    rows = [
        point
        for dataset, init in (("p1", "poisson"), ("h1", "helmholtz"), ("p2", "poisson"))
        for point in points(SCRATCH, dataset=dataset) + points(TUNED, dataset=dataset, init=init)
    ]
    found = [facts(sentence, "p1", "p2", "h1") for sentence in answers("shift", rows)]
    assert [said[:3] for said in found] == [["p1", "p2", 0.3], ["h1", 0.3, 32]]


def test_mixture_compares_all_inits():
    rows = (
        points(SCRATCH)
        + points(TUNED, init="advection_diffusion")
        + points({0: 0.25, 8: 0.2, 32: 0.12345, 128: 0.06}, init="mixed")
    )
    (told,) = answers("mixture", rows)
    inits = "scratch", "advection-diffusion", "mixed"
    zero, few = ([*zip(errors, inits, strict=True)] for errors in ((1, 0.3, 0.25), (0.2, 0.1, 0.123)))
    assert facts(told, "far", *inits) == ["far", *sum(zero, ()), 32, *sum(few, ())]


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
    (told,) = answers("seeds", rows)
    assert facts(told, "far", "poisson", "scratch") == ["far", 3, 2, "poisson", 10, "scratch"]


def test_control_lists_every_curve():
    rows = [
        point
        for recipe in ("steps", "epochs")
        for point in points(SCRATCH, recipe=recipe) + points(TUNED, init="poisson", recipe=recipe)
    ]
    rest = [0, 32, 128, 1, 0.2, 0.1, "scratch", 0.3, 0.1, 0.05, "poisson"]
    names = "far", "m", "steps", "epochs", "scratch", "poisson"
    found = [facts(sentence, *names) for sentence in answers("control", rows)]
    assert found == [["far", "m", recipe, *rest] for recipe in ("steps", "epochs")]


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
    names = "far", "near", "equal epochs"
    expected = [32, 4, 4, 4, "far", "at least", 4, "near", "equal epochs"]
    assert facts(headline("data", rows), *names) == expected


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
    told = headline("data", points(SCRATCH) + points(TUNED, init="poisson"), budgets=budgets)
    found = facts(
        told, "far", "equal epochs", "equal steps", "equal compute", "equal compute with pre-training"
    )
    first, second = (
        [7, 7, 14, "far", "equal epochs"],
        [0.5, 0.5, 1, "far", "equal compute with pre-training"],
    )
    assert found == [32, *first, *second]


def test_the_headline_of_q1_tells_the_curves_of_a_dataset_apart():
    row = {"dataset": "far", "init": "poisson", "n_train": 32, "budget": "equal epochs", "bound": "lower"}
    budgets = pd.DataFrame([row | {"model": model, "ratio": 2.0} for model in ("m", "big")])
    told = headline("data", points(SCRATCH) + points(TUNED, init="poisson"), budgets=budgets)
    of_each = [["at least", 2, "far", model, "poisson"] for model in ("m", "big")]
    assert facts(told, "far", "m", "big", "poisson") == [32, *of_each[0], *of_each[1]]


def test_the_headline_of_q2_has_the_gain_of_the_smallest_and_the_largest_model():
    better = {n: error / 2 for n, error in TUNED.items()}
    rows = [
        *points(SCRATCH, model="big"),
        *points(better, model="big", init="poisson"),
        *points(SCRATCH),
        *points(TUNED, init="poisson"),
    ]
    told = headline("size", rows, {"m": 1000, "big": 20000})
    assert facts(told, "far") == [1000, 20000, 32, 2, 4, "far"]


def test_the_headline_of_q2_goes_to_the_largest_of_many_models():
    gains = {"large": 4, "small": 1, "medium": 2}
    rows = [
        point
        for model, gain in gains.items()
        for point in (
            *points(SCRATCH, model=model),
            *points({n: error / gain for n, error in SCRATCH.items()}, model=model, init="poisson"),
        )
    ]
    told = headline("size", rows, {"small": 10, "medium": 100, "large": 1000})
    assert facts(told, "far") == [10, 1000, 32, 1, 4, "far"]
    assert told.startswith("From 10 to")


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
    assert facts(told, "far") == [10, 1000, 32, 2, 2, "far", 10, 100, 32, 2, 2, "far"]


def test_the_headline_of_q3_goes_from_the_nearest_to_the_farthest_dataset_of_each_system():
    rows = [
        *points(SCRATCH, "near"),
        *points(TUNED, "near", init="poisson"),
        *points(SCRATCH),
        *points({n: 2 * error for n, error in TUNED.items()}, init="poisson"),
        *points(SCRATCH, "wind"),
        *points(TUNED, "wind", init="advection_diffusion"),
    ]
    systems = "poisson", "advection-diffusion"
    assert facts(headline("shift", rows), *systems) == [0.3, 0.6, systems[0], 0.3, 0.3, systems[1]]


def test_the_headline_of_q4_compares_the_mixed_with_the_own_pretraining():
    worse = {n: 1.5 * error for n, error in TUNED.items()}
    rows = [
        *(points(SCRATCH) + points(TUNED, init="poisson") + points(worse, init="mixed")),
        *(points(TUNED, "near", init="poisson") + points(TUNED, "near", init="mixed")),
    ]
    assert facts(headline("mixture", rows)) == [32, 1, 1.5, 2]  # over two datasets


def test_the_headline_of_the_seeds_has_the_spread_of_each_arm():
    rows = [
        point
        for seed in range(5)
        for init, step in (("scratch", 0.1), ("poisson", 0.01))
        for point in points({8: 1 + step * (seed - 2)}, init=init, seed=seed)
    ]
    told = headline("seeds", rows)
    assert facts(told, "scratch", "fine-tuned") == [5, 20, "scratch", 2, "fine-tuned"]
