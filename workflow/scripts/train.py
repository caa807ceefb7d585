"""Train one cell, or several that share their data and initial weights (rule train_pack)."""

from pathlib import Path

from pdetransfer import jobs, logs

logs.to_file(snakemake.log[0])
cells, curve = snakemake.params.cells, Path(snakemake.output[0]).parent.parent
files = {name: Path(path) for name, path in snakemake.input.items()}
jobs.train(
    cells=cells,
    folders=[curve / f"n{settings['n_train']}" for settings in cells],
    stores={split: files[split] for split in ("train", "validation")},
    manifests={split: files[f"{split}_manifest"] for split in ("train", "validation")},
    init=files.get("init"),
    store_of_finished=Path(snakemake.params.finished),
    device=jobs.set_device(snakemake.resources.device, snakemake.threads),
)
