"""The report: one HTML file that needs nothing else."""

import inspect
from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import seconds_by_cell, training_seconds
from pdetransfer.base import logs
from pdetransfer.base.files import atomic, read_json
from pdetransfer.plan import costs
from pdetransfer.report import galleries
from pdetransfer.report.page import Data, Experiment, Picture, render, sections, sizes, stages
from pdetransfer.studies.transfer.supplements import supplements

logs.to_file(snakemake.log[0])
files, config, output = snakemake.input, snakemake.params.config, Path(snakemake.output[0])
pictures = [
    Picture(Path(path).stem, config["figures"][Path(path).stem], Path(path).read_text())
    for path in files.figures
]
experiments = [
    Experiment(name, config["experiments"][name], pd.read_csv(cells), pd.read_csv(savings))
    for name, cells, savings in zip(snakemake.params.experiments, files.cells, files.savings, strict=True)
]
benchmarks = output.parent / "benchmarks"
spent = {
    "Stages": stages(sorted(benchmarks.rglob("*.tsv")), benchmarks),
    "Sizes": sizes(output.parent),
}
data, claims, laws, beside = None, [], None, []
if snakemake.params.data_figures:
    pretrainings = costs.cells_by_experiment(config, snakemake.params.experiments)[costs.PRETRAINING]
    seconds = dict(zip(pretrainings, map(training_seconds, map(read_json, files.pretrained)), strict=True))
    for experiment in experiments:
        seconds |= seconds_by_cell(experiment.cells)
    plan = costs.beside_actual(config, pd.read_csv(files.plan), seconds)
    spent = {"Forecast and actual": plan} | spent
    claims = read_json(files.claims)["claims"]
    laws = pd.read_csv(files.fits)
    beside = supplements(
        experiments,
        pictures,
        pd.read_csv(files.shifts) if files.shifts else None,
        pd.read_csv(files.budgets),
    )
    drawn = zip(snakemake.params.data_figures, files.data, strict=True)
    data = Data(
        table=pd.read_csv(files.datasets),
        figures=[
            (Path(path).read_text(), inspect.getdoc(getattr(galleries, f"draw_{name.split('_')[0]}")))
            for name, path in drawn
        ],
        cards={Path(path).stem: Path(path).read_bytes() for path in files.cards},
        num_compared=read_json(files.disjoint)["examples"],
    )
with atomic(output) as temporary:
    temporary.write_text(
        render(config["title"], sections(experiments, pictures, beside), claims, laws, data, spent, config)
    )
