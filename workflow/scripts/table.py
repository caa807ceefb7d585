"""The tables of an experiment: all its cells, and its data savings."""

from pathlib import Path

import pandas as pd

from pdetransfer import logs
from pdetransfer.files import atomic, read_json
from pdetransfer.tables import curve_rows, data_savings

logs.to_file(snakemake.log[0])
cells = map(read_json, snakemake.input.cells)  # curve by curve, in the order of trained_n
table = pd.concat(
    curve_rows(curve, {n: next(cells) for n in snakemake.params.trained_n}, pd.read_parquet(errors))
    for curve, errors in zip(snakemake.params.curves, snakemake.input.errors, strict=True)
)
for rows, path in ((table, snakemake.output.table), (data_savings(table), snakemake.output.savings)):
    with atomic(Path(path)) as temporary:
        rows.to_csv(temporary, index=False)
