"""Learning rates that a proxy's cell has chosen."""

import pytest
import torch

from cases import SETTINGS
from pdetransfer.base.files import read_json, write_json
from pdetransfer.data.generation import generate
from pdetransfer.data.stored import Stored
from pdetransfer.training import jobs
from pdetransfer.training.archive import Record
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.status import PlannedCell
from pdetransfer.training.transfer import proxy_of, with_rates

WIDE = SETTINGS["architecture"] | {"width": 6}
ONE_SEED = SETTINGS["recipe"] | {"seeds": [0], "num_tuning_seeds": 1}


class Pair:
    """A proxy's cell, which tries two rates, and a wider one, whose rate is transferred from it."""

    def __init__(self, path, small_split):
        self.path, self.proxy = path, path / "proxy/cell.json"
        for split in ("train", "validation"):
            generate(small_split(split=split), path / f"{split}.zarr", path / f"{split}.json")
        self.stored = {
            split: Stored([path / f"{split}.zarr"], [path / f"{split}.json"])
            for split in ("train", "validation")
        }
        self.train("proxy", SETTINGS | {"n_train": 8, "recipe": ONE_SEED})

    def settings(self, bracket=None):
        rates = {"proxy": str(self.proxy), "bracket": bracket}
        return {"architecture": WIDE, "n_train": 8, "recipe": ONE_SEED | {"learning_rates": rates}}

    def train(self, name, settings):
        """Train a cell; its summary."""
        folder = self.path / name
        jobs.train(
            [settings],
            [folder],
            *self.stored.values(),
            None,
            self.path / "archive",
            Hardware(torch.device("cpu")),
        )
        return read_json(folder / "cell.json")

    def record(self, bracket=None):
        manifests = {split: stored.manifests for split, stored in self.stored.items()}
        return Record.of(self.path / "archive", with_rates(self.settings(bracket)), manifests, None)

    def choose(self, rate):
        """Let the proxy have chosen another rate."""
        content = read_json(self.proxy)
        self.proxy.unlink()  # it is linked into the archive
        write_json(self.proxy, content | {"learning_rate": rate})


@pytest.fixture
def pair(tmp_path, small_split):
    return Pair(tmp_path, small_split)


def test_the_rate_is_the_one_that_the_proxy_has_chosen(pair):
    chosen = read_json(pair.proxy)["learning_rate"]
    assert chosen in SETTINGS["recipe"]["learning_rates"]
    cell = pair.train("wide", pair.settings())
    assert cell["learning_rate"] == chosen
    assert [run["learning_rate"] for run in cell["runs"]] == cell["learning_rates"] == [chosen]
    assert cell["edge"] == "inside"
    assert cell["settings"]["recipe"]["learning_rates"] == [chosen]


def test_a_bracket_tries_three_rates_around_it(pair):
    chosen = read_json(pair.proxy)["learning_rate"]
    cell = pair.train("wide", pair.settings(bracket=3.0))
    assert cell["learning_rates"] == [chosen / 3, chosen, 3 * chosen]
    errors = {run["learning_rate"]: run["validation_error"] for run in cell["runs"]}
    assert cell["learning_rate"] == min(errors, key=errors.get)


def test_another_choice_of_the_proxy_trains_again_and_the_same_one_does_not(pair, monkeypatch):
    pair.train("wide", pair.settings())
    record, train_runs, trained = pair.record(), jobs.train_runs, []

    def counted(task, trials, **options):
        trained.extend(trials)
        return train_runs(task, trials, **options)

    monkeypatch.setattr(jobs, "train_runs", counted)
    chosen = read_json(pair.proxy)["learning_rate"]
    pair.choose(chosen)  # in a file that is written anew
    assert pair.record() == record
    pair.train("again", pair.settings())
    assert trained == []
    pair.choose(chosen / 2)
    assert pair.record() != record
    assert pair.train("other", pair.settings())["learning_rate"] == chosen / 2
    assert trained == [(chosen / 2, 0)]


def test_a_cell_with_that_rate_of_its_own_is_the_same(pair):
    own = pair.settings()
    own["recipe"] = own["recipe"] | {"learning_rates": [read_json(pair.proxy)["learning_rate"]]}
    assert with_rates(own) == own == with_rates(pair.settings())
    assert proxy_of(own) is None


def test_status_knows_no_record_before_the_proxy_has_chosen(pair):
    manifests = {split: stored.manifests for split, stored in pair.stored.items()}
    cell = PlannedCell("wide", pair.path / "wide", pair.settings(), manifests, None)
    assert cell.record(pair.path / "archive") == pair.record()
    pair.proxy.unlink()
    assert cell.record(pair.path / "archive") is None


def test_the_untrained_network_waits_for_no_learning_rate(pair):
    settings = pair.settings()
    settings["recipe"] = {key: value for key, value in ONE_SEED.items() if key != "learning_rates"}
    assert [seed for seed, _ in jobs.untrained(settings, pair.stored["train"])] == [0]
