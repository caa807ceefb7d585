"""Savings at equal epochs, steps and compute, side by side."""

import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.plan.study import Study
from pdetransfer.studies.transfer.budgets import savings_by_budget

logs.to_file(snakemake.log[0])
job = snakemake.params.job
replicates = Replicates(map(pd.read_parquet, job.errors.values()))
table = savings_by_budget(Study(**job.study), list(job.errors), replicates)
write_table(table, snakemake.output.table)
