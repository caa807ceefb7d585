"""Test errors of an experiment."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.data.stored import Stored
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware

logs.to_file(snakemake.log[0])


def zero_shot(curve) -> list:
    if curve.untrained:
        return jobs.untrained(curve.untrained, Stored.of(curve.train))
    return jobs.pretrained(Path(curve.init)) if curve.init else []


jobs.evaluate(
    (
        jobs.Evaluated(
            axes=curve.axes,
            test=Stored.of(curve.test),
            weights={n: Path(path) for n, path in curve.weights.items()},
            zero_shot=zero_shot(curve),
        )
        for curve in snakemake.params.job
    ),
    output=Path(snakemake.output.errors),
    device=Hardware.of(snakemake.resources.device, snakemake.threads).device,
)
