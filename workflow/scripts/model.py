"""A trained cell as a folder that can be sent on."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.data.stored import Stored
from pdetransfer.report.exports import TrainedCell, export
from pdetransfer.training.hardware import Hardware

logs.to_file(snakemake.log[0])
job = snakemake.params.job
cell = TrainedCell(
    curve=job.curve,
    weights=Path(job.weights),
    summary=Path(job.summary),
    train_manifests=list(map(Path, job.train_manifests)),
    test=[Stored.of([split]) for split in job.test],
)
hardware = Hardware.of(snakemake.resources.device, snakemake.threads)
export(cell, Path(snakemake.output.folder), hardware.device)
