"""How the learning rate goes over a run: a factor of the initial one, by step."""

import math

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LambdaLR, LRScheduler

from pdetransfer.plan.recipes import Recipe

_START, _END = 1 / 25, 1 / 25e4  # of the largest rate


def schedule(optimiser: Optimizer, recipe: Recipe, n_train: int) -> LRScheduler:
    """The recipe's schedule; every group of parameters keeps its share.

    "cosine": (1 + cos(π t / T)) / 2 after t of T steps. "halving": 2^-(milestones passed). "one_cycle" (Smith and
    Topin, arXiv 1708.07120, with the cosine and the constants of PyTorch's ``OneCycleLR``, but constant moments).
    """
    num_steps = recipe.num_steps(n_train)
    if recipe.schedule == "cosine":
        return CosineAnnealingLR(optimiser, T_max=num_steps)
    if recipe.schedule == "halving":
        milestones = recipe.milestone_steps(n_train)
        return LambdaLR(optimiser, lambda step: 0.5 ** sum(step >= milestone for milestone in milestones))
    return LambdaLR(optimiser, lambda step: one_cycle(step, num_steps, recipe.warm_up))


def one_cycle(step: int, num_steps: int, warm_up: float) -> float:
    """The factor of the largest rate after ``step`` steps, which rises for a share ``warm_up`` of them."""
    top = max(1.0, warm_up * num_steps)
    if step < top:
        return _between(_START, 1.0, step / top)
    return _between(1.0, _END, min(1.0, (step - top) / max(1.0, num_steps - top)))


def _between(first: float, last: float, share: float) -> float:
    """From the first to the last along half a cosine."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
