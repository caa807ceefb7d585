"""The Fourier neural operator (Li et al. 2021), as in arXiv 2306.00258, A.2, in real arithmetic.

Activations are ``(*grid, batch, width)`` with the axes of the grid reversed: the half axis of a real transform is
transformed first, each transform has a contiguous result, and the spectrum comes out mode by mode, as the
product with the weights needs it.
"""

import functools
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pdetransfer.models.transforms import kept, log_choice, to_modes, to_points
from pdetransfer.plan.modes import by_axis, fit, padded


class SpectralConvolution(nn.Module):
    """v ↦ F⁻¹(R · F v), with a matrix R_k for each kept mode k.

    ``modes`` are by axis, axes reversed. Kept are as many wavenumbers of each sign on every axis but the first,
    and as many on the first, the half axis of a real transform: 2^(D-1) Π modes complex matrices of ``width`` x
    ``width``. They are one real parameter, ``(*kept modes, in, 2 out)``, [Re R | Im R] along the last dimension.

    Real and imaginary part are initialised "uniform", U(0, 1) / width², as in the public code of arXiv
    2306.00258, or "normal", of variance 1 / (2 width), which keeps the energy of the kept modes.
    """

    def __init__(self, width: int, modes: tuple[int, ...], initialisation: str):
        super().__init__()
        self.modes = modes
        shape = *kept(modes), width, 2 * width
        draw: dict[str, Callable[[], Tensor]] = {
            # Not rand / width², which on a device without memory ("meta") imports PyTorch's compiler.
            "uniform": lambda: torch.empty(shape).uniform_(0, 1 / width**2),
            "normal": lambda: torch.randn(shape) / (2 * width) ** 0.5,
        }
        self.weight = nn.Parameter(draw[initialisation]())

    def forward(self, v: Tensor) -> Tensor:  # (*reversed grid, batch, width), in float32 under autocast, too
        with torch.autocast(v.device.type, enabled=False):
            return self._convolve(v.to(self.weight.dtype))

    def _convolve(self, v: Tensor) -> Tensor:
        v_hat = to_modes(v, self.modes)
        product = self._product(v_hat.flatten(-3, -2).flatten(0, -3))
        return to_points(product.view(v_hat.shape), self.modes, grid=v.shape[:-2])

    def _product(self, v_hat: Tensor) -> Tensor:
        """R_k v̂_k for all modes k, ``(modes, (part, batch), width)``."""
        product = v_hat @ self.weight.flatten(0, -3)  # (modes, (part of v̂, batch), (part of R, width))
        (re_re, re_im), (im_re, im_im) = (half.chunk(2, dim=2) for half in product.chunk(2, dim=1))
        return torch.cat([re_re - im_im, re_im + im_re], dim=1)


class FNO(nn.Module):
    """v₀ = P x;  vₗ₊₁ = σ(Wₗ vₗ + bₗ + F⁻¹ Rₗ F vₗ);  u = Q₂ σ(Q₁ v_L).

    Pointwise lifting P to ``width``, ``num_layers`` Fourier layers with σ = GELU (none after the last),
    pointwise projection Q to 2 ``width`` and on to ``out_channels``. The operator commutes with translations. Maps
    fields ``(batch, channels, *grid)`` and constants ``(batch, channels)``, together ``in_channels``, to
    ``(batch, out_channels, *grid)`` on a grid of ``num_dims`` (1 to 3) dimensions, whose axes may differ in
    length. ``modes`` is by axis of the grid, or one number for all; an axis has at least 2 modes points, a coarser
    one raises ValueError.

    ``padding`` is by axis the share of its points that zeros are appended for between the lifting and the
    projection (Li et al. 2021, A.3), for axes that are not periodic; a share, so that it is as long on any grid.
    With ``coordinates``, those of the points, from 0 to 1 on each axis, are fields, too, as in their code: then it
    does not commute with translations.

    The outputs are multiplied by ``output_multiplier`` (``parametrization``).

    Under autocast only the pointwise products but the last take the lower precision. With ``recompute``, the
    gradient computes each σ(z) again from z instead of keeping both.
    """

    recompute = False
    output_multiplier = 1.0

    def __init__(
        self,
        width: int,
        modes: int | Sequence[int],
        num_layers: int,
        in_channels: int,
        out_channels: int,
        num_dims: int = 2,
        initialisation: str = "uniform",
        padding: Sequence[float] = (),
        coordinates: bool = False,
    ):
        super().__init__()
        self.modes = by_axis(modes, num_dims)
        self.padding = tuple(padding) or (0.0,) * num_dims
        if len(self.modes) != num_dims or len(self.padding) != num_dims:
            raise ValueError(
                f"modes is {modes} and padding {list(padding)}; expected one for each of {num_dims} axes"
            )
        if not all(0 <= share <= 1 for share in self.padding):
            raise ValueError(f"padding is {list(padding)}; expected shares of an axis, from 0 to 1")
        reversed_modes = self.modes[::-1]
        log_choice(reversed_modes)
        self.coordinates = coordinates
        self.lifting = nn.Linear(in_channels + num_dims * coordinates, width)
        self.convolutions = nn.ModuleList(
            SpectralConvolution(width, reversed_modes, initialisation) for _ in range(num_layers)
        )
        self.bypasses = nn.ModuleList(nn.Linear(width, width) for _ in range(num_layers))
        self.projection = nn.Sequential(
            nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, out_channels)
        )

    def forward(self, fields: Tensor, constants: Tensor | None = None) -> Tensor:
        grid = fields.shape[2:]
        with_zeros = padded(grid, self.padding)
        if not fit(self.modes, grid, self.padding):
            raise ValueError(f"modes is {self.modes} on a grid of {with_zeros}; expected at most N / 2")
        constants = fields.new_empty(len(fields), 0) if constants is None else constants
        fields = _with_coordinates(fields) if self.coordinates else fields
        v = self._lift(fields.permute(*reversed(range(2, fields.ndim)), 0, 1), constants)
        v = v if with_zeros == grid else _padded(v, with_zeros[::-1])
        (convolution, bypass), *layers = self.layers()
        z = bypass(v) + convolution(v)
        for convolution, bypass in layers:
            v, bypassed = self._activated(z, bypass)
            z = bypassed + convolution(v)
        z = z if with_zeros == grid else z[tuple(map(slice, reversed(grid)))]
        widen, _, narrow = self.projection
        _, u = self._activated(widen(z), functools.partial(_in_full_precision, narrow))
        u = u if self.output_multiplier == 1 else self.output_multiplier * u
        return u.permute(-2, -1, *reversed(range(len(grid))))

    def groups(self) -> dict[str, list[nn.Parameter]]:
        """The parameters by what they are to the parametrization, a name in ``parametrization.GROUPS``."""
        widen, _, narrow = self.projection
        hidden = [*self.bypasses, widen]
        return {
            "lifting": [*self.lifting.parameters(), *(layer.bias for layer in hidden), narrow.bias],
            "pointwise": [layer.weight for layer in hidden],
            "spectral": [convolution.weight for convolution in self.convolutions],
            "readout": [narrow.weight],
        }

    def layers(self) -> list[tuple[nn.Module, nn.Module]]:
        """The Fourier layers, each the two modules whose outputs add up to its activation before σ."""
        return list(zip(self.convolutions, self.bypasses, strict=True))

    def _activated(self, z: Tensor, linear: Callable[[Tensor], Tensor]) -> tuple[Tensor, Tensor]:
        """σ(z), and ``linear`` of it."""

        def activate(z: Tensor) -> tuple[Tensor, Tensor]:
            v = F.gelu(z)
            return v, linear(v)

        return (
            checkpoint(activate, z, use_reentrant=False, preserve_rng_state=False)
            if self.recompute
            else activate(z)
        )

    def _lift(self, fields: Tensor, constants: Tensor) -> Tensor:
        """P x, ``(*reversed grid, batch, width)``; the constants' part is computed once, not at each point."""
        of_fields, of_constants = self.lifting.weight.split([fields.shape[-1], constants.shape[-1]], dim=1)
        return F.linear(fields, of_fields) + F.linear(constants, of_constants, self.lifting.bias)


def _with_coordinates(fields: Tensor) -> Tensor:
    """With a channel for each axis, its coordinates."""
    axes = [torch.linspace(0, 1, n, device=fields.device, dtype=fields.dtype) for n in fields.shape[2:]]
    coordinates = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    return torch.cat([fields, coordinates.expand(len(fields), *coordinates.shape)], dim=1)


def _padded(v: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """With zeros appended to the first axes of ``v``, up to these sizes."""
    of_axes = [amount for n, size in zip(v.shape, sizes, strict=False) for amount in (size - n, 0)]
    return F.pad(v, [0, 0, 0, 0, *of_axes[::-1]])


def _in_full_precision(linear: nn.Linear, v: Tensor) -> Tensor:
    with torch.autocast(v.device.type, enabled=False):
        return linear(v.to(linear.weight.dtype))
