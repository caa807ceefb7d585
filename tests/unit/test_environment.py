"""pyproject.toml, requirements.lock and environment.yml name the same packages in the same versions."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DIRECT = [Requirement(line) for line in PROJECT["dependencies"]]
TEST = [Requirement(line) for line in PROJECT["optional-dependencies"]["test"]]
CONDA_NAMES = {"torch": "pytorch"}
FROM_BIOCONDA = {"snakemake", "snakemake-executor-plugin-slurm"}


def lock():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [
        re.fullmatch(r"([A-Za-z0-9_.-]+)==([A-Za-z0-9_.]+)", line)
        for line in lines
        if not line.startswith("#")
    ]
    assert all(pins), "every line of requirements.lock is name==version, without a local suffix"
    return {pin[1].lower().replace("_", "-"): pin[2] for pin in pins}


def conda():
    """Version and channel of each package of environment.yml."""
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    parsed = [re.fullmatch(r"(?:(bioconda)::)?([a-z0-9-]+)=([0-9.]+)", entry) for entry in entries]
    assert all(parsed)
    return {match[2]: (match[3], match[1]) for match in parsed}


@pytest.mark.parametrize("requirement", DIRECT + TEST, ids=str)
def test_the_lock_pins_every_direct_dependency_within_its_range(requirement):
    assert requirement.specifier.contains(lock()[requirement.name])


@pytest.mark.parametrize("requirement", DIRECT, ids=str)
def test_conda_gives_the_same_versions(requirement):
    version, channel = conda()[CONDA_NAMES.get(requirement.name, requirement.name)]
    assert version == lock()[requirement.name]
    assert (channel == "bioconda") == (requirement.name in FROM_BIOCONDA)


def test_conda_has_nothing_else():
    expected = {CONDA_NAMES.get(requirement.name, requirement.name) for requirement in DIRECT}
    assert set(conda()) == expected | {"python"}
