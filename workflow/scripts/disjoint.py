"""Assert that no two sets of examples share an example or a source."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.base.files import write_json
from pdetransfer.data import disjoint

logs.to_file(snakemake.log[0])
stores, manifests = (list(map(Path, paths)) for paths in (snakemake.input.stores, snakemake.input.manifests))
write_json(snakemake.output[0], disjoint.check(stores, manifests))
