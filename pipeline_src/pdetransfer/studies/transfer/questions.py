"""The questions of the study, and their answers in sentences, with numbers from the tables."""

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd

from pdetransfer.analysis.savings import IN_WORDS
from pdetransfer.analysis.tables import AXES, mean_errors, spread_over_seeds
from pdetransfer.plan.answers import ONE_MODEL, ONE_RECIPE, Needs, Question
from pdetransfer.plan.entries import SCRATCH, few_of, from_init

SHIFTED = ("shift", "mixture")  #: the questions whose datasets are shifted

Tables = dict[str, pd.DataFrame]

_CHEAPEST = "equal compute"  # the budget that leaves out the pre-training


def _at(means: pd.DataFrame, **axes: Any) -> float:
    """The error of the one row with these axes."""
    rows = means.loc[(means[list(axes)] == pd.Series(axes)).all(axis=1), "test_error"]
    assert len(rows) == 1, f"{len(rows)} rows with {axes}"
    return rows.iloc[0]


def _fine_tuned(means: pd.DataFrame) -> str:
    return next(init for init in means["init"] if init != SCRATCH)


def headline_data(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """Q1 in one sentence: the savings at few examples, by each budget that has been run."""
    few, by_budget = few_of(cells["n_train"]), tables["budgets"]
    rows = by_budget[(by_budget["n_train"] == few) & by_budget["ratio"].notna()]
    told = []
    for budget, of_budget in rows[rows["budget"] != _CHEAPEST].groupby("budget", sort=False):
        distinct = of_budget.drop_duplicates(["dataset", "model", "init"])
        axes = ["dataset"] if distinct["dataset"].is_unique else ["dataset", "model", "init"]
        by_curve = _and(
            f"{saved(row, 'ratio')} times ({', '.join(getattr(row, axis) for axis in axes)})"
            for row in distinct.itertuples()
        )
        told.append(f"{by_curve} as many at {budget}")
    if not told:
        return "Savings of data compare fine-tuning with training from scratch, and one of them was not asked for."
    return f"A model fine-tuned on {few} examples has the error of one from scratch with {'; '.join(told)}."


def saved(row: Any, value: str, signs: dict[str, str] = IN_WORDS) -> str:
    """A column of savings with its interval and how much of that is censored, or as a bound."""
    if row.bound != "exact":
        return f"{signs[row.bound]}{times(getattr(row, value))}"
    low, high = (getattr(row, f"{value.removesuffix('_n')}_{end}") for end in ("low", "high"))
    censored = f", {row.censored:.0%} censored" if row.censored else ""
    return f"{times(getattr(row, value))} ({times(low)} to {times(high)}{censored})"


def headline_size(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """Q2 in one sentence: the gain of the smallest and the largest model."""
    gains: dict[str, list[str]] = {}
    for (dataset, _), rows in cells.groupby(["dataset", "recipe"], sort=False):
        sizes = rows.groupby("model")["num_parameters"].max().sort_values()
        gain = _fine_tuned_gain(mean_errors(rows), _fine_tuned(rows))
        span = f"from {sizes.iloc[0]:,} to {sizes.iloc[-1]:,} parameters"
        ends = f"from {gain[sizes.index[0]]:.2g} to {gain[sizes.index[-1]]:.2g} on {dataset}"
        gains.setdefault(span, []).append(ends)
    told = "; ".join(
        f"{span}, the gain at {few_of(cells.n_train)} examples, error from scratch over error fine-tuned, "
        f"goes {' and '.join(ends)}"
        for span, ends in gains.items()
    )
    return f"{told[0].upper()}{told[1:]}."


def headline_shift(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """Q3 in one sentence: the zero-shot error of the nearest and the farthest dataset."""
    zero = cells[(cells["init"] != SCRATCH) & (cells["n_train"] == 0)]
    ends = []
    for init, rows in zero.groupby("init", sort=False):
        means = mean_errors(rows)["test_error"]
        ends.append(f"from {means.iloc[0]:.2g} to {means.iloc[-1]:.2g} ({init.replace('_', '-')})")
    return f"As the physics shifts, the error of the pre-trained model as it is goes {' and '.join(ends)}."


def headline_mixture(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """Q4 in one sentence: the error of the mixed over that of the own pre-training, at few examples."""
    few = few_of(cells["n_train"])
    means = mean_errors(cells[(cells["n_train"] == few) & (cells["init"] != SCRATCH)])
    by_dataset = means.groupby("dataset", sort=False)["test_error"]
    ratios = by_dataset.last() / by_dataset.first()
    return (
        f"At {few} examples, one model pre-trained on all systems has {ratios.min():.2g} to {ratios.max():.2g} "
        f"times the error of one pre-trained on the dataset's own system, over {len(ratios)} datasets."
    )


def headline_seeds(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """B.3 in one sentence: the spread over seeds of all datasets."""
    spread = _spread(cells[cells["n_train"] > 0])
    tuned, scratch = spread.drop(SCRATCH, level="init").median(), spread.xs(SCRATCH, level="init").median()
    return (
        f"Over {cells['seed'].nunique()} seeds, the quartiles of the error are {100 * scratch:.2g} % of its mean "
        f"apart from scratch and {100 * tuned:.2g} % fine-tuned."
    )


def _spread(trained: pd.DataFrame) -> pd.Series:
    """The spread over seeds of each cell."""
    by_cell = trained.groupby(AXES, sort=False)["test_error"]
    return by_cell.apply(lambda errors: spread_over_seeds(errors.to_numpy()))


def headline_control(cells: pd.DataFrame, savings: pd.DataFrame, tables: Tables) -> str:
    """Controls in one sentence."""
    return f"{len(cells.drop_duplicates(AXES))} cells that differ from the study in one setting each."


def answer_data(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q1: a sentence for each fine-tuned curve, and for each dataset that nothing was fine-tuned on."""
    for _, rows in savings.groupby(["dataset", "model", "init", "recipe"], sort=False):
        yield _along(rows[rows["n_train"] > 0].sort_values("n_train"))
    yield from answer_control(cells[~cells["dataset"].isin(savings["dataset"])], savings)


def _along(rows: pd.DataFrame) -> str:
    """The savings and gains along a curve."""
    first, sizes = rows.iloc[0], ", ".join(map("{:,}".format, rows["n_train"]))
    needed = [saved(row, "equivalent_n") for row in rows.itertuples()]
    ratios = [f"{IN_WORDS[row.bound]}{times(row.ratio)}" for row in rows.itertuples()]
    both = rows.dropna(subset="gain")
    scratch, gains = _list(both["gain"] * both["test_error"]), ", ".join(map("{:.2g}".format, both["gain"]))
    return (
        f"On {first.dataset}, {first.model} fine-tuned on {sizes} examples "
        f"has an error of {_list(rows['test_error'])}. Training from scratch needs {', '.join(needed)} examples "
        f"for these, {', '.join(ratios)} times as many; on as many its error is {scratch}: {gains} times as large."
    )


def answer_budget(budgets: pd.DataFrame) -> Iterator[str]:
    """Q1, by budget: savings at few examples of each dataset and model (``budgets.savings_by_budget``)."""
    at_few = budgets[budgets["n_train"] == few_of(budgets["n_train"])]
    for (dataset, model), rows in at_few.groupby(["dataset", "model"], sort=False):
        ratios = {
            row.budget: "not run" if pd.isna(row.ratio) else saved(row, "ratio")
            for row in rows.drop_duplicates("budget").itertuples()
        }
        words = ", ".join(f"{ratio} at {budget}" for budget, ratio in ratios.items())
        yield (
            f"For the error of {model} fine-tuned on {rows['n_train'].iloc[0]} examples of {dataset}, training "
            f"from scratch takes this many times as much: {words}."
        )


def answer_size(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q2: the errors of all sizes, and the gain of the smallest and the largest model."""
    for dataset, rows in cells.groupby("dataset", sort=False):
        means, sizes = mean_errors(rows), rows.groupby("model")["num_parameters"].max().sort_values()
        small, large, init = sizes.index[0], sizes.index[-1], _fine_tuned(rows)
        most, few = rows.loc[rows["init"] == init, "n_train"].max(), few_of(means["n_train"])
        gain = _fine_tuned_gain(means, init)
        tuned, scratch = (
            _list(_at(means, model=model, init=arm, n_train=most) for model in sizes.index)
            for arm in (init, SCRATCH)
        )
        yield (
            f"On {dataset}, with {', '.join(map('{:,}'.format, sizes))} parameters the error at n = {most:,} is "
            f"{tuned} fine-tuned and {scratch} from scratch; at n = {few} the gain, error from scratch over error "
            f"fine-tuned, goes from {gain[small]:.2g} to {gain[large]:.2g}."
        )


def _fine_tuned_gain(means: pd.DataFrame, init: str) -> dict[str, float]:
    """Error from scratch over error fine-tuned by model, at few examples."""
    few = few_of(means["n_train"])
    return {
        model: _at(rows, init=SCRATCH, n_train=few) / _at(rows, init=init, n_train=few)
        for model, rows in means.groupby("model")
    }


def answer_shift(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q3: the nearest against the farthest downstream dataset of each system."""
    for init, rows in cells[cells["init"] != SCRATCH].groupby("init", sort=False):
        means, names = mean_errors(rows), list(rows["dataset"].unique())
        few = few_of(means["n_train"])
        zero, tuned = ([_at(means, dataset=name, n_train=n) for name in names] for n in (0, few))
        at_few = savings[(savings["init"] == init) & (savings["n_train"] == few)].set_index("dataset")
        ratios = [f"{IN_WORDS[at_few['bound'][name]]}{times(at_few['ratio'][name])}" for name in names]
        yield (
            f"Along {', '.join(names)}, the zero-shot error is {_list(zero)}; fine-tuned on {few} examples it is "
            f"{_list(tuned)}, for which training from scratch needs {', '.join(ratios)} times as many. "
            f"{_smallest_savings(savings[savings['init'] == init])}"
        )


def _smallest_savings(savings: pd.DataFrame) -> str:
    """Which dataset has the smallest savings at each n, where bounds leave that open or not."""
    told = []
    for n, rows in savings[savings["n_train"] > 0].sort_values("n_train").groupby("n_train"):
        smallest = rows.loc[rows["ratio"].idxmin()]
        others = rows[rows["dataset"] != smallest["dataset"]]
        is_known = smallest["bound"] != "lower" and (others["ratio"] > smallest["ratio"]).all()
        told.append(f"{smallest['dataset'] if is_known else 'left open by bounds'} at n = {n}")
    return f"The smallest savings: {', '.join(told)}."


def answer_distance(points: pd.DataFrame) -> str:
    """Q3, by measured distance: how well each orders the savings at one n_train (``savings.savings_at``)."""
    distances = {
        "the zero-shot error": points["zero_shot_error"],
        "the Wasserstein distance of the physics parameter": points["wasserstein"],
        "the parameter's mass not in common": 1 - points["mass_in_common"],
        "the distance of the solutions' spectra": points["spectral_distance"],
    }
    ratio = points["ratio"]
    order = pd.Series({name: of.corr(ratio, "kendall", min_periods=2) for name, of in distances.items()})
    order = order.dropna().sort_values()
    if order.empty:
        return "No distance orders the data savings: they are all the same, or of too few datasets."
    found = ", ".join(f"{value:.2f} for {name}" for name, value in order.items())
    return (
        f"How well a distance orders the data savings at n = {points['n_train'].iloc[0]} of {len(points)} pairs "
        f"of dataset and pre-training (Kendall's τ: -1 where savings fall with distance throughout, 0 where "
        f"there is no order; bounds count at their value): {found}."
    )


def answer_mixture(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q4: the mixed against the own pre-training, and training from scratch."""
    for dataset, rows in cells.groupby("dataset", sort=False):
        means = mean_errors(rows)
        few, inits = few_of(means["n_train"]), list(rows["init"].unique())
        by_n = [
            ", ".join(f"{_at(means, init=init, n_train=n):.3g} {from_init(init)}" for init in inits)
            for n in (0, few)
        ]
        yield f"On {dataset}, the error without training is {by_n[0]}; at n = {few} it is {by_n[1]}."


def answer_seeds(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """B.3: the spread over seeds."""
    trained = cells[cells["n_train"] > 0]
    if trained["seed"].nunique() == 1:
        yield "One seed was trained: its spread is not known."
        return
    for dataset, rows in trained.groupby("dataset", sort=False):
        spread = _spread(rows).groupby("init").median()
        words = [f"{100 * value:.2g} % {from_init(init)}" for init, value in spread.items()]
        num_seeds = rows["seed"].nunique()
        yield (
            f"On {dataset}, the quartiles of the error over {num_seeds} seeds are {' and '.join(words)} of its "
            f"mean apart (median over n)."
        )


def answer_control(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Controls: every curve without training, at few and at most examples."""
    for (dataset, model, recipe), rows in cells.groupby(["dataset", "model", "recipe"], sort=False):
        means = mean_errors(rows)
        common = set.intersection(*(set(of_init["n_train"]) for _, of_init in rows.groupby("init")))
        sizes = sorted({0, few_of(means["n_train"]), max(common)} & common)
        inits = list(rows["init"].unique())
        at = ", ".join(map(str, sizes))
        words = [
            f"{_list(_at(means, init=init, n_train=n) for n in sizes)} {from_init(init)}" for init in inits
        ]
        yield f"On {dataset}, {model}, {recipe}: the error at n = {at} is {'; '.join(words)}."


def times(ratio: float) -> str:
    """A ratio in words: two digits, or an integer."""
    return f"{ratio:,.0f}" if ratio >= 10 else f"{ratio:.2g}"


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _list(values: Iterable[float]) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


_ZERO_SHOT: Needs = {
    "0 and a larger one in n_train": lambda entry: 0 in entry.n_train and any(entry.n_train),
}
BOTH_ARMS: Needs = {
    "scratch and a pre-training in init": lambda entry: {SCRATCH} < set(entry.init),
}
TWO_PRETRAININGS: Needs = {"two pre-trainings in init": lambda entry: len({*entry.init} - {SCRATCH}) > 1}

#: By name, in the order of the report.
QUESTIONS: dict[str, Question] = {
    "data": Question("How much data does pre-training save? (Q1)", headline_data, answer_data),
    "size": Question(
        "How does that change with the size of the model? (Q2)",
        headline_size,
        answer_size,
        BOTH_ARMS | ONE_RECIPE,
    ),
    "shift": Question(
        "How does it change as the physics shifts? (Q3)",
        headline_shift,
        answer_shift,
        _ZERO_SHOT | BOTH_ARMS | ONE_RECIPE | ONE_MODEL,
    ),
    "mixture": Question(
        "Can one model serve several operators? (Q4)",
        headline_mixture,
        answer_mixture,
        _ZERO_SHOT | TWO_PRETRAININGS | ONE_RECIPE | ONE_MODEL,
    ),
    "seeds": Question("How much depends on the seed? (B.3)", headline_seeds, answer_seeds, BOTH_ARMS),
    "control": Question("Controls", headline_control, answer_control, _ZERO_SHOT),
}
