"""How far downstream datasets lie from those that their models were pre-trained on."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.data.distances import distances_table, read_sample

logs.to_file(snakemake.log[0])
job = snakemake.params.job
samples = {
    dataset: read_sample(Path(split.store), Path(split.manifest)) for dataset, split in job.samples.items()
}
write_table(distances_table(job.pairs, samples, pd.concat(map(pd.read_csv, job.tables))), snakemake.output.table)
