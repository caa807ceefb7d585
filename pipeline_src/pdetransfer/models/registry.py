"""Architectures. A new one is a file with a class, and a line here.

A model maps fields ``(batch, num_fields, *grid)`` and constants ``(batch, num_constants)`` to
``(batch, out_channels, *grid)``. Its constructor takes the sizes of config's ``models`` section by name, then
``in_channels``, num_fields + num_constants, and ``out_channels``. Its last part, the readout, is called
``projection``. While its attribute ``recompute`` is true, the gradient computes activations again rather than
keeping them. One that may be in muP gives its parameters by group (``groups``), multiplies its outputs by its
``output_multiplier`` (``parametrization``), and for the check of that names its ``layers``.
"""

from torch import nn

from pdetransfer.models.dpot import DPOT
from pdetransfer.models.fno import FNO

MODELS: dict[str, type[nn.Module]] = {
    "fno": FNO,
    "dpot": DPOT,
}
