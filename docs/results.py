"""Print ``docs/results.md``, what a results folder of the transfer study says, from its tables (`make results`).

Usage: python docs/results.py [FOLDER, by default results/transfer/laptop]
"""

import sys
from pathlib import Path

import pandas as pd

from pdetransfer.analysis.savings import savings_at
from pdetransfer.base.files import read_json
from pdetransfer.plan.entries import Figure
from pdetransfer.plan.load import load
from pdetransfer.studies.transfer.questions import QUESTIONS, answer_budget, answer_distance

HEADER = """# Results

<!-- Generated from {folder} by `make results`. -->

What the paper's figures show and what ours do, at {scale} scale. Errors are relative L2 test errors. An interval
is the 95 % bootstrap interval over test examples and, where there are several, seeds; everything is conditional on
one pre-training for each model and system; the control with another seed of it shows how much that matters. The
same numbers, with all figures, stand in `{folder}/report.html`.

How to read them at laptop scale: every n has the same number of steps, so that training from scratch on many
examples is limited by steps rather than data, and its savings are bounds; the control with the other unit of
length shows how much. A mixture of three datasets at equal epochs has three times the steps; the control at
equal steps shows what it owes to them. Learning rates have two values for each arm, so that most chosen ones
are at an edge.
"""


def number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


def claims_table(claims: list[dict]) -> list[str]:
    lines = [
        "| | claim | where | value (95 % interval) | expected | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for claim in claims:
        bounds = ", ".join(f"{word.replace('_', ' ')} {value:g}" for word, value in claim["bounds"].items())
        interval = f"{number(claim['low'])} to {number(claim['high'])}" if claim["value"] is not None else ""
        value = f"{number(claim['value'])} ({interval})" if interval else ""
        note = f" {claim['note']}" if claim["note"] else ""
        lines.append(
            f"| {claim['claim']} | {claim['statement']}.{note} | {claim['place']} | {value} | {bounds} "
            f"| {claim['verdict']} |"
        )
    return lines


def beside(folder: Path, question: str, figures: dict[str, Figure]) -> list[str]:
    """Sentences on a question that its experiments give together."""
    if question == "data":
        return list(answer_budget(pd.read_csv(folder / "tables/budgets.csv")))
    drawn = [entry for entry in figures.values() if entry.kind == "savings_by_distance"]
    if question == "shift" and drawn:
        savings = pd.concat(pd.read_csv(folder / f"savings/{name}.csv") for name in drawn[0].experiments)
        distances = pd.read_csv(folder / "tables/distances.csv")
        return [answer_distance(savings_at(savings, distances, drawn[0].n_train))]
    return []


def main(folder: Path) -> None:
    study = load(Path("config"), {"study": folder.parent.name, "scale": folder.name})
    verdicts = read_json(folder / "claims.json")
    lines = [HEADER.format(folder=folder, scale=study.scale)]
    for question, entry in QUESTIONS.items():
        names = [name for name, experiment in study.experiments.items() if experiment.question == question]
        names = [name for name in names if (folder / f"tables/{name}.csv").exists()]
        if names:
            lines += [f"## {entry.title}", ""]
        for name in names:
            cells, savings = (pd.read_csv(folder / part / f"{name}.csv") for part in ("tables", "savings"))
            lines += [f"* {sentence}" for sentence in entry.answer(cells, savings)]
        lines += [f"* {sentence}" for sentence in beside(folder, question, study.figures)]
        lines += [""] if names else []
    lines += ["## The paper's claims", "", *claims_table(verdicts["claims"])]
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/transfer/laptop"))
