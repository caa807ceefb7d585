"""Fig. 2: what sources and solutions look like."""

from pathlib import Path

from pdetransfer import logs
from pdetransfer.figures import save
from pdetransfer.galleries import draw_systems
from pdetransfer.sources import SparseGaussians

logs.to_file(snakemake.log[0])
law = SparseGaussians(**snakemake.params.source)
save(lambda: draw_systems(law, snakemake.params.num_points), [Path(path) for path in snakemake.output])
