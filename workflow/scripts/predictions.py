"""Predictions beside the truth, or the spectra of their errors."""

from pathlib import Path

import pandas as pd

from pdetransfer.base import logs
from pdetransfer.data.stored import Stored
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import GALLERIES
from pdetransfer.report.predictions import RANKS, error_spectra, predict

logs.to_file(snakemake.log[0])
job = snakemake.params.job
errors = pd.concat(map(pd.read_parquet, job.errors))
errors = errors[errors["n_train"] == job.figure.n_train]
shown = []
for dataset, predicted in job.datasets.items():
    examples = Stored.of([predicted.test]).load()
    weights = {init: Path(path) for init, path in predicted.weights.items()}
    if job.figure.kind == "spectra":
        shown.append(error_spectra(dataset, examples, weights))
    else:
        of_dataset = errors[errors["dataset"] == dataset]
        shown += [predict(dataset, examples, weights, of_dataset, rank) for rank in RANKS]
draw = GALLERIES[job.figure.kind]
save(lambda: draw(shown, job.figure), [Path(path) for path in snakemake.output])
