"""Bins of a sample."""

import numpy as np
import pandas as pd

_MOST_VALUES = 16  # of a sample that is taken value by value


def bin_edges(values: np.ndarray | pd.Series, num_bins: int) -> np.ndarray:
    """Inner edges of bins: between neighbouring values if there are few, else quantiles, so that ``num_bins`` bins
    hold equally many values."""
    distinct = np.unique(values)
    if len(distinct) <= _MOST_VALUES:
        return (distinct[1:] + distinct[:-1]) / 2
    return np.quantile(values, np.linspace(0, 1, num_bins + 1)[1:-1])
