"""The smoke workflow from a clean copy, and what makes its results stale."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from faults import alike

import pdetransfer
from pdetransfer.base import numerics

pytestmark = pytest.mark.slow

RESULTS = "results/transfer/smoke"
CURVE = f"{RESULTS}/cells/poisson_e5-10/fno_medium/scratch/downstream_seeds"
PACKS = {"train_pack_4_8_16": 4, "train_pack": 12}  # jobs that train all that is not pre-trained
FIGURES = 23  # of the experiments, of predictions and of the data


def test_the_whole_workflow_runs_and_leaves_nothing_to_do(finished):
    assert finished.planned("all") == {}
    made = {str(path.relative_to(finished.path / RESULTS)) for path in (finished.path / RESULTS).rglob("*")}
    assert {
        "report.html",
        "claims.json",
        "plan.csv",
        "figures/fig3.svg",
        "figures/spectra_data.svg",
        "figures/predictions_poisson.svg",
        "figures/savings_by_distance.svg",
        "tables/data_scaling.csv",
        "savings/data_scaling.csv",
        "by_parameter/data_scaling.csv",
    } <= made
    figures = {name.removesuffix(".svg") for name in made if re.fullmatch(r"figures/\w+\.svg", name)}
    assert len(figures) == FIGURES
    assert {f"{figure}.{suffix}" for figure in figures for suffix in ("png", "pdf")} <= made
    assert not [name for name in made if "control" in name]
    assert not [name for name in made if re.search(r"/\.[^/]*$", name) and "snakemake_timestamp" not in name]


LAST_LINE = rf"{RESULTS}/report\.html, after \d+ min \d+ s"


def test_a_start_of_all_ends_with_the_report_and_the_time(finished_project):
    assert re.fullmatch(LAST_LINE, finished_project.output.splitlines()[-1])
    assert re.fullmatch(LAST_LINE, finished_project.succeed("all").splitlines()[-1])
    for others in (["-n", "all"], ["-n", "--forceall", "all"], [f"{RESULTS}/report.html"]):
        assert not re.search(LAST_LINE, finished_project.succeed(*others))


def test_make_shows_a_bar_in_a_terminal_and_the_plain_log_is_in_a_file(finished):
    (finished.path / RESULTS / "report.html").unlink()
    status, seen = finished.in_terminal("make", "all")
    assert status == 0, seen
    assert "2 of 2 jobs done, 0 running" in seen
    assert "rule report:" not in seen
    assert re.search(f"{LAST_LINE}$", seen.splitlines()[-1])
    assert (finished.path / RESULTS / "report.html").exists()
    log = max((finished.path / ".snakemake/log").iterdir()).read_text()
    assert "rule report:" in log
    assert "2 of 2 steps (100%) done" in log

    finished.edit("config/config.yaml", "scale: smoke", "scale: smok")
    status, seen = finished.in_terminal("make", "all")
    assert status != 0
    assert "scale is 'smok'; expected one of" in seen
    assert not re.search(LAST_LINE, seen)


def test_the_table_has_a_row_for_each_cell_and_seed(finished):
    table = pd.read_csv(finished.path / RESULTS / "tables/data_scaling.csv")
    rows = table.groupby(["init", "n_train"])["seed"].count().to_dict()
    own = ("poisson", "advection_diffusion")
    trained = {("scratch", n): 4 for n in (0, 4, 8, 16)} | {(init, n): 2 for init in own for n in (4, 8, 16)}
    assert rows == trained | {(init, 0): 1 for init in own}
    assert np.isfinite(table["test_error"]).all()
    assert (table["test_error_q25"] <= table["test_error_median"]).all()
    savings = pd.read_csv(finished.path / RESULTS / "savings/data_scaling.csv")
    assert savings["n_train"].to_list() == [0, 4, 8, 16] * 2
    assert set(savings["bound"]) <= {"exact", "lower", "upper"}


def test_the_dictionary_has_the_columns_of_every_table_and_no_others(finished):
    folder, documented = finished.path / RESULTS, finished.documented_columns()
    named = {re.sub(r"<\w+>", "*", file): columns for file, columns in documented.items()}
    seen = set()
    for path in sorted(folder.rglob("*.csv")):
        name = str(path.relative_to(folder))
        if name.startswith("archive/"):  # the files of cells
            continue
        pattern = name if name in named else next(filter(path.relative_to(folder).match, named))
        table = pd.read_csv(path)
        assert list(table) == named[pattern], name
        if path.name != "history.csv":
            pd.testing.assert_frame_equal(
                pd.read_parquet(path.with_suffix(".parquet")), table, check_dtype=False
            )
        seen.add(pattern)
    for path in (folder / "errors").iterdir():
        assert list(pd.read_parquet(path)) == named["errors/*.parquet"]
    # A target beside `all`, and tables of other studies.
    of_others = {"tables/comparison.csv", "tables/coordinates.csv", "tables/by_frame.csv"}
    assert seen | of_others | {"errors/*.parquet"} == set(named)


def test_shifts_are_measured_against_what_each_model_was_pre_trained_on(finished):
    table = pd.read_csv(finished.path / RESULTS / "tables/distances.csv").set_index(["dataset", "init"])
    assert len(table) == 7  # three of shifts, two of each mixture experiment
    assert table.loc[("poisson_e10-20", "poisson"), "mass_in_common"] == 0
    assert table.loc[("helmholtz_w1-5", "mixed"), "base"] == "helmholtz_w1-10"
    assert np.isfinite(table[["wasserstein", "spectral_distance", "zero_shot_error"]]).all(axis=None)


def budgets(project):
    table = pd.read_csv(project.path / RESULTS / "tables/budgets.csv")
    return table[table["n_train"] == 8].set_index(["dataset", "budget"])


def test_savings_are_compared_at_equal_compute_and_the_rest_waits_for_the_controls(finished):
    table = budgets(finished).loc["poisson_e5-10"]
    assert table.loc["equal steps", "bound"] == "not run"
    # 8 steps of 8; 4 epochs of 32 before
    assert table["fine_tuned"].drop("equal steps").to_list() == [8, 64, 64 + 128]
    finished.succeed(f"{RESULTS}/errors/control_length.parquet")
    finished.succeed(f"{RESULTS}/tables/budgets.csv")
    assert set(budgets(finished).loc["poisson_e5-10"]["bound"]) <= {"exact", "lower", "upper"}


def test_what_needs_no_scale_is_true_at_this_one(finished):
    verdicts = pd.read_csv(finished.path / RESULTS / "tables/claims.csv").set_index("claim")
    assert verdicts.loc[["TL18", "TL19"], "verdict"].to_list() == ["holds", "holds"]


def test_the_report_answers_every_question(finished):
    html = (finished.path / RESULTS / "report.html").read_text()
    body = re.sub(r"<(script|style)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert body.count("<svg") == FIGURES
    for question in ("data", "size", "shift", "mixture", "seeds"):
        assert f'<h2 id="{question}">' in body
    assert body.count('class="answer"') == 5
    assert len(html) < 15e6


def test_the_page_of_results_is_printed(finished):
    command = [sys.executable, "docs/results.py", RESULTS]
    environment = os.environ | {"PYTHONPATH": "pipeline_src"}
    page = subprocess.run(
        command, cwd=finished.path, env=environment, capture_output=True, text=True, check=True
    )
    for text in ("## How much data does pre-training save? (Q1)", "* On poisson_e5-10", "| TL1 |"):
        assert text in page.stdout


def test_snakemakes_own_report_has_the_figures_by_category(finished):
    finished.succeed("--report", "own.html")
    html = (finished.path / "own.html").read_text()
    for text in ("Figures", "Predictions", "Claims", "Fig. 3: test error against downstream examples"):
        assert text in html
    assert not re.search(r'<(script|link|img)[^>]+(src|href)\s*=\s*["\']https?:', html)


def test_a_trained_model_opens_from_its_file_alone(finished, tmp_path):
    file = shutil.copy(finished.path / CURVE / "n8/weights.safetensors", tmp_path)
    operator = pdetransfer.load_model(file, seed=1)
    x = np.arange(16) / 16
    source = np.cos(2 * np.pi * x)[None, :] * np.ones((16, 1))
    assert operator.predict(source=source, k11=0.01, k22=0.02, k12=0.0)["solution"].shape == (1, 16, 16)


def test_a_cell_becomes_a_folder_with_a_card_that_load_model_and_the_example_open(finished, tmp_path):
    """Its test errors are those that the evaluation of experiments found."""
    made = f"{RESULTS}/models/poisson_e5-10/fno_medium/scratch/downstream_seeds/n8"
    finished.succeed(made)
    folder = shutil.copytree(finished.path / made, tmp_path / "model")
    content = json.loads((folder / "config.json").read_text())
    errors = pd.read_parquet(finished.path / RESULTS / "errors/seeds.parquet")
    errors = errors[(errors["init"] == "scratch") & (errors["n_train"] == 8)].groupby("seed")["error"]
    found = pd.DataFrame(content["test_errors"]).set_index("seed")
    np.testing.assert_allclose(found["mean"], errors.mean(), rtol=1e-5)
    np.testing.assert_allclose(found["median"], errors.median(), rtol=1e-5)
    card = (folder / "README.md").read_text()
    cell = json.loads((finished.path / CURVE / "n8/cell.json").read_text())
    assert content["provenance"]["weights"] == cell["weights"]
    for text in ("license: mit", "8 examples, from scratch", cell["weights"], f"{found['mean'][1]:.3g}"):
        assert text in card
    source = np.random.default_rng(0).standard_normal((16, 16))
    predicted, expected = (
        pdetransfer.load_model(path, seed=1).predict(source=source, k11=0.01, k22=0.02, k12=0)["solution"]
        for path in (folder, finished.path / CURVE / "n8/weights.safetensors")
    )
    np.testing.assert_array_equal(predicted, expected)

    picture = tmp_path / "picture.png"
    command = [sys.executable, "examples/predict.py", folder, picture]
    settings = os.environ | {"PYTHONPATH": str(finished.path / "pipeline_src"), "MPLBACKEND": "Agg"}
    done = subprocess.run(
        command, cwd=finished.path, env=settings, capture_output=True, text=True, check=True
    )
    assert re.fullmatch(r"relative L2 error \d\S*\n", done.stdout)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_reported_pretrainings_become_folders(finished):
    finished.succeed("models")
    cards = sorted((finished.path / RESULTS / "models").rglob("README.md"))
    assert len(cards) == 5
    (mixed,) = [card.read_text() for card in cards if "mixed" in card.parts]
    assert "96 examples, taken in turn from 3 datasets, from scratch" in mixed
    assert len(re.findall(r"^\| \w\S+ \| 0 \| 8 \| ", mixed, flags=re.M)) == 3


def test_results_are_compared_with_those_of_another_folder(finished, tmp_path):
    """A copy does not differ; a folder of the copy's test errors alone is compared without pairs."""
    other = shutil.copytree(finished.path / RESULTS, tmp_path / "colleague")
    finished.told("compare", str(other))
    table = pd.read_csv(finished.path / RESULTS / "tables/comparison.csv")
    assert list(table) == finished.documented_columns()["tables/comparison.csv"]
    cells = pd.concat(map(pd.read_parquet, (other / "errors").iterdir()))
    assert len(table) == len(cells.groupby(["dataset", "model", "init", "recipe", "n_train"], observed=True))
    assert table["same_examples"].all()
    assert (table["ratio"] == 1).all()
    assert not table["differs"].any()
    page = (finished.path / RESULTS / "comparison.html").read_text()
    assert f"Of {len(table)} cells in both, 0 have test errors that differ" in page
    assert finished.planned("all") == {}

    shutil.rmtree(other / "datasets")
    finished.told("compare", str(other))
    assert not pd.read_csv(finished.path / RESULTS / "tables/comparison.csv")["same_examples"].any()
    result = finished.command("compare", str(other / "errors"))
    assert result.returncode != 0
    told = f"OTHER is '{other / 'errors'}'; expected a results folder, with files errors/<experiment>.parquet"
    assert result.stdout.splitlines()[1:] == [told]  # below the study
    assert "nothing to compare with; expected" in finished.in_terminal("make", "compare")[1]
    status, seen = finished.in_terminal("make", "compare", f"OTHER={other}", "SCALE=smok")
    assert status != 0
    assert "scale is 'smok'; expected one of" in seen


def test_the_status_counts_cells_and_tells_why_one_failed(finished):
    assert "all: 41 cells: 41 done, 0 running, 0 waiting, 0 failed\n" in finished.told("status")

    def change(config):
        config["recipes"]["downstream_seeds"]["learning_rates"]["scratch"] = [1.0e30, 2.0e30]

    finished.edit_config(change)
    status, seen = finished.in_terminal("snakemake", "--logger", "progress", "--", f"{CURVE}/n16/cell.json")
    assert status != 0
    # Its log is seen above the bar, too.
    assert re.search("Logfile .*: every learning rate diverged", seen, flags=re.S)
    output = finished.told("status")
    assert "all: 41 cells: 38 done, 0 running, 0 waiting, 3 failed\n" in output  # those of the pack
    cell = CURVE.removeprefix(f"{RESULTS}/cells/")
    assert f"failed: {cell}/n4: RuntimeError: every learning rate diverged" in output


def test_no_training_rule_reads_test_examples(finished):
    output = finished.succeed("-n", "--forceall", "all")
    jobs = re.split(r"\n(?=rule |localrule )", output)
    trainings = [job for job in jobs if re.match(r"(local)?rule (pre)?train", job)]
    assert len(trainings) == 5 + sum(PACKS.values())
    for job in trainings:
        inputs = re.search(r"input: (.*)", job)[1]
        assert "/train.zarr" in inputs
        assert "/test" not in inputs


def test_one_target_runs_what_it_needs(fresh):
    fresh.succeed(f"{CURVE}/n12/weights.safetensors")  # of no experiment
    made = {path.parent.name for path in (fresh.path / RESULTS / "cells").rglob("weights.safetensors")}
    assert made == {"n12"}
    fresh.succeed(f"{CURVE}/n4/cell.json")  # packed with n8 and n16
    made = {path.parent.name for path in (fresh.path / RESULTS / "cells").rglob("weights.safetensors")}
    assert made == {"n4", "n8", "n12", "n16"}


def test_touching_or_commenting_source_files_makes_nothing_stale(finished):
    for path in (
        *finished.path.rglob("*.py"),
        *finished.path.rglob("*.smk"),
        finished.path / "workflow/Snakefile",
    ):
        os.utime(path)
    assert finished.planned("all") == {}
    finished.edit("pipeline_src/pdetransfer/training/loop.py", "import copy\n", "import copy  # deep\n")
    finished.edit("workflow/scripts/train.py", "from pathlib", "# A comment.\nfrom pathlib")
    finished.edit("config/transfer/smoke.yaml", "\ngrid:", "\n# A comment.\ngrid:")
    assert finished.planned("all") == {}


def raise_version(project, stage):
    version = getattr(numerics, stage)
    project.edit(
        "pipeline_src/pdetransfer/base/numerics.py", f"{stage} = {version}", f"{stage} = {version + 1}"
    )


def test_a_numerics_version_reruns_its_stage(finished):
    raise_version(finished, "TABLES")
    tables = {"card": 9, "datasets": 1, "disjoint": 1, "gallery": 3, "picture": 2, "table": 7}
    tables |= {"claims": 1, "fits": 1, "report": 1, "distances": 1, "budgets": 1, "invariance": 1}
    drawn = ("fig3", "fig4", "fig5", "fig6", "figA2", "figB1", "figB2", "figB3")
    drawn += ("savings_by_distance", "error_by_parameter", "spectra_mixtures")
    tables |= {f"figures_{first}": 1 for first in drawn}
    assert finished.planned("all") == tables
    raise_version(finished, "EVALUATION")
    assert finished.planned("all") == tables | {"evaluate": 7}
    raise_version(finished, "TRAINING")
    plan = finished.planned("all")
    assert {rule: count for rule, count in plan.items() if "train" in rule} == PACKS | {"pretrain": 5}
    assert "generate" not in plan
    raise_version(finished, "SOLVER")
    assert finished.planned("all")["generate"] == 27  # 9 datasets, 3 splits


def test_another_device_makes_only_the_printed_config_stale(finished):
    finished.edit("config/transfer/smoke.yaml", "\ngrid:", "\ndevice: cpu\ngrid:")
    assert finished.planned("all") == {"forecast": 1, "report": 1}


def test_a_changed_setting_reruns_what_depends_on_it(finished):
    finished.edit_config(lambda config: [recipe.update(length=9) for recipe in alike(config)])
    plan = finished.planned("all")
    assert {rule: count for rule, count in plan.items() if "train" in rule} == PACKS
    assert not {"generate", "pretrain"} & set(plan)


def test_a_new_n_joins_the_pack_of_its_curves(finished):
    """What of it is finished is not trained again: see below. The other three experiments that have cells of these
    packs are evaluated again, as their files are linked anew."""
    finished.edit_config(lambda config: config["experiments"]["data_scaling"]["n_train"].append(12))
    plan = finished.planned("all")
    trained = {rule: count for rule, count in plan.items() if "train" in rule}
    assert trained == {"train_pack_4_8_12_16": 4}
    assert (plan["evaluate"], plan["table"]) == (4, 4)
    assert not {"generate", "card", "invariance"} & set(plan)


def test_predictions_at_another_n_are_drawn_when_asked_for(finished):
    shown = finished.path / RESULTS / "figures/n8/predictions_poisson.svg"
    assert finished.planned(str(shown.relative_to(finished.path))) == {"predictions_at": 1}
    finished.succeed(str(shown.relative_to(finished.path)))
    assert "n = 8" in shown.read_text()
    unknown = finished.run("-n", f"{RESULTS}/figures/n5/predictions_poisson.svg")
    assert unknown.returncode != 0
    assert "n_train is 5; expected one of shift_poisson's, [0, 4, 8]" in unknown.stdout


def test_a_new_shift_trains_only_its_cells(finished):
    def add(config):
        config["datasets"]["poisson_e3-6"] = {"system": "poisson", "eigenvalue_range": [3, 6]}
        config["experiments"]["shift_poisson"]["dataset"].append("poisson_e3-6")

    finished.edit_config(add)
    plan = finished.planned("all")
    made = {"generate": 3, "card": 1, "train_pack": 2, "evaluate": 1, "table": 1, "figures_fig5": 1}
    assert {rule: plan.get(rule) for rule in made} == made
    assert set(plan) - set(made) == {
        "forecast",
        "distances",
        "datasets",
        "disjoint",
        "gallery",
        "figures_figB1",
        "figures_savings_by_distance",
        "figures_error_by_parameter",
        "claims",
        "fits",
        "report",
    }


def test_a_new_model_size_trains_only_its_cells(finished):
    def add(config):
        config["models"]["fno_new"] = config["models"]["fno_tiny"] | {"width": 6, "modes": 4}
        config["experiments"]["model_scaling"]["model"].append("fno_new")

    finished.edit_config(add)
    plan = {"forecast": 1, "pretrain": 1, "train_pack": 2, "evaluate": 1, "table": 1, "claims": 1}
    assert finished.planned("all") == plan | {"figures_fig4": 1, "invariance": 1, "fits": 1, "report": 1}


def test_a_new_seed_trains_only_its_runs(finished):
    cells = finished.path / CURVE
    before = json.loads((cells / "n8/cell.json").read_text())
    finished.edit_config(lambda config: [recipe["seeds"].append(2) for recipe in alike(config)])
    finished.succeed(f"{CURVE}/n8/cell.json")
    after = json.loads((cells / "n8/cell.json").read_text())
    log = finished.path / RESULTS / "logs/train/poisson_e5-10/fno_medium/scratch/downstream_seeds/packed.log"
    assert "n_train 8: 3 runs were finished before" in log.read_text()
    kept = [run for run in after["runs"] if run["seed"] < 2]
    assert kept == before["runs"]  # to the second that they took
    assert [run["seed"] for run in after["chosen"]] == [0, 1, 2]


def test_a_new_n_retrains_nothing_that_is_finished(finished):
    def grow(config):
        config["experiments"]["data_scaling"]["n_train"].append(12)

    finished.edit_config(grow)
    weights = (finished.path / CURVE / "n8/weights.safetensors").read_bytes()
    finished.succeed(f"{CURVE}/n12/cell.json")
    assert (finished.path / CURVE / "n8/weights.safetensors").read_bytes() == weights
    assert "3 of 4 cells were finished before" in "".join(
        path.read_text() for path in (finished.path / RESULTS / "logs/train").rglob("packed.log")
    )


def test_a_deleted_cell_comes_back_without_training(finished):
    shutil.rmtree(finished.path / CURVE / "n16")
    finished.succeed(f"{CURVE}/n16/cell.json")
    log = finished.path / RESULTS / "logs/train/poisson_e5-10/fno_medium/scratch/downstream_seeds/packed.log"
    assert "3 of 3 cells were finished before" in log.read_text()
    assert "step" not in log.read_text()
    assert finished.planned("all") == {}


def test_another_experiments_cells_leave_a_figure_alone(finished):
    def add(config):
        config["experiments"]["more"] = config["experiments"]["data_scaling"] | {"n_train": [8, 24]}
        config["figures"]["other"] = {"kind": "error_vs_data", "experiments": ["more"], "title": "Other"}

    finished.edit_config(add)
    assert finished.planned(f"{RESULTS}/figures/fig3.svg") == {}
    plan = {
        "forecast": 1,
        "train": 4,
        "evaluate": 1,
        "table": 1,
        "figures_other": 1,
        "claims": 1,
        "budgets": 1,
        "fits": 1,
        "report": 1,
    }
    assert finished.planned("all") == plan


def test_the_controls_run_and_judge_their_claims(finished):
    finished.succeed("controls")
    assert '<h2 id="control">' in (finished.path / RESULTS / "controls.html").read_text()
    folder = finished.path / RESULTS / "cells"
    mixed = pdetransfer.load_model(
        folder / "helmholtz_w1-5/fno_medium/mixed/downstream_seeds/n8/weights.safetensors"
    )
    assert mixed.channels.coefficients == ("k11", "k22", "k12", "v1", "v2", "omega")
    own = pdetransfer.load_model(
        folder / "helmholtz_w1-5/fno_medium/scratch/downstream_seeds/n8/weights.safetensors"
    )
    assert own.channels.coefficients == ("k11", "k22", "omega")
    steps = {
        name: json.loads((folder / path / "cell.json").read_text())["chosen"][0]["steps"]
        for name, path in {
            "one": "poisson_e1-5/fno_medium/scratch/pretrain/n32",
            "mixed": "mixed/fno_medium/scratch/pretrain/n96",
            "control": "mixed/fno_medium/scratch/pretrain_equal_steps/n96",
        }.items()
    }
    assert steps["mixed"] == 3 * steps["one"]
    assert steps["control"] == steps["one"]
    assert finished.planned("controls") == {}
    # Judged and compared by the controls, too.
    assert finished.planned("all") == {"claims": 1, "budgets": 1, "report": 1}


def test_a_cell_in_which_all_diverge_fails_with_a_message(fresh):
    def change(config):
        config["recipes"]["downstream_seeds"]["learning_rates"]["scratch"] = [1.0e30, 2.0e30]

    fresh.edit_config(change)
    result = fresh.run(f"{CURVE}/n16/cell.json")
    assert result.returncode != 0
    assert "RuntimeError: every learning rate diverged (lr 1e+30 seed 0" in result.stdout
    assert not (fresh.path / CURVE / "n16/cell.json").exists()


def test_every_run_has_a_history_and_every_job_plain_progress_lines(finished):
    cell = json.loads((finished.path / CURVE / "n16/cell.json").read_text())
    history = pd.read_csv(finished.path / CURVE / "n16/history.csv")
    assert len(history.groupby(["learning_rate", "seed"])) == len(cell["runs"]) == 3
    log = (
        finished.path / RESULTS / "logs/train/poisson_e5-10/fno_medium/scratch/downstream_seeds/packed.log"
    ).read_text()
    line = (
        r"n_train 16, lr \S+, seed 1: epoch 4, step 8 of 8, train loss \S+, "
        r"validation loss \S+, error \S+, rate \S+, \d+ examples/s, 0 s left"
    )
    assert re.search(line, log)
    assert "Fourier transforms of 4 x 4 modes are products" in log
    assert re.search(r"n_train 16, lr \S+, seed 1: steps of 8 examples, 8 at once\n", log)
