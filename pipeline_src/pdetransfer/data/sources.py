"""Random right-hand sides."""

from dataclasses import dataclass

import numpy as np

from pdetransfer.data.grid import Grid


@dataclass(frozen=True)
class SparseGaussians:
    """f(x) = Σᵢ pᵢ exp(-|x - xᵢ|² / 2σ²), divided by its maximum (arXiv 2306.00258, section 3 and A.1).

    The centres xᵢ lie on a square of ``num_centres`` x ``num_centres`` with spacing 2σ around the middle of
    the domain; the Gaussians are periodic. Each pᵢ is zero with probability s, else uniform in (0, 1); the
    sparsity s is uniform in ``sparsity_range``. Should fewer than two pᵢ be positive, the two centres that
    came nearest to it are: as f is divided by its maximum, a single Gaussian would be the same source
    whenever it is drawn.

    ``sigma`` is in units of the domain's length. Raises ValueError if the square of centres is wider than
    the domain, or the sparsity range is not within [0, 1).
    """

    num_centres: int
    sigma: float
    sparsity_range: tuple[float, float]

    def __post_init__(self) -> None:
        low, high = self.sparsity_range
        object.__setattr__(self, "sparsity_range", (low, high))  # hashable, whatever sequence it came as
        if not 0 <= low <= high < 1:
            raise ValueError(f"sparsity_range is {[low, high]}; expected 0 <= low <= high < 1")
        if self.num_centres * 2 * self.sigma > 1 + 1e-12:
            raise ValueError(
                f"num_centres is {self.num_centres} with sigma {self.sigma}; "
                f"expected num_centres * 2 * sigma <= 1, so that the centres fit into the domain"
            )

    @property
    def num_uniforms(self) -> int:
        """Uniforms that one example takes: its sparsity, and one for each centre."""
        return 1 + self.num_centres**2

    def present(self, grid: Grid) -> np.ndarray:
        """Which wavenumbers of a half spectrum can be told from rounding, ``(N, N // 2 + 1)``: the energy of a
        Gaussian falls as exp(-σ²|k|²)."""
        return self.sigma**2 * (grid.k_x_squared + grid.k_y_squared) < 46.0  # exp(-46) is 1e-20

    def amplitudes(self, uniforms: np.ndarray) -> np.ndarray:
        """Amplitudes p, ``(count, centre y, centre x)``, from uniforms ``(count, num_uniforms)``."""
        low, high = self.sparsity_range
        sparsity = low + (high - low) * uniforms[:, :1]
        # One uniform decides both: below s it means zero, above it is rescaled to (0, 1).
        p = np.maximum((uniforms[:, 1:] - sparsity) / (1 - sparsity), 0.0)
        few = np.flatnonzero(np.count_nonzero(p, axis=1) < 2)[:, None]
        nearest = np.argpartition(uniforms[few[:, 0], 1:], -2, axis=1)[:, -2:]
        p[few, nearest] = uniforms[few, 1 + nearest]
        return p.reshape(-1, self.num_centres, self.num_centres)

    def fields(self, amplitudes: np.ndarray, grid: Grid) -> np.ndarray:
        """Sources ``(count, N, N)``, maximum 1, of amplitudes ``(count, centre y, centre x)``."""
        centres = 0.5 + 2 * self.sigma * (np.arange(self.num_centres) - (self.num_centres - 1) / 2)
        images = np.arange(-1, 2)
        distance = grid.points[:, None, None] - centres[None, :, None] - images
        profile = np.exp(-(distance**2) / (2 * self.sigma**2)).sum(axis=-1)  # (N, centre)
        # The sum is separable: two small products instead of an exponential for each centre and point.
        fields = profile @ amplitudes @ profile.T
        fields /= fields.max(axis=(1, 2), keepdims=True)
        return fields
