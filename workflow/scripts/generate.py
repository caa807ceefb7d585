"""Make one split of a dataset."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.base.locks import locked
from pdetransfer.data.generation import Split, generate
from pdetransfer.data.sources import SparseGaussians

logs.to_file(snakemake.log[0])
settings = snakemake.params.settings
law = SparseGaussians(**settings["source"]) if settings["source"] else None
split = Split(**(settings | {"source": law}))
# On a cluster Snakemake cuts threads to the cores of the machine that submits; what SLURM gives is a resource.
threads = snakemake.resources.get("cpus_per_task", snakemake.threads)
manifest = Path(snakemake.output.manifest)
with locked(manifest.with_suffix(".lock")):  # an earlier job may live on without its Snakemake
    generate(split, Path(snakemake.output.store), manifest, threads)
