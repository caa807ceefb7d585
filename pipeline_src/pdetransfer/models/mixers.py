"""Mixers between the tokens of DPOT (``dpot``): in the Fourier domain, in real arithmetic, and by attention.

A mixer maps ``(width, batch, n_y, n_x)`` to the same shape, and adds its input.
"""

import functools
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

_MOST_ON_PROCESSOR, _MOST_ON_GPU = 100, 256  # tokens whose transform is a product


class FourierMixer(nn.Module):
    """y ↦ y + F⁻¹ (W₂ α(W₁ F y + b₁) + b₂), the adaptive Fourier mixer (Guibas et al., arXiv 2111.13587) without
    its shrinkage.

    F is the orthonormal transform over the tokens, kept at wavenumbers |k| < ``modes`` on both axes (the public
    code drops the negative ones of the first axis); the two complex layers, one matrix for each of ``num_heads``,
    are the same at all of them; α is GELU of the real and of the imaginary part. As it is not odd, the half axis
    of the transform, the last, is not as the other.
    """

    def __init__(self, width: int, num_heads: int, modes: int | None):
        super().__init__()
        self.modes = modes
        self.layers = nn.ModuleList(HeadwiseLinear(width, num_heads) for _ in range(2))

    def forward(self, y: Tensor) -> Tensor:  # in float32 under autocast, too
        with torch.autocast(y.device.type, enabled=False):
            return self._mix(y.to(self.layers[0].weight.dtype))

    def _mix(self, y: Tensor) -> Tensor:
        first, second = self.layers
        num_heads, size = first.weight.shape[1:3]
        y_hat = to_modes(y.unflatten(0, (num_heads, size)).flatten(1, 2), self.modes)
        z = y_hat.reshape(num_heads, 2 * size, y.shape[1] * y_hat.shape[3])
        mixed = second(F.gelu(first(z))).view(y_hat.shape)
        return y + to_points(mixed, self.modes, y.shape[2:]).view(y.shape)


class HeadwiseLinear(nn.Module):
    """z ↦ W z + b of each head, complex: ``weight`` (part, heads, out, in) and ``bias`` (part, heads, out) hold
    real and imaginary parts, as does z, ``(heads, (part, channels), ...)``. Initially both are U(0, 1) / in²."""

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        size = width // num_heads
        # Not rand / size², which on a device without memory ("meta") imports PyTorch's compiler.
        self.weight = nn.Parameter(torch.empty(2, num_heads, size, size).uniform_(0, 1 / size**2))
        self.bias = nn.Parameter(torch.empty(2, num_heads, size).uniform_(0, 1 / size**2))

    def forward(self, z: Tensor) -> Tensor:
        re, im = self.weight
        matrix = torch.cat([torch.cat([re, -im], dim=2), torch.cat([im, re], dim=2)], dim=1)
        return torch.baddbmm(self.bias.transpose(0, 1).flatten(1)[:, :, None], matrix, z)


class Attention(nn.Module):
    """y ↦ y + O softmax(QᵀK / √(width / num_heads)) V between all tokens, in the place of the Fourier mixer."""

    def __init__(self, width: int, num_heads: int):
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, y: Tensor) -> Tensor:
        parts = pointwise(self.qkv, y).flatten(2).unflatten(0, (3, self.num_heads, -1))
        q, k, v = parts.permute(0, 3, 1, 4, 2)  # (batch, heads, tokens, channels)
        attended = F.scaled_dot_product_attention(q, k, v).permute(1, 3, 0, 2)
        return y + pointwise(self.out, attended.reshape(y.shape))


def pointwise(linear: nn.Linear, v: Tensor) -> Tensor:
    """``linear`` of the first axis of v."""
    return torch.addmm(linear.bias[:, None], linear.weight, v.flatten(1)).unflatten(1, v.shape[1:])


def takes_products(tokens: tuple[int, int], device: torch.device) -> bool:
    """Whether the transform is a product with one dense matrix over all tokens, rather than an FFT: on a processor
    products win up to 10 x 10 tokens, on a GPU up to 16 x 16 (``benchmarks/dpot.py``)."""
    return tokens[0] * tokens[1] <= (_MOST_ON_PROCESSOR if device.type == "cpu" else _MOST_ON_GPU)


def to_modes(v: Tensor, modes: int | None) -> Tensor:
    """The kept modes of ``(heads, channels, n_y, n_x)``, ``(heads, part, channels, modes)``; part is real or
    imaginary."""
    n_y, n_x = v.shape[2:]
    if takes_products((n_y, n_x), v.device):
        dft, _ = matrices((n_y, n_x), modes, v.device, v.dtype)
        return (v.flatten(2) @ dft).unflatten(2, (2, -1)).transpose(1, 2)
    v_hat = torch.fft.rfft2(v, norm="ortho")
    if modes is not None:
        positive, negative = v_hat[:, :, :modes, :modes], v_hat[:, :, max(modes, n_y - modes + 1) :, :modes]
        v_hat = torch.cat([positive, negative], dim=2)
    return torch.view_as_real(v_hat.flatten(2)).permute(0, 3, 1, 2)


def to_points(v_hat: Tensor, modes: int | None, tokens: torch.Size) -> Tensor:
    """The inverse, in which modes that are not kept are zero, ``(heads, channels, n_y, n_x)``."""
    n_y, n_x = tokens
    if takes_products((n_y, n_x), v_hat.device):
        _, inverse = matrices((n_y, n_x), modes, v_hat.device, v_hat.dtype)
        return (v_hat.transpose(1, 2).flatten(2) @ inverse).unflatten(2, tokens)
    most = n_x // 2 + 1
    v_hat = v_hat.unflatten(3, (-1, most if modes is None else min(modes, most)))
    v_hat = torch.complex(*v_hat.unbind(1))
    if modes is not None:
        dropped = v_hat.new_zeros(*v_hat.shape[:2], n_y - v_hat.shape[2], v_hat.shape[3])
        v_hat = torch.cat([v_hat[:, :, :modes], dropped, v_hat[:, :, modes:]], dim=2)
    # Axis by axis: of what is not the spectrum of a real field, irfft2 on a GPU makes something else.
    return torch.fft.irfft(torch.fft.ifft(v_hat, dim=2, norm="ortho"), n_x, dim=3, norm="ortho")


def matrices(*settings: Any) -> tuple[Tensor, Tensor]:
    """``_matrices`` for torch.compile, which would trace a cached function itself."""
    return _matrices(*settings)


@functools.cache
@torch.inference_mode(False)  # a gradient may be taken later
def _matrices(
    tokens: tuple[int, int], modes: int | None, device: torch.device, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    """Of the transform, ``(tokens, (part, modes))``, and of its inverse, the transpose but for factors."""
    n_y, n_x = tokens
    grid = np.meshgrid(np.fft.fftfreq(n_y, 1 / n_y), np.arange(n_x // 2 + 1), indexing="ij")
    k_y, k_x = (k.ravel() for k in grid)  # on the last, the half axis of a real transform, none is negative
    if modes is not None:
        is_kept = np.maximum(abs(k_y), k_x) < modes
        k_y, k_x = k_y[is_kept], k_x[is_kept]
    y, x = (points.reshape(-1, 1) for points in np.indices(tokens))
    wave = np.exp(-2j * np.pi * (k_y * y / n_y + k_x * x / n_x)) / np.sqrt(n_y * n_x)
    dft = np.concatenate([wave.real, wave.imag], axis=1)
    count = np.where((k_x == 0) | (2 * k_x == n_x), 1, 2)  # once for -k
    inverse = dft * np.tile(count, 2)
    forward, back = (torch.from_numpy(a).to(device, dtype) for a in (dft, inverse))
    return forward, back.T
