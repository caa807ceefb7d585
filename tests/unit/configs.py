"""The project's own configs, as tests read them."""

from pathlib import Path

from pdetransfer.plan.load import load
from pdetransfer.plan.study import Study

ROOT = Path(__file__).parents[2]
SCALES = ["laptop", "paper", "smoke"]
#: The least that a recipe must have.
RECIPE = {
    "learning_rates": {"scratch": [0.1]},
    "batch_size": 8,
    "length": 1,
    "length_unit": "epochs",
    "validation_interval": 1,
    "num_validation": 8,
}
#: A user's files.
OWN_FILES = {split: f"{split}.h5" for split in ("train", "validation", "test")}


def load_study(scale: str, folder: Path = ROOT / "config", **typed) -> Study:
    """The transfer study at a scale, with settings that a user types."""
    chosen = {"study": "transfer", "scale": scale, "overrides": typed.pop("overrides", {})}
    return load(folder, chosen, typed)
