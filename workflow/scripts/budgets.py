"""Savings at equal epochs, steps and compute, side by side."""

import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.studies.transfer.budgets import savings_by_budget

logs.to_file(snakemake.log[0])
params = snakemake.params
replicates = Replicates(map(pd.read_parquet, snakemake.input))
table = savings_by_budget(params.config, params.experiments, replicates)
write_table(table, snakemake.output.table)
