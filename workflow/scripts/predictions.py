"""Predictions beside the truth, or the spectra of their errors."""

from pathlib import Path

import pandas as pd

from pdetransfer.base import logs
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import GALLERIES
from pdetransfer.report.predictions import RANKS, error_spectra, predict
from pdetransfer.training import jobs

logs.to_file(snakemake.log[0])
files, params = snakemake.input, snakemake.params
errors = pd.concat(map(pd.read_parquet, files.errors))
errors = errors[errors["n_train"] == params.options["n_train"]]
rows: dict[str, dict[str, Path]] = {}
for curve, path in zip(params.curves, files.weights, strict=True):
    rows.setdefault(curve["dataset"], {})[curve["init"]] = Path(path)
stores, manifests = (
    dict(zip(params.datasets, paths, strict=True)) for paths in (files.test, files.test_manifest)
)
loaded = {
    dataset: jobs.Stored.of([stores[dataset]], [manifests[dataset]]).load() for dataset in params.datasets
}
if params.options["kind"] == "spectra":
    shown = [error_spectra(dataset, loaded[dataset], weights) for dataset, weights in rows.items()]
else:
    shown = [
        predict(dataset, loaded[dataset], weights, errors[errors["dataset"] == dataset], rank)
        for dataset, weights in rows.items()
        for rank in RANKS
    ]
draw = GALLERIES[params.options["kind"]]
save(lambda: draw(shown, params.options), [Path(path) for path in snakemake.output])
