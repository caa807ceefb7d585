import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import zarr

from cases import OPTIONS
from pdetransfer.base.files import write_json
from pdetransfer.data.cards import datasets_table, read_card, spectrum
from pdetransfer.data.generation import generate
from pdetransfer.data.systems.registry import SYSTEMS
from pdetransfer.report.galleries import draw_card, draw_ranges
from pictures import assert_zero_is_white, bars


@pytest.fixture(params=OPTIONS)
def card(request, small_split, tmp_path):
    stores, manifests = ({s: tmp_path / f"{s}.{end}" for s in ("train", "test")} for end in ("zarr", "json"))
    for split, store in stores.items():
        generate(small_split(request.param, split, count=40), store, manifests[split])
    return read_card(stores, manifests, [])


def test_a_card_has_the_facts_of_its_dataset(card):
    assert card.facts["examples"] == {"train": 40, "test": 40}
    assert (
        0
        < card.facts["largest_residual"]
        <= SYSTEMS[card.facts["system"]](**card.facts["options"]).largest_residual
    )
    assert 0 < card.facts["acceptance"]["all"] <= 1
    for name, values in card.parameters.items():
        quartiles = list(card.facts["parameters"][name].values())
        assert quartiles == sorted(quartiles)
        assert (quartiles[0], quartiles[-1]) == (values.min(), values.max())
    scales = list(card.facts["coefficients"].values())
    assert bool(scales) == bool(SYSTEMS[card.facts["system"]].coefficient_names)
    assert all(scale > 0 for scale in scales)
    assert scales == sorted(scales)
    figure = draw_card(card)
    figure.draw_without_rendering()
    assert len(figure.axes) == 2 * 5 + card.parameters.shape[1] + 2
    assert all(image.colorbar for axes in figure.axes for image in axes.images)
    fields = [field for pair in zip(*card.gallery, strict=True) for field in pair]
    for axes, field in zip(figure.axes, fields, strict=False):
        shown = axes.images[0].get_array() if axes.images else axes.lines[0].get_ydata()
        np.testing.assert_array_equal(shown, field if field.ndim < 3 else field[-1])
    lines = {line.get_label(): line.get_xydata() for line in figure.axes[-1].lines}
    for name, energy in card.spectra.items():  # of whole wavenumbers from 1 on: the mean is none
        found = lines.pop(name.replace("_", " "))
        np.testing.assert_allclose(found, [*enumerate(energy.iloc[1:], start=1)])
    assert not lines
    if any(field.ndim > 1 and field.min() < 0 for field in fields[5:]):
        assert_zero_is_white(figure)
    plt.close(figure)


@pytest.fixture
def own(tmp_path):
    """A card of a user's file, of a system or of coefficients with names."""

    def build(fields, coefficients=(), system=None, shared=()):
        store, manifest = tmp_path / "own.zarr", tmp_path / "own.json"
        group = zarr.create_group(store)
        group.create_array("source", data=fields)
        group.create_array("solution", data=FIELDS[: len(fields)])
        group.create_array("coefficients", data=np.ones((len(fields), len(coefficients))))
        content = {"dataset": "own", "system": system, "num_points": 8, "count": len(fields)}
        content |= {"fields": ["source"], "outputs": ["solution"]}
        write_json(manifest, content | {"coefficient_names": list(coefficients)})
        splits = ("train", "validation", "test")
        return read_card(dict.fromkeys(splits, store), dict.fromkeys(splits, manifest), list(shared))

    return build


FIELDS = np.random.default_rng(0).normal(size=(6, 8, 8)).astype(np.float32)


@pytest.mark.parametrize(
    "fields", [FIELDS, FIELDS[:1], np.ones_like(FIELDS)], ids=["many", "one", "constant"]
)
def test_a_file_without_coefficients_has_a_card_that_claims_nothing_of_them(own, fields):
    card = own(fields)
    assert (card.facts["equation"], card.facts["coefficients"], card.facts["parameters"]) == (None, {}, {})
    figure = draw_card(card)
    figure.draw_without_rendering()
    assert figure.get_suptitle() == "own"
    assert len(figure.subfigs) == 2  # examples, and their scales
    plt.close(figure)
    table = datasets_table([card.facts], [])
    figure = draw_ranges(table)
    assert [text.get_text() for text in figure.texts] == [
        "No ranges of a parameter are known of these datasets."
    ]
    plt.close(figure)
    row = table.iloc[0]
    assert row[["system", "parameter", "largest_residual", "acceptance"]].isna().all()


def test_a_file_of_a_known_system_has_its_equation(own):
    figure = draw_card(own(FIELDS, ["k11", "k22", "k12"], "poisson"))
    assert figure.get_suptitle() == "SYS-1\nown:  -div(K grad u) = f"
    assert len(figure.axes) == 2 * 5 + 3 + 2
    plt.close(figure)


def test_a_card_says_what_its_sets_have_in_common_with_others(own):
    told = [f"own/train and d{index}/train share 7 inputs" for index in range(5)]
    rows = [
        {"set": "own/train", "other": f"d{index}/train", "inputs": 7, "examples": 0, "amplitudes": 0}
        for index in range(5)
    ]
    foreign = rows[0] | {"set": "a/train", "other": "b/train"}
    card = own(FIELDS, ["a"], shared=[foreign, *rows])
    assert card.facts["shared"] == rows
    assert datasets_table([card.facts], [])["shared"].to_list() == ["; ".join(told)]
    figure = draw_card(card)
    assert figure.get_suptitle().splitlines() == ["own", *told[:3], "and 2 more, in datasets/disjoint.json"]
    plt.close(figure)


def test_the_spectrum_has_the_energy_of_each_wave_at_its_wavenumber():
    y, x = np.meshgrid(np.arange(16) / 16, np.arange(16) / 16, indexing="ij")
    field = 3 * np.cos(2 * np.pi * 2 * x) + np.sin(2 * np.pi * 5 * y)
    energy = spectrum(field[None])
    assert energy[[2, 5]] == pytest.approx([9 / 2, 1 / 2])
    assert energy.sum() == pytest.approx((field**2).mean())


def test_the_spectrum_of_a_field_with_a_boundary_has_no_jump():
    """Of cosines with half waves, which the even continuation makes whole; in one dimension and in two."""
    x = np.linspace(0, 1, 17)
    wave = np.cos(2 * np.pi * 3 * x)
    energy = spectrum(wave[None], "darcy")
    assert energy[3] == pytest.approx(0.5)
    assert energy.sum() == pytest.approx(0.5)
    assert len(energy) == 9
    np.testing.assert_allclose(spectrum(np.tile(wave, (1, 17, 1)), "darcy"), energy, atol=1e-12)


def facts(dataset, system, interval):
    key = {"poisson": "eigenvalue_range", None: "none"}[system]
    return {
        "dataset": dataset,
        "system": system,
        "options": {key: interval},
        "examples": {"train": 1, "validation": 1, "test": 1},
        "largest_residual": 1e-12,
        "acceptance": {},
        "shared": [],
    }


def test_the_overlap_is_the_share_of_a_range_in_the_pretraining_range():
    cards = [
        facts("base", "poisson", [1, 5]),
        facts("none", "poisson", [1, 2.5]),
        facts("mild", "poisson", [2.5, 7.5]),
        facts("far", "poisson", [10, 20]),
        facts("own", None, None),
    ]
    table = datasets_table(cards, ["base"]).set_index("dataset")
    assert table.loc[["base", "none", "mild", "far"], "overlap"].to_list() == [1, 1, 0.5, 0]
    assert pd.isna(table.loc["own", "overlap"])
    figure = draw_ranges(table.reset_index())
    drawn = bars(figure.axes[0])
    assert [*drawn] == [
        "SYS-1, e from 10 to 20\nfar",
        "SYS-1, e from 2.5 to 7.5\nmild",
        "SYS-1, e from 1 to 2.5\nnone",
        "SYS-1, e from 1 to 5\nbase",
    ]
    ranges, overlaps = {"far": (10, 20), "mild": (2.5, 7.5), "none": (1, 2.5), "base": (1, 5)}, {}
    for label, of_row in drawn.items():
        name = label.rpartition("\n")[2]
        assert of_row[0][0] == ranges[name]
        assert all(alpha is None for _, alpha in of_row[1:])  # dark
        overlaps[name] = [ends for ends, _ in of_row[1:] if ends[0] < ends[1]]
    assert overlaps == {"far": [], "mild": [(2.5, 5)], "none": [(1, 2.5)], "base": []}
    plt.close(figure)
