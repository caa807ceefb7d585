"""Two results side by side: the test of difference, against SciPy's where one exists, and by simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cases import error_table
from pdetransfer.analysis.comparison import compare, difference, summary

RANDOM = np.random.default_rng()


@pytest.fixture(autouse=True)
def _same_draws():
    RANDOM.bit_generator.state = np.random.default_rng(0).bit_generator.state


def drawn(seeds, examples, by_seed=0.0, scale=1.0, shared=None):
    """Errors ``(seed, example)`` whose expectation is ``scale`` by the factor of ``shared`` examples."""
    of_example = np.exp(0.5 * RANDOM.standard_normal(examples)) if shared is None else shared
    of_seed = np.exp(by_seed * RANDOM.standard_normal((seeds, 1)) - by_seed**2 / 2)
    return scale * of_seed * of_example * RANDOM.lognormal(0, 0.1, (seeds, examples))


def test_with_one_seed_and_the_same_examples_it_is_the_paired_t_test_of_relative_errors():
    ours = drawn(1, 40)
    other = 1.03 * ours * RANDOM.lognormal(0, 0.1, ours.shape)
    found = difference(ours, other, same_examples=True, same_seeds=True)
    log_ratio = np.log(other.mean() / ours.mean())
    relative = (other / other.mean() - ours / ours.mean())[0] + log_ratio  # its mean is the log ratio
    expected = stats.ttest_1samp(relative, 0)
    assert found.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval()
    assert np.log([found.low, found.high]) == pytest.approx([interval.low, interval.high])
    assert found.ratio == pytest.approx(np.exp(log_ratio))


def test_with_one_seed_and_other_examples_it_is_welchs_t_test_of_relative_errors():
    ours, other = drawn(1, 30), drawn(1, 50, scale=1.2)
    found = difference(ours, other, same_examples=False, same_seeds=False)
    log_ratio = np.log(other.mean() / ours.mean())
    expected = stats.ttest_ind(other[0] / other.mean() + log_ratio, ours[0] / ours.mean(), equal_var=False)
    assert found.p_value == pytest.approx(expected.pvalue)


def test_where_seeds_alone_vary_it_is_the_t_test_of_their_means():
    factors = [np.array([[0.9], [1.0], [1.2]]), np.array([[1.1], [1.3], [1.05], [1.4]])]
    ours, other = (factor * np.ones((1, 20)) for factor in factors)
    found = difference(ours, other, same_examples=True, same_seeds=False)
    log_ratio = np.log(other.mean() / ours.mean())
    relative = [factor[:, 0] / factor.mean() for factor in factors]
    assert found.p_value == pytest.approx(
        stats.ttest_ind(relative[1] + log_ratio, relative[0], equal_var=False).pvalue
    )


def test_the_same_errors_do_not_differ():
    errors = drawn(3, 20, by_seed=0.1)
    assert difference(errors, errors, True, True) == (1, 1, 1, 1)


@pytest.mark.parametrize(("seeds", "by_seed", "same"), [(1, 0.0, True), (1, 0.0, False), (4, 0.1, True)])
def test_equal_expectations_are_found_different_as_often_as_the_level_says(seeds, by_seed, same):
    """And with seeds that vary, no more often, although examples alone would tell them apart."""
    found, num_trials = [], 600
    for _ in range(num_trials):
        shared = np.exp(0.5 * RANDOM.standard_normal(64)) if same else None
        ours, other = (drawn(seeds, 64, by_seed, shared=shared) for _ in range(2))
        found.append(difference(ours, other, same, same_seeds=False).p_value < 0.05)
    assert np.mean(found) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / num_trials)
    assert np.mean(found) > 0.01


def test_the_interval_covers_the_true_ratio():
    covered = []
    for _ in range(400):
        shared = np.exp(0.5 * RANDOM.standard_normal(64))
        ours, other = drawn(4, 64, 0.1, shared=shared), drawn(4, 64, 0.1, scale=1.5, shared=shared)
        found = difference(ours, other, same_examples=True, same_seeds=False)
        covered.append(found.low < 1.5 < found.high)
    assert np.mean(covered) > 0.92


def errors_of(points, num_examples=50, noise=0.1, experiment="e"):
    table = error_table(points, num_examples)
    table["error"] *= RANDOM.lognormal(0, noise, len(table))
    return table.assign(experiment=experiment)


OURS = [("a", "m", "scratch", "r", n, seed, 1 / n) for n in (8, 32) for seed in (0, 1)]
OTHER = [(*point[:-1], 3 * point[-1] if point[4] == 32 else point[-1]) for point in OURS]


def test_a_row_for_each_cell_that_both_have():
    """Whatever experiment it is in; a cell that several experiments have is one."""
    ours = errors_of(OURS)
    ours = pd.concat([ours, ours.assign(experiment="again"), errors_of([("b", *OURS[0][1:])])])
    table = compare(ours, errors_of([*OTHER, ("c", *OURS[0][1:])], experiment="f"), {"a"})
    assert table[["dataset", "experiment", "n_train"]].to_numpy().tolist() == [["a", "e", 8], ["a", "e", 32]]
    assert table["differs"].to_list() == [False, True]
    assert table["ratio"].to_numpy() == pytest.approx([1, 3], rel=0.1)
    assert (table["ratio_low"] < table["ratio"]).all()
    assert (table["ratio"] < table["ratio_high"]).all()
    assert table["same_examples"].all()
    assert table["p_adjusted"].to_numpy() == pytest.approx(
        stats.false_discovery_control(table["p_value"], method="bh")
    )
    np.testing.assert_allclose(table["test_error_other"] / table["test_error"], table["ratio"])


def test_errors_are_paired_only_where_data_and_examples_are_the_same():
    ours = errors_of(OURS)
    assert not compare(ours, errors_of(OTHER), set())["same_examples"].any()
    assert not compare(ours, errors_of(OTHER, num_examples=49), {"a"})["same_examples"].any()


def test_nothing_in_common_is_said():
    with pytest.raises(ValueError, match=r"no cell in common; expected some with the same .*'n_train'"):
        compare(errors_of(OURS), errors_of([("b", *OURS[0][1:])]), set())


def test_the_summary_counts_and_names_the_farthest():
    table = compare(errors_of(OURS), errors_of(OTHER), {"a"})
    assert summary(table).startswith(
        "Of 2 cells in both, 1 have test errors that differ at a false discovery rate of 5%: "
        "1 larger and 0 smaller in the other."
    )
    assert "the farthest off of those that differ is a/m/scratch/r at n = 32, with 3" in summary(table)
    ours = errors_of(OURS)
    assert summary(compare(ours, ours, {"a"})).endswith(
        "The other's errors are 1 times ours at the median of all cells."
    )
