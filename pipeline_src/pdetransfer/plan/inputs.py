"""What each job reads, and what each file is: one object gives a rule its inputs and its params.

The inputs of a rule are all files of its object (``files``), wherever they stand in it; a script takes the object
from the params and knows each file by its name. Objects are tuples with names: Snakemake notices a change in
params of Python's own types, and of no others. Paths are relative to the project's root.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from pdetransfer.plan.answers import GALLERIES, Answers
from pdetransfer.plan.entries import CONTROL, Figure
from pdetransfer.plan.expand import ConfigError
from pdetransfer.plan.study import Cell, Curve, Study

SPLITS = ("train", "validation", "test")
#: The tables of an experiment, and their folders.
TABLES = {"cells": "tables", "savings": "savings", "by_parameter": "by_parameter"}


class File(str):
    """The path of a file that a job reads."""

    __slots__ = ()


def files(job: Any) -> list[File]:
    """All files of a job's object, none twice."""
    return list(dict.fromkeys(_files(job)))


def _files(job: Any) -> Iterator[File]:
    if isinstance(job, File):
        yield job
    elif isinstance(job, dict):
        yield from _files(list(job.values()))
    elif isinstance(job, list | tuple):
        for part in job:
            yield from _files(part)


class SplitFiles(NamedTuple):
    """A stored split of a dataset. The manifest says when its store has changed."""

    store: File
    manifest: File


class Imported(NamedTuple):
    """A user's file, and what of it is a split (``readers.import_file``)."""

    file: File
    settings: dict


class Training(NamedTuple):
    """Cells that are trained in one job: the data and initial weights that they share, settings by cell's
    folder. It never has test examples."""

    train: list[SplitFiles]
    validation: list[SplitFiles]
    init: File | None
    cells: dict[str, dict]


class EvaluatedCurve(NamedTuple):
    """A curve with the test examples and the weights by n_train. ``init`` are the weights of n_train 0; from
    scratch that is an untrained network, with the settings and training examples that it is made of."""

    axes: dict[str, str]
    test: list[SplitFiles]
    weights: dict[int, File]
    init: File | None = None
    untrained: dict | None = None
    train: list[SplitFiles] | None = None


class Row(NamedTuple):
    """A cell of an experiment: its axes, the settings that families vary, and its summary; of n_train 0 that of
    the pre-training."""

    axes: dict[str, Any]
    columns: dict[str, Any]
    summary: File


class Table(NamedTuple):
    """The test errors and the cells of an experiment."""

    errors: File
    rows: list[Row]


class TrainedCell(NamedTuple):
    """A cell with what it was trained on and is tested on."""

    curve: Curve
    weights: File
    summary: File
    train_manifests: list[File]
    test: list[SplitFiles]


class Predicted(NamedTuple):
    """A dataset in a figure of predictions: its test examples, and the weights by init."""

    test: SplitFiles
    weights: dict[str, File]


class Card(NamedTuple):
    """All splits of a stored dataset; of a user's file also what it has in common with others. Sources of
    generated datasets are drawn for each alone, so that their cards wait for no other dataset."""

    splits: dict[str, SplitFiles]
    disjoint: File | None


class Gallery(NamedTuple):
    """A figure of predictions with its datasets, and the test errors of its experiments."""

    figure: Figure
    datasets: dict[str, Predicted]
    errors: list[File]


class Drawn(NamedTuple):
    """A figure with the tables of its experiments by kind, and those of the study by name."""

    figure: Figure
    study: dict
    tables: dict[str, list[File]]
    of_study: dict[str, File]


class Judged(NamedTuple):
    """The claims, in their order, and what they are judged by."""

    study: dict
    claims: dict[str, dict]
    errors: list[File]
    tables: list[File]
    cards: list[File]
    of_study: dict[str, File]


class ReportedExperiment(NamedTuple):
    """The table of cells and that of data savings."""

    cells: File
    savings: File


class ReportedDatasets(NamedTuple):
    """What a report shows of the data; that of controls may have no datasets of its own, nor a table of them."""

    table: File | None
    disjoint: File
    cards: dict[str, File]
    pictures: dict[str, File]


class Report(NamedTuple):
    """A report's experiments and figures by name, and its data; and what only the report of `all` has."""

    study: dict
    experiments: dict[str, ReportedExperiment]
    figures: dict[str, File]
    datasets: ReportedDatasets
    of_study: dict[str, File]
    pretrained: dict[Cell, File]
    verdicts: File | None = None
    laws: File | None = None
    plan: File | None = None


class Compared(NamedTuple):
    """Test errors by experiment and manifests of test examples by dataset, of a results folder."""

    errors: dict[str, Path]
    manifests: dict[str, Path]


class Comparison(NamedTuple):
    """What has been run of a study, what is in another results folder, and what is written of the two."""

    ours: Compared
    other: Compared
    table: Path
    page: Path


def stored_datasets(study: Study) -> list[str]:
    """The stored datasets of reported experiments; and all users' files, which are shown, too."""
    needed = study.needed_datasets(study.reported)
    return [name for name, entry in study.datasets.items() if name in needed or entry.files]


def of_controls(study: Study) -> list[str]:
    """The stored datasets that controls alone read."""
    stored = stored_datasets(study)
    return [name for name in study.needed_datasets(study.controls) if name not in stored]


def shifts_of_controls(study: Study) -> list[str]:
    """The same, and those of their systems that controls' models are pre-trained on, with which ranges are
    compared."""
    needed, own = study.needed_datasets(study.controls), of_controls(study)
    of_systems = [name for system in systems(study, own) for name in of_system(study, needed, system)]
    return [*own, *(name for name in pretraining_datasets(study, of_systems) if name not in own)]


def split(study: Study, dataset: str, name: str) -> SplitFiles:
    folder = f"{study.results}/datasets/{dataset}"
    return SplitFiles(File(f"{folder}/{name}.zarr"), File(f"{folder}/{name}.json"))


def imported(study: Study, dataset: str, split: str) -> Imported:
    """Where a split of a dataset of users' files comes from."""
    entry = study.datasets[dataset]
    assert entry.files
    shared = not entry.files.validation and split != "test"  # training examples and those held out of them
    settings: dict[str, Any] = {
        "dataset": dataset,
        "split": split,
        "system": entry.system,
        "coefficient_names": list(entry.coefficients or ()),
        "held_out": split == "validation" if shared else None,
    }
    if entry.options:
        settings["options"] = entry.options
    return Imported(File(entry.files.train if shared else getattr(entry.files, split)), settings)


def splits(study: Study, dataset: str, name: str) -> list[SplitFiles]:
    """A split of each of the stored datasets that a dataset consists of."""
    return [split(study, part, name) for part in study.components(dataset)]


def all_splits(study: Study, dataset: str) -> dict[str, SplitFiles]:
    return {name: split(study, dataset, name) for name in SPLITS}


def compared_splits(study: Study, names: list[str]) -> list[SplitFiles]:
    """The splits of some datasets, which must not meet."""
    return [part for name in sorted(names) for part in all_splits(study, name).values()]


def disjoint(study: Study) -> File:
    """What the splits of all datasets have in common, but for those of controls alone."""
    return File(f"{study.results}/datasets/disjoint.json")


def card(study: Study, dataset: str) -> Card:
    return Card(all_splits(study, dataset), disjoint(study) if study.datasets[dataset].files else None)


def of_system(study: Study, names: list[str], system: str) -> dict[str, SplitFiles]:
    """Training examples of those of some datasets that are of a system."""
    return {name: split(study, name, "train") for name in names if study.datasets[name].system == system}


def systems(study: Study, names: list[str]) -> list[str]:
    """The systems of some datasets."""
    found = dict.fromkeys(study.datasets[name].system for name in names)
    return [name for name in found if name]


def pretraining_datasets(study: Study, names: list[str]) -> list[str]:
    """Those of some stored datasets that models are pre-trained on, those of mixtures one by one."""
    parts = {part for entry in study.pretrainings.values() for part in study.components(entry.dataset)}
    return sorted(parts & set(names))


def folder(study: Study, curve: Curve, n_train: int) -> str:
    """Folder of a cell."""
    return f"{study.results}/cells/{curve.path}/n{n_train}"


def cell_file(study: Study, curve: Curve, n_train: int, name: str) -> File:
    return File(f"{folder(study, curve, n_train)}/{name}")


def initial(study: Study, curve: Curve, name: str = "weights.safetensors") -> File | None:
    """A file of the pre-training that a curve starts from."""
    if not curve.is_fine_tuned:
        return None
    return cell_file(study, *study.pretraining(curve.init, curve.model), name)


def training(study: Study, curve: Curve, sizes: Iterable[int]) -> Training:
    return Training(
        splits(study, curve.dataset, "train"),
        splits(study, curve.dataset, "validation"),
        initial(study, curve),
        {folder(study, curve, n): _settings(study, curve, n) for n in sizes},
    )


def _settings(study: Study, curve: Curve, n_train: int) -> dict[str, Any]:
    """The settings of a cell; of one whose learning rate is transferred, with the file that says it
    (``training.transfer``)."""
    settings, transferred = study.cell_settings(curve, n_train), study.transferred(curve)
    if transferred:
        proxy = cell_file(study, study.proxy(curve), n_train, "cell.json")
        settings["recipe"]["learning_rates"] = {"proxy": proxy, "bracket": transferred.bracket}
    return settings


def training_jobs(study: Study, cells: list[Cell]) -> dict[str, Training]:
    """The training jobs of cells, by log."""
    return {
        f"{study.results}/logs/train/{curve.path}/{name}.log": training(study, curve, sizes)
        for (curve, name), sizes in study.jobs(cells).items()
    }


def archive(study: Study) -> str:
    """Where finished cells are kept by content, and what unfinished ones have reached."""
    return f"{study.results}/archive"


def status(study: Study) -> dict[str, dict[str, Training]]:
    """The training jobs of `all`, and those that `controls` has besides, of which `status` tells."""
    reported = study.cells(study.reported)
    besides = [cell for cell in study.cells(study.controls) if cell not in reported]
    return {"all": training_jobs(study, reported), "controls": training_jobs(study, besides)}


def evaluation(study: Study, experiment: str) -> list[EvaluatedCurve]:
    return [_evaluated(study, curve, experiment) for curve in study.curves(experiment)]


def _evaluated(study: Study, curve: Curve, experiment: str) -> EvaluatedCurve:
    entry = study.experiments[experiment]
    zero_shot: dict[str, Any] = {}
    if 0 in entry.n_train:
        zero_shot["init"] = initial(study, curve)
    if 0 in entry.n_train and not curve.is_fine_tuned:
        # An untrained network has the references of all training examples.
        zero_shot["untrained"] = study.cell_settings(curve, 0)
        zero_shot["train"] = splits(study, curve.dataset, "train")
    sizes = entry.trained_n_of(curve.is_fine_tuned)
    weights = {n: cell_file(study, curve, n, "weights.safetensors") for n in sizes}
    return EvaluatedCurve(asdict(curve), splits(study, curve.dataset, "test"), weights, **zero_shot)


def table(study: Study, experiment: str) -> Table:
    entry, curves = study.experiments[experiment], study.curves(experiment)
    trained = [
        (curve, n, cell_file(study, curve, n, "cell.json")) for curve, n in study.downstream(experiment)
    ]
    pretrained = [
        (curve, 0, initial(study, curve, "cell.json"))
        for curve in curves
        if 0 in entry.n_train and curve.is_fine_tuned
    ]
    rows = [
        Row(asdict(curve) | {"n_train": n}, study.columns(curve), summary)
        for curve, n, summary in (*trained, *pretrained)
    ]
    return Table(errors(study, experiment), rows)


def errors(study: Study, experiment: str) -> File:
    """Test errors of an experiment, example by example."""
    return File(f"{study.results}/errors/{experiment}.parquet")


def table_file(study: Study, kind: str, experiment: str) -> File:
    """A table of an experiment."""
    return File(f"{study.results}/{TABLES[kind]}/{experiment}.csv")


def of_study(study: Study, names: Iterable[str]) -> dict[str, File]:
    """Tables of the study's own rules."""
    return {name: File(f"{study.results}/tables/{name}.csv") for name in names}


def model(study: Study, curve: Curve, n_train: int) -> TrainedCell:
    return TrainedCell(
        curve,
        cell_file(study, curve, n_train, "weights.safetensors"),
        cell_file(study, curve, n_train, "cell.json"),
        [part.manifest for part in splits(study, curve.dataset, "train")],
        splits(study, curve.dataset, "test"),
    )


def drawn_together(study: Study, answers: Answers) -> dict[str, list[str]]:
    """The figures of each job that draws, by the first of them: those of the same experiments and tables of the
    study. These tables may need other experiments, and no figure waits for one that it does not show."""
    together: dict[tuple, list[str]] = {}
    for name, entry in study.figures.items():
        needed = frozenset(entry.experiments), answers.kinds[entry.kind].tables
        together.setdefault(needed, []).append(name)
    return {names[0]: names for names in together.values()}


def drawn(study: Study, answers: Answers, names: Iterable[str]) -> dict[str, Drawn | Gallery]:
    """Figures by name, of tables and of predictions."""
    return {
        name: gallery(study, name) if is_gallery(study, name) else figure(study, answers, name)
        for name in names
    }


def figure(study: Study, answers: Answers, name: str) -> Drawn:
    entry = study.figures[name]
    datasets, inits = _drawn_entries(study, entry)
    part = study.part("datasets", "pretrainings")
    return Drawn(
        entry,
        {
            "datasets": {key: value for key, value in part["datasets"].items() if key in datasets},
            "pretrainings": {
                key: value for key, value in part.get("pretrainings", {}).items() if key in inits
            },
        },
        {kind: [table_file(study, kind, experiment) for experiment in entry.experiments] for kind in TABLES},
        of_study(study, answers.figures[entry.kind].tables),
    )


def _drawn_entries(study: Study, entry: Figure) -> tuple[set[str], set[str]]:
    """The datasets and inits of a figure's curves; the datasets with those of pre-trainings, and parts of
    mixtures."""
    curves = [curve for name in entry.experiments for curve in study.curves(name)]
    inits = {curve.init for curve in curves if curve.is_fine_tuned}
    named = {curve.dataset for curve in curves} | {study.pretrainings[init].dataset for init in inits}
    return named | {part for name in named for part in study.components(name)}, inits


def gallery(study: Study, name: str, n_train: int | None = None) -> Gallery:
    """A figure of predictions, at its n_train or another one: no curve twice, and no mixtures."""
    entry = study.figures[name]
    entry = entry.model_copy(update={"n_train": n_train or entry.n_train})
    for experiment in entry.experiments:
        if entry.n_train not in (known := study.experiments[experiment].n_train):
            raise ConfigError(f"n_train is {entry.n_train}; expected one of {experiment}'s, {list(known)}")
    curves = dict.fromkeys(curve for experiment in entry.experiments for curve in study.curves(experiment))
    datasets: dict[str, Predicted] = {}
    for curve in curves:
        if not study.datasets[curve.dataset].mix:
            shown = datasets.setdefault(curve.dataset, Predicted(split(study, curve.dataset, "test"), {}))
            shown.weights[curve.init] = cell_file(study, curve, entry.n_train, "weights.safetensors")
    return Gallery(entry, datasets, [errors(study, experiment) for experiment in entry.experiments])


def is_gallery(study: Study, name: str) -> bool:
    """Whether a figure shows predictions of models, not tables."""
    return study.figures[name].kind in GALLERIES


def have_run(study: Study, names: Iterable[str]) -> list[str]:
    """Of some experiments those that are reported, and those controls that have been run. `all` must not train
    controls, yet judges by them once they are there; only the files that they left tell."""
    return [
        name
        for name in names
        if study.experiments[name].question != CONTROL or Path(errors(study, name)).exists()
    ]


def claims(study: Study, answers: Answers) -> Judged:
    names = have_run(study, study.experiments)
    return Judged(
        study.part("answers", "bounds", "datasets", "models", "pretrainings", "experiments", "families"),
        {name: claim.settings() for name, claim in study.claims.items()},
        [errors(study, name) for name in names],
        [table_file(study, "cells", name) for name in names],
        [File(f"{study.results}/cards/{name}.json") for name in stored_datasets(study)],
        of_study(study, answers.tables),
    )


def controls(study: Study) -> Report:
    if not study.controls:
        raise ConfigError(f"study {study.name} has no controls; expected an experiment that asks {CONTROL!r}")
    own, folder = of_controls(study), f"{study.results}/controls"
    return _report(
        study,
        study.controls,
        ReportedDatasets(
            File(f"{folder}/datasets.csv") if own else None,
            File(f"{folder}/disjoint.json") if own else disjoint(study),
            _cards(study, own),
            {name: File(f"{folder}/{name}.svg") for name in _pictures(study, own)},
        ),
    )


def report(study: Study, answers: Answers) -> Report:
    root, stored = study.results, stored_datasets(study)
    own = [name for name, keys in answers.pictures.items() if all(getattr(study, key) for key in keys)]
    return _report(
        study,
        study.reported,
        ReportedDatasets(
            File(f"{root}/tables/datasets.csv"),
            disjoint(study),
            _cards(study, stored),
            {name: File(f"{root}/figures/{name}.svg") for name in [*own, *_pictures(study, stored)]},
        ),
        of_study=of_study(study, answers.tables),
        pretrained={
            (curve, n): cell_file(study, curve, n, "cell.json")
            for curve, n in (*study.pretrained(study.reported), *study.only_for_transfer(study.reported))
        },
        verdicts=File(f"{root}/claims.json"),
        laws=File(f"{root}/tables/fits.csv"),
        plan=File(f"{root}/plan.csv"),
    )


def _cards(study: Study, names: list[str]) -> dict[str, File]:
    return {name: File(f"{study.results}/cards/{name}.png") for name in names}


def _pictures(study: Study, names: list[str]) -> list[str]:
    """The pictures of some datasets: one for each system, and their ranges, which users' files do not have."""
    with_ranges = any(not study.datasets[name].files for name in names)
    return [*(f"gallery_{name}" for name in systems(study, names)), *(["ranges"] if with_ranges else [])]


def _report(study: Study, names: list[str], datasets: ReportedDatasets, **more: Any) -> Report:
    settings = study.settings()
    experiments = {
        name: ReportedExperiment(table_file(study, "cells", name), table_file(study, "savings", name))
        for name in names
    }
    drawn = {name: File(f"{study.results}/figures/{name}.svg") for name in study.figures_of(names)}
    return Report(settings, experiments, drawn, datasets, **({"of_study": {}, "pretrained": {}} | more))


def comparison(study: Study, other: str) -> Comparison:
    """Of what is there; nothing is made for it."""
    if not other:
        raise ConfigError("nothing to compare with; expected `make compare OTHER=<a results folder>`")
    ours, others = _compared(Path(study.results)), _compared(Path(other))
    if not others.errors:
        raise ConfigError(
            f"OTHER is {other!r}; expected a results folder, with files errors/<experiment>.parquet"
        )
    if not ours.errors:
        raise ConfigError(
            f"{study.results} has no test errors to compare with {other}; `snakemake all` makes them"
        )
    root = Path(study.results)
    return Comparison(ours, others, root / "tables/comparison.csv", root / "comparison.html")


def _compared(folder: Path) -> Compared:
    return Compared(
        {path.stem: path for path in sorted(folder.glob("errors/*.parquet"))},
        {path.parent.name: path for path in sorted(folder.glob("datasets/*/test.json"))},
    )
