"""What claims of the study are judged by."""

from collections.abc import Callable

from pdetransfer.studies.transfer.quantities import largest_gain, mean_ratio, smallest_gain, smallest_savings

QUANTITIES: dict[str, Callable] = {
    "mean_ratio": mean_ratio,
    "smallest_gain": smallest_gain,
    "largest_gain": largest_gain,
    "smallest_savings": smallest_savings,
}
