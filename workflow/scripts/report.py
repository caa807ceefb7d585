"""The report: one HTML file that needs nothing else."""

from pathlib import Path

import pandas as pd

from pdetransfer import logs
from pdetransfer.files import atomic, read_json
from pdetransfer.report import Data, Experiment, Picture, render

logs.to_file(snakemake.log[0])
files, params = snakemake.input, snakemake.params
pictures = [
    Picture(
        experiment=figure["experiment"],
        kind=figure["kind"],
        svg=Path(path).read_text(),
    )
    for figure, path in zip(params.figures.values(), files.figures, strict=True)
]
experiments = [
    Experiment(name, axes, pd.read_csv(table), pd.read_csv(savings))
    for (name, axes), table, savings in zip(
        params.experiments.items(), files.tables, files.savings, strict=True
    )
]
data = Data(
    table=pd.read_csv(files.datasets),
    systems=Path(files.systems).read_text(),
    shifts=Path(files.shifts).read_text(),
    cards={Path(path).stem: Path(path).read_bytes() for path in files.cards},
    num_compared=read_json(files.disjoint)["examples"],
)
with atomic(Path(snakemake.output[0])) as temporary:
    temporary.write_text(render(params.title, experiments, pictures, data, params.config))
