"""Print the pilot of the laptop scale: the validation error of every learning rate that it tried.

snakemake pilot ... ; python docs/pilot.py [FOLDER, by default results/transfer/pilot]
"""

import sys
from pathlib import Path

import pandas as pd

from pdetransfer.base.files import read_json

AXES = ["dataset", "model", "init", "recipe"]


def runs(folder: Path) -> pd.DataFrame:
    """The validation error of every run, with the axes of its cell."""
    rows = []
    for path in sorted(folder.glob("cells/**/cell.json")):
        axes = dict(zip(AXES, path.relative_to(folder / "cells").parts, strict=False))
        content = read_json(path)
        for run in content["runs"]:
            error = float("inf") if run["diverged"] else run["validation_error"]
            at = {"n_train": content["settings"]["n_train"], "learning rate": f"{run['learning_rate']:g}"}
            rows.append(axes | at | {"validation error": error})
    return pd.DataFrame(rows)


def main(folder: Path) -> None:
    table = runs(folder)
    for recipe, of_recipe in table.groupby("recipe", sort=False):
        for arm, rows in of_recipe.groupby(of_recipe["init"] == "scratch", sort=False):
            wide = rows.pivot_table(
                index=["dataset", "model", "init", "n_train"],
                columns="learning rate",
                values="validation error",
                sort=False,
            )
            print(recipe, "from scratch" if arm else "fine-tuned")
            print(
                wide[sorted(wide.columns, key=float)]
                .reset_index()
                .to_string(index=False, float_format="{:.3f}".format)
            )


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "results/transfer/pilot"))
