"""Savings at equal epochs, steps and compute, side by side."""

import pandas as pd

from pdetransfer import logs
from pdetransfer.bootstrap import Replicates
from pdetransfer.budgets import savings_by_budget
from pdetransfer.tables import write_table

logs.to_file(snakemake.log[0])
params = snakemake.params
replicates = Replicates(map(pd.read_parquet, snakemake.input))
table = savings_by_budget(params.config, params.experiments, replicates)
write_table(table, snakemake.output.table)
