"""What models predict, beside the truth: test examples, and spectra of the errors."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pdetransfer.data.cards import spectrum
from pdetransfer.data.examples import Examples
from pdetransfer.data.systems.words import unit_of
from pdetransfer.data.windows import Windows
from pdetransfer.models.checkpoints import load_model
from pdetransfer.plan.entries import SCRATCH
from pdetransfer.training.evaluation import rolled_out

RANKS = {"median": 0.5, "worst": 1.0}  #: of the errors of the examples shown
_IN_SPECTRA = 64  # test examples that spectra are means over


@dataclass(frozen=True)
class Prediction:
    """The first field and output of a test example, ``(*grid)`` each, whose names are ``shown``, and by init a
    model's prediction of the output and its error. ``dataset`` is what it is called in the figure, ``rank`` says
    which example it is, a name in ``RANKS``, and ``units`` are those of field and output, empty where it is 1."""

    dataset: str
    rank: str
    shown: tuple[str, str]
    source: np.ndarray
    solution: np.ndarray
    predictions: dict[str, np.ndarray]
    errors: dict[str, float]
    units: tuple[str, str] = ("", "")


@dataclass(frozen=True)
class Spectra:
    """Mean energy by whole wavenumber of the solutions of a dataset, and by init of a model's errors."""

    dataset: str
    solution: np.ndarray
    errors: dict[str, np.ndarray]


def example_at(errors: pd.DataFrame, rank: str) -> int:
    """The test example with the median or worst error: of the first fine-tuned model, if there is one.

    ``errors`` are those of one dataset, with columns init, seed, example, error.
    """
    inits = [init for init in errors["init"].unique() if init != SCRATCH] or [SCRATCH]
    of_one = errors[(errors["init"] == inits[0]) & (errors["seed"] == errors["seed"].iloc[0])]
    position = min(int(RANKS[rank] * len(of_one)), len(of_one) - 1)
    return int(of_one.sort_values("error")["example"].iloc[position])


def predict(
    dataset: str, examples: Examples, weights: dict[str, Path], errors: pd.DataFrame, rank: str
) -> Prediction:
    """Predictions of the ``weights`` by init, each cell's first seed, for the test example of a rank."""
    index = example_at(errors, rank)
    example = examples[index : index + 1]
    predictions = {init: _outputs(path, example)[0] for init, path in weights.items()}
    truth = _as_much(example.outputs[0, 0], next(iter(predictions.values())))
    relative = {
        init: float(np.linalg.norm(outputs - truth) / np.linalg.norm(truth))
        for init, outputs in predictions.items()
    }
    shown = example.field_names[0], example.output_names[0]
    units = unit_of(examples.system, shown[0]), unit_of(examples.system, shown[1])
    return Prediction(dataset, rank, shown, example.fields[0, 0], truth, predictions, relative, units)


def error_spectra(dataset: str, examples: Examples, weights: dict[str, Path]) -> Spectra:
    """Spectra of the errors of the ``weights`` by init, each cell's first seed, over the first test examples."""
    shown, system = examples[:_IN_SPECTRA], examples.system
    predictions = {init: _outputs(path, shown) for init, path in weights.items()}
    truth = _as_much(shown.outputs[:, 0], next(iter(predictions.values())))
    errors = {init: spectrum(predicted - truth, system) for init, predicted in predictions.items()}
    return Spectra(dataset, spectrum(truth, system), errors)


def _as_much(truth: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Of true outputs as much as is predicted: of trajectories the last frames."""
    return truth if truth.shape == predicted.shape else truth[..., -predicted.shape[-3] :, :, :]


def _outputs(weights: Path, examples: Examples) -> np.ndarray:
    """What the model of a cell's first seed predicts of the first output, ``(count, *grid)``; of a roll-out the
    frames after its inputs."""
    operator = load_model(weights)
    num_inputs = operator.architecture.get("num_frames")
    if num_inputs is None:
        return operator.outputs(examples)[:, 0]
    frames, channels = examples.outputs.swapaxes(1, 2), examples.output_names
    return rolled_out(operator, Windows.of(frames, channels, num_inputs, examples.system))[:, :, 0]
