"""Fig. 1: the stages of the study."""

from pathlib import Path

from pdetransfer import logs
from pdetransfer.figures import save
from pdetransfer.galleries import draw_stages
from pdetransfer.sources import SparseGaussians

logs.to_file(snakemake.log[0])
law = SparseGaussians(**snakemake.params.source)
save(lambda: draw_stages(law, snakemake.params.num_points), [Path(path) for path in snakemake.output])
