import re

import numpy as np
import pytest
import torch

from cases import SETTINGS, architecture_of
from pdetransfer.data.generation import generate
from pdetransfer.data.stored import Stored
from pdetransfer.models.checkpoints import load_model
from pdetransfer.models.registry import MODELS
from pdetransfer.plan.study import Curve
from pdetransfer.report.exports import TrainedCell, describe, model_card
from pdetransfer.training import jobs
from pdetransfer.training.evaluation import errors_of
from pdetransfer.training.hardware import Hardware

GENERATED = {
    "system": "poisson",
    "dataset": "p",
    "equation": "-div(K grad u) = f",
    "options": {"e_range": [1, 5]},
    "num_points": 16,
}
OF_SYSTEM = GENERATED | {"dataset": "mine", "options": None}
UNKNOWN = OF_SYSTEM | {"system": None, "equation": None}


def card_of(data, coefficients=("k11", "k22"), **architecture):
    """A card of one from scratch on 8 examples."""
    return model_card(
        {
            "name": "p/fno/scratch/r/n8",
            "architecture": {"kind": "fno", **architecture},
            "num_parameters": 1234,
            "fields": ["source"],
            "coefficients": list(coefficients),
            "outputs": ["solution"],
            "seeds": [0],
            "data": data,
            "init": "scratch",
            "n_train": 8,
            "recipe": SETTINGS["recipe"],
            "learning_rate": 1e-3,
            "seconds": 1.0,
            "test_errors": [],
            "provenance": {},
        }
    )


def test_a_card_says_what_is_known_of_generated_data():
    card = card_of([GENERATED])
    assert card.startswith("---\nlicense: mit\n")
    for text in (
        "operator.predict(source=source, k11=..., k22=...)",
        "coefficients k11, k22",
        "periodic",
        "i / N",
        "(count,)",
        "| p | -div(K grad u) = f | e_range [1, 5] | 16 x 16 |",
        "MIT",
    ):
        assert text in card, text
    of_two = card_of([GENERATED, GENERATED])
    assert re.findall(r"is 0\b", of_two)  # a coefficient that one of them lacks
    assert not re.findall(r"is 0\b", card)


def test_a_card_claims_nothing_of_a_users_data_that_is_not_known():
    card = card_of([UNKNOWN], coefficients=())
    assert card.startswith("---\nlicense: other\n")
    assert "operator.predict(source=source)\n" in card
    (row,) = (line.split(" | ") for line in card.splitlines() if line.startswith("| mine |"))
    assert row[-1] == "16 x 16 |"
    assert "(mine)" in card  # whose terms decide
    for claim in ("periodic", "coefficient", "i / N", "MIT"):
        assert claim not in card, claim


@pytest.mark.parametrize(
    ("num_points", "num_dims", "texts"),
    [
        (16, 1, ("`(N)`", "`(count, N)`", "| 16 |")),
        ([16, 20], 2, ("`(N, N)`", "`(count, N, N)`", "| 16 x 20 |")),
        (16, 3, ("(count, N, N, N)", "| 16 x 16 x 16 |")),
    ],
)
def test_a_card_has_the_dimensions_of_its_model(num_points, num_dims, texts):
    card = card_of([UNKNOWN | {"num_points": num_points}], num_dims=num_dims)
    for text in texts:
        assert text in card, text


@pytest.mark.parametrize(
    ("data", "periodic"), [([OF_SYSTEM], True), ([GENERATED, OF_SYSTEM], True), ([GENERATED, UNKNOWN], False)]
)
def test_a_square_is_periodic_where_all_equations_are_known(data, periodic):
    card = card_of(data)
    assert ("periodic unit square" in card) == periodic
    assert "license: other" in card
    assert "-div(K grad u) = f" in card


@pytest.mark.parametrize("kind", MODELS)
def test_every_model_is_described_with_the_errors_on_the_test_examples_of_its_datasets(
    kind, small_split, tmp_path
):
    """Those of roll-outs, of a model that takes frames."""
    architecture = architecture_of(kind)
    system = "shallow_water" if "num_frames" in architecture else "poisson"
    store, manifest = tmp_path / "d.zarr", tmp_path / "d.json"
    generate(small_split(system, split="test", count=6), store, manifest)
    stored, cpu, folder = Stored([store], [manifest]), torch.device("cpu"), tmp_path / "cell"
    settings = SETTINGS | {"architecture": architecture, "n_train": 4}
    jobs.train([settings], [folder], stored, stored, None, tmp_path / "archive", Hardware(cpu))
    weights = folder / "weights.safetensors"
    cell = TrainedCell(Curve("d", "m", "scratch", "r"), weights, folder / "cell.json", [manifest], [stored])
    content = describe(cell, cpu)
    examples = stored.load_for(architecture)
    for row in content["test_errors"]:
        errors = errors_of(load_model(weights, row["seed"]), examples, cpu)["error"]
        assert (row["examples"], row["mean"]) == (6, pytest.approx(np.mean(errors)))
    assert [row["seed"] for row in content["test_errors"]] == content["seeds"] == [0, 1]
    card = model_card(content)
    assert "| d | 0 | 6 |" in card
    assert card.startswith("---\nlicense: mit\n")
    assert ("operator.roll_out(10, depth=depth)" in card) == (system == "shallow_water")
