"""Scaling laws of all curves."""

import pandas as pd

from pdetransfer import logs
from pdetransfer.bootstrap import Replicates
from pdetransfer.costs import run_seconds
from pdetransfer.experiments import Curve
from pdetransfer.fits import scaling_laws
from pdetransfer.tables import write_table

logs.to_file(snakemake.log[0])
errors = [pd.read_parquet(path) for path in snakemake.input]
num_parameters = {
    model: int(rows["num_parameters"].max())
    for table in errors
    for model, rows in table.groupby("model", observed=True)
}
replicates = Replicates(errors)
seconds = {
    axes: run_seconds(snakemake.params.config, Curve(*axes[:4]), axes[4])
    for axes in replicates.means
    if axes[4]
}
write_table(scaling_laws(replicates, num_parameters, seconds), snakemake.output.table)
