"""The published claims, judged by the results at hand."""

from dataclasses import asdict
from pathlib import Path

import pandas as pd
import yaml

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.claims import Evidence, judge
from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.base.files import read_json, write_json

logs.to_file(snakemake.log[0])
files, config = snakemake.input, snakemake.params.config
evidence = Evidence(
    config,
    Replicates(map(pd.read_parquet, files.errors)),
    pd.concat(map(pd.read_csv, files.cells)),
    [read_json(path) for path in files.cards],
    pd.read_csv(files.scaling),
)
claims = yaml.safe_load(Path(files.claims).read_text())
verdicts = [asdict(judge(name, claim, config["scale"], evidence)) for name, claim in claims.items()]
write_json(snakemake.output.verdicts, {"scale": config["scale"], "claims": verdicts})
write_table(pd.DataFrame(verdicts).drop(columns=["bounds", "cells"]), snakemake.output.table)
