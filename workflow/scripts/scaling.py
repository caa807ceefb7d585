"""What pre-trained models see of examples whose source and coefficients are multiplied by ten."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.models.checkpoints import load_model
from pdetransfer.models.operators import change_under_scaling
from pdetransfer.training import jobs

_EXAMPLES = 16  # of each dataset

logs.to_file(snakemake.log[0])
files, params = snakemake.input, snakemake.params


def examples(components: list[str]):
    at = [params.datasets.index(name) for name in components]
    stored = jobs.Stored.of([files.stores[i] for i in at], [files.manifests[i] for i in at])
    return stored.load(_EXAMPLES)


rows = [
    {
        "dataset": model["dataset"],
        "model": model["model"],
        "change": change_under_scaling(load_model(Path(weights)), examples(model["components"])),
    }
    for model, weights in zip(params.models, files.weights, strict=True)
]
write_table(pd.DataFrame(rows, columns=["dataset", "model", "change"]), snakemake.output.table)
