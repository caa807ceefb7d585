"""PDE families. A new one is a file with a class, and a line here."""

from pdetransfer.systems._system import AbstractSystem
from pdetransfer.systems.advection_diffusion import AdvectionDiffusion
from pdetransfer.systems.helmholtz import Helmholtz
from pdetransfer.systems.poisson import Poisson

SYSTEMS: dict[str, type[AbstractSystem]] = {
    "poisson": Poisson,
    "advection_diffusion": AdvectionDiffusion,
    "helmholtz": Helmholtz,
}

__all__ = ["SYSTEMS", "AbstractSystem"]
