"""Print ``docs/mutransfer.md``, what a results folder of the muTransfer study says (`make results`).

Usage: python docs/mutransfer.py [FOLDER, by default results/mutransfer/laptop]
"""

import sys
from pathlib import Path

import pandas as pd
from results import claims_table, markdown

from pdetransfer.base.files import read_json
from pdetransfer.plan.load import load
from pdetransfer.studies.mutransfer.answers import ANSWERS
from pdetransfer.studies.mutransfer.supplements import slopes_of_first_steps, transfer_table

HEADER = """# Results: muTransfer

<!-- Generated from {folder} by `make results`. -->

Whether the learning rate of a small Fourier neural operator serves a large one, at {scale} scale: what
arXiv 2506.19396 asks, on data that is generated here. Errors are relative L2 test errors, rates are chosen by
validation. Intervals are 95 % intervals over seeds: Student's of the best rate by seed, else of replicates, in
which rates are chosen anew. A claim that is inconclusive is not resolved: its interval, over so few seeds, reaches
across a bound. All figures stand in `{folder}/report.html`.
"""


def main(folder: Path) -> None:
    study = load(Path("config"), {"study": folder.parent.name, "scale": folder.name})
    there = [name for name in study.experiments if (folder / f"tables/{name}.csv").exists()]
    cells = {name: pd.read_csv(folder / f"tables/{name}.csv") for name in there}
    coordinates = pd.read_csv(folder / "tables/coordinates.csv")
    reported = pd.concat([cells[name] for name in study.reported])
    question = ANSWERS.questions["learning_rate"]
    told = question.headline(reported, reported, {"coordinates": coordinates})
    lines = [HEADER.format(folder=folder, scale=study.scale), told, ""]
    for name, table in cells.items():
        asked = ANSWERS.questions[study.experiments[name].question]
        lines += [f"## {name}", "", *(f"* {sentence}" for sentence in asked.answer(table, table)), ""]
        lines += [*markdown(_rounded(transfer_table(table))), ""]
    slopes = slopes_of_first_steps(coordinates)
    said = [sentence.strip() for sentence in slopes.sentences]
    lines += [f"## {slopes.title}", "", *said, "", *markdown(slopes.table), ""]
    lines += ["## Claims", "", *claims_table(read_json(folder / "claims.json")["claims"])]
    print("\n".join(lines))


def _rounded(table: pd.DataFrame) -> pd.DataFrame:
    numbers = table.select_dtypes("number").columns
    return table.astype(object).assign(**{name: table[name].map("{:.3g}".format) for name in numbers})


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/mutransfer/laptop"))
