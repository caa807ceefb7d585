"""What pre-trained models see of examples whose source and coefficients are multiplied by ten."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.base.files import read_json
from pdetransfer.data.datasets import Examples
from pdetransfer.data.stored import Stored
from pdetransfer.models.checkpoints import load_model
from pdetransfer.models.operators import change_under_rescaling

_EXAMPLES = 16  # of each pre-training, at most

logs.to_file(snakemake.log[0])


def first(train) -> Examples:
    """The first training examples; of a mixture no more than every part of it has."""
    return Stored.of(train).load(min(_EXAMPLES, *(read_json(part.manifest)["count"] for part in train)))


rows = [
    {
        "dataset": model.curve.dataset,
        "model": model.curve.model,
        "change": change_under_rescaling(load_model(Path(model.weights)), first(model.train)),
    }
    for model in snakemake.params.job
]
write_table(pd.DataFrame(rows, columns=["dataset", "model", "change"]), snakemake.output.table)
