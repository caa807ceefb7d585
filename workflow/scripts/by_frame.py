"""Errors of roll-outs by frame."""

import pandas as pd

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.data.stored import Stored
from pdetransfer.studies.dpot.by_frame import by_frame, persistence

logs.to_file(snakemake.log[0])
job = snakemake.params.job
errors = pd.concat(map(pd.read_parquet, job.errors.values()))
tests = [(of.dataset, Stored.of([of.test]).load_for({"num_frames": of.num_frames})) for of in job.tests]
write_table(pd.concat([by_frame(errors), persistence(tests)]), snakemake.output.table)
