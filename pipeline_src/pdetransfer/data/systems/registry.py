"""PDE families. A new one is a file with a class, and a line here."""

from pdetransfer.data.systems._system import AbstractSystem
from pdetransfer.data.systems.advection_diffusion import AdvectionDiffusion
from pdetransfer.data.systems.burgers import Burgers
from pdetransfer.data.systems.darcy import Darcy
from pdetransfer.data.systems.diffusion_reaction import DiffusionReaction
from pdetransfer.data.systems.helmholtz import Helmholtz
from pdetransfer.data.systems.navier_stokes import NavierStokes
from pdetransfer.data.systems.poisson import Poisson
from pdetransfer.data.systems.shallow_water import ShallowWater

SYSTEMS: dict[str, type[AbstractSystem]] = {
    "poisson": Poisson,
    "advection_diffusion": AdvectionDiffusion,
    "helmholtz": Helmholtz,
    "burgers": Burgers,
    "darcy": Darcy,
    "navier_stokes": NavierStokes,
    "diffusion_reaction": DiffusionReaction,
    "shallow_water": ShallowWater,
}
