"""The tables of an experiment: all its cells, its data savings, its errors by physics parameter."""

from pathlib import Path

import pandas as pd

from pdetransfer import logs
from pdetransfer.bootstrap import Replicates
from pdetransfer.files import atomic, read_json
from pdetransfer.savings import data_savings
from pdetransfer.tables import cell_rows, errors_by_parameter

logs.to_file(snakemake.log[0])
files, axes = snakemake.input, snakemake.params.axes
errors = pd.read_parquet(files.errors)
cells = cell_rows([read_json(path) | point for path, point in zip(files.cells, axes, strict=True)], errors)
tables = {
    "cells": cells,
    "savings": data_savings(Replicates([errors])),
    "by_parameter": errors_by_parameter(errors),
}
for name, table in tables.items():
    with atomic(Path(snakemake.output[name])) as temporary:
        table.to_csv(temporary, index=False)
