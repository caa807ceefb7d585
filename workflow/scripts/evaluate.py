"""Test errors of one curve of an experiment."""

from pathlib import Path

from pdetransfer import jobs, logs

logs.to_file(snakemake.log[0])
files, params = snakemake.input, snakemake.params
zero_shot = []
if "init" in files.keys():  # noqa: SIM118
    zero_shot = jobs.pretrained(Path(files.init))
elif "train" in files.keys():  # noqa: SIM118
    zero_shot = jobs.untrained(params.untrained, jobs.Stored.of(files.train, files.train_manifest))
jobs.evaluate(
    test=jobs.Stored.of(files.test, files.test_manifest),
    weights=dict(zip(params.trained_n, map(Path, files.weights), strict=True)),
    zero_shot=zero_shot,
    output=Path(snakemake.output.errors),
    device=jobs.set_device(snakemake.resources.device, snakemake.threads),
)
