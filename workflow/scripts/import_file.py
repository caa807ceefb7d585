"""Check a user's file and bring it into the project's format."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.data.readers import import_file

logs.to_file(snakemake.log[0])
import_file(
    Path(snakemake.input[0]),
    **snakemake.params.settings,
    store=Path(snakemake.output.store),
    manifest=Path(snakemake.output.manifest),
)
