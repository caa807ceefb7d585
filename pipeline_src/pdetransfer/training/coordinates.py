"""The coordinate check: how far a run's first steps move what its model computes, and its weights.

In a parametrization whose best learning rate does not follow the size, none of it does (Yang et al., arXiv
2203.03466, D.1).
"""

import itertools
from collections.abc import Iterable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pdetransfer.models.operators import Inputs
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.loop import Task, batches
from pdetransfer.training.steps import Adam, Step

_PROBES = 16  # validation examples that activations and outputs are measured on, at most
_SQUARINGS = 6


def first_steps(
    task: Task, learning_rate: float, seed: int, num_steps: int, hardware: Hardware
) -> Iterator[dict[str, float]]:
    """After each of the first steps of a run, at a constant rate: what has changed since initialisation.

    Activations, z_l of each Fourier layer before σ, and outputs are measured on validation examples, which no
    step sees, by their root mean square; weights by their spectral norms, of the spectral ones the largest R_k's.
    Of several layers it is the mean.
    """
    examples, recipe, device = task.examples(seed), task.recipe, hardware.device
    operator = task.operator(seed, examples)
    model = operator.model.to(device)
    inputs, targets = operator.samples(examples, device)
    size = inputs.num_points, recipe.largest_batch(len(examples))
    model.recompute = hardware.recomputes(operator, *size)
    optimiser = Adam(
        operator.parameter_groups(learning_rate), betas=recipe.betas, eps=recipe.epsilon, fused=True
    )
    micro_batch = hardware.micro_batch(operator, *size)
    step = Step(model, optimiser, inputs, targets, recipe, micro_batch, compiled=False)
    probes = operator.inputs(task.validation[:_PROBES], device)
    weights = {name: _copies(model.groups()[name]) for name in ("spectral", "pointwise")}
    activations, outputs = _computed(model, probes)
    at_start = _mean(map(_rms, activations))
    drawn = batches(len(examples), recipe.batch_size, seed, device)
    for number, rows in enumerate(itertools.islice(drawn, num_steps), start=1):
        step(rows)
        now, outputs_now = _computed(model, probes)
        changes = {
            name: [after - before for before, after in zip(old, _copies(model.groups()[name]), strict=True)]
            for name, old in weights.items()
        }
        yield {
            "step": number,
            "activations": at_start,
            "activations_change": _mean(_rms(z - z0) for z0, z in zip(activations, now, strict=True)),
            "outputs_change": _rms(outputs_now - outputs),
            "spectral_change": _mean(map(largest_norm, map(blocks, changes["spectral"]))),
            "pointwise_change": _mean(map(largest_norm, changes["pointwise"])),
        }


@torch.no_grad()
def _computed(model: nn.Module, probes: Inputs) -> tuple[list[Tensor], Tensor]:
    """The activations after each layer, and the outputs."""
    seen: dict[nn.Module, Tensor] = {}

    def keep(module: nn.Module, given: tuple, result: Tensor) -> None:
        seen[module] = result

    layers = model.layers()
    handles = [module.register_forward_hook(keep) for layer in layers for module in layer]
    outputs = model(*probes.batch(slice(None)))
    for handle in handles:
        handle.remove()
    return [sum(seen[module] for module in layer) for layer in layers], outputs  # type: ignore[misc]


def _copies(parameters: list[nn.Parameter]) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in parameters]


def blocks(weight: Tensor) -> Tensor:
    """The matrices R_k of a spectral weight, which has [Re | Im] along its last dimension, in real arithmetic:
    [[Re, Im], [-Im, Re]], of the same spectral norm."""
    real, imaginary = weight.flatten(0, -3).chunk(2, dim=-1)
    return torch.cat([torch.cat([real, imaginary], -1), torch.cat([-imaginary, real], -1)], -2)


def largest_norm(matrices: Tensor) -> float:
    """The largest spectral norm of a matrix, or of several, to a percent, by power iteration with powers of AᵀA:
    singular values of thousands of wide blocks would take longer than the steps."""
    power = matrices.mT @ matrices
    for _ in range(_SQUARINGS):
        power = F.normalize(power, dim=(-2, -1))
        power = power @ power
    start = torch.randn(matrices.shape[-1], 1, generator=torch.Generator().manual_seed(0))
    vectors = F.normalize(power @ start.to(matrices.device), dim=-2)
    return torch.linalg.vector_norm(matrices @ vectors, dim=-2).max().item()


def _rms(values: Tensor) -> float:
    return values.square().mean().sqrt().item()


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known)
