"""Print ``docs/pilot.md``, the pilot of the laptop scale: the validation error of every learning rate that it
tried, and what follows.

    snakemake all --config scale=pilot && python docs/pilot.py > docs/pilot.md
"""

import sys
from pathlib import Path

import pandas as pd

from pdetransfer.base.files import read_json
from pdetransfer.plan.load import load

AXES = ["dataset", "model", "init", "recipe"]
HEADER = """# Pilot

<!-- Generated from {folder} by `python docs/pilot.py`. -->

What lengths and learning rates the laptop scale takes was tried on seed 7, which no run of the laptop scale
has, and chosen by validation errors alone: no test example enters. Training and validation examples are those
of the laptop scale. Each number is the validation error of one run, the best checkpoint by validation loss; the
smallest of each row is bold. `snakemake all --config scale=pilot` runs it (`config/transfer/pilot.yaml`), in
some 25 minutes on two cores.
"""
CHOICE = """## What follows

* **16 epochs**, at least 96 steps. With 24 the errors of both arms are 7 to 11 % smaller at n = 1,024 and the
  same up to 64; the ratio of the arms hardly moves. By the forecast of `snakemake plan` they take 1.3 times as
  long.
* **Pre-training**: 1e-2 and 2.5e-2. One of them is the best that was tried for every model and dataset, by a
  factor of 3 for Helmholtz, where 1e-2 and 6e-2 have not converged after 12 epochs. 6e-2 was added afterwards,
  where 2.5e-2 was the best; an empty place was not tried.
* **Downstream, from scratch**: 1e-2 and 2.5e-2; **fine-tuned**: 1e-3 and 2.5e-3. On the shifts of SYS-1, in
  distribution and for the other sizes of the model the better of the two is within a tenth of the best of four.
* **A third rate**, one step beyond the better of the two (`downstream_extended`), in Q1, on the shifts of SYS-2
  and out of distribution: from scratch 4e-3 is better by a tenth on SYS-2(1, 2) at n = 1,024, and on SYS-2(2,
  5) and Helmholtz out of distribution; fine-tuned, few examples of SYS-2(2, 5) ask for 4e-4, Helmholtz out of
  distribution for 6e-3.
* **n = 1,024** for both arms where data are the question (Q1), and in the control of its length; from scratch
  alone on the shifts, as savings are exact as far as its curve reaches; mixtures and sizes end at 256.
* **Seeds**: five, at n = 1,024 three, in Q1 and B.3; one elsewhere.
* **Bounds of claims** at reduced scale that were set from this: at n = 64 scratch needs 6 to 10 times the
  examples on both systems (TL1: at least 3; TL3: at least 100 examples saved), at n = 256 some 2.5 times on
  SYS-2 (TL2: at least 1.5); at n = 1,024, the pre-training's size, the error from scratch is 1.1 and 2 times
  that fine-tuned (TL4b: at most 2.5), less than at 64 (TL4c: at most 1 of it). All others are as they were."""
TITLES = {"pretrain": "Pre-training", "downstream": "{} epochs", "downstream_other_length": "{} epochs"}


def runs(folder: Path) -> pd.DataFrame:
    """The validation error of every run, with the axes of its cell."""
    rows = []
    for path in sorted(folder.glob("cells/**/cell.json")):
        axes = dict(zip(AXES, path.relative_to(folder / "cells").parts, strict=False))
        content = read_json(path)
        for run in content["runs"]:
            error = float("inf") if run["diverged"] else run["validation_error"]
            at = {"n": content["settings"]["n_train"], "rate": run["learning_rate"]}
            rows.append(axes | at | {"error": error})
    return pd.DataFrame(rows).sort_values([*AXES, "n"])


def table(rows: pd.DataFrame) -> list[str]:
    """Errors by learning rate, in Markdown."""
    wide = rows.pivot(index=["dataset", "model", "init", "n"], columns="rate", values="error")
    columns = [*wide.index.names, *map("{:g}".format, wide.columns)]
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for axes, errors in wide.iterrows():
        shown = ["" if pd.isna(error) else f"{error:.3f}" for error in errors]
        shown = [
            f"**{text}**" if error == errors.min() else text
            for text, error in zip(shown, errors, strict=True)
        ]
        lines.append(f"| {' | '.join([*map(str, axes), *shown])} |")
    return [*lines, ""]


def main(folder: Path) -> None:
    study = load(Path("config"), {"study": folder.parent.name, "scale": folder.name})
    lines, found = [HEADER.format(folder=folder)], runs(folder)
    for recipe, title in TITLES.items():
        lines += [f"## {title.format(study.recipes[recipe].length)}", ""]
        of_recipe = found[found["recipe"] == recipe]
        for rows in (of_recipe[of_recipe["init"] == "scratch"], of_recipe[of_recipe["init"] != "scratch"]):
            lines += table(rows) if len(rows) else []
    print("\n".join([*lines, CHOICE]))


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/transfer/pilot"))
