"""The table of all datasets, and the figure of their shifts."""

from pathlib import Path

from pdetransfer import logs
from pdetransfer.cards import datasets_table
from pdetransfer.figures import save
from pdetransfer.files import read_json
from pdetransfer.galleries import draw_shifts
from pdetransfer.tables import write_table

logs.to_file(snakemake.log[0])
table = datasets_table(list(map(read_json, snakemake.input)), snakemake.params.pretraining)
write_table(table, snakemake.output.table)
outputs = snakemake.output
save(lambda: draw_shifts(table), [Path(path) for path in (outputs.svg, outputs.png, outputs.pdf)])
