"""How far downstream datasets lie from those that their models were pre-trained on."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.data.distances import read_sample, shifts_table

logs.to_file(snakemake.log[0])
files, params = snakemake.input, snakemake.params
stores = zip(params.datasets, map(Path, files.stores), map(Path, files.manifests), strict=True)
samples = {dataset: read_sample(store, manifest) for dataset, store, manifest in stores}
table = shifts_table(params.pairs, samples, pd.concat(map(pd.read_csv, files.cells)))
write_table(table, snakemake.output.table)
