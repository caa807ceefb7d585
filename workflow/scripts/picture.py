"""A picture of what a study is about, drawn from its config alone."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import save
from pdetransfer.studies import registry

logs.to_file(snakemake.log[0])
params = snakemake.params
draw = registry.part(params.answers, "pictures").PICTURES[snakemake.wildcards.picture]
save(lambda: draw(Study(**params.study)), [Path(path) for path in snakemake.output])
