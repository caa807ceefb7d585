"""Make one split of a dataset."""

from pathlib import Path

from pdetransfer import logs
from pdetransfer.generation import Split, generate
from pdetransfer.sources import SparseGaussians

logs.to_file(snakemake.log[0])
settings = snakemake.params.settings
split = Split(**(settings | {"source": SparseGaussians(**settings["source"])}))
# On a cluster Snakemake cuts threads to the cores of the machine that submits; what SLURM gives is a resource.
threads = snakemake.resources.get("cpus_per_task", snakemake.threads)
generate(split, Path(snakemake.output.store), Path(snakemake.output.manifest), threads)
