"""The Fourier neural operator written a second time, from its equations: no code is shared."""

import copy

import torch
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


def errors_of_fno(
    model: nn.Module, device: torch.device, x: Tensor, forward=None
) -> tuple[float, dict[str, float]]:
    """Relative errors, in the 2-norm, of the outputs of ``model`` on ``device`` at ``x``, and by parameter of the
    gradients of a random projection of them, against ``fno_by_fft`` in double precision on the processor.

    ``forward`` may be another way to evaluate the model, such as a compiled one.
    """
    exact = copy.deepcopy(model).cpu().double()
    expected = fno_by_fft(exact, x.double())
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


@torch.no_grad()
def _relative(found: Tensor, exact: Tensor) -> float:
    return float((found.to(exact) - exact).norm() / exact.norm())
