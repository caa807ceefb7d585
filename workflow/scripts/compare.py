"""Two results folders side by side: a table and a page."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.comparison import compare, summary
from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.base.files import atomic
from pdetransfer.data.store import content_hash
from pdetransfer.report.page import render_comparison

logs.to_file(snakemake.log[0])
params, page = snakemake.params, Path(snakemake.output.page)


def read(errors: dict[str, str]) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path).assign(experiment=name) for name, path in errors.items())


def hashes(manifests: dict[str, str]) -> dict[str, str]:
    """The content of the test examples of each dataset, those of mixtures too."""
    return {
        dataset: content_hash([Path(manifests[part]) for part in parts])
        for dataset, parts in params.components.items()
        if set(parts) <= set(manifests)
    }


ours, other = params.job["ours"], params.job["other"]
known = hashes(other.manifests)
same = {dataset for dataset, content in hashes(ours.manifests).items() if known.get(dataset) == content}
table = compare(read(ours.errors), read(other.errors), same)
write_table(table, snakemake.output.table)
with atomic(page) as temporary:
    temporary.write_text(render_comparison(table, str(page.parent), params.other))
print(summary(table))
