"""A figure of experiments' tables."""

from pathlib import Path

import pandas as pd

from pdetransfer.base import logs
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import Tables, save
from pdetransfer.studies import registry

logs.to_file(snakemake.log[0])
job, figures = snakemake.params.job, registry.part(snakemake.params.answers, "figures").FIGURES
tables = Tables(
    **{kind: pd.concat(map(pd.read_csv, paths)) for kind, paths in job.tables.items()},
    tables={name: pd.read_csv(path) for name, path in job.of_study.items()},
)
draw = figures[job.figure.kind]
save(lambda: draw(tables, job.figure, Study(**job.study)), [Path(path) for path in snakemake.output])
