"""Fig. 1: the stages of the study."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import draw_stages

logs.to_file(snakemake.log[0])
law = SparseGaussians(**snakemake.params.source)
save(lambda: draw_stages(law, snakemake.params.num_points), [Path(path) for path in snakemake.output])
