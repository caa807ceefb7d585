"""Sources and solutions of all datasets of a system."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.data.datasets import load
from pdetransfer.report.figures import save
from pdetransfer.report.galleries import GALLERY_EXAMPLES, draw_gallery

logs.to_file(snakemake.log[0])
stores, manifests = (list(map(Path, paths)) for paths in (snakemake.input.stores, snakemake.input.manifests))
examples = {
    store.parent.name: load([store], [manifest], GALLERY_EXAMPLES)
    for store, manifest in zip(stores, manifests, strict=True)
}
save(lambda: draw_gallery(examples), [Path(path) for path in snakemake.output])
