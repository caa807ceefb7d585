"""Figures of the same experiments: of their tables, and of what their models predict."""

from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from pdetransfer.base import logs
from pdetransfer.base.files import read_json
from pdetransfer.plan.inputs import Drawn, Gallery
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import Tables, called, save
from pdetransfer.studies import registry


def of_tables(job: Drawn) -> Figure:
    tables = Tables(
        **{kind: pd.concat(map(pd.read_csv, paths)) for kind, paths in job.tables.items()},
        tables={name: pd.read_csv(path) for name, path in job.of_study.items()},
    )
    draw = registry.part(snakemake.params.answers, "figures").FIGURES[job.figure.kind]
    return draw(tables, job.figure, Study(**job.study))


def of_predictions(job: Gallery) -> Figure:
    # Here, as PyTorch and zarr take long to import, and figures of tables do without.
    from pdetransfer.data.cards import in_words
    from pdetransfer.data.stored import Stored
    from pdetransfer.report.galleries import GALLERIES
    from pdetransfer.report.predictions import RANKS, error_spectra, predict

    errors = pd.concat(map(pd.read_parquet, job.errors))
    errors = errors[errors["n_train"] == job.figure.n_train]
    shown = []
    for dataset, predicted in job.datasets.items():
        examples = Stored.of([predicted.test]).load()
        weights = {init: Path(path) for init, path in predicted.weights.items()}
        name = called(dataset, in_words(read_json(predicted.test.manifest)))
        if job.figure.kind == "spectra":
            shown.append(error_spectra(name, examples, weights))
        else:
            of_dataset = errors[errors["dataset"] == dataset]
            ranks = ["median"] if job.figure.kind == "roll_outs" else RANKS
            shown += [predict(name, examples, weights, of_dataset, rank) for rank in ranks]
    return GALLERIES[job.figure.kind](shown, job.figure)


logs.to_file(snakemake.log[0])
for name, job in snakemake.params.job.items():
    draw = of_predictions if isinstance(job, Gallery) else of_tables
    save(partial(draw, job), [path for path in map(Path, snakemake.output) if path.stem == name])
