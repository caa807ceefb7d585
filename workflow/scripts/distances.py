"""How far downstream datasets lie from those that their models were pre-trained on."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import AXES, write_table
from pdetransfer.base import logs
from pdetransfer.data.distances import distances_table, read_sample

logs.to_file(snakemake.log[0])
job = snakemake.params.job
samples = {
    dataset: read_sample(Path(split.store), Path(split.manifest)) for dataset, split in job.samples.items()
}
none = pd.DataFrame(columns=[*AXES, "test_error"])
cells = pd.concat(map(pd.read_csv, job.tables)) if job.tables else none
write_table(distances_table(job.pairs, samples, cells), snakemake.output.table)
