"""Print ``docs/results.md``, what a results folder of the transfer study says, from its tables (`make results`).

Usage: python docs/results.py [FOLDER, by default results/transfer/laptop]
"""

import sys
from pathlib import Path

import pandas as pd

from pdetransfer.analysis.claims import spelled, summary
from pdetransfer.analysis.savings import bounds_in_words, savings_at
from pdetransfer.base.files import read_json
from pdetransfer.plan.entries import Figure
from pdetransfer.plan.load import load
from pdetransfer.studies.transfer.questions import QUESTIONS, answer_distance
from pdetransfer.studies.transfer.supplements import by_budget

HEADER = """# Results

<!-- Generated from {folder} by `make results`. -->

What the paper's figures show and what ours do, at {scale} scale. Errors are relative L2 test errors. An interval
is the 95 % bootstrap interval over test examples and, where there are several, seeds; everything is conditional
on one pre-training for each model and system; the control with another seed of it shows how much that matters.
The same numbers, with all figures, stand in `{folder}/report.html`.

How to read them at laptop scale: as in the paper every n has the same number of epochs, so that more examples
mean more steps; the control at equal steps shows what data alone do. A mixture of three datasets at equal epochs
has three times the steps; the control at equal steps shows what it owes to them. Lengths, learning rates and the
bounds of claims come of a pilot on another seed (pilot.md).

Data savings that are bounds: {bounds}.
"""


def claims_table(claims: list[dict]) -> list[str]:
    lines = [
        "| | claim | where | value (95 % interval) | expected | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for claim in claims:
        bounds = ", ".join(
            f"{word.replace('_', ' ')} {spelled(value)}" for word, value in claim["bounds"].items()
        )
        more = claim["tested"] != claim["statement"]
        published = f" (Published: {claim['statement']}.)" if more else ""
        lines.append(
            f"| {claim['claim']} | {claim['tested']}.{published} | {claim['place']} | {value_of(claim)} "
            f"| {bounds} | {claim['verdict']} |"
        )
    return [summary(claim["verdict"] for claim in claims), "", *lines]


def value_of(claim: dict) -> str:
    """The value of a claim's quantity with its interval, and how much of it is censored."""
    if claim["value"] is None:
        return ""
    ends = "no interval" if claim["low"] is None else f"{spelled(claim['low'])} to {spelled(claim['high'])}"
    censored = f", {claim['censored']:.0%} censored" if claim["censored"] else ""
    return f"{spelled(claim['value'])} ({ends}{censored})"


def markdown(table: pd.DataFrame) -> list[str]:
    rows = [table.columns, ["---"] * len(table.columns), *table.astype(str).to_numpy()]
    return [f"| {' | '.join(row)} |" for row in rows]


def beside(folder: Path, question: str, figures: dict[str, Figure]) -> list[str]:
    """What the experiments of a question give together, in lines of Markdown."""
    if question == "data":
        shown = by_budget(pd.read_csv(folder / "tables/budgets.csv"))
        return [f"* {sentence}" for sentence in shown.sentences[:-1]] + ["", *markdown(shown.table)]
    lines = ["", "![Data savings by shift](figB1.png)"] if question == "shift" else []
    drawn = [entry for entry in figures.values() if entry.kind == "savings_by_distance"]
    if question == "shift" and drawn:
        savings = pd.concat(pd.read_csv(folder / f"savings/{name}.csv") for name in drawn[0].experiments)
        distances = pd.read_csv(folder / "tables/distances.csv")
        lines = [f"* {answer_distance(savings_at(savings, distances, drawn[0].n_train))}", *lines]
    return lines


def main(folder: Path) -> None:
    study = load(Path("config"), {"study": folder.parent.name, "scale": folder.name})
    verdicts = read_json(folder / "claims.json")
    savings = pd.concat(pd.read_csv(folder / f"savings/{name}.csv") for name in study.reported)
    lines = [HEADER.format(folder=folder, scale=study.scale, bounds=bounds_in_words(savings))]
    for question, entry in QUESTIONS.items():
        names = [name for name, experiment in study.experiments.items() if experiment.question == question]
        names = [name for name in names if (folder / f"tables/{name}.csv").exists()]
        if names:
            lines += [f"## {entry.title}", ""]
        for name in names:
            cells, savings = (pd.read_csv(folder / part / f"{name}.csv") for part in ("tables", "savings"))
            lines += [f"* {sentence}" for sentence in entry.answer(cells, savings)]
        lines += beside(folder, question, study.figures)
        lines += [""] if names else []
    lines += ["## The paper's claims", "", *claims_table(verdicts["claims"])]
    print("\n".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/transfer/laptop"))
