"""What models predict, beside the truth, for one test example of each dataset."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from pdetransfer.checkpoints import load_model
from pdetransfer.datasets import Examples
from pdetransfer.experiments import SCRATCH


@dataclass(frozen=True)
class Prediction:
    """A test example, ``(N, N)`` each, and by init a model's prediction of its solution and its error."""

    dataset: str
    source: np.ndarray
    solution: np.ndarray
    predictions: dict[str, np.ndarray]
    errors: dict[str, float]


def median_example(errors: pd.DataFrame) -> int:
    """The test example with the median error: of the first fine-tuned model, if there is one.

    ``errors`` are those of one dataset, with columns init, seed, example, error.
    """
    inits = [init for init in errors["init"].unique() if init != SCRATCH] or [SCRATCH]
    of_one = errors[(errors["init"] == inits[0]) & (errors["seed"] == errors["seed"].iloc[0])]
    return int(of_one.sort_values("error")["example"].iloc[len(of_one) // 2])


def predict(dataset: str, examples: Examples, weights: dict[str, Path], errors: pd.DataFrame) -> Prediction:
    """Predictions of the ``weights`` by init, each cell's first seed, for the median test example."""
    index = median_example(errors)
    example = examples[index : index + 1]
    predictions, relative = {}, {}
    for init, path in weights.items():
        operator = load_model(path)
        outputs = operator.apply(operator.inputs(example, torch.device("cpu"))).numpy()[0, 0]
        predictions[init] = outputs
        truth = example.outputs[0, 0]
        relative[init] = float(np.linalg.norm(outputs - truth) / np.linalg.norm(truth))
    return Prediction(dataset, example.fields[0, 0], example.outputs[0, 0], predictions, relative)
