"""What claims of the study are judged by."""

from collections.abc import Callable

from pdetransfer.studies.transfer.quantities import mean_ratio

QUANTITIES: dict[str, Callable] = {"mean_ratio": mean_ratio}
