"""What jobs read: every file of a job's object, and nothing that it must not see."""

import os
import pickle
import subprocess
import sys

import pytest

from configs import OWN_FILES, SCALES, load_study
from configs import ROOT as PROJECT
from pdetransfer.plan import entries, inputs
from pdetransfer.plan.entries import Dataset
from pdetransfer.plan.expand import ConfigError
from pdetransfer.plan.inputs import files
from pdetransfer.plan.load import load
from pdetransfer.plan.study import Curve
from pdetransfer.studies import registry
from pdetransfer.studies.transfer import inputs as of_transfer

STUDY = load_study("laptop")
ANSWERS = registry.answers("transfer")
ROOT = "results/transfer/laptop"
USERS = {"all": OWN_FILES, "two": {"train": "train.h5", "test": "test.h5"}}


def jobs(study):
    """A job's object of every kind."""
    yield inputs.card(study, "poisson_e1-5")
    yield inputs.compared_splits(study, inputs.stored_datasets(study))
    yield inputs.of_system(study, inputs.stored_datasets(study), "helmholtz")
    yield from (inputs.training(study, curve, [4]) for curve in study.curves("mixture_in_distribution"))
    yield from (inputs.evaluation(study, name) for name in study.experiments)
    yield from (inputs.table(study, name) for name in study.experiments)
    yield from (
        inputs.drawn(study, ANSWERS, names) for names in inputs.drawn_together(study, ANSWERS).values()
    )
    yield of_transfer.distances(study, study.asking("shift"))
    yield of_transfer.pretrained(study)
    yield inputs.claims(study, ANSWERS)
    yield inputs.report(study, ANSWERS)
    yield inputs.controls(study)


def texts(value):
    """All texts in an object, wherever they stand, keys of dicts left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | tuple | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from texts(part)


@pytest.mark.parametrize("scale", SCALES)
def test_files_are_all_that_a_job_names_below_the_results_of_its_study(scale):
    study = load_study(scale)
    for job in jobs(study):
        found = files(job)
        assert found
        assert len(found) == len(set(found))
        named = {text for text in texts(job) if text.startswith("results/") and "." in text.rsplit("/", 1)[1]}
        assert named == set(found)
        assert all(path.startswith(f"{study.results}/") for path in found)


def test_a_job_is_told_the_same_in_every_process():
    """Its representation decides whether it is done again, if it is of one of Python's types; a script gets a
    copy of it."""
    for job in jobs(STUDY):
        assert isinstance(job, tuple | list | dict)
        assert files(pickle.loads(pickle.dumps(job))) == files(job)
    code = "import test_inputs as t; print(list(map(repr, t.jobs(t.STUDY))))"
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1


def test_a_card_waits_for_other_datasets_only_if_it_is_of_a_users_file():
    own = {"system": "poisson", "files": dict.fromkeys(inputs.SPLITS, "a.h5")}
    study = load_study("laptop", datasets={"own": own})
    compared = inputs.report(study, ANSWERS).datasets.disjoint
    assert compared in files(inputs.card(study, "own"))
    assert compared not in files(inputs.card(study, "poisson_e1-5"))
    splits = inputs.compared_splits(study, inputs.stored_datasets(study))
    assert {*files(inputs.card(study, "own"))} - {compared} <= {*files(splits)}


def test_users_splits_come_from_their_files_and_held_out_examples_from_the_training_file():
    data = {name: entries.Dataset(coefficients=[], files=own) for name, own in USERS.items()}
    study = STUDY.model_copy(update={"datasets": data})
    for split in inputs.SPLITS:
        assert files(inputs.imported(study, "all", split)) == [f"{split}.h5"]
        assert inputs.imported(study, "all", split).settings["held_out"] is None
    for split, file, held_out in (
        ("train", "train.h5", False),
        ("validation", "train.h5", True),
        ("test", "test.h5", None),
    ):
        assert files(inputs.imported(study, "two", split)) == [file]
        assert inputs.imported(study, "two", split).settings["held_out"] is held_out


def test_a_figure_is_told_its_datasets_and_pre_trainings_alone():
    """It is drawn anew if one of them changes, and if no other does."""
    drawn = inputs.figure(STUDY, ANSWERS, "fig3")
    curves = [c for name in STUDY.figures["fig3"].experiments for c in STUDY.curves(name)]
    inits = {curve.init for curve in curves if curve.is_fine_tuned}
    assert inits
    assert set(drawn.study["pretrainings"]) == inits
    assert {curve.dataset for curve in curves} <= set(drawn.study["datasets"]) < set(STUDY.datasets)


def test_a_gallery_shows_every_stored_dataset_of_its_experiments_and_no_mixture():
    name = next(name for name in STUDY.figures if inputs.is_gallery(STUDY, name))
    curves = [c for part in STUDY.figures[name].experiments for c in STUDY.curves(part)]
    stored = {curve.dataset for curve in curves if not STUDY.datasets[curve.dataset].mix}
    assert set(inputs.gallery(STUDY, name).datasets) == stored != set()


def test_ranges_are_shown_where_there_are_any():
    assert "ranges" in inputs.report(STUDY, ANSWERS).datasets.pictures
    own = {"coefficients": [], "files": dict.fromkeys(inputs.SPLITS, "a.h5")}
    alone = STUDY.model_copy(
        update={"datasets": {"own": entries.Dataset(**own)}, "pretrainings": {}, "experiments": {}}
    )
    assert "ranges" not in inputs.report(alone, ANSWERS).datasets.pictures


def test_training_reads_no_test_examples_and_the_weights_that_it_starts_from():
    scratch, tuned, mixed = STUDY.curves("mixture_in_distribution")[:3]
    for curve in (scratch, tuned, mixed):
        assert not [path for path in files(inputs.training(STUDY, curve, [16])) if "test" in path]
    assert inputs.training(STUDY, scratch, [16]).init is None
    pretrained = f"{ROOT}/cells/poisson_e1-5/fno_medium/scratch/pretrain/n1024/weights.safetensors"
    assert inputs.training(STUDY, tuned, [16]).init == pretrained
    of_mixed = inputs.training(STUDY, Curve("mixed", "fno_medium", "scratch", "pretrain"), [3072])
    assert len(of_mixed.train) == len(of_mixed.validation) == 3


def test_cells_of_a_job_lie_in_their_folders():
    curve = Curve("poisson_e5-10", "fno_medium", "scratch", "downstream")
    cells = inputs.training(STUDY, curve, [16, 64]).cells
    assert cells == {f"{ROOT}/cells/{curve.path}/n{n}": STUDY.cell_settings(curve, n) for n in (16, 64)}


def test_status_looks_at_every_cell_once():
    groups = inputs.status(STUDY)
    folders = [folder for of_target in groups.values() for job in of_target.values() for folder in job.cells]
    assert len(folders) == len(set(folders)) == len(STUDY.cells([*STUDY.experiments]))
    packed = f"{ROOT}/logs/train/poisson_e5-10/fno_medium/scratch/downstream/packed.log"
    assert len(groups["all"][packed].cells) == 4


def test_what_goes_further_from_scratch_is_evaluated_and_in_the_table():
    study = load_study("laptop", experiments={"seeds": {"scratch_n_train": [512]}})
    scratch, tuned = (set(curve.weights) for curve in inputs.evaluation(study, "seeds")[:2])
    assert scratch - tuned == {512}
    rows = [row.axes for row in inputs.table(study, "seeds").rows if row.axes["n_train"] == 512]
    assert [row["init"] for row in rows] == ["scratch", "scratch"]


def test_zero_shot_evaluates_the_pretrained_and_the_untrained_network():
    scratch, tuned = inputs.evaluation(STUDY, "data_scaling")[:2]
    assert scratch.untrained["n_train"] == 0
    assert scratch.train
    assert scratch.init is None
    assert tuned.init.endswith("scratch/pretrain/n1024/weights.safetensors")
    assert tuned.train is tuned.untrained is None
    without = load_study("laptop", experiments={"control_subsets": {"n_train": [16]}})
    assert all(
        curve.init is curve.untrained is None for curve in inputs.evaluation(without, "control_subsets")
    )


def test_rows_of_a_table_are_its_cells_and_the_pre_trainings_at_zero():
    rows = inputs.table(STUDY, "data_scaling").rows
    assert sorted(row.axes["n_train"] for row in rows) == sorted([0] * 2 + [16, 64, 256, 1024] * 4)
    (zero,) = {row.summary for row in rows if row.axes["n_train"] == 0 and row.axes["init"] == "poisson"}
    assert zero == f"{ROOT}/cells/poisson_e1-5/fno_medium/scratch/pretrain/n1024/cell.json"


def test_ranges_are_shown_where_a_dataset_has_some():
    own = STUDY.model_copy(update={"datasets": {"mine": Dataset(coefficients=["a"], files=OWN_FILES)}})
    own = own.model_copy(update={"experiments": {}, "figures": {}})
    assert "ranges" in inputs.report(STUDY, ANSWERS).datasets.pictures
    assert "ranges" not in inputs.report(own, ANSWERS).datasets.pictures


def test_controls_that_a_study_lacks_are_not_run():
    reported = {name: STUDY.experiments[name] for name in STUDY.reported}
    with pytest.raises(ConfigError, match="study transfer has no controls; expected an experiment"):
        inputs.controls(STUDY.model_copy(update={"experiments": reported}))


@pytest.mark.parametrize(
    ("name", "alone", "compared"),
    [
        ("mutransfer", ["darcy_fine", "navier_stokes"], []),
        (
            "transfer",
            ["advection_diffusion_psi0.2-1_plain", "advection_diffusion_psi1-2_plain"],
            ["advection_diffusion_psi0.2-1"],
        ),
    ],
)
def test_controls_show_the_datasets_that_they_alone_use_of_which_all_knows_nothing(name, alone, compared):
    study = load(PROJECT / "config", {"study": name, "scale": "smoke"})
    assert inputs.of_controls(study) == alone
    assert set(inputs.shifts_of_controls(study)) == {*alone, *compared}
    shown = inputs.controls(study).datasets
    assert list(shown.cards) == alone
    assert set(shown.pictures) == {
        "ranges",
        *(f"gallery_{study.datasets[name].system}" for name in alone),
    }
    of_report = inputs.report(study, registry.answers(name)).datasets
    assert not set(files(shown)) & set(files(of_report))
    assert not set(alone) & set(inputs.stored_datasets(study))


def test_controls_without_datasets_of_their_own_have_what_all_has_compared():
    alone = {"control_length": STUDY.experiments["control_length"]}
    reported = {name: STUDY.experiments[name] for name in STUDY.reported}
    study = STUDY.model_copy(update={"experiments": reported | alone})
    assert files(inputs.controls(study).datasets) == [inputs.disjoint(study)]


def test_what_controls_left_is_used_once_it_is_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert inputs.have_run(STUDY, ["seeds", "control_length"]) == ["seeds"]
    path = tmp_path / inputs.errors(STUDY, "control_length")
    path.parent.mkdir(parents=True)
    path.touch()
    assert inputs.have_run(STUDY, ["seeds", "control_length"]) == ["seeds", "control_length"]


@pytest.mark.parametrize("scale", SCALES)
def test_every_figure_is_drawn_once_and_its_job_reads_no_experiment_that_it_does_not_show(scale):
    study = load_study(scale)
    together = inputs.drawn_together(study, ANSWERS)
    assert sorted(name for names in together.values() for name in names) == sorted(study.figures)
    of_experiment = {
        name: {inputs.errors(study, name), *(inputs.table_file(study, kind, name) for kind in inputs.TABLES)}
        for name in study.experiments
    }
    for first, names in together.items():
        assert first == names[0]
        read = set(files(inputs.drawn(study, ANSWERS, names)))
        needed = {name for name in study.experiments if read & of_experiment[name]}
        weights = {path for path in read if path.endswith(".safetensors")}
        for name in names:
            shown = study.figures[name].experiments
            assert needed == set(shown)
            cells = study.cells(list(shown))
            assert weights <= {inputs.cell_file(study, *cell, "weights.safetensors") for cell in cells}


def test_a_figure_that_reads_tables_of_the_study_is_drawn_apart():
    """They may need experiments that the others do not show."""
    together = inputs.drawn_together(STUDY, ANSWERS)
    assert together["fig3"] == ["fig3", "fig3_savings", "spectra_data"]
    assert STUDY.figures["savings_by_distance"].experiments == STUDY.figures["error_by_parameter"].experiments
    for name in ("savings_by_distance", "error_by_parameter"):
        assert together[name] == [name]


def test_a_gallery_at_an_n_that_was_not_trained_is_refused():
    with pytest.raises(ConfigError, match=r"n_train is 17; expected one of shift_poisson's, \[0, 16"):
        inputs.gallery(STUDY, "predictions_poisson", 17)


@pytest.mark.parametrize("other", [None, "", "nowhere"])
def test_a_comparison_with_nothing_is_refused(other):
    with pytest.raises(ConfigError, match="expected"):
        inputs.comparison(STUDY, other)
