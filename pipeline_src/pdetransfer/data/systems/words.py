"""What datasets, parameters and units are called where people read of them."""

from html import unescape
from typing import Any

import numpy as np

from pdetransfer.data.systems.registry import SYSTEMS

_PLAIN = 1e-2  # numbers below this are written as powers of ten


def system_in_words(system: str) -> str:
    """The title of a name in SYSTEMS; another name, such as that of a user's dataset, as it is."""
    return SYSTEMS[system].title if system in SYSTEMS else system


def dataset_in_words(system: str, options: dict[str, Any]) -> str:
    """The title of a system with the range of its shifted parameter, where the options of a dataset have one:
    "SYS-1, e from 5 to 10", "Navier-Stokes flow, viscosity 1e-3"."""
    title, parameter = SYSTEMS[system].title, SYSTEMS[system].shifted
    interval = options.get(f"{parameter}_range")
    if parameter is None or interval is None:
        return title
    low, high = map(_number, interval)
    if low == high:
        return f"{title}, {parameter} {low}"
    return f"{title}, {letter(SYSTEMS[system].symbols[parameter])} from {low} to {high}"


def letter(symbol: str) -> str:
    r"""A symbol of ``AbstractSystem.symbols`` as a character: "e", and "ω" of "\omega"."""
    return unescape(f"&{symbol[1:]};") if symbol.startswith("\\") else symbol


def unit_of(system: str | None, name: str) -> str:
    """The unit of a system's field or output; empty where it is 1, or not known."""
    unit = SYSTEMS[system].field_units[name] if system else "1"
    return "" if unit.split(" (")[0] == "1" else unit


def _number(value: float) -> str:
    return f"{value:g}" if value >= _PLAIN else np.format_float_scientific(value, trim="-", exp_digits=1)
