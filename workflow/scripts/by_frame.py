"""Errors of roll-outs by frame."""

import pandas as pd

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.data.stored import Stored
from pdetransfer.studies.dpot.by_frame import by_frame, persistence

logs.to_file(snakemake.log[0])
job = snakemake.params.job
errors = [
    *map(pd.read_parquet, job.errors.values()),
    *(
        persistence(of.dataset, Stored.of(of.test).load_for({"num_frames": of.num_frames}))
        for of in job.tests
    ),
]
write_table(by_frame(pd.concat(errors)), snakemake.output.table)
