"""Darcy flow through a random medium of two phases."""

from typing import Any, ClassVar, final

import numpy as np

from pdetransfer.data import darcy
from pdetransfer.data.random_fields import GaussianField
from pdetransfer.data.sources import SparseGaussians
from pdetransfer.data.systems._system import AbstractSystem, Made


@final
class Darcy(AbstractSystem):
    """-div(a ∇u) = 1 on the unit square, u = 0 on the boundary: from a to u (arXiv 2010.08895, 5.2).

    The permeability a is ``high`` where a random field N(0, (-Δ + 9)^-2) with Neumann conditions, ``num_modes``
    waves along each axis and no mean is not negative, else ``low``: by default their 12 and 3. Discretisation,
    solver and residual are those of ``data.darcy``. Raises ValueError unless 0 < low < high.
    """

    title = "Darcy flow"
    equation = "-div(a grad u) = 1, u = 0 on the boundary"
    fields = ("permeability",)
    field_units: ClassVar = {"permeability": "1", "solution": "1 (domain length 1)"}
    periodic = False
    coefficient_names = ()
    coefficient_units = "1"
    parameter_names = ()
    shifted = None
    reads_files = True
    deviation_is = "residual"

    def __init__(self, low: float = 3.0, high: float = 12.0, num_modes: int = 30):
        if not 0 < low < high:
            raise ValueError(f"low is {low}, high {high}; expected 0 < low < high")
        self.low, self.high = low, high
        self._law = GaussianField("neumann", 2, num_modes, scale=1, tau=3, alpha=2)

    @classmethod
    def equation_residual(cls, fields: dict[str, Any], outputs: dict[str, Any]) -> Any:
        defect: Any = darcy.apply(fields["permeability"], outputs["solution"]) - 1
        return defect.square().flatten(1).mean(dim=1).sqrt()

    @property
    def fewest_points(self) -> int:
        return self._law.fewest_points

    def uniforms_of_example(self, law: SparseGaussians | None) -> int:
        return self._law.num_uniforms

    def make(self, uniforms: np.ndarray, law: SparseGaussians | None, num_points: int) -> Made:
        permeability = darcy.two_phase(self._law.fields(uniforms, num_points), self.low, self.high)
        solution = darcy.solve(permeability)
        residual = darcy.residual(permeability, solution)
        arrays = {"permeability": permeability, "solution": solution}
        arrays |= {name: np.empty((len(uniforms), 0)) for name in ("coefficients", "parameters")}
        return Made(arrays, residual, residual <= self.largest_residual)

    def deviation(self, arrays: dict[str, np.ndarray]) -> np.ndarray:
        """The residual of ``data.darcy``: other schemes take other means at the faces of cells."""
        return darcy.residual(arrays["permeability"], arrays["solution"])
