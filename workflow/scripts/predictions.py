"""Predictions beside the truth, and their errors."""

from pathlib import Path

import pandas as pd

from pdetransfer import jobs, logs
from pdetransfer.figures import save
from pdetransfer.galleries import draw_predictions
from pdetransfer.predictions import predict

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
predicted = [
    predict(
        dataset,
        jobs.Stored.of([stores[dataset]], [manifests[dataset]]).load(),
        weights,
        errors[errors["dataset"] == dataset],
    )
    for dataset, weights in rows.items()
]
save(lambda: draw_predictions(predicted, params.options), [Path(path) for path in snakemake.output])
