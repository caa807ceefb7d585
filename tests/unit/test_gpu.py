"""The script for a GPU, on the processor at toy size."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "benchmarks/gpu.py"
sys.path.append(str(SCRIPT.parent))

import gpu  # noqa: E402

# Imported by every Python that the script starts: what it does not list, and PyTorch does not bring, is not there.
BARE = f"""
import importlib.metadata as metadata
import re
import sys
from importlib.machinery import PathFinder

def plain(name):
    return re.sub(r"[-_.]+", "-", name).lower()

def with_needs(names):
    found = set()
    while names:
        name = names.pop()
        if name not in found:
            found.add(name)
            try:
                needs = metadata.requires(name) or []
            except metadata.PackageNotFoundError:
                continue
            names += [plain(re.match(r"[\\w.-]+", need)[0]) for need in needs if "extra ==" not in need]
    return found

LISTED = {{"pdetransfer"}} | with_needs(["torch"]) | {{plain(name) for name in {gpu.NEEDS!r}}}
OWNERS = metadata.packages_distributions()

class Bare:
    def find_spec(self, name, path=None, target=None):
        owners = OWNERS.get(name.partition(".")[0], [])
        hidden = owners and not LISTED & set(map(plain, owners))
        return None if hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Bare()
"""


def run(folder, *arguments, path=""):
    env = os.environ | {"PYTHONPATH": str(path), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env |= {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, SCRIPT, "--output", folder, *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def bare(tmp_path):
    folder = tmp_path / "bare"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(BARE)
    return folder


@pytest.mark.slow
def test_every_part_gives_its_rows_with_nothing_but_what_the_script_lists(tmp_path, bare):
    names = list(gpu.PARTS)
    # Parts that are named have more time, should the machine be busy.
    for some in (names[:4], names[4:5], names[5:]):
        run(tmp_path, *some, path=bare)
    parts = json.loads((tmp_path / "gpu.json").read_text())
    assert list(parts) == list(gpu.PARTS)
    table = (tmp_path / "gpu.md").read_text()
    for part, content in parts.items():
        assert content["rows"], part
        assert "toy sizes" in content["machine"]["device"]
        assert content["seconds"] > 0
        for row in content["rows"]:
            assert "failed" not in row, row
            assert row["case"] in table
    (undisturbed, killed) = parts["resume"]["rows"]
    assert undisturbed["difference of weights"] == killed["difference of weights"] == 0
    assert 0 < killed["resumed after step"] < killed["steps"]
    assert all(row["within 1e-06 and 1e-05"] == "True" for row in parts["accuracy"]["rows"])
    (shared,) = parts["processes"]["rows"]
    assert shared["difference of losses"] < 1e-5


def test_a_part_that_fails_is_a_row_and_the_next_goes_on(tmp_path):
    (tmp_path / "pydantic.py").write_text("raise RuntimeError('none here')")
    run(tmp_path, "cell", "tests", path=tmp_path)
    parts = json.loads((tmp_path / "gpu.json").read_text())
    for part in ("cell", "tests"):
        assert [row["failed"] for row in parts[part]["rows"]] == [f"RuntimeError: none here; see {part}.log"]


def test_a_part_whose_time_is_up_is_a_row(tmp_path):
    gpu.run("cell", tmp_path, 0.1)
    parts = json.loads((tmp_path / "gpu.json").read_text())
    assert [row["failed"] for row in parts["cell"]["rows"]] == ["stopped after 0 s; see cell.log"]


def test_what_is_needed_is_listed_at_the_locked_versions(monkeypatch):
    assert gpu.needed() == []
    monkeypatch.setattr(gpu, "_is_there", lambda name: name not in ("pydantic_core", "zarr"))
    lock = (ROOT / "requirements.lock").read_text().splitlines()
    found = gpu.needed()
    assert [line.partition("==")[0] for line in found] == ["pydantic_core", "zarr"]
    assert set(found) <= {*lock, *(line.replace("-", "_") for line in lock)}
