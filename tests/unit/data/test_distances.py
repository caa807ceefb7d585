"""Distances between datasets, against exact answers."""

import numpy as np
import pandas as pd
import pytest

from cases import cell_table
from pdetransfer.data.datasets import load
from pdetransfer.data.distances import (
    Sample,
    distances_table,
    mass_in_common,
    normalised_wasserstein,
    read_sample,
    spectral_distance,
)
from pdetransfer.data.generation import generate


def uniform(low, high, count=20_000):
    """Evenly spaced, so that nothing is left to chance."""
    return low + (high - low) * (np.arange(count) + 0.5) / count


BASE = uniform(1, 5)


@pytest.mark.parametrize(
    ("values", "mass", "wasserstein"),
    [
        (BASE, 1, 0),
        (uniform(1, 2.5), 1.5 / 4, 1.25),  # within the base, which has density 1 / 4 there
        (uniform(2.5, 7.5), 2.5 / 5, 2),
        (uniform(5, 10), 0, 4.5),
        (uniform(10, 20), 0, 12),
    ],
)
def test_the_distances_of_uniform_parameters_are_known(values, mass, wasserstein):
    """W1 is the integral of the difference of the quantile functions; the base has deviation 4 / √12."""
    assert mass_in_common(values, BASE) == pytest.approx(mass, abs=0.01)
    assert mass_in_common(BASE, values) == pytest.approx(mass, abs=0.01)
    assert normalised_wasserstein(values, BASE) == pytest.approx(wasserstein / (4 / np.sqrt(12)), rel=1e-3)


def test_the_distances_do_not_depend_on_the_unit_of_the_parameter():
    values = uniform(2.5, 7.5)
    for distance in (mass_in_common, normalised_wasserstein):
        assert distance(-3 * values + 7, -3 * BASE + 7) == pytest.approx(distance(values, BASE), abs=1e-3)


def test_a_parameter_of_a_single_value_has_no_unit_and_its_distance_is_not_known():
    assert np.isnan(normalised_wasserstein(BASE, np.array([2.0])))


def test_integers_are_compared_by_value():
    base, values = np.repeat([1.0, 2.0, 3.0, 4.0], 5), np.array([3.0, 4.0, 4.0, 9.0])
    assert mass_in_common(values, base) == 0.25 + 0.25


def test_the_spectral_distance_is_in_decades_over_what_is_there():
    one = np.array([0.0, 0.9, 0.1, 1e-9, 0.0])
    assert spectral_distance(one, one) == 0
    ten = np.array([0.0, 0.09, 0.01, 1e-12, 0.0])
    assert spectral_distance(one, ten) == spectral_distance(ten, one) == pytest.approx(1)
    without = np.array([0.0, 0.9, 1e-9, 1e-9, 0.0])  # less than a millionth counts as one
    assert spectral_distance(one, without) == pytest.approx(5 / np.sqrt(2))


def test_a_sample_has_every_parameter_and_the_energy_of_normalised_solutions(tmp_path, small_split):
    store, manifest = tmp_path / "train.zarr", tmp_path / "train.json"
    generate(small_split("poisson", count=300), store, manifest)
    sample = read_sample(store, manifest)
    assert len(sample.parameter) == 300
    assert sample.spectrum.sum() == pytest.approx(1, abs=1e-4)  # but for the corners beyond N / 2
    first = load([store], [manifest], 256).outputs[:, 0].astype(np.float64)
    share = (first.mean(axis=(1, 2)) ** 2 / (first**2).mean(axis=(1, 2))).mean()
    assert sample.spectrum[0] == pytest.approx(share, abs=1e-6)


def test_the_table_has_a_row_for_each_pair_and_the_zero_shot_error_of_its_init():
    """A dataset without a physics parameter, such as a user's file, has a distance of solutions alone."""
    spectrum = np.array([0.0, 1.0])
    samples = {"base": Sample(BASE, spectrum), "far": Sample(uniform(5, 10), spectrum / 10)}
    samples["own"] = Sample(np.full(3, np.nan), spectrum)
    pairs = [
        {"dataset": dataset, "init": init, "base": "base"}
        for dataset, init in (("far", "poisson"), ("far", "mixed"), ("own", "poisson"))
    ]
    errors = {"poisson": 0.2, "mixed": 0.3, "scratch": 1.0}
    points = [("far", "m", init, "r", n, 0, e) for init, e in errors.items() for n in (0, 8)]
    points.append(("own", "m", "poisson", "r", 8, 0, 0.1))
    table = distances_table(pairs, samples, cell_table(points))
    assert table["zero_shot_error"].to_list()[:2] == pytest.approx([0.2, 0.3])
    assert table["mass_in_common"].to_list()[:2] == [0, 0]
    assert table["spectral_distance"].to_list() == pytest.approx([1, 1, 0])
    own = table.iloc[2]
    assert own[["mass_in_common", "wasserstein", "zero_shot_error"]].isna().all()
    pd.testing.assert_frame_equal(table[["dataset", "init", "base"]], pd.DataFrame(pairs))
    again = distances_table(pairs[::-1], samples, cell_table(points))
    pd.testing.assert_frame_equal(again, table)


def test_spectra_of_different_grids_are_compared_where_both_have_wavenumbers():
    coarse, fine = np.array([0.0, 0.5, 0.5]), np.array([0.0, 0.5, 0.05, 0.4, 0.05])
    assert spectral_distance(coarse, fine) == spectral_distance(fine, coarse) == pytest.approx(np.sqrt(1 / 2))
