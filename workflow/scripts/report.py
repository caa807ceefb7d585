"""The report: one HTML file that needs nothing else."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.tables import seconds_by_cell, training_seconds
from pdetransfer.base import logs
from pdetransfer.base.files import atomic, read_json
from pdetransfer.data.disjoint import in_words
from pdetransfer.plan import costs
from pdetransfer.plan.study import Study
from pdetransfer.report import galleries
from pdetransfer.report.page import Data, Experiment, Picture, caption, render, sections, sizes, stages
from pdetransfer.studies import registry

logs.to_file(snakemake.log[0])
job, output = snakemake.params.job, Path(snakemake.output[0])
study = Study(**job.study)
answers = registry.answers(study.answers)
kinds = registry.part(study.answers, "figures").FIGURES | galleries.GALLERIES
pictures = [
    Picture(name, study.figures[name], Path(path).read_text(), caption(kinds[study.figures[name].kind]))
    for name, path in job.figures.items()
]
experiments = [
    Experiment(name, study.experiments[name], pd.read_csv(files.cells), pd.read_csv(files.savings))
    for name, files in job.experiments.items()
]
benchmarks = output.parent / "benchmarks"
spent = {
    "Stages": stages(sorted(benchmarks.rglob("*.tsv")), benchmarks),
    "Sizes": sizes(output.parent),
}
claims, laws, beside = [], None, []
tables = {name: pd.read_csv(path) for name, path in job.of_study.items()}
if answers.tables:
    beside = registry.part(study.answers, "supplements").supplements(experiments, pictures, tables, study)
if job.plan:
    seconds = {cell: training_seconds(read_json(path)) for cell, path in job.pretrained.items()}
    for experiment in experiments:
        seconds |= seconds_by_cell(experiment.cells)
    plan = costs.beside_actual(study, pd.read_csv(job.plan), seconds)
    spent = {"Forecast and actual": plan} | spent
    claims, laws = read_json(job.verdicts)["claims"], pd.read_csv(job.laws)
own = registry.part(study.answers, "pictures").PICTURES if answers.pictures else {}
drawn = own | {"ranges": galleries.draw_ranges}
compared = read_json(job.datasets.disjoint)
data = Data(
    table=pd.read_csv(job.datasets.table) if job.datasets.table else None,
    figures=[
        (Path(path).read_text(), "\n\n".join(caption(drawn.get(name, galleries.draw_gallery))))
        for name, path in job.datasets.pictures.items()
    ],
    cards={name: Path(path).read_bytes() for name, path in job.datasets.cards.items()},
    num_compared=compared["examples"],
    shared=list(map(in_words, compared["shared"])),
    of_controls=not job.plan,
)
page = sections(experiments, pictures, beside, tables, answers.questions)
with atomic(output) as temporary:
    temporary.write_text(render(study, page, claims, laws, data, spent))
