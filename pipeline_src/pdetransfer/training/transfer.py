"""Learning rates that are transferred from the cell of a proxy: what it has chosen becomes a setting of the cell,
and so a part of its key."""

from pathlib import Path

from pdetransfer.base.files import read_json
from pdetransfer.plan.recipes import bracketed


def proxy_of(settings: dict) -> Path | None:
    """The summary of the cell that chooses the learning rate of a cell; None where that tries its own."""
    rates = settings["recipe"]["learning_rates"]
    return Path(rates["proxy"]) if isinstance(rates, dict) else None


def with_rates(settings: dict) -> dict:
    """The settings of a cell with the learning rates that it tries: those given, or the one that its proxy has
    chosen, in a bracket if one was asked for."""
    proxy = proxy_of(settings)
    if proxy is None:
        return settings
    rate, bracket = read_json(proxy)["learning_rate"], settings["recipe"]["learning_rates"]["bracket"]
    return settings | {"recipe": settings["recipe"] | {"learning_rates": bracketed(rate, bracket)}}
