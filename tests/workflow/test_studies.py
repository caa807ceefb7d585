"""Studies beside the project's own: a toy with code of its own, and a user's with nothing but two files."""

import re

import h5py
import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow

TOY = {
    "config/toy/study.yaml": """
title: Do wider operators do better?
about: A toy.
datasets:
  poisson: {system: poisson, each: {eigenvalue_range: [[1, 2], [5, 10]]}}
models:
  fno: {kind: fno, modes: 4, num_layers: 2, rate: 1000}
recipes:
  quick: {batch_size: 8, length: 4, length_unit: steps, validation_interval: 2, num_validation: 4}
experiments:
  widths: {question: width, dataset: [poisson], model: [fno], init: [scratch], recipe: [quick]}
figures:
  widths: {kind: error_by_width, experiments: [widths], title: Test error by width}
""",
    "config/toy/tiny.yaml": """
grid: {num_points: 16}
source: {num_centres: 4, sigma: 0.125, sparsity_range: [0.2, 0.8]}
num_examples: {train: 8, validation: 4, test: 4}
n_train: [8]
models: {fno: {each: {width: [4, 8]}}}
recipes: {quick: {learning_rates: {scratch: [1.0e-3]}}}
""",
    "pipeline_src/pdetransfer/studies/toy/__init__.py": "",
    "pipeline_src/pdetransfer/studies/toy/answers.py": '''
from pdetransfer.plan.answers import Answers, FigureKind, Question


def headline(cells, savings, tables):
    means = cells.groupby("model_width")["test_error"].mean()
    return f"Width {means.idxmin()} has the smallest error."


def answer(cells, savings):
    for width, rows in cells.groupby("model_width"):
        yield f"At width {width} the error is {rows['test_error'].mean():.3g}."


ANSWERS = Answers(
    {"width": Question("Do wider ones do better?", headline, answer)}, {"error_by_width": FigureKind()}
)
''',
    "pipeline_src/pdetransfer/studies/toy/figures.py": '''
import matplotlib.pyplot as plt


def draw_error_by_width(tables, figure, study):
    """Test error against the width of the model."""
    picture, axes = plt.subplots()
    for dataset, rows in tables.cells.groupby("dataset"):
        axes.plot(rows["model_width"], rows["test_error"], label=dataset)
    axes.set_title(figure.title)
    return picture


FIGURES = {"error_by_width": draw_error_by_width}
''',
}  # fmt: skip


def test_a_toy_study_goes_through_the_whole_workflow_without_a_change_in_the_engine(fresh):
    for name, text in TOY.items():
        (fresh.path / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh.path / name).write_text(text)
    chosen = ("--config", "study=toy", "scale=tiny")
    assert "study toy, scale tiny: results/toy/tiny" in fresh.succeed("all", *chosen)
    assert "Nothing to be done" in fresh.succeed("-n", "all", *chosen)
    results = fresh.path / "results/toy/tiny"
    table = pd.read_csv(results / "tables/widths.csv")
    assert table["model"].to_list() == ["fno.width4", "fno.width8"] * 2
    assert table["model_width"].to_list() == [4, 8] * 2
    assert table["dataset_eigenvalue_range"].nunique() == 2
    assert np.isfinite(table["test_error"]).all()
    html = (results / "report.html").read_text()
    for text in (
        "<h1>Do wider operators do better?</h1>",
        "has the smallest error.",
        "against the width of the model",
    ):
        assert text in html
    assert 'id="claims"' not in html
    assert (results / "figures/widths.svg").exists()
    assert not (results / "figures/stages.svg").exists()  # of another study


OWN = {
    "config/mine/study.yaml": """
answers: transfer
title: My operator
datasets:
  mine:
    coefficients: [a]
    files: {train: train.h5, validation: validation.h5, test: test.h5}
models:
  fno: {kind: fno, width: 8, modes: 4, num_layers: 2, rate: 1000}
recipes:
  short:
    learning_rates: {scratch: [1.0e-3, 4.0e-3]}
    batch_size: 8
    length: 8
    length_unit: steps
    validation_interval: 4
    num_validation: 8
experiments:
  mine: {question: data, dataset: [mine], model: [fno], init: [scratch], recipe: [short], n_train: [0, 4, 16]}
figures:
  mine: {kind: error_vs_data, experiments: [mine], title: Test error}
""",
    "config/mine/laptop.yaml": "",
}  # fmt: skip


def test_own_data_and_one_experiment_go_to_a_report_by_two_files(fresh):
    for name, text in OWN.items():
        (fresh.path / name).parent.mkdir(parents=True, exist_ok=True)
        (fresh.path / name).write_text(text)
    random = np.random.default_rng(0)
    for split, count in {"train": 16, "validation": 8, "test": 8}.items():
        source, a = random.normal(size=(count, 16, 16)), random.uniform(1, 2, (count, 1))
        with h5py.File(fresh.path / f"{split}.h5", "w") as file:
            file["fields"], file["tensor"] = np.stack([source, a[:, :, None] * source], axis=1), a
    chosen = ("--config", "study=mine", "scale=laptop")
    fresh.succeed("all", *chosen)
    assert "Nothing to be done" in fresh.succeed("-n", "all", *chosen)
    results = fresh.path / "results/mine/laptop"
    table = pd.read_csv(results / "tables/mine.csv")
    assert table["n_train"].to_list() == [0, 4, 16]
    html = (results / "report.html").read_text()
    assert "<h1>My operator</h1>" in html
    assert re.search(r"On mine, .*from scratch", html)
