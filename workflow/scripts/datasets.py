"""The table of all datasets, and the figure of their shifts."""

from pathlib import Path

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.base.files import read_json
from pdetransfer.data.cards import datasets_table
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import draw_ranges

logs.to_file(snakemake.log[0])
table = datasets_table(list(map(read_json, snakemake.input)), snakemake.params.pretraining)
write_table(table, snakemake.output.table)
outputs = snakemake.output
save(lambda: draw_ranges(table), [Path(path) for path in (outputs.svg, outputs.png, outputs.pdf)])
