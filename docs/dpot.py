"""Print ``docs/dpot.md``, what a results folder of the study of DPOT says (`make results`).

Usage: python docs/dpot.py [FOLDER, by default results/dpot/laptop]
"""

import sys
from pathlib import Path

import pandas as pd
from results import claims_table

from pdetransfer.base.files import read_json
from pdetransfer.plan.load import load
from pdetransfer.studies.dpot.answers import ANSWERS

HEADER = """# Results: DPOT

<!-- Generated from {folder} by `make results`. -->

Pre-training on trajectories of several time-dependent equations, and roll-outs after it, at {scale} scale: what
arXiv 2403.03542 asks, on data that is generated here. Errors are relative L2 errors of whole roll-outs on test
trajectories, the input frames counting for nothing. Of each pre-training there is one seed; intervals of claims
are 95 % intervals over test trajectories and the seeds of what is trained after it. All figures stand in
`{folder}/report.html`.
"""


def main(folder: Path) -> None:
    study = load(Path("config"), {"study": folder.parent.name, "scale": folder.name})
    there = [name for name in study.experiments if (folder / f"tables/{name}.csv").exists()]
    by_frame = pd.read_csv(folder / "tables/by_frame.csv")
    lines = [HEADER.format(folder=folder, scale=study.scale)]
    for name in there:
        cells, savings = (pd.read_csv(folder / f"{kind}/{name}.csv") for kind in ("tables", "savings"))
        asked = ANSWERS.questions[study.experiments[name].question]
        lines += [f"## {name}", "", asked.headline(cells, savings, {"by_frame": by_frame}), ""]
        lines += [*(f"* {sentence}" for sentence in asked.answer(cells, savings)), ""]
    lines += ["## Claims", "", *claims_table(read_json(folder / "claims.json")["claims"])]
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/dpot/laptop"))
