"""Write the results of a study beside those of another folder, as a table and a page, and print what they say:
``python -m pdetransfer.compare OTHER [key=value ...]``, or ``make compare OTHER=...``."""

from pathlib import Path

import pandas as pd

from pdetransfer.analysis.comparison import compare, summary
from pdetransfer.analysis.tables import write_table
from pdetransfer.base.files import atomic
from pdetransfer.command import chosen_study, run
from pdetransfer.data.store import content_hash
from pdetransfer.plan import inputs
from pdetransfer.plan.study import Study
from pdetransfer.report.page import render_comparison


def main(other: str = "", *words: str) -> None:
    study = chosen_study(words)
    found = inputs.comparison(study, other)
    ours, others = (_hashes(study, folder.manifests) for folder in (found.ours, found.other))
    same = {dataset for dataset, content in ours.items() if others.get(dataset) == content}
    table = compare(_read(found.ours.errors), _read(found.other.errors), same)
    write_table(table, found.table)
    with atomic(found.page) as temporary:
        temporary.write_text(render_comparison(table, study.results, other))
    print(summary(table))


def _read(errors: dict[str, Path]) -> pd.DataFrame:
    return pd.concat(pd.read_parquet(path).assign(experiment=name) for name, path in errors.items())


def _hashes(study: Study, manifests: dict[str, Path]) -> dict[str, str]:
    """The content of the test examples of each dataset, those of mixtures too."""
    components = {dataset: study.components(dataset) for dataset in study.datasets}
    return {
        dataset: content_hash([manifests[part] for part in parts])
        for dataset, parts in components.items()
        if set(parts) <= set(manifests)
    }


if __name__ == "__main__":
    run(main)
