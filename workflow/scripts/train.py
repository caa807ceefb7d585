"""Train one cell, or several that share their data and initial weights (rules train_pack)."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.data.stored import Stored
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware

logs.to_file(snakemake.log[0])
job, asked = snakemake.params.job, snakemake.resources
jobs.train(
    cells=list(job.cells.values()),
    folders=list(map(Path, job.cells)),
    train=Stored.of(job.train),
    validation=Stored.of(job.validation),
    init=Path(job.init) if job.init else None,
    archive_folder=Path(snakemake.params.archive),
    hardware=Hardware.of(
        asked.device, snakemake.threads, num_devices=max(1, asked.gpu), compile_from=asked.compile_from
    ),
)
