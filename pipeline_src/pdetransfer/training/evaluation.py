"""Errors of predictions, by example."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from pdetransfer.data.examples import Examples
from pdetransfer.data.windows import Windows
from pdetransfer.models.frames import WindowInputs, roll_out
from pdetransfer.models.operators import NeuralOperator

_ROLLED_OUT = 32  # trajectories at once


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Σ (u - u₀)² over channels and grid, ``(count,)``, of ``(count, num_outputs, *grid)``. An output that is zero
    everywhere, as a channel is that an example's system lacks, counts for nothing."""
    is_lacking = ~targets.flatten(2).any(dim=2)[:, :, *(None for _ in targets.shape[2:])]
    return (outputs - targets).masked_fill(is_lacking, 0).square().flatten(1).sum(dim=1)


def relative_l2(outputs: Tensor, targets: Tensor) -> Tensor:
    """‖u - u₀‖₂ / ‖u₀‖₂, mean over the outputs, ``(count,)``, of ``(count, num_outputs, *grid)`` (arXiv
    2306.00258, A.3). An output that is zero everywhere, as a channel is that an example's system lacks, counts
    for nothing."""
    error, size = (values.flatten(2).norm(dim=2) for values in (outputs - targets, targets))
    is_lacking = size == 0
    ratios = (error / size.masked_fill(is_lacking, 1)).masked_fill(is_lacking, 0)
    return ratios.sum(dim=1) / (~is_lacking).sum(dim=1).clamp(min=1)


#: What a run may minimise, by the recipe's ``objective``.
OBJECTIVES = {"sum_of_squares": squared_error, "relative_l2": relative_l2}


def errors_of(
    operator: NeuralOperator, examples: Examples | Windows, device: torch.device
) -> dict[str, list]:
    """The ``error`` of each example; of a roll-out its error ``by_frame``, too."""
    if not isinstance(examples, Windows):
        return {"error": errors_by_example(operator, examples, device)}
    of_all, by_frame = errors_of_roll_outs(operator, examples, device)
    return {"error": of_all, "by_frame": by_frame}


def errors_by_example(operator: NeuralOperator, examples: Examples, device: torch.device) -> list[float]:
    """Relative L2 error of each example; infinite where outputs are no numbers, as of a run that diverged."""
    operator.model.to(device)
    outputs = operator.apply(operator.inputs(examples, device))
    errors = relative_l2(outputs, operator.targets(examples, device))
    return _or_infinite(errors).cpu().tolist()


def errors_of_roll_outs(
    operator: NeuralOperator, windows: Windows, device: torch.device
) -> tuple[list[float], list[list[float]]]:
    """Relative L2 error of each trajectory, over all frames after its first inputs together, and of each of these
    frames; infinite where a prediction is not finite. Mean over the channels that a trajectory has, as
    ``relative_l2``."""
    errors = [0.0] * len(windows)
    by_frame: list[list[float]] = [[]] * len(windows)
    for rows, predicted, truth in roll_outs(operator, windows, device):
        of_all = relative_l2(predicted.transpose(1, 2), truth.transpose(1, 2))
        of_each = relative_l2(predicted.flatten(0, 1), truth.flatten(0, 1)).view(len(rows), -1)
        for row, error, frames in zip(rows, of_all, of_each, strict=True):
            errors[row], by_frame[row] = _or_infinite(error).item(), _or_infinite(frames).tolist()
    return errors, by_frame


def roll_outs(
    operator: NeuralOperator, windows: Windows, device: torch.device
) -> Iterator[tuple[np.ndarray, Tensor, Tensor]]:
    """Of some trajectories at a time, by number, the frames after their first inputs, predicted each from those
    before it, and the true ones; both ``(count, num_frames - T, channel, *grid)``, in the network's units."""
    operator.model.to(device)
    operator.model.eval()
    inputs, _ = operator.samples(windows, device)
    for num_frames in np.unique(windows.num_frames):
        alike = np.flatnonzero(windows.num_frames == num_frames)
        for rows in np.array_split(alike, -(-len(alike) // _ROLLED_OUT)):
            yield rows, *_rolled_out(operator, inputs, rows, int(num_frames))


def rolled_out(operator: NeuralOperator, windows: Windows) -> np.ndarray:
    """The frames of trajectories of one length after their first inputs, as predicted, ``(count, num_frames - T,
    channel, *grid)``, in the units of the data, for the channels of these."""
    channels = operator.channels.outputs
    order = [channels.index(name) for name in windows.channels]
    units = operator.units(windows.channels).reshape(-1, *(1 for _ in windows.grid))
    device = next(operator.model.parameters()).device
    parts = [predicted[:, :, order].cpu().numpy() for _, predicted, _ in roll_outs(operator, windows, device)]
    return (np.concatenate(parts) * units).astype(np.float32)


def _rolled_out(
    operator: NeuralOperator, inputs: WindowInputs, rows: np.ndarray, num_frames: int
) -> tuple[Tensor, Tensor]:
    numbers = inputs.first_window[torch.from_numpy(rows).to(inputs.first_window.device)]
    frames = inputs.frames(numbers, range(num_frames))
    seen, truth = frames.split([inputs.num_inputs, num_frames - inputs.num_inputs], dim=1)
    is_there = inputs.place[inputs.trajectory[numbers]] >= 0
    predicted = roll_out(operator.model, seen, is_there, truth.shape[1])
    counted = is_there[:, None, :, *(None for _ in truth.shape[3:])]
    return predicted * counted, truth * counted


def _or_infinite(errors: Tensor) -> Tensor:
    return errors.nan_to_num(nan=torch.inf, posinf=torch.inf)
