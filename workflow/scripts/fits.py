"""Scaling laws of all curves."""

import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.fits import scaling_laws
from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.plan.costs import run_seconds
from pdetransfer.plan.study import Curve, Study

logs.to_file(snakemake.log[0])
study, errors = Study(**snakemake.params.study), [pd.read_parquet(path) for path in snakemake.input]
num_parameters = {
    model: int(rows["num_parameters"].max())
    for table in errors
    for model, rows in table.groupby("model", observed=True)
}
replicates = Replicates(errors)
seconds = {axes: run_seconds(study, Curve(*axes[:4]), axes[4]) for axes in replicates.means if axes[4]}
write_table(scaling_laws(replicates, num_parameters, seconds), snakemake.output.table)
