"""The card of a dataset: its facts, and its picture."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.base.files import read_json, write_json
from pdetransfer.data.cards import read_card
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import draw_card

logs.to_file(snakemake.log[0])
job = snakemake.params.job
shared = read_json(job.disjoint)["shared"] if job.disjoint else []
card = read_card(
    {name: Path(split.store) for name, split in job.splits.items()},
    {name: Path(split.manifest) for name, split in job.splits.items()},
    shared,
)
save(lambda: draw_card(card), [Path(snakemake.output.svg), Path(snakemake.output.png)])
write_json(snakemake.output.facts, card.facts)
