"""The truncated Fourier transform of a real field and its inverse, in real arithmetic.

v̂_k = Σ_n v_n exp(-2πi Σ_a k_a n_a / N_a), of which only ``modes[a]`` wavenumbers of each sign are kept on every
axis a but the first, k_a = 0 ... modes[a] - 1, -modes[a] ... -1, and on the first, the half axis, k_0 = 0 ...
modes[0] - 1. In the inverse the latter count twice, once for -k, but for k_0 = 0, as in ``torch.fft.irfftn``.
Fields are ``(*grid, batch, width)``, spectra ``(modes[0], 2 modes[1], ..., part, batch, width)``; part is real or
imaginary.
"""

import functools
import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor

log = logging.getLogger(__name__)

_MOST_BY_PRODUCTS = 56


def takes_products(modes: tuple[int, ...]) -> bool:
    """Whether the transforms are products with a dense matrix along each axis, rather than FFTs.

    The rule is that of a processor, where products win up to 56 modes, on 32 to 256 points a side
    (``benchmarks/transforms.py``).
    """
    return max(modes) <= _MOST_BY_PRODUCTS


@functools.cache  # once in a process
def log_choice(modes: tuple[int, ...]) -> None:
    way = "products with a dense matrix along each axis" if takes_products(modes) else "FFTs"
    log.info(f"Fourier transforms of {' x '.join(map(str, modes))} modes are {way}")


def kept(modes: tuple[int, ...]) -> tuple[int, ...]:
    """Wavenumbers kept on each axis."""
    return modes[0], *(2 * of_axis for of_axis in modes[1:])


def to_modes(v: Tensor, modes: tuple[int, ...]) -> Tensor:
    return _products_to_modes(v, modes) if takes_products(modes) else _ffts_to_modes(v, modes)


def to_points(v_hat: Tensor, modes: tuple[int, ...], grid: torch.Size) -> Tensor:
    way = _products_to_points if takes_products(modes) else _ffts_to_points
    return way(v_hat, modes, grid)


def _products_to_modes(v: Tensor, modes: tuple[int, ...]) -> Tensor:
    *grid, batch, width = v.shape
    v_hat, count = v, 1  # count of modes, of the axes transformed so far
    for axis, num_points in enumerate(grid):
        matrix, _ = matrices(num_points, modes[axis], axis == 0, v.device, v.dtype)
        v_hat = matrix @ v_hat.reshape(count, matrix.shape[1], -1)  # (count, (k, part), rest)
        count *= len(matrix) // 2
    return v_hat.view(*kept(modes), 2, batch, width)


def _products_to_points(v_hat: Tensor, modes: tuple[int, ...], grid: torch.Size) -> Tensor:
    batch, width = v_hat.shape[-2:]
    v, count = v_hat, v_hat.shape[: len(grid)].numel()
    for axis, num_points in reversed(list(enumerate(grid))):
        _, matrix = matrices(num_points, modes[axis], axis == 0, v.device, v.dtype)
        count //= matrix.shape[1] // 2
        v = matrix @ v.view(count, matrix.shape[1], -1)
    return v.view(*grid, batch, width)


def _ffts_to_modes(v: Tensor, modes: tuple[int, ...]) -> Tensor:
    num_dims = v.ndim - 2
    v_hat = torch.fft.rfft(v, dim=0)[: modes[0]]
    for axis in range(1, num_dims):
        v_hat = torch.fft.fft(v_hat, dim=axis)
        m = modes[axis]
        v_hat = torch.cat([v_hat.narrow(axis, 0, m), v_hat.narrow(axis, v.shape[axis] - m, m)], dim=axis)
    return torch.view_as_real(v_hat).movedim(-1, num_dims).contiguous()


def _ffts_to_points(v_hat: Tensor, modes: tuple[int, ...], grid: torch.Size) -> Tensor:
    v = torch.complex(*v_hat.unbind(len(grid)))
    for axis in reversed(range(1, len(grid))):
        positive, negative = v.split(modes[axis], dim=axis)
        dropped = list(v.shape)
        dropped[axis] = grid[axis] - 2 * modes[axis]
        v = torch.fft.ifft(torch.cat([positive, v.new_zeros(dropped), negative], dim=axis), dim=axis)
    return torch.fft.irfft(v, grid[0], dim=0).contiguous()


def matrices(*settings: Any) -> tuple[Tensor, Tensor]:
    """``_matrices`` for torch.compile, which would trace a cached function itself: a constant (``steps``)."""
    return _matrices(*settings)


@functools.cache
@torch.inference_mode(False)  # a gradient may be taken later
def _matrices(
    num_points: int, modes: int, is_half: bool, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Matrices of the transform along an axis, and of its inverse, which is the transpose but for factors.

    Rows of the transform are (k, part); columns n on a half axis, where v is real, and (part, n) on a full one.
    """
    k = np.arange(modes) if is_half else np.r_[0:modes, -modes:0]
    wave = np.exp(-2j * np.pi / num_points * (np.outer(k, np.arange(num_points)) % num_points))
    of_real = np.stack([wave.real, wave.imag], axis=1)  # (k, part, n)
    of_imag = np.stack([-wave.imag, wave.real], axis=1)
    dft = of_real if is_half else np.concatenate([of_real, of_imag], axis=2)
    count = np.where(is_half & (k > 0), 2, 1)
    inverse = dft * count[:, None, None] / num_points
    forward, back = (torch.from_numpy(a).flatten(0, 1).to(device, dtype) for a in (dft, inverse))
    return forward, back.T
