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
files, params, page = snakemake.input, snakemake.params, Path(snakemake.output.page)


def read(paths: list[str]) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path).assign(experiment=Path(path).stem) for path in paths)


def hashes(paths: list[str]) -> dict[str, str]:
    """The content of the test examples of each dataset, those of mixtures too."""
    stored = {Path(path).parent.name: Path(path) for path in paths}
    return {
        dataset: content_hash([stored[part] for part in parts])
        for dataset, parts in params.components.items()
        if set(parts) <= set(stored)
    }


ours, other = hashes(files.manifests), hashes(files.other_manifests)
same = {dataset for dataset, content in ours.items() if other.get(dataset) == content}
table = compare(read(files.errors), read(files.other_errors), same)
write_table(table, snakemake.output.table)
with atomic(page) as temporary:
    temporary.write_text(render_comparison(table, str(page.parent), params.other))
print(summary(table))
