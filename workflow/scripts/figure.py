"""A figure of experiments' tables."""

from pathlib import Path

import pandas as pd

from pdetransfer.base import logs
from pdetransfer.report.figures import FIGURES, Tables, save

logs.to_file(snakemake.log[0])
files, options = snakemake.input, snakemake.params.options
tables = Tables(
    *(pd.concat(map(pd.read_csv, paths)) for paths in (files.cells, files.savings, files.by_parameter)),
    shifts=pd.read_csv(files.shifts) if "shifts" in files.keys() else None,  # noqa: SIM118
)
save(lambda: FIGURES[options["kind"]](tables, options), [Path(path) for path in snakemake.output])
