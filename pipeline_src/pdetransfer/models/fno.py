"""The Fourier neural operator (Li et al. 2021), as in arXiv 2306.00258, A.2."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_POINTWISE = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


class SpectralConvolution(nn.Module):
    """v ↦ F⁻¹(R · F v), with a matrix R_k for each kept mode k.

    Kept are ``modes`` wavenumbers of each sign on every axis but the last, and ``modes`` on the last, the
    half axis of a real transform: 2^(D-1) modes^D complex matrices of ``width`` x ``width``. They are
    parameters as real pairs, ``(*kept modes, in, out, 2)``, which every optimiser and file format handles.

    Initialised U(0, 1) / width², real and imaginary part, as in the public code of arXiv 2306.00258.
    """

    def __init__(self, width: int, modes: int, num_dims: int):
        super().__init__()
        self.modes = modes
        kept = (2 * modes,) * (num_dims - 1) + (modes,)
        self.weight = nn.Parameter(torch.rand(*kept, width, width, 2) / width**2)

    def forward(self, v: Tensor) -> Tensor:  # (batch, width, *grid)
        grid = v.shape[2:]
        v_hat = torch.fft.rfftn(v, dim=tuple(range(2, v.ndim)))  # (batch, width, *half spectrum)
        kept = self._kept(grid, v.device)
        weight = torch.view_as_complex(self.weight)
        product_hat = torch.einsum("bi...,...io->bo...", v_hat[kept], weight)
        v_hat = torch.zeros_like(v_hat)
        v_hat[kept] = product_hat
        return torch.fft.irfftn(v_hat, s=grid)

    def _kept(self, grid: torch.Size, device: torch.device) -> tuple:
        """Index of the kept modes in a half spectrum ``(batch, width, *half spectrum)``."""
        if min(grid) < 2 * self.modes:
            raise ValueError(f"modes is {self.modes} on a grid of {tuple(grid)}; expected at most N / 2")
        wavenumber = torch.arange(self.modes, device=device)
        axes = [torch.cat([wavenumber, n - self.modes + wavenumber]) for n in grid[:-1]]
        return (slice(None), slice(None), *torch.meshgrid(*axes, wavenumber, indexing="ij"))


class FNO(nn.Module):
    """v₀ = P x;  vₗ₊₁ = σ(Wₗ vₗ + bₗ + F⁻¹ Rₗ F vₗ);  u = Q₂ σ(Q₁ v_L).

    Pointwise lifting P to ``width``, ``num_layers`` Fourier layers with σ = GELU (none after the last),
    pointwise projection Q to 2 ``width`` and on to ``out_channels``. No coordinates are appended, so that the
    operator commutes with translations. Maps ``(batch, in_channels, *grid)`` to
    ``(batch, out_channels, *grid)`` on a grid of ``num_dims`` (1 to 3) dimensions with at least 2 ``modes``
    points a side; a coarser grid raises ValueError.
    """

    def __init__(
        self,
        width: int,
        modes: int,
        num_layers: int,
        in_channels: int,
        out_channels: int,
        num_dims: int = 2,
    ):
        super().__init__()
        pointwise = _POINTWISE[num_dims]
        self.lifting = pointwise(in_channels, width, 1)
        self.convolutions = nn.ModuleList(
            SpectralConvolution(width, modes, num_dims) for _ in range(num_layers)
        )
        self.bypasses = nn.ModuleList(pointwise(width, width, 1) for _ in range(num_layers))
        self.projection = nn.Sequential(
            pointwise(width, 2 * width, 1), nn.GELU(), pointwise(2 * width, out_channels, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        v = self.lifting(x)
        last = len(self.bypasses) - 1
        for layer, (convolution, bypass) in enumerate(zip(self.convolutions, self.bypasses, strict=True)):
            v = bypass(v) + convolution(v)
            if layer < last:
                v = F.gelu(v)
        return self.projection(v)
