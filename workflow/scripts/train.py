"""Train one cell, or several that share their data and initial weights (rule train_pack)."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware

logs.to_file(snakemake.log[0])
files, cells, asked = snakemake.input, snakemake.params.cells, snakemake.resources
curve = Path(snakemake.output[0]).parent.parent
jobs.train(
    cells=cells,
    folders=[curve / f"n{settings['n_train']}" for settings in cells],
    train=jobs.Stored.of(files.train, files.train_manifest),
    validation=jobs.Stored.of(files.validation, files.validation_manifest),
    init=Path(files.init) if "init" in files.keys() else None,  # noqa: SIM118
    store_of_finished=Path(snakemake.params.finished),
    hardware=Hardware.of(
        asked.device, snakemake.threads, num_devices=max(1, asked.gpu), compile_from=asked.compile_from
    ),
)
