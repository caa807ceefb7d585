"""Errors of predictions, by example."""

import torch
from torch import Tensor

from pdetransfer.data.datasets import Examples
from pdetransfer.models.operators import NeuralOperator


def squared_error(outputs: Tensor, targets: Tensor) -> Tensor:
    """Σ (u - u₀)² over channels and grid, ``(count,)``, of ``(count, num_outputs, *grid)``."""
    return (outputs - targets).square().flatten(1).sum(dim=1)


def relative_l2(outputs: Tensor, targets: Tensor) -> Tensor:
    """‖u - u₀‖₂ / ‖u₀‖₂, ``(count,)``, of ``(count, num_outputs, *grid)`` (arXiv 2306.00258, A.3)."""
    return (outputs - targets).flatten(1).norm(dim=1) / targets.flatten(1).norm(dim=1)


#: What a run may minimise, by the recipe's ``objective``.
OBJECTIVES = {"sum_of_squares": squared_error, "relative_l2": relative_l2}


def errors_by_example(operator: NeuralOperator, examples: Examples, device: torch.device) -> list[float]:
    """Relative L2 error of each example; infinite where outputs are no numbers, as of a run that diverged."""
    operator.model.to(device)
    outputs = operator.apply(operator.inputs(examples, device))
    errors = relative_l2(outputs, operator.targets(examples, device))
    return errors.nan_to_num(nan=torch.inf, posinf=torch.inf).cpu().tolist()
