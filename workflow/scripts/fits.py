"""Scaling laws of all curves."""

import pandas as pd

from pdetransfer import logs
from pdetransfer.bootstrap import Replicates
from pdetransfer.fits import scaling_laws
from pdetransfer.tables import write_table

logs.to_file(snakemake.log[0])
errors = [pd.read_parquet(path) for path in snakemake.input]
num_parameters = {
    model: int(rows["num_parameters"].max())
    for table in errors
    for model, rows in table.groupby("model", observed=True)
}
write_table(scaling_laws(Replicates(errors), num_parameters), snakemake.output.table)
