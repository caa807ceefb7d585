"""A figure of an experiment's table."""

from pathlib import Path

import pandas as pd

from pdetransfer import logs
from pdetransfer.figures import FIGURES, save

logs.to_file(snakemake.log[0])
options = snakemake.params.options
table = pd.read_csv(snakemake.input.table)
save(lambda: FIGURES[options["kind"]](table, options), [Path(path) for path in snakemake.output])
