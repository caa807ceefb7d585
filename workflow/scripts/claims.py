"""The published claims, judged by the results at hand."""

from dataclasses import asdict

import pandas as pd

from pdetransfer.analysis.bootstrap import Replicates
from pdetransfer.analysis.claims import Evidence, Verdict, judge
from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.base.files import read_json, write_json
from pdetransfer.plan.study import Study
from pdetransfer.studies import registry

logs.to_file(snakemake.log[0])
job = snakemake.params.job
study = Study(**job.study, claims=job.claims)
quantities = registry.quantities(study)
evidence = Evidence(
    study,
    Replicates(map(pd.read_parquet, job.errors)),
    pd.concat(map(pd.read_csv, job.tables)),
    list(map(read_json, job.cards)),
    {name: pd.read_csv(path) for name, path in job.of_study.items()},
)
verdicts = [asdict(judge(name, claim, evidence, quantities)) for name, claim in study.claims.items()]
write_json(snakemake.output.verdicts, {"bounds": study.bounds, "claims": verdicts})
columns = [field for field in Verdict.__dataclass_fields__ if field not in ("bounds", "cells")]
write_table(pd.DataFrame(verdicts, columns=columns), snakemake.output.table)
