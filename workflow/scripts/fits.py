"""Scaling laws of all curves."""

from pathlib import Path

import pandas as pd

from pdetransfer import logs
from pdetransfer.bootstrap import Replicates
from pdetransfer.files import atomic
from pdetransfer.fits import scaling_laws

logs.to_file(snakemake.log[0])
errors = [pd.read_parquet(path) for path in snakemake.input]
num_parameters = {
    model: int(rows["num_parameters"].max())
    for table in errors
    for model, rows in table.groupby("model", observed=True)
}
with atomic(Path(snakemake.output[0])) as temporary:
    scaling_laws(Replicates(errors), num_parameters).to_csv(temporary, index=False)
