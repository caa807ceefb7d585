"""What sets of examples have in common; an error where nothing may be."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.base.files import write_json
from pdetransfer.data import disjoint

logs.to_file(snakemake.log[0])
splits = snakemake.params.job
stores, manifests = [Path(split.store) for split in splits], [Path(split.manifest) for split in splits]
write_json(snakemake.output[0], disjoint.check(stores, manifests))
