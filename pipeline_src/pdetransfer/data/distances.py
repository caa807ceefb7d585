"""How far a dataset lies from the one that its model was pre-trained on, in numbers."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import wasserstein_distance

from pdetransfer.base.bins import bin_edges
from pdetransfer.data.cards import spectrum
from pdetransfer.data.datasets import shifted_parameter
from pdetransfer.data.examples import source_rms
from pdetransfer.data.stored import Stored

_IN_SPECTRA = 256  # training examples that spectra are means over
_NUM_BINS = 16  # of a continuous parameter, with equally many values of both datasets together in each
_FLOOR = 1e-6  # of a solution's energy; what lies below is beyond a relative L2 error of 1e-3


@dataclass(frozen=True)
class Sample:
    """What distances are computed from: the shifted physics ``parameter`` of all training examples, ``(count,)``,
    NaN where there is none; and by whole wavenumber the share of the solutions' energy, their mean."""

    parameter: np.ndarray
    spectrum: np.ndarray


def read_sample(store: Path, manifest: Path) -> Sample:
    """The sample of a training split."""
    examples = Stored([store], [manifest]).first(_IN_SPECTRA)
    solutions = examples.outputs[:, 0]
    normalised = solutions / source_rms(solutions).reshape(-1, *(1 for _ in solutions.shape[1:]))
    return Sample(shifted_parameter(store, manifest), spectrum(normalised, examples.system))


def mass_in_common(values: np.ndarray, base: np.ndarray) -> float:
    """∫ min(p, q), the share of probability mass that the distributions p and q of two samples have in common:
    1 if they are the same, 0 if they do not overlap.

    Both are histograms, by value where there are few values, else in bins with equally many values of the two
    together. So samples of one distribution have a little less than 1, and a bin across the end of a range a
    little more than 0.
    """
    edges = bin_edges(np.concatenate([values, base]), _NUM_BINS)
    shares = [
        np.bincount(np.searchsorted(edges, sample, side="right"), minlength=len(edges) + 1) / len(sample)
        for sample in (values, base)
    ]
    return float(np.minimum(*shares).sum())


def normalised_wasserstein(values: np.ndarray, base: np.ndarray) -> float:
    """∫ |P - Q| of the cumulative distributions of two samples, in standard deviations of ``base``, so that
    parameters of different systems compare; NaN where ``base`` has a single value, and so no unit."""
    return float(wasserstein_distance(values, base) / base.std()) if base.std() else np.nan


def spectral_distance(one: np.ndarray, other: np.ndarray) -> float:
    """Root mean square of log10(P / Q) in decades, over the wavenumbers at which one of two normalised spectra has
    more than a millionth of the energy; less counts as a millionth. Of grids of different sizes the wavenumbers
    of both count."""
    count = min(len(one), len(other))
    one, other = one[:count], other[:count]
    present = np.maximum(one, other) > _FLOOR
    decades = np.log10(np.maximum(one, _FLOOR) / np.maximum(other, _FLOOR))[present]
    return float(np.sqrt(np.mean(decades**2)))


def distances_table(
    pairs: list[dict[str, str]], samples: dict[str, Sample], cells: pd.DataFrame
) -> pd.DataFrame:
    """A row for each pair of a dataset and the one that its model was pre-trained on (``Study.pairs``), and
    each model, in the order of ``cells``.

    ``mass_in_common`` and ``wasserstein`` compare the physics parameter as sampled (empty without one),
    ``spectral_distance`` the solutions; ``zero_shot_error`` is the test error of the pre-trained model as it is,
    from the table of ``cells``, and empty where n_train 0 was not asked for.
    """
    named = ["dataset", "model", "init"]
    measured = [pair | _distances(samples[pair["dataset"]], samples[pair["base"]]) for pair in pairs]
    columns = "dataset init base mass_in_common wasserstein spectral_distance"
    zero = cells[cells["n_train"] == 0].groupby(named, as_index=False)["test_error"].mean()
    return (
        cells[named]
        .drop_duplicates()
        .merge(pd.DataFrame(measured, columns=columns.split()), on=["dataset", "init"])
        .merge(zero.rename(columns={"test_error": "zero_shot_error"}), on=named, how="left")
    )


def _distances(sample: Sample, base: Sample) -> dict[str, float]:
    has_parameter = not np.isnan([*sample.parameter, *base.parameter]).any()
    parameters = sample.parameter, base.parameter
    return {
        "mass_in_common": mass_in_common(*parameters) if has_parameter else np.nan,
        "wasserstein": normalised_wasserstein(*parameters) if has_parameter else np.nan,
        "spectral_distance": spectral_distance(sample.spectrum, base.spectrum),
    }
