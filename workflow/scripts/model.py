"""A trained cell as a folder that can be sent on."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.plan.experiments import Curve
from pdetransfer.report.exports import TrainedCell, export
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware

logs.to_file(snakemake.log[0])
files = snakemake.input
cell = TrainedCell(
    curve=Curve.from_path(snakemake.wildcards.curve),
    weights=Path(files.weights),
    summary=Path(files.cell),
    train_manifests=list(map(Path, files.train_manifest)),
    test=[
        jobs.Stored.of([store], [manifest])
        for store, manifest in zip(files.test, files.test_manifest, strict=True)
    ],
)
hardware = Hardware.of(snakemake.resources.device, snakemake.threads)
export(cell, Path(snakemake.output.folder), hardware.device)
