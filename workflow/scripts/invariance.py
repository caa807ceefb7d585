"""What pre-trained models see of examples whose source and coefficients are multiplied by ten."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.data.stored import Stored
from pdetransfer.models.checkpoints import load_model
from pdetransfer.models.operators import change_under_rescaling

_EXAMPLES = 16  # of each pre-training, at most

logs.to_file(snakemake.log[0])


rows = [
    {
        "dataset": model.curve.dataset,
        "model": model.curve.model,
        "change": change_under_rescaling(
            load_model(Path(model.weights)), Stored.of(model.train).first(_EXAMPLES)
        ),
    }
    for model in snakemake.params.job
]
write_table(pd.DataFrame(rows, columns=["dataset", "model", "change"]), snakemake.output.table)
