"""The tables of an experiment: all its cells, its data savings, its errors by physics parameter."""

import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.savings import data_savings
from pdetransfer.analysis.tables import cell_rows, errors_by_parameter, write_table
from pdetransfer.base import logs
from pdetransfer.base.files import read_json

logs.to_file(snakemake.log[0])
files, axes = snakemake.input, snakemake.params.axes
errors = pd.read_parquet(files.errors)
trained = [read_json(path) | point for path, point in zip(files.cells, axes, strict=True)]
pretrained = [
    read_json(path) | {"chosen": [], "runs": []} | point
    for path, point in zip(files.get("pretrained", []), snakemake.params.zero_shot, strict=True)
]
cells = cell_rows([*trained, *pretrained], errors)
tables = {
    "cells": cells,
    "savings": data_savings(Replicates([errors])),
    "by_parameter": errors_by_parameter(errors),
}
for name, table in tables.items():
    write_table(table, snakemake.output[name])
