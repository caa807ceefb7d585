"""Imports go one way, and take no longer than they must."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import pdetransfer
from pdetransfer.models.registry import MODELS

PACKAGE = Path(pdetransfer.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# A module imports from its own folder and the ones before it.
FOLDERS = ["base", "data", "plan", "models", "training", "analysis", "report", "studies"]
COMMANDS = ["command", "status", "compare"]  # modules beside the folders
ONLY_IN = {  # folders, or modules, that may import a library
    "torch": {"base.tensors", "models", "training", "report.predictions", "report.exports"},
    "safetensors": {"base.tensors"},
    "zarr": {"data"},
    "h5py": {"data.containers"},
    "matplotlib": {"report", "studies"},
    "altair": {"report.charts"},
    "snakemake": set(),
    "yaml": {"plan"},
}


def imports(path):
    """Names of all modules that a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def module(path):
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts)


@pytest.mark.parametrize("path", MODULES, ids=module)
def test_imports_go_one_way(path):
    if path.name == "__init__.py":
        assert path.parent == PACKAGE or not path.read_text(), "planning pays for what stands here"
        return
    here = module(path)
    folder = here.split(".")[0]
    layers = FOLDERS + COMMANDS
    allowed = layers[: layers.index(folder) + 1]
    for name in imports(path):
        library, *rest = name.split(".")
        if library == "pdetransfer" and rest:
            assert rest[0] in allowed, f"{here} imports {name}"
        assert library not in ONLY_IN or {here, folder} & ONLY_IN[library], f"{here} imports {name}"


def texts(path):
    """All texts of a file that are no docstrings."""
    tree = ast.parse(path.read_text())
    docstrings = {
        ast.get_docstring(node, clean=False)
        for node in ast.walk(tree)
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
    }
    constants = (node.value for node in ast.walk(tree) if isinstance(node, ast.Constant))
    return {text for text in constants if isinstance(text, str)} - docstrings


def test_no_module_but_those_of_the_plan_spells_a_path_of_results():
    for path in (path for path in MODULES if not module(path).startswith("plan.")):
        assert not [text for text in texts(path) if text.startswith("results/")], path


def test_the_engine_names_no_study():
    """What stands in a folder of `studies/` is found there, by what a config says; a model may be called alike."""
    studies = {path.parent.name for path in PACKAGE.glob("studies/*/answers.py")} - set(MODELS)
    assert studies
    for path in (path for path in MODULES if not module(path).startswith("studies.")):
        assert not [text for text in texts(path) if studies & set(re.split(r"[./]", text))], path
        of_studies = {name for name in imports(path) if name.startswith("pdetransfer.studies")}
        assert of_studies <= ({"pdetransfer.studies.registry"} if module(path) in COMMANDS else set()), path


@pytest.mark.parametrize(
    ("modules", "slow"),
    [
        (
            "pdetransfer.plan.load, pdetransfer.plan.check, pdetransfer.plan.costs, pdetransfer.studies.registry, "
            "pdetransfer.studies.transfer.answers, pdetransfer.studies.transfer.quantities",
            {"torch", "zarr", "matplotlib", "scipy.optimize"},
        ),  # to plan
        ("pdetransfer.report.galleries", {"torch"}),  # to draw a dataset's card
        (
            "pdetransfer.training.jobs, pdetransfer.report.predictions",
            {"torch._dynamo", "matplotlib"},
        ),  # to evaluate
    ],
)
def test_what_takes_long_to_import_is_not(modules, slow):
    code = f"import sys, {modules}; print(sys.modules.keys() & {slow})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
