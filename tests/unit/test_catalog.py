"""What the Snakemake Workflow Catalog asks of a workflow with "standardised usage"."""

import re

import pytest
import yaml

from configs import ROOT

CATALOG = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text())
USAGE = CATALOG["usage"]
DEPLOYMENT = USAGE["software-stack-deployment"]
SMK_FILES = sorted((ROOT / "workflow" / "rules").glob("*.smk"))


def test_only_keys_that_the_catalog_knows():
    assert set(CATALOG) == {"usage"}
    assert set(USAGE) <= {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(USAGE["mandatory-flags"]) <= {"desc", "flags"}
    assert set(DEPLOYMENT) <= {"conda", "apptainer", "apptainer+conda"}


def test_values_are_of_the_types_that_it_reads():
    assert isinstance(USAGE["mandatory-flags"]["desc"], str)
    assert all(isinstance(flag, str) for flag in USAGE["mandatory-flags"]["flags"])
    assert all(isinstance(value, bool) for value in [*DEPLOYMENT.values(), USAGE["report"]])
    assert any(DEPLOYMENT.values())


@pytest.mark.parametrize(
    "path", ["README.md", "config/README.md", "config/config.yaml", "workflow/Snakefile"]
)
def test_the_layout_is_the_standard_one(path):
    assert (ROOT / path).is_file()


def test_the_readme_is_found_by_a_search_for_workflows():
    text = (ROOT / "README.md").read_text().lower()
    assert "snakemake" in text
    assert "workflow" in text


@pytest.mark.parametrize("path", SMK_FILES, ids=lambda path: path.name)
def test_conda_can_deploy_every_script(path):
    assert DEPLOYMENT["conda"]
    for rule in re.split(r"^\s*(?:rule|checkpoint)\b", path.read_text(), flags=re.MULTILINE)[1:]:
        environments = re.findall(r'^\s*conda:\s*"([^"]+)"', rule, flags=re.MULTILINE)
        assert len(environments) == len(re.findall(r"^\s*script:", rule, flags=re.MULTILINE)), rule
        assert all((path.parent / environment).is_file() for environment in environments)


def test_no_container_is_promised_that_no_rule_has():
    has_container = any(
        re.search(r"^\s*container(?:ized)?:", path.read_text(), re.MULTILINE) for path in SMK_FILES
    )
    assert has_container == any(value for key, value in DEPLOYMENT.items() if "apptainer" in key)


def test_a_report_is_promised_and_rules_have_outputs_for_it():
    assert USAGE["report"] == any("report(" in path.read_text() for path in SMK_FILES)
