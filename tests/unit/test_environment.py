"""What is said in several files is the same in all: packages, versions, tools."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.version import Version

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


def test_the_oldest_snakemake_is_the_same_everywhere():
    (oldest,) = (
        bound.version
        for requirement in DIRECT
        if requirement.name == "snakemake"
        for bound in requirement.specifier
        if bound.operator == ">="
    )
    assert (
        re.search(r'^min_version\("(.+)"\)$', (ROOT / "workflow/Snakefile").read_text(), re.MULTILINE)[1]
        == oldest
    )
    assert f"snakemake-≥{oldest}-" in (ROOT / "README.md").read_text()


def test_ci_runs_with_the_python_of_conda():
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"]]
    assert ".ci/run" in [step.get("run") for step in steps]
    (setup,) = (step["with"] for step in steps if "setup-python" in step.get("uses", ""))
    assert setup["python-version"] == conda()["python"][0]
    assert (ROOT / setup["cache-dependency-path"]).is_file()


def test_hooks_run_the_tools_of_make_test():
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    entries = [hook["entry"].split()[0] for repository in hooks for hook in repository["hooks"]]
    recipe = (ROOT / "Makefile").read_text().replace("$(BIN)", ".venv/bin")
    assert entries
    for entry in entries:
        assert f"\t{entry} " in recipe
        assert Path(entry).name in {requirement.name for requirement in TEST}


def test_the_newest_release_has_the_version_of_the_project():
    headings = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings.pop(0) == "Unreleased"
    releases = [re.fullmatch(r"v(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", heading) for heading in headings]
    assert all(releases)
    versions, dates = zip(*(release.groups() for release in releases), strict=True)
    assert list(versions) == sorted(versions, key=Version, reverse=True)
    assert list(dates) == sorted(dates, reverse=True)
    assert versions[0] == PROJECT["version"]
    assert versions[0] == yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"]
