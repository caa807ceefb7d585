"""The script that measures a study's rates, on each of them at its smallest scale."""

import sys

import pytest

from configs import ROOT

sys.path.append(str(ROOT / "benchmarks"))

import rates


@pytest.mark.parametrize("name", sorted(folder.name for folder in rates.CONFIG.iterdir() if folder.is_dir()))
def test_every_model_of_a_study_has_a_rate(name, monkeypatch):
    monkeypatch.setattr(rates, "REPEATS", 2)
    study = rates.load(rates.CONFIG, {"study": name, "scale": "smoke"})
    cells = dict(rates.first_cells(study, []))
    trained = {curve.model for curve, _ in study.cells(list(study.experiments))}
    assert set(cells) == trained
    for model, cell in cells.items():
        row = rates.measure(study, cell)
        assert row["model"] == model
        assert row["examples/s"]["median"] > 0
        assert row["rate"] == study.models[model].rate
