"""The table of all datasets, and the figure of their shifts."""

from pathlib import Path

from pdetransfer import logs
from pdetransfer.cards import datasets_table
from pdetransfer.figures import save
from pdetransfer.files import atomic, read_json
from pdetransfer.galleries import draw_shifts

logs.to_file(snakemake.log[0])
table = datasets_table(list(map(read_json, snakemake.input)), snakemake.params.pretraining)
with atomic(Path(snakemake.output.table)) as temporary:
    table.to_csv(temporary, index=False)
save(lambda: draw_shifts(table), [Path(snakemake.output.svg), Path(snakemake.output.png)])
