"""DPOT, the denoising pre-training operator transformer (Hao et al., arXiv 2403.03542), in real arithmetic.

Activations have their channels first and the tokens last, ``(width, batch, n_y, n_x)``: each pointwise product is
one matrix product over the tokens of the whole batch, and the Fourier transform is over the last axes.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from pdetransfer.models.mixers import Attention, FourierMixer, pointwise

_GROUPS = 8  # of channels that are normalised together


class DPOT(nn.Module):
    """z = Embed(u₁ ... u_T);  z ← Block(z), ``num_layers`` times;  u_{T+1} = Q₂ σ(Q₁ σ(Unpatch z)).

    Maps fields ``(batch, T * C, *grid)``, T frames of C = ``out_channels`` channels, channel c of frame t at
    t * C + c, to the next frame ``(batch, C, *grid)``. T is ``in_channels`` / C; there are no constants, and what
    is given as such is not read. The two axes of the grid are multiples of ``patch`` and may differ in length.

    | size | what it is |
    |---|---|
    | ``width`` | channels of a token, a multiple of 8 and of ``num_heads`` |
    | ``num_layers`` | blocks |
    | ``num_heads`` | groups of channels that the mixer mixes apart |
    | ``mlp_ratio`` | hidden channels of a block's pointwise network, over ``width`` |
    | ``patch`` | points of a token on each axis |
    | ``num_patches`` | learned positions by axis, or one number for both; interpolated for other grids |
    | ``readout_width`` | channels of the output head, at each point of the grid |
    | ``mixer`` | "fourier", or "attention": the same block with softmax attention |
    | ``modes`` | of the Fourier mixer: wavenumbers below it are mixed, of both signs; None: all |

    σ is GELU. Initial weights are PyTorch's but where said otherwise (``Embedding``, ``mixers.HeadwiseLinear``).
    Left out is the classifier of datasets of the public code, whose loss has the weight zero there; all other
    parameters are as many.

    Under autocast the pointwise products but the last, and attention, take the lower precision. With
    ``recompute``, the gradient computes the activations of each block again instead of keeping them.

    Raises ValueError where the channels are no whole number of frames, the heads do not divide the width, or the
    patch does not divide the grid.
    """

    recompute = False

    def __init__(
        self,
        width: int,
        num_layers: int,
        num_heads: int,
        patch: int,
        num_patches: int | Sequence[int],
        readout_width: int,
        in_channels: int,
        out_channels: int,
        mlp_ratio: int = 1,
        mixer: str = "fourier",
        modes: int | None = None,
    ):
        super().__init__()
        if in_channels % out_channels:
            raise ValueError(
                f"in_channels is {in_channels} and out_channels {out_channels}; expected a whole number of frames"
            )
        if width % num_heads:
            raise ValueError(
                f"num_heads is {num_heads} and width {width}; expected heads that divide the width"
            )
        self.patch = patch
        self.embedding = Embedding(width, patch, num_patches, in_channels // out_channels, out_channels)
        mixers: dict[str, Callable[[], nn.Module]] = {
            "fourier": lambda: FourierMixer(width, num_heads, modes),
            "attention": lambda: Attention(width, num_heads),
        }
        self.blocks = nn.ModuleList(Block(width, mlp_ratio, mixers[mixer]()) for _ in range(num_layers))
        self.unpatch = nn.ConvTranspose2d(width, readout_width, patch, stride=patch)
        self.projection = nn.Sequential(
            nn.Linear(readout_width, readout_width), nn.GELU(), nn.Linear(readout_width, out_channels)
        )

    def forward(self, fields: Tensor, constants: Tensor | None = None) -> Tensor:
        grid = fields.shape[2:]
        if any(n % self.patch for n in grid):
            raise ValueError(
                f"patch is {self.patch} on a grid of {tuple(grid)}; expected one that divides its axes"
            )
        z = self.embedding(fields)
        for block in self.blocks:
            z = (
                checkpoint(block, z, use_reentrant=False, preserve_rng_state=False)
                if self.recompute
                else block(z)
            )
        widen, _, narrow = self.projection
        u = F.gelu(pointwise(widen, F.gelu(self._unpatched(z))))
        with torch.autocast(u.device.type, enabled=False):
            u = pointwise(narrow, u.to(narrow.weight.dtype))  # (C, p_y, p_x, batch, n_y, n_x)
        return u.permute(3, 0, 4, 1, 5, 2).flatten(4).flatten(2, 3)

    def _unpatched(self, z: Tensor) -> Tensor:
        """Of each token its points, ``(readout_width, p_y, p_x, batch, n_y, n_x)``."""
        weight, bias = self.unpatch.weight.flatten(1).T, self.unpatch.bias.repeat_interleave(self.patch**2)
        points = torch.addmm(bias[:, None], weight, z.flatten(1))
        return points.unflatten(1, z.shape[1:]).unflatten(0, (-1, self.patch, self.patch))


class Embedding(nn.Module):
    """Tokens of T frames: g_t = σ(Patch(u_t, y, x, t)),  z = Σ_t W_tᵀ (cos(γ t / (T - 1)) ⊙ (A g_t + a + p)).

    Patch is a convolution with kernel and stride ``patch``, of the fields of a frame and of three coordinates,
    from 0 to 1 at the ends of the axes of the grid and of time, to C ``patch`` + 3 channels; A widens them to
    ``width``; p are the learned positions, ``(1, width, *num_patches)``, bilinear between them. The paper writes
    exp(-iγt) for the cosine; its public code has real numbers alone.

    As A and W_t follow each other, their product is taken first, and the frames are never as wide as the tokens.

    Initially W is normal, of standard deviation 1 / (T √width), γ 2^-10 ... 2^10, and p normal, of 0.02.
    """

    def __init__(
        self, width: int, patch: int, num_patches: int | Sequence[int], num_frames: int, num_channels: int
    ):
        super().__init__()
        n_y, n_x = (num_patches,) * 2 if isinstance(num_patches, int) else num_patches
        narrow = num_channels * patch + 3
        self.patches = nn.Conv2d(num_channels + 3, narrow, patch, stride=patch)
        self.widen = nn.Linear(narrow, width)
        # Drawn so that a device without memory ("meta") does not import PyTorch's compiler.
        self.positions = nn.Parameter(nn.init.trunc_normal_(torch.empty(1, width, n_y, n_x), std=0.02))
        weight = torch.randn(num_frames, width, width).mul_(1 / (num_frames * width**0.5))
        self.weight = nn.Parameter(weight)  # (T, in, out)
        self.gamma = nn.Parameter(torch.logspace(-10, 10, width, base=2))

    def forward(self, fields: Tensor) -> Tensor:  # (batch, T * C, *grid) to (width, batch, n_y, n_x)
        g = F.gelu(self._patched(fields))
        *_, n_y, n_x = g.shape
        time = _unit_interval(len(self.weight), self.gamma.double())
        cosines = torch.cos(time[:, None] * self.gamma)  # in double precision, as γ is up to 1024
        weight = cosines.to(self.weight.dtype)[:, :, None] * self.weight
        of_frames = (weight.mT @ self.widen.weight).permute(1, 2, 0)  # (width, narrow, T)
        positions = self.positions
        if positions.shape[2:] != (n_y, n_x):
            positions = F.interpolate(positions, (n_y, n_x), mode="bilinear")
        constant = weight.sum(0).T @ (self.widen.bias[:, None] + positions[0].flatten(1))
        z = of_frames.flatten(1) @ g.flatten(0, 1).flatten(1)
        return z.unflatten(1, g.shape[2:]) + constant.unflatten(1, (1, n_y, n_x))

    def _patched(self, fields: Tensor) -> Tensor:
        """The convolution, ``(narrow, T, batch, n_y, n_x)``: what is the same in all examples is computed once."""
        patch, num_frames = self.patches.stride[0], len(self.weight)
        grid = fields.shape[2:]
        of_fields, of_points, of_time = self.patches.weight.split([self.patches.in_channels - 3, 2, 1], dim=1)
        axes = torch.meshgrid(*(_unit_interval(n, fields) for n in grid), indexing="ij")
        points = _as_patches(torch.stack(axes)[None, None], patch)  # (2 * patch², n_y * n_x)
        constant = of_points.flatten(1) @ points + self.patches.bias[:, None]
        constant = constant.unflatten(1, (1, 1, *(n // patch for n in grid)))
        time = of_time.sum((1, 2, 3))[:, None] * _unit_interval(num_frames, fields)
        of_frames = of_fields.flatten(1) @ _as_patches(fields.unflatten(1, (num_frames, -1)), patch)
        of_frames = of_frames.unflatten(1, (num_frames, len(fields), *constant.shape[3:]))
        return of_frames + (constant + time[:, :, None, None, None])


class Block(nn.Module):
    """z ↦ z + W₂ σ(W₁ N₂ M N₁ z): ``mixer`` M between tokens, N the normalisation of 8 groups of channels each,
    over all tokens. There is no other residual than this and the mixer's own."""

    def __init__(self, width: int, mlp_ratio: int, mixer: nn.Module):
        super().__init__()
        self.mixer = mixer
        self.norms = nn.ModuleList(nn.GroupNorm(_GROUPS, width) for _ in range(2))
        self.widen = nn.Linear(width, mlp_ratio * width)
        self.narrow = nn.Linear(mlp_ratio * width, width)

    def forward(self, z: Tensor) -> Tensor:
        before, after = self.norms
        y = _normalised(after, self.mixer(_normalised(before, z)))
        return z + pointwise(self.narrow, F.gelu(pointwise(self.widen, y)))


def _normalised(norm: nn.GroupNorm, v: Tensor) -> Tensor:
    return norm(v.transpose(0, 1)).transpose(0, 1).contiguous()


def _as_patches(fields: Tensor, patch: int) -> Tensor:
    """``(batch, T, C, *grid)`` as ``((C, p_y, p_x), (T, batch, n_y, n_x))``."""
    batch, num_frames, channels, height, width = fields.shape
    cut = fields.reshape(batch, num_frames, channels, height // patch, patch, width // patch, patch)
    return cut.permute(2, 4, 6, 1, 0, 3, 5).flatten(0, 2).flatten(1)


def _unit_interval(count: int, like: Tensor) -> Tensor:
    return torch.linspace(0, 1, count, device=like.device, dtype=like.dtype)
