"""The card of a dataset: its facts, and its picture."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.base.files import write_json
from pdetransfer.data.cards import read_card
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import draw_card

logs.to_file(snakemake.log[0])
splits, files = snakemake.params.splits, snakemake.input
card = read_card(
    dict(zip(splits, map(Path, files.stores), strict=True)),
    dict(zip(splits, map(Path, files.manifests), strict=True)),
)
save(lambda: draw_card(card), [Path(snakemake.output.svg), Path(snakemake.output.png)])
write_json(snakemake.output.facts, card.facts)
