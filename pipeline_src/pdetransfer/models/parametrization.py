"""How the initial weights and the learning rates of a model follow its size: standard, or maximal-update (muP).

In the standard parametrization (PyTorch's initial weights of pointwise layers, one learning rate for all) the best
learning rate falls as the width d grows. In muP it stays, so that it can be tuned on a small model, the proxy, of
width d₀ (Yang et al., arXiv 2203.03466, Table 3, for Adam). For a Fourier neural operator with D axes and K modes
on each (arXiv 2506.19396, Theorem 3.5, concerns K alone):

| group | parameters | initial standard deviation | learning rate times | output times |
|---|---|---|---|---|
| lifting | P, and all biases | c_in^(-1/2); biases 0 | 1 | 1 |
| pointwise | W_l, Q₁ | d^(-1/2) | d₀ / d | 1 |
| spectral | Re R_l, Im R_l | κ (2 d)^(-1/2) | κ d₀ / d | 1 |
| readout | Q₂ | (2 d₀)^(-1/2) | 1 | d₀ / d |

A block R_k is d x d, so that its fan-in is d, whatever K is. How κ follows K is a choice (``mode_rule``): "none",
κ = 1; "paper", κ = √(log K₀ / log K), from the largest of K^D sub-Gaussian norms as K grows at a fixed d;
"additive", κ = g(d₀, M₀) √d / (g(d, M) √d₀), g = 2 √d + √log M, the bound on the largest norm of M = 2^(D-1) K^D
Gaussian blocks, in which K hardly enters where d is large. That biases keep the learning rate, and that Q₂'s
initial scale is the proxy's, are choices, too.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from pdetransfer.plan.modes import by_axis

GROUPS = ("lifting", "pointwise", "spectral", "readout")
STANDARD = "standard"
_KEYS = ("parametrization", "base", "mode_rule")  # of an architecture


@dataclass(frozen=True)
class Size:
    """Width, and modes by axis."""

    width: int
    modes: tuple[int, ...]

    @classmethod
    def of(cls, width: int, modes: int | Sequence[int], num_dims: int) -> "Size":
        return cls(width, by_axis(modes, num_dims))


def kappa(rule: str, base: Size, size: Size) -> float:
    """The factor of the spectral weights' scale and learning rate, by a rule for modes."""
    if rule == "none":
        return 1.0
    if rule == "paper":  # with one mode there is no logarithm to speak of
        logs = (math.log(max(2, math.prod(of.modes))) for of in (base, size))
        return math.sqrt(next(logs) / next(logs))
    before, after = (_largest_norm(of) / math.sqrt(of.width) for of in (base, size))
    return before / after


def _largest_norm(size: Size) -> float:
    blocks = 2 ** (len(size.modes) - 1) * math.prod(size.modes)
    return 2 * math.sqrt(size.width) + math.sqrt(math.log(blocks))


class MuP:
    """The maximal-update parametrization of a Fourier neural operator of some ``size``, from its ``base``."""

    def __init__(self, base: Size, size: Size, rule: str):
        self._base, self._width, self._kappa = base, size.width, kappa(rule, base, size)

    @property
    def output_multiplier(self) -> float:
        return self._base.width / self._width

    def learning_rates(self) -> dict[str, float]:
        """Multipliers of the learning rate by group."""
        narrower = self._base.width / self._width
        return {
            "lifting": 1.0,
            "pointwise": narrower,
            "spectral": narrower * self._kappa,
            "readout": 1.0,
        }

    @torch.no_grad()
    def initialise(self, groups: dict[str, list[nn.Parameter]]) -> None:
        """Draw all weights anew, normal with the standard deviations of the table; biases are zero."""
        for name, parameters in groups.items():
            for parameter in parameters:
                if (
                    parameter.is_meta
                ):  # of a model that is filled from a file; PyTorch would import its compiler
                    continue
                if parameter.ndim == 1:
                    parameter.zero_()
                else:
                    parameter.normal_(0, self._standard_deviation(name, parameter))

    def _standard_deviation(self, group: str, parameter: nn.Parameter) -> float:
        if group == "spectral":
            return self._kappa / math.sqrt(2 * self._width)
        fan_in = 2 * self._base.width if group == "readout" else parameter.shape[1]
        return 1 / math.sqrt(fan_in)


def parametrization_of(architecture: dict) -> MuP | None:
    """None where it is standard."""
    if architecture.get("parametrization", STANDARD) == STANDARD:
        return None
    num_dims = architecture.get("num_dims", 2)
    base, size = (Size.of(of["width"], of["modes"], num_dims) for of in (architecture["base"], architecture))
    return MuP(base, size, architecture.get("mode_rule", "none"))


def without(architecture: dict) -> dict:
    """What of an architecture is no matter of its parametrization."""
    return {name: value for name, value in architecture.items() if name not in _KEYS}
