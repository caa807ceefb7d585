import numpy as np
import pandas as pd
import pytest

from pdetransfer.analysis.tables import (
    AXES,
    PROVENANCE,
    cell_rows,
    errors_by_parameter,
    mean_errors,
    seconds_by_cell,
    with_short_hashes,
    write_table,
)
from pdetransfer.plan.study import Curve


def example_errors(parameter, **axes):
    """Errors of one cell, 0.1 for the first example, 0.2 for the next, ..., as evaluation writes them."""
    count = len(parameter)
    return pd.DataFrame(
        {"dataset": "a", "model": "m", "init": "scratch", "recipe": "r", "n_train": 8, "seed": 0}
        | {"num_parameters": 99, "example": range(count), "parameter": parameter}
        | {"error": 0.1 * np.arange(1, count + 1)}
        | axes
    )


RUN = {"epochs": 2.0, "steps": 4, "best_step": 3, "seconds": 1.5, "memory_mb": 300.0, "validation_error": 0.3}


def trained_cell(seeds=(0, 1), **axes):
    point = dict.fromkeys(AXES) | {"dataset": "a", "model": "m", "init": "scratch", "recipe": "r"}
    chosen = [{"seed": seed, **RUN} for seed in seeds]
    tuned = {"learning_rate": 1e-3, "learning_rates": [1e-3, 2e-3], "edge": "low"}
    return point | tuned | {"n_train": 8, "chosen": chosen, "runs": chosen} | axes


@pytest.mark.parametrize("dtype", ["object", "category"])
def test_a_row_for_each_cell_and_seed(dtype):
    """As evaluation writes the errors, with categories, and without."""
    parts = [
        example_errors(np.ones(5), init=init, n_train=n, seed=seed)
        for init in ("scratch", "poisson")
        for n in (0, 8)
        for seed in (0, 1)
    ]
    errors = pd.concat(parts, ignore_index=True)
    errors["error"] += errors["seed"]
    errors = errors.astype(dict.fromkeys(["dataset", "model", "init", "recipe"], dtype))
    cells = [trained_cell(init="poisson", learning_rate=2e-3, edge="inside"), trained_cell()]
    rows = cell_rows(cells, errors)
    assert rows[["init", "n_train", "seed"]].to_numpy().tolist() == [
        [init, n, seed] for init in ("scratch", "poisson") for n in (0, 8) for seed in (0, 1)
    ]
    rows = rows.set_index(["init", "n_train", "seed"])
    last = rows.loc["scratch", 8, 1]
    assert last[
        ["test_error", "test_error_median", "test_error_q25", "test_error_q75"]
    ].to_list() == pytest.approx([1.3, 1.3, 1.2, 1.4])
    assert (last["learning_rate"], last["learning_rate_edge"], last["steps"]) == (1e-3, "low", 4)
    assert rows.loc["poisson", 8, 0][["learning_rate", "learning_rate_edge"]].to_list() == [2e-3, "inside"]
    zero = rows.loc["poisson", 0, 0]
    assert zero[["learning_rate", "learning_rate_edge", "seconds", "validation_error"]].isna().all()
    assert zero[["epochs", "steps", "num_parameters"]].to_list() == [0, 0, 99]


def test_what_families_vary_stands_in_columns_behind_the_axes():
    """In each row of a curve, zero-shot too; of what a curve does not have there is nothing."""
    parts = [
        example_errors(np.ones(2), model=model, init=init, n_train=n)
        for model, init in (("m.width4", "scratch"), ("m.width8", "scratch"), ("m.width8", "poisson"))
        for n in (0, 8)
    ]
    errors = pd.concat(parts, ignore_index=True).astype({"model": "category", "init": "category"})
    curves = [("m.width4", "scratch", {"model_width": 4}), ("m.width8", "scratch", {"model_width": 8})]
    curves.append(("m.width8", "poisson", {"model_width": 8, "init_range": [1, 5]}))
    cells = [trained_cell([0], model=model, init=init) for model, init, _ in curves]
    plain = cell_rows(cells, errors)
    varied = [cell | {"columns": columns} for cell, (*_, columns) in zip(cells, curves, strict=True)]
    rows = cell_rows(varied, errors)
    assert list(rows)[:7] == [*AXES, "model_width", "init_range"]
    assert rows["model_width"].to_list() == [4, 4, 8, 8, 8, 8]
    assert rows["init_range"].to_list()[-2:] == [[1, 5]] * 2
    assert rows["init_range"][:4].isna().all()
    pd.testing.assert_frame_equal(rows.drop(columns=["model_width", "init_range"]), plain)


def test_the_mean_error_of_a_cell_is_over_its_seeds():
    rows = [(init, seed, error + seed) for init, error in (("a", 1.0), ("b", 2.0)) for seed in (0, 1, 5)]
    cells = pd.DataFrame(rows, columns=["init", "seed", "test_error"])
    means = mean_errors(cells.assign(dataset="a", model="m", recipe="r", n_train=8))
    assert means[["init", "test_error"]].to_numpy().tolist() == [["a", 3.0], ["b", 4.0]]


def test_errors_by_a_parameter_with_few_values_are_by_value():
    """Over all seeds; an example counts once."""
    parameter = np.array([3.0, 1.0, 3.0, 2.0, 1.0])
    errors = pd.concat([example_errors(parameter), example_errors(parameter, seed=1)], ignore_index=True)
    errors.loc[errors["seed"] == 1, "error"] += 1
    found = errors_by_parameter(errors).sort_values("parameter")
    assert found["parameter"].to_list() == [1, 2, 3]
    assert found["num_examples"].to_list() == [2, 1, 2]
    assert found["test_error"].to_list() == pytest.approx([0.35 + 0.5, 0.4 + 0.5, 0.2 + 0.5])


def test_errors_by_a_continuous_parameter_are_by_eight_bins_of_equal_counts():
    """The same bins for every cell of a dataset; another dataset has its own."""
    parameter = np.random.default_rng(0).permutation(np.linspace(1, 5, 80))
    errors = pd.concat(
        [
            example_errors(parameter),
            example_errors(parameter, init="poisson"),
            example_errors(parameter + 10, dataset="b"),
        ],
        ignore_index=True,
    )
    found = errors_by_parameter(errors)
    assert len(found) == 3 * 8
    assert set(found["num_examples"]) == {10}
    ordered = np.sort(parameter).reshape(8, 10)
    errors_of = dict(zip(parameter, 0.1 * np.arange(1, 81), strict=True))
    for (dataset, _), rows in found.sort_values("parameter").groupby(["dataset", "init"]):
        shift = 10 * (dataset == "b")
        assert rows["parameter"].to_list() == pytest.approx(np.median(ordered, axis=1) + shift)
        expected = [np.mean([errors_of[value] for value in values]) for values in ordered]
        assert rows["test_error"].to_list() == pytest.approx(expected)


def test_examples_without_a_parameter_are_left_out_and_none_leave_an_empty_table():
    mixture = example_errors(np.full(5, np.nan), dataset="mixed")
    found = errors_by_parameter(pd.concat([mixture, example_errors(np.ones(5))], ignore_index=True))
    assert found["dataset"].to_list() == ["a"]
    empty = errors_by_parameter(mixture.astype({"dataset": "category"}))
    assert empty.empty
    assert {*AXES, "parameter", "test_error"} <= set(empty.columns)


def test_a_row_has_the_provenance_of_its_weights_and_the_seconds_of_all_runs_of_its_cell():
    """Zero-shot rows have that of the pre-training; an untrained network has none."""
    errors = pd.concat(
        example_errors(np.ones(2), init=init, n_train=n) for init in ("scratch", "poisson") for n in (0, 8)
    )
    runs = [{"seconds": 1.5}, {"seconds": 2.5}, {"seconds": 4.0}]
    told = {name: f"{name} of the cell" for name in PROVENANCE}
    pretrained = dict.fromkeys(PROVENANCE, "of the pre-training") | {"chosen": [], "runs": []}
    cells = [
        trained_cell(seeds=[0], runs=runs, **told),
        trained_cell(seeds=[0], init="poisson", device="cpu"),  # of an early version
        trained_cell(init="poisson", n_train=0) | pretrained,
    ]
    rows = cell_rows(cells, errors).set_index(["init", "n_train"])
    assert rows.loc[("scratch", 8), PROVENANCE].to_list() == list(told.values())
    assert rows.loc[("poisson", 0), PROVENANCE].to_list() == ["of the pre-training"] * len(PROVENANCE)
    assert rows.loc[("poisson", 8), "device"] == "cpu"
    assert rows.loc[("poisson", 8), ["commit", "data", "weights"]].isna().all()
    assert rows.loc[("scratch", 0), PROVENANCE].isna().all()
    assert seconds_by_cell(rows.reset_index()) == {
        (Curve("a", "m", "scratch", "r"), 8): 8.0,
        (Curve("a", "m", "poisson", "r"), 8): 1.5,
    }
    assert set(with_short_hashes(rows)["weights"]) == {"weights of t", "of the pre-t", ""}


def test_a_table_is_written_twice_with_the_same_content(tmp_path):
    table = pd.DataFrame(
        {
            "axis": ["a", "b"],
            "name": ["a", None],
            "number": [0.1, np.nan],
            "ratio": [np.inf, 1.0],
            "n": [1, 2],
        }
    )
    write_table(table.astype({"axis": "category"}), tmp_path / "t.csv")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["t.csv", "t.parquet"]
    for found in (pd.read_csv(tmp_path / "t.csv"), pd.read_parquet(tmp_path / "t.parquet")):
        pd.testing.assert_frame_equal(found, table, check_dtype=False)
