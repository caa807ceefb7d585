"""The models written a second time, from their equations: no code is shared."""

import copy
import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def fno_by_fft(model, x):
    """Outputs of ``model``, a Fourier neural operator, by ``torch.fft``, complex matrices and channels first."""
    axes, width = tuple(range(2, x.ndim)), model.lifting.out_features
    cropped = (slice(None), slice(None), *map(slice, x.shape[2:]))
    grid = [n + round(share * n) for n, share in zip(x.shape[2:], model.padding, strict=True)]
    *modes, of_half = model.modes
    rows = [torch.cat([torch.arange(m), torch.arange(n - m, n)]) for m, n in zip(modes, grid, strict=False)]
    kept = torch.meshgrid(*rows, torch.arange(of_half), indexing="ij")

    def pointwise(linear, v):
        return torch.einsum("oi,bi...->bo...", linear.weight, v) + linear.bias.view(-1, *(1 for _ in grid))

    lifted = pointwise(model.lifting, x)
    v = lifted.new_zeros(*lifted.shape[:2], *grid)
    v[cropped] = lifted
    for convolution, bypass in zip(model.convolutions, model.bypasses, strict=True):
        if convolution is not model.convolutions[0]:
            v = torch.nn.functional.gelu(v)
        weight = torch.complex(*convolution.weight.split(width, dim=-1))
        weight = weight.permute(*reversed(range(len(grid))), -2, -1)  # (*kept modes, in, out)
        v_hat = torch.fft.rfftn(v, dim=axes)
        product_hat = torch.zeros_like(v_hat)
        product_hat[:, :, *kept] = torch.einsum("bi...,...io->bo...", v_hat[:, :, *kept], weight)
        v = pointwise(bypass, v) + torch.fft.irfftn(product_hat, s=grid, dim=axes)
    first, gelu, second = model.projection
    return pointwise(second, gelu(pointwise(first, v[cropped])))


def dpot_by_fft(model, x):
    """Outputs of ``model``, a DPOT with Fourier mixers, by convolutions, ``torch.fft`` and complex matrices."""
    embedding, (batch, _, *grid) = model.embedding, x.shape
    frames = x.unflatten(1, (len(embedding.weight), -1))
    t, y, x = torch.meshgrid(
        *(torch.linspace(0, 1, n, dtype=x.dtype, device=x.device) for n in (frames.shape[1], *grid)),
        indexing="ij",
    )
    coordinates = torch.stack([y, x, t], dim=1).expand(batch, -1, -1, -1, -1)
    patches = embedding.patches
    g = torch.cat([frames, coordinates], dim=2).flatten(0, 1)
    g = F.gelu(F.conv2d(g, patches.weight, patches.bias, stride=model.patch))
    z = F.conv2d(g, embedding.widen.weight[:, :, None, None], embedding.widen.bias)
    z = z + F.interpolate(embedding.positions, z.shape[2:], mode="bilinear")
    waves = torch.cos(t[:, :1, :1] * embedding.gamma[:, None, None, None]).movedim(0, 1)
    z = torch.einsum("tio,btiyx->boyx", embedding.weight, waves * z.unflatten(0, (batch, -1)))
    for block in model.blocks:
        before, after = block.norms
        y = F.group_norm(z, 8, before.weight, before.bias)
        y = F.group_norm(mixed_by_fft(block.mixer, y), 8, after.weight, after.bias)
        y = F.gelu(F.conv2d(y, block.widen.weight[:, :, None, None], block.widen.bias))
        z = z + F.conv2d(y, block.narrow.weight[:, :, None, None], block.narrow.bias)
    u = F.gelu(F.conv_transpose2d(z, model.unpatch.weight, model.unpatch.bias, stride=model.patch))
    first, gelu, second = model.projection
    return second(gelu(first(u.movedim(1, -1)))).movedim(-1, 1)


def mixed_by_fft(mixer, y):
    """Outputs of a Fourier mixer of DPOT for ``(batch, width, n_y, n_x)``."""
    num_heads, tokens = mixer.layers[0].weight.shape[1], y.shape[2:]
    y_hat = torch.fft.rfft2(y, norm="ortho").unflatten(1, (num_heads, -1))

    def layer(linear, z):
        weight, bias = torch.complex(*linear.weight), torch.complex(*linear.bias)
        return torch.einsum("hoi,bhiyx->bhoyx", weight, z) + bias[:, :, None, None]

    first, second = mixer.layers
    z = layer(first, y_hat)
    z = layer(second, torch.complex(F.gelu(z.real), F.gelu(z.imag))).flatten(1, 2)
    if mixer.modes is not None:
        rows = torch.fft.fftfreq(tokens[0], 1 / tokens[0]).abs() < mixer.modes
        columns = torch.arange(z.shape[3]) < mixer.modes
        z = torch.where((rows[:, None] & columns).to(z.device), z, 0)
    return y + torch.fft.irfft2(z, s=tokens, norm="ortho")


def errors_of(
    by_fft: Callable, model: nn.Module, device: torch.device, x: Tensor, forward=None
) -> tuple[float, dict[str, float]]:
    """Relative errors, in the 2-norm, of the outputs of ``model`` on ``device`` at ``x``, and by parameter of the
    gradients of a random projection of them, against ``by_fft`` in double precision on the processor.

    ``forward`` may be another way to evaluate the model, such as a compiled one.
    """
    exact = copy.deepcopy(model).cpu().double()
    expected = by_fft(exact, x.double())
    direction = torch.randn_like(x[:, :1].expand_as(expected))
    (expected * direction.double()).sum().backward()
    model.to(device)
    outputs = (model if forward is None else forward)(x.to(device))
    (outputs * direction.to(device)).sum().backward()
    of_gradients = {
        name: _relative(parameter.grad, other.grad)
        for (name, parameter), other in zip(model.named_parameters(), exact.parameters(), strict=True)
    }
    return _relative(outputs, expected), of_gradients


errors_of_fno = functools.partial(errors_of, fno_by_fft)


@torch.no_grad()
def _relative(found: Tensor, exact: Tensor) -> float:
    return float((found.to(exact) - exact).norm() / exact.norm())
