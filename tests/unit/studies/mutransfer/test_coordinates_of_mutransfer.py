"""The coordinate check: its table on tiny models; slopes, figure, claim and words on tables with known slopes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from configs import ROOT
from pdetransfer.analysis.claims import Evidence, NotInStudy
from pdetransfer.analysis.tables import AXES
from pdetransfer.data.generation import generate
from pdetransfer.plan.entries import Figure, Selection
from pdetransfer.plan.inputs import SplitFiles
from pdetransfer.plan.load import load
from pdetransfer.plan.study import Study
from pdetransfer.report.figures import Tables
from pdetransfer.studies.mutransfer import inputs
from pdetransfer.studies.mutransfer.coordinates import COLUMNS, NUM_STEPS, coordinates_table
from pdetransfer.studies.mutransfer.figures import draw_coordinate_check
from pdetransfer.studies.mutransfer.quantities import growth_of_activations_with_width
from pdetransfer.studies.mutransfer.slopes import MEASURED, at_last_step, exponents, slopes
from pdetransfer.studies.mutransfer.supplements import supplements
from pdetransfer.training.hardware import Hardware

SLOPES = {"standard": {"width": 0.9, "modes": 0.2}, "mup": {"width": 0.0, "modes": -0.3}}
WIDTHS, BOTH = {"width": [4, 8, 16], "modes": [2]}, {"width": [4, 8, 16], "modes": [2, 4]}


def known(sizes=WIDTHS, dataset="d", seeds=3, spread=0.0):
    """Quantities that are powers of the sizes, in the last step; a seed makes all of them larger."""
    rows = []
    for family, powers in SLOPES.items():
        for width in sizes["width"]:
            for modes in sizes["modes"]:
                for seed in range(seeds):
                    value = width ** powers["width"] * modes ** powers["modes"] * np.exp(spread * seed)
                    model = f"{family}.width{width}.modes{modes}"
                    axes = dict(zip(AXES, (dataset, model, "scratch", "sweep", 8), strict=True))
                    of_seed = axes | {"width": width, "modes": modes, "learning_rate": 1e-4, "seed": seed}
                    rows.append(of_seed | {"step": 1} | dict.fromkeys(MEASURED, 7.0))
                    rows.append(of_seed | {"step": 2} | dict.fromkeys(MEASURED, value))
    return pd.DataFrame(rows, columns=COLUMNS)


@pytest.mark.parametrize("sizes", [WIDTHS, {"width": [4], "modes": [2, 4, 8]}, BOTH])
def test_slopes_are_the_powers_of_the_sizes_that_differ(sizes):
    table = slopes(known(sizes, spread=0.1))
    varied = [size for size, values in sizes.items() if len(values) > 1]
    assert len(table) == len(SLOPES) * len(varied) * len(MEASURED)
    assert list(table.columns) == ["dataset", "family", "size", "quantity", "slope", "low", "high"]
    for row in table.itertuples():
        assert [row.slope, row.low, row.high] == pytest.approx([SLOPES[row.family][row.size]] * 3, abs=1e-9)


def test_the_interval_of_a_slope_has_the_seeds_that_are_drawn_anew():
    """One seed of three grows faster."""
    rows = at_last_step(known()).query("family == 'mup'")
    grown = rows["activations_change"].where(rows["seed"] != 2, rows["width"] ** 0.5)
    found = exponents(rows.assign(activations_change=grown), "activations_change")["width"]
    assert len(found) == 1001
    assert 0 < found[0] < 0.5
    assert np.quantile(found[1:], [0.025, 0.975]) == pytest.approx([0, 0.5], abs=1e-9)


def test_what_is_measured_is_one_cell_of_each_dataset_and_model():
    study = load(ROOT / "config", {"study": "mutransfer", "scale": "smoke"})
    job = inputs.coordinates(study, study.asking("learning_rate"))
    measured = {(cell.axes["dataset"], cell.axes["model"]): cell for of in job for cell in of.cells}
    trained = [cell for name in study.reported for cell in study.downstream(name)]
    assert set(measured) == {(curve.dataset, curve.model) for curve, _ in trained}
    for cell in measured.values():
        assert list(cell.axes) == AXES
        smallest = min(min(study.recipes[curve.recipe].rates(False)) for curve, _ in trained)
        (rate,) = cell.settings["recipe"]["learning_rates"]
        assert rate < smallest


@pytest.fixture
def tiny(small_split, tmp_path):
    """Two widths in muP on eight examples."""
    files = {}
    for split in ("train", "validation"):
        paths = tmp_path / f"{split}.zarr", tmp_path / f"{split}.json"
        generate(small_split(split=split), *paths)
        files[split] = [SplitFiles(*map(str, paths))]
    recipe = {"batch_size": 4, "length": 2, "length_unit": "steps", "validation_interval": 1}
    recipe |= {"num_validation": 8, "learning_rates": [1e-4], "seeds": [0, 1]}
    cells = []
    for width in (4, 8):
        sizes = {"kind": "fno", "width": width, "modes": 2, "num_layers": 2}
        base = {"parametrization": "mup", "base": {"width": 4, "modes": 2}}
        axes = dict(zip(AXES, ("d", f"mup.width{width}", "scratch", "sweep", 8), strict=True))
        settings = {"architecture": sizes | base, "recipe": recipe, "n_train": 8}
        cells.append(inputs.Measured(axes, settings))
    return [inputs.MeasuredOn(**files, cells=cells)]


def test_the_table_has_a_row_for_each_cell_seed_and_step(tiny):
    table = coordinates_table(tiny, Hardware(torch.device("cpu")))
    assert list(table) == COLUMNS
    assert len(table) == 2 * 2 * NUM_STEPS
    assert table["width"].to_list() == [4] * 2 * NUM_STEPS + [8] * 2 * NUM_STEPS
    assert (table["learning_rate"] == 1e-4).all()
    assert (table[[*MEASURED]] > 0).all(axis=None)
    assert table.groupby(["model", "seed"])["activations"].nunique().eq(1).all()
    pd.testing.assert_frame_equal(table, coordinates_table(tiny, Hardware(torch.device("cpu"))))


@pytest.mark.parametrize("other", [None, "e"])
def test_lines_of_the_figure_are_means_over_seeds_with_slopes_beside_them(other):
    table = known(spread=0.1)
    if other:
        of_modes = known({"width": [4], "modes": [2, 4, 8]}, dataset=other)
        table = pd.concat([table, of_modes], ignore_index=True)
    every = pd.concat([table, known(dataset="of_another_figure")], ignore_index=True)
    entry = Figure(kind="coordinate_check", experiments=["widths"], title="Title")
    tables = Tables(
        table,
        pd.DataFrame(),
        pd.DataFrame(),
        {"coordinates": every},
    )
    study = SimpleNamespace(in_words=lambda dataset: dataset)
    figure = draw_coordinate_check(tables, entry, study)
    assert len(figure.axes) == (6 if other else 3)
    last = at_last_step(table)
    for number, axes in enumerate(figure.axes):
        size = axes.get_xlabel()
        quantity = {words: name for name, words in MEASURED.items()}[axes.get_ylabel()]
        dataset, expected_size = [("d", "width"), (other, "modes")][number // 3]
        assert size == expected_size
        lines = {line.get_label(): line for line in axes.get_lines() if line.get_linestyle() == "-"}
        assert list(lines) == [f"{family}, slope {powers[size]:.2f}" for family, powers in SLOPES.items()]
        for family, line in zip(SLOPES, lines.values(), strict=True):
            rows = last[(last["dataset"] == dataset) & (last["family"] == family)]
            means = rows.groupby(size)[quantity].mean()
            np.testing.assert_allclose(line.get_xdata(), means.index)
            np.testing.assert_allclose(line.get_ydata(), means)


def test_the_report_has_the_slopes():
    (table,) = supplements([], [], {"coordinates": known(BOTH)}, None)
    assert table.table[["dataset", "family", "size"]].to_numpy().tolist() == [
        ["d", "standard", "width"],
        ["d", "standard", "modes"],
        ["d", "mup", "width"],
        ["d", "mup", "modes"],
    ]
    assert table.table[MEASURED["activations_change"]].to_list() == [
        "0.90 (0.90 to 0.90)",
        "0.20 (0.20 to 0.20)",
        "0.00 (0.00 to 0.00)",
        "-0.30 (-0.30 to -0.30)",
    ]


@pytest.mark.parametrize("family", SLOPES)
def test_a_claim_is_judged_by_the_slope_in_width(family):
    table, sizes = known(), {"kind": "fno", "modes": 2, "num_layers": 2, "rate": 1}
    models = {
        model: sizes | {"width": width} for model, width in zip(table["model"], table["width"], strict=True)
    }
    axes = {"question": "learning_rate", "dataset": ["d"], "init": ["scratch"], "recipe": ["sweep"]}
    study = Study(
        datasets={"d": {"system": "poisson"}},
        models=models,
        experiments={"widths": axes | {"model": list(models), "n_train": [8]}},
    )
    evidence = Evidence(study, None, pd.DataFrame(), tables={"coordinates": table})
    members = tuple(model for model in models if model.startswith(family))
    selection = Selection(experiment="widths", model=members, n="trained")
    found = growth_of_activations_with_width(evidence, selection)
    assert found == pytest.approx(np.full(1001, SLOPES[family]["width"]), abs=1e-9)
    with pytest.raises(NotInStudy):
        growth_of_activations_with_width(evidence, selection.model_copy(update={"model": members[:1]}))
