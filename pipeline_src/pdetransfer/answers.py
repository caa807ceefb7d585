"""Answers to the questions of the study in sentences, with numbers from the tables."""

from collections.abc import Callable, Iterator

import pandas as pd

from pdetransfer.experiments import SCRATCH
from pdetransfer.tables import AXES, mean_errors


def _at(means: pd.DataFrame, **axes) -> float:
    """The error of the one row with these axes."""
    rows = means.loc[(means[list(axes)] == pd.Series(axes)).all(axis=1), "test_error"]
    assert len(rows) == 1, f"{len(rows)} rows with {axes}"
    return rows.iloc[0]


def _few(means: pd.DataFrame) -> int:
    """The n_train that few-shot sentences speak of: the second smallest, or the only one."""
    sizes = sorted(n for n in means["n_train"].unique() if n > 0)
    return sizes[min(1, len(sizes) - 1)]


def _fine_tuned(means: pd.DataFrame) -> str:
    return next(init for init in means["init"] if init != SCRATCH)


def answer_data(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q1: a sentence for each fine-tuned curve."""
    for (dataset, model, _), rows in savings.groupby(["dataset", "model", "init"], sort=False):
        yield _largest_ratio(dataset, model, rows)


def _largest_ratio(dataset: str, model: str, rows: pd.DataFrame) -> str:
    """The largest ratio of a curve, exact or as a lower bound, at the smallest n_train that has it."""
    known = rows[(rows["n_train"] > 0) & (rows["bound"] != "upper")].sort_values("n_train")
    if known.empty:
        return f"On {dataset}, fine-tuning {model} is worse than the smallest training from scratch."
    point = known.loc[known["ratio"].round(3).idxmax()]
    beyond = point.bound == "lower"
    return (
        f"On {dataset}, {model} fine-tuned on {point.n_train} examples reaches a test error of "
        f"{point.test_error:.3g}, for which training from scratch needs {'more than' if beyond else 'about'} "
        f"{point.equivalent_n:,.0f} examples: {'at least ' if beyond else ''}{point.ratio:.3g} times "
        f"as many, the largest ratio seen on this curve."
    )


def answer_size(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q2: the smallest against the largest model."""
    for dataset, rows in cells.groupby("dataset", sort=False):
        means, sizes = mean_errors(rows), rows.groupby("model")["num_parameters"].max().sort_values()
        small, large, init = sizes.index[0], sizes.index[-1], _fine_tuned(rows)
        most, few = rows["n_train"].max(), _fine_tuned_gain(means, init)
        tuned = [_at(means, model=model, init=init, n_train=most) for model in (small, large)]
        scratch = [_at(means, model=model, init=SCRATCH, n_train=most) for model in (small, large)]
        yield (
            f"On {dataset}, from {sizes.iloc[0]:,} to {sizes.iloc[-1]:,} parameters the error at n = {most:,} "
            f"goes from {tuned[0]:.3g} to {tuned[1]:.3g} fine-tuned and from {scratch[0]:.3g} to {scratch[1]:.3g} "
            f"from scratch; at n = {_few(means)} the gain, error from scratch over error fine-tuned, goes from "
            f"{few[small]:.2g} to {few[large]:.2g}."
        )


def _fine_tuned_gain(means: pd.DataFrame, init: str) -> dict[str, float]:
    """Error from scratch over error fine-tuned by model, at few examples."""
    few = _few(means)
    return {
        model: _at(rows, init=SCRATCH, n_train=few) / _at(rows, init=init, n_train=few)
        for model, rows in means.groupby("model")
    }


def answer_shift(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q3: the nearest against the farthest downstream dataset of each system."""
    for init, rows in cells[cells["init"] != SCRATCH].groupby("init", sort=False):
        means, names = mean_errors(rows), list(rows["dataset"].unique())
        few = _few(means)
        zero, tuned = ([_at(means, dataset=name, n_train=n) for name in names] for n in (0, few))
        at_few = savings[(savings["init"] == init) & (savings["n_train"] == few)].set_index("dataset")
        sign = {"exact": "", "lower": "at least ", "upper": "at most "}
        saved = [f"{sign[at_few['bound'][name]]}{at_few['ratio'][name]:.2g}" for name in names]
        yield (
            f"Along {', '.join(names)}, the zero-shot error is {_list(zero)}; fine-tuned on {few} examples it is "
            f"{_list(tuned)}, for which training from scratch needs {', '.join(saved)} times as many."
        )


def answer_mixture(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Q4: the mixed against the own pre-training, and training from scratch."""
    for dataset, rows in cells.groupby("dataset", sort=False):
        means = mean_errors(rows)
        few, inits = _few(means), list(rows["init"].unique())
        by_n = [
            ", ".join(f"{_at(means, init=init, n_train=n):.3g} {_words(init)}" for init in inits)
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
        groups = rows.groupby([axis for axis in AXES if axis != "dataset"])["test_error"]
        spread = ((groups.quantile(0.75) - groups.quantile(0.25)) / groups.mean()).groupby("init").median()
        words = [f"{100 * value:.2g} % {_words(init)}" for init, value in spread.items()]
        num_seeds = rows["seed"].nunique()
        yield (
            f"On {dataset}, the quartiles of the error over {num_seeds} seeds are {' and '.join(words)} of its "
            f"mean apart (median over n)."
        )


def answer_control(cells: pd.DataFrame, savings: pd.DataFrame) -> Iterator[str]:
    """Controls: every curve at few and at most examples."""
    for (dataset, model, recipe), rows in cells.groupby(["dataset", "model", "recipe"], sort=False):
        means = mean_errors(rows)
        sizes = sorted({0, _few(means), rows["n_train"].max()})
        inits = list(rows["init"].unique())
        at = ", ".join(map(str, sizes))
        words = [f"{_list(_at(means, init=init, n_train=n) for n in sizes)} {_words(init)}" for init in inits]
        yield f"On {dataset}, {model}, {recipe}: the error at n = {at} is {'; '.join(words)}."


def _list(values) -> str:
    return ", ".join(f"{value:.3g}" for value in values)


def _words(init: str) -> str:
    return "from scratch" if init == SCRATCH else f"from {init.replace('_', '-')}"


ANSWERS: dict[str, tuple[str, Callable[[pd.DataFrame, pd.DataFrame], Iterator[str]]]] = {
    "data": ("How much data does pre-training save? (Q1)", answer_data),
    "size": ("How does that change with the size of the model? (Q2)", answer_size),
    "shift": ("How does it change as the physics shifts? (Q3)", answer_shift),
    "mixture": ("Can one model serve several operators? (Q4)", answer_mixture),
    "seeds": ("How much depends on the seed? (B.3)", answer_seeds),
    "control": ("Controls", answer_control),
}
