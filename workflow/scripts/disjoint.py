"""Assert that no two sets of examples share an example or a source."""

from pathlib import Path

from pdetransfer import disjoint, logs
from pdetransfer.files import write_json

logs.to_file(snakemake.log[0])
stores, manifests = (list(map(Path, paths)) for paths in (snakemake.input.stores, snakemake.input.manifests))
write_json(snakemake.output[0], disjoint.check(stores, manifests))
