"""Print how the truncated transforms of the Fourier neural operator, products with a small matrix along each axis,
compare with the FFT: there and back, forward and gradient.

    python benchmarks/transforms.py [width,modes,grid,batch ...]

On a GPU or on one thread, in turn; printed is the median of the ratios, with quartiles: above 1 the products win.
"""

import statistics
import sys
import time

import torch
from torch import Tensor

from pdetransfer.models.fno import SpectralConvolution

SIZES = ["16,8,32,16", *(f"{size},8" for size in ("16,4,64", "16,16,64", "32,32,64"))]
SIZES += [f"{size},8" for size in ("16,4,128", "16,16,128", "32,32,128")]
REPEATS = 15
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Identity(SpectralConvolution):
    """F⁻¹ F on the kept modes."""

    def _product(self, v_hat: Tensor) -> Tensor:
        return v_hat


def by_fft(v: Tensor, modes: int) -> Tensor:
    """The same, channels first."""
    v_hat = torch.fft.rfft2(v)
    kept = torch.zeros_like(v_hat)
    for rows in (slice(modes), slice(-modes, None)):
        kept[:, :, rows, :modes] = v_hat[:, :, rows, :modes]
    return torch.fft.irfft2(kept, s=v.shape[-2:])


def seconds(function, v: Tensor, g: Tensor) -> float:
    synchronise = torch.cuda.synchronize if DEVICE.type == "cuda" else lambda: None
    synchronise()
    start = time.perf_counter()
    function(v).backward(g)
    synchronise()
    return time.perf_counter() - start


def compare(width: int, modes: int, num_points: int, batch: int) -> None:
    convolution = Identity(width, modes, 2, "uniform").to(DEVICE)
    last = torch.randn(num_points, num_points, batch, width, device=DEVICE, requires_grad=True)  # (x, y, ...)
    first = last.detach().permute(2, 3, 1, 0).contiguous().requires_grad_()
    torch.testing.assert_close(
        convolution(last).permute(2, 3, 1, 0), by_fft(first, modes), rtol=1e-4, atol=1e-4
    )
    pairs = []
    for _ in range(REPEATS + 3):
        ours = seconds(convolution, last, torch.ones_like(last))
        pairs.append(seconds(lambda v: by_fft(v, modes), first, torch.ones_like(first)) / ours)
    low, median, high = statistics.quantiles(pairs[3:], n=4)
    print(
        f"  ({width}, {modes}), {num_points} x {num_points}, batch {batch}: {median:.2f} ({low:.2f} to {high:.2f})"
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"time of the FFT over that of the products, on {DEVICE.type}")
    for size in sys.argv[1:] or SIZES:
        compare(*(int(value) for value in size.split(",")))
