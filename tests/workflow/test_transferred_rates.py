"""Learning rates that are transferred from a proxy's cells, from the config to the table."""

import json

import pandas as pd
import pytest

pytestmark = pytest.mark.slow

RESULTS = "results/transfer/smoke"
TABLE = f"{RESULTS}/tables/control_transferred_rate.csv"


def chosen(project, model, init, recipe):
    """The learning rate of each n_train."""
    folder = project.path / RESULTS / f"cells/poisson_e5-10/{model}/{init}/{recipe}"
    return {n: json.loads((folder / f"n{n}/cell.json").read_text())["learning_rate"] for n in (4, 8)}


def of_proxy(project, init):
    return chosen(project, "mup_small", init, "downstream_seeds")


def transferred(project, init):
    return chosen(project, "mup_large", init, "downstream_transferred")


def test_a_larger_model_trains_with_what_the_proxy_has_chosen_and_again_if_that_changes(fresh):
    assert fresh.planned(TABLE)["train_pack"] == 6  # two proxies, and both arms of two models
    fresh.succeed(TABLE)
    rows = pd.read_csv(fresh.path / TABLE).query("n_train > 0")
    assert set(rows["num_learning_rates"].groupby(rows["init"]).unique().explode().items()) == {
        ("scratch", 1),
        ("poisson", 3),
    }
    before = of_proxy(fresh, "scratch")
    assert transferred(fresh, "scratch") == before
    for n, rate in transferred(fresh, "poisson").items():
        assert round(rate / of_proxy(fresh, "poisson")[n], 6) in (round(1 / 3, 6), 1, 3)
    assert fresh.planned(TABLE) == {}
    fresh.edit("config/transfer/smoke.yaml", "scratch: [1.0e-3, 4.0e-3]", "scratch: [1.5e-3, 3.5e-3]")
    assert fresh.planned(TABLE)["train_pack"] == 3  # from scratch
    fresh.succeed(TABLE)
    after = of_proxy(fresh, "scratch")
    assert not set(before.values()) & set(after.values())
    assert transferred(fresh, "scratch") == after


def test_what_is_saved_is_planned(fresh):
    fresh.succeed(f"{RESULTS}/plan/control_transferred_rate.txt")
    plan = pd.read_csv(fresh.path / RESULTS / "plan/control_transferred_rate.csv").set_index("experiment")
    assert plan.loc["proxies", "trainings_saved"] == -plan.loc["proxies", "trainings"] < 0
    words = (fresh.path / RESULTS / "plan/control_transferred_rate.txt").read_text()
    assert "device_hours_saved" in words
