"""The tables of an experiment: all its cells, its data savings, its errors by physics parameter."""

import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.savings import data_savings
from pdetransfer.analysis.tables import cell_rows, errors_by_parameter, write_table
from pdetransfer.base import logs
from pdetransfer.base.files import read_json

logs.to_file(snakemake.log[0])
job = snakemake.params.job
errors = pd.read_parquet(job.errors)
not_trained = {"chosen": [], "runs": []}
cells = [
    read_json(row.summary)
    | ({} if row.axes["n_train"] else not_trained)
    | row.axes
    | {"columns": row.columns}
    for row in job.rows
]
tables = {
    "cells": cell_rows(cells, errors),
    "savings": data_savings(Replicates([errors])),
    "by_parameter": errors_by_parameter(errors),
}
for name, table in tables.items():
    write_table(table, snakemake.output[name])
