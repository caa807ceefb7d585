"""Print what would come of stopping hopeless learning rates early, from the histories of a results folder.

    python benchmarks/early_stopping.py results/transfer/laptop

The rule: a run ends at the first validation after a share of its steps at which its validation loss is a factor
above that of a rate trained before it in the same cell. Printed are the steps that this saves, of all steps of the
rates that could be stopped, and how often the rate that is chosen in the end would have been stopped.
"""

import sys
from pathlib import Path

import pandas as pd

from pdetransfer.base.files import read_json

FACTORS, SHARES = (1.1, 1.25, 1.5, 2.0, 3.0), (0.25, 0.5)


def losses(folder: Path) -> pd.DataFrame:
    """Validation losses of a cell's first seed, by step and learning rate in the order of training."""
    history = pd.read_csv(folder / "history.csv")
    first = history[history["seed"] == history["seed"].iloc[0]]
    return first.pivot(index="step", columns="learning_rate", values="validation_loss")


if __name__ == "__main__":
    folders = [path.parent for path in Path(sys.argv[1]).glob("cells/**/history.csv")]
    tables = [(losses(folder), read_json(folder / "cell.json")["learning_rate"]) for folder in folders]
    for factor in FACTORS:
        for share in SHARES:
            saved = possible = wrong = 0
            for table, chosen in tables:
                length = table.index.max()
                for number, rate in enumerate(table.columns[1:], start=1):
                    best = table[table.columns[:number]].min(axis=1)
                    hopeless = (table[rate] > factor * best) & (table.index >= share * length)
                    possible += length
                    if hopeless.any():
                        saved += length - hopeless.idxmax()
                        wrong += rate == chosen
            print(
                f"factor {factor}, after {share:.0%}: saves {saved / possible:.1%} of the steps of later rates; "
                f"stops the chosen one in {wrong} of {len(tables)} cells"
            )
