"""Test errors of an experiment."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.training import jobs
from pdetransfer.training.hardware import Hardware

logs.to_file(snakemake.log[0])
files, params = snakemake.input, snakemake.params
weights, inits = iter(files.weights), iter(files.get("init", []))


def stored(split: str, components: list[str]) -> jobs.Stored:
    at = [params.datasets.index(name) for name in components]
    return jobs.Stored.of([files[split][i] for i in at], [files[f"{split}_manifest"][i] for i in at])


def zero_shot(curve: dict) -> list:
    if not params.zero_shot:
        return []
    if curve["untrained"]:
        return jobs.untrained(curve["untrained"], stored("train", curve["components"]))
    return jobs.pretrained(Path(next(inits)))


jobs.evaluate(
    (
        jobs.Evaluated(
            axes=curve["axes"],
            test=stored("test", curve["components"]),
            weights={n: Path(next(weights)) for n in params.trained_n},
            zero_shot=zero_shot(curve),
        )
        for curve in params.curves
    ),
    output=Path(snakemake.output.errors),
    device=Hardware.of(snakemake.resources.device, snakemake.threads).device,
)
