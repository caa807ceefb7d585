"""Print how the truncated Fourier transforms of the Fourier neural operator compare, there and back, forward and
gradient: products with a dense matrix along each axis, FFTs along each axis, and the FFT of a model that has
channels first.

    python benchmarks/transforms.py [width,modes,grid,batch ...]

On a GPU or on one thread, in turn; printed are medians of the ratios to the products' time, with quartiles: above
1 the products win.
"""

import sys
import time

import torch
from torch import Tensor

from pdetransfer.models import transforms
from pdetransfer.models.fno import SpectralConvolution
from rows import Row, case, show, spread

SIZES = ["16,8,32,16", *(f"{size},8" for size in ("16,4,64", "16,16,64", "32,32,64"))]
SIZES += [
    f"{size},8" for size in ("16,4,128", "16,16,128", "32,32,128", "16,48,128", "16,56,128", "16,64,128")
]
SIZES += [f"{size},2" for size in ("16,32,256", "16,48,256", "16,64,256")]
REPEATS = 15
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


class Identity(SpectralConvolution):
    """F⁻¹ F on the kept modes."""

    def __init__(self, modes: int, by_products: bool):
        super().__init__(1, (modes, modes), "uniform")
        self._by_products = by_products

    def forward(self, v: Tensor) -> Tensor:
        transforms.takes_products = lambda modes: self._by_products
        return super().forward(v)

    def _product(self, v_hat: Tensor) -> Tensor:
        return v_hat


def channels_first(v: Tensor, modes: int) -> Tensor:
    """The same of ``(batch, width, y, x)``."""
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


def compare(width: int, modes: int, num_points: int, batch: int) -> Row:
    products, ffts = (Identity(modes, by_products).to(DEVICE) for by_products in (True, False))
    last = torch.randn(num_points, num_points, batch, width, device=DEVICE, requires_grad=True)  # (x, y, ...)
    first = last.detach().permute(2, 3, 1, 0).contiguous().requires_grad_()
    ways = {
        "products": (products, last),
        "FFTs": (ffts, last),
        "channels first": (lambda v: channels_first(v, modes), first),
    }
    with torch.no_grad():
        torch.testing.assert_close(ffts(last), products(last), rtol=1e-4, atol=1e-4)
        # On a processor: of what is not the spectrum of a real field, this FFT on a GPU makes something else.
        found = channels_first(first[:1].cpu(), modes).permute(3, 2, 0, 1)
        torch.testing.assert_close(found, products(last[:, :, :1]).cpu(), rtol=1e-4, atol=1e-4)
    gradients = {name: torch.ones_like(v) for name, (_, v) in ways.items()}
    times = [
        {name: seconds(function, v, gradients[name]) for name, (function, v) in ways.items()}
        for _ in range(REPEATS + 3)
    ][3:]
    names = "FFTs", "channels first"
    ratios = {name: spread(taken[name] / taken["products"] for taken in times) for name in names}
    return {"case": case(width, modes, num_points, batch), **ratios}


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(f"time over that of the products, on {DEVICE.type}")
    for size in sys.argv[1:] or SIZES:
        show(compare(*(int(value) for value in size.split(","))))
