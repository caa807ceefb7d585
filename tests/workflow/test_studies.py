"""Studies beside the project's own: a toy with code of its own, and a user's with nothing but two files."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import zarr

from pdetransfer.plan.load import load, studies
from pdetransfer.studies import registry

pytestmark = pytest.mark.slow

OTHERS = [name for name in studies(Path(__file__).parents[2] / "config") if name != "transfer"]


@pytest.mark.parametrize("name", OTHERS)
def test_every_study_goes_through_at_smoke_scale(fresh, name):
    """That of the transfer study is in test_smoke.py."""
    chosen = ("--config", f"study={name}", "scale=smoke")
    fresh.succeed("all", *chosen)
    assert "Nothing to be done" in fresh.succeed("-n", "all", *chosen)
    results = fresh.path / "results" / name / "smoke"
    study = load(fresh.path / "config", {"study": name, "scale": "smoke"})
    for experiment in study.reported:
        table = pd.read_csv(results / f"tables/{experiment}.csv")
        assert np.isfinite(table["test_error"]).all()
    documented = fresh.documented_columns()
    for own in registry.answers(study.answers).tables:
        assert list(pd.read_csv(results / f"tables/{own}.csv")) == documented[f"tables/{own}.csv"]
    html = (results / "report.html").read_text()
    for name in study.figures_of(study.reported):
        assert study.figures[name].title in html


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


def write_files(folder, tag, counts, num_points, seed=0):
    """A file for each split of an operator that multiplies by a."""
    random = np.random.default_rng(seed)
    for split, count in zip(("train", "validation", "test"), counts, strict=True):
        source, a = random.normal(size=(count, num_points, num_points)), random.uniform(1, 2, (count, 1))
        with h5py.File(folder / f"{tag}{split}.h5", "w") as file:
            file["fields"], file["tensor"] = np.stack([source, a[:, :, None] * source], axis=1), a


def make_own(project):
    """A study of three files."""
    for name, text in OWN.items():
        (project.path / name).parent.mkdir(parents=True, exist_ok=True)
        (project.path / name).write_text(text)
    write_files(project.path, "", (16, 8, 8), 16)


def test_an_older_file_in_the_place_of_another_and_a_change_inside_a_store_are_imported_again(fresh):
    make_own(fresh)
    group = zarr.open_group(fresh.path / "test.zarr", mode="w")
    for name, shape in {"source": (8, 16, 16), "solution": (8, 16, 16), "coefficients": (8, 1)}.items():
        group.create_array(name, data=np.random.default_rng(0).normal(size=shape))
    fresh.edit("config/mine/study.yaml", "test: test.h5", "test: test.zarr")
    manifests = [f"results/mine/laptop/datasets/mine/{split}.json" for split in ("train", "test")]
    chosen = ("--config", "study=mine", "scale=laptop")
    fresh.succeed(*manifests, *chosen)
    assert "Nothing to be done" in fresh.succeed("-n", *manifests, *chosen)
    write_files(fresh.path, "", (16, 8, 8), 16, seed=1)
    os.utime(fresh.path / "train.h5", (1000, 1000))
    group["source"][0] += 1
    planned = fresh.succeed("-n", *manifests, *chosen)
    for manifest in manifests:
        assert manifest in planned
    before = [json.loads((fresh.path / manifest).read_text())["sha256"] for manifest in manifests]
    fresh.succeed(*manifests, *chosen)
    after = [json.loads((fresh.path / manifest).read_text())["sha256"] for manifest in manifests]
    assert all(old["source"] != new["source"] for old, new in zip(before, after, strict=True))


@pytest.mark.parametrize("way", ["--snakefile", "--directory"])
def test_a_study_runs_from_elsewhere_with_results_there_and_files_from_the_projects_root(
    fresh, way, tmp_path
):
    make_own(fresh)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    given = fresh.path / "workflow/Snakefile" if way == "--snakefile" else elsewhere
    target = "results/mine/laptop/datasets/mine/train.json"
    result = subprocess.run(
        [
            Path(sys.executable).with_name("snakemake"),
            target,
            way,
            given,
            "--config",
            "study=mine",
            "scale=laptop",
        ],
        cwd=elsewhere if way == "--snakefile" else fresh.path,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "workflow specific profile" in result.stderr
    assert json.loads((elsewhere / target).read_text())["count"] == 16
    assert not (fresh.path / "results/mine").exists()


def test_own_data_and_one_experiment_go_to_a_report_by_two_files(fresh):
    make_own(fresh)
    chosen = ("--config", "study=mine", "scale=laptop")
    fresh.succeed("all", *chosen)
    assert "Nothing to be done" in fresh.succeed("-n", "all", *chosen)
    results = fresh.path / "results/mine/laptop"
    table = pd.read_csv(results / "tables/mine.csv")
    assert table["n_train"].to_list() == [0, 4, 16]
    html = (results / "report.html").read_text()
    assert "<h1>My operator</h1>" in html
    assert re.search(r"On .*mine.*from scratch", html)


SMALLEST = """
answers: transfer
datasets:
  near: {system: poisson, eigenvalue_range: [1, 5]}
  far: {system: poisson, eigenvalue_range: [5, 10]}
  mine: {coefficients: [a], files: {train: train.h5, validation: validation.h5, test: test.h5}}
  base: {coefficients: [a], files: {train: base_train.h5, validation: base_validation.h5, test: base_test.h5}}
  mixed: {mix: [near, base]}
grid: {num_points: 9}
source: {num_centres: 4, sigma: 0.125, sparsity_range: [0.2, 0.8]}
num_examples: {train: 1, validation: 1, test: 1}
n_train: [0, 1]
models:
  fno: {kind: fno, width: 4, modes: 4, num_layers: 1, rate: 1000}
  wide: {like: fno, width: 6}
recipes:
  one:
    learning_rates: {scratch: [1.0e-3], fine_tuned: [1.0e-3]}
    batch_size: 16
    length: 2
    length_unit: steps
    validation_interval: 1
    num_validation: 1
pretrainings:
  near: {dataset: near, n_train: 1, recipe: one}
  base: {dataset: base, n_train: 1, recipe: one}
  mixed: {dataset: mixed, n_train: 2, recipe: one}
experiments:
  data: {question: data, dataset: [mine], model: [fno], init: [scratch, base], recipe: [one]}
  size: {like: data, question: size, model: [fno, wide]}
  shift: {like: data, question: shift, dataset: [far], init: [scratch, near]}
  mixture: {like: data, question: mixture, dataset: [far], init: [scratch, near, mixed]}
  mixture_of_mine: {like: data, question: mixture, init: [scratch, base, mixed]}
figures:
  errors: {kind: error_vs_data, experiments: [data, shift], title: Errors}
  savings: {kind: data_savings, experiments: [size], title: Savings}
  parameters: {kind: error_by_parameter, experiments: [shift, mixture], title: Parameters, n_train: 1}
  distances: {kind: savings_by_distance, experiments: [shift, mixture_of_mine], title: Distances, n_train: 1}
  predictions: {kind: predictions, experiments: [mixture], title: Predictions, n_train: 1}
  spectra: {kind: spectra, experiments: [mixture_of_mine], title: Spectra, n_train: 1}
"""


def test_one_example_of_everything_goes_to_a_report(fresh):
    """In each split, of files as of generated data, on an odd grid, with a batch larger than n."""
    (fresh.path / "config/least").mkdir()
    (fresh.path / "config/least/study.yaml").write_text(SMALLEST)
    (fresh.path / "config/least/only.yaml").write_text("")
    (fresh.path / "config/least/claims.yaml").write_text("")
    write_files(fresh.path, "", (1, 1, 1), 9)
    write_files(fresh.path, "base_", (1, 1, 1), 9, seed=1)
    chosen = ("--config", "study=least", "scale=only")
    fresh.succeed("all", *chosen)
    results = fresh.path / "results/least/only"
    for path in results.glob("tables/*.csv"):
        pd.read_csv(path)
    assert np.isfinite(pd.read_csv(results / "tables/mixture_of_mine.csv")["test_error"]).all()
    assert pd.read_csv(results / "tables/invariance.csv")["change"].max() < 1e-6
    html = (results / "report.html").read_text()
    assert 'id="claims"' not in html
    for name in ("errors", "savings", "parameters", "distances", "predictions", "spectra"):
        assert f'<figure id="{name}">' in html
