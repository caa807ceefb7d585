"""Imports go one way, and take no longer than they must."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import pdetransfer

PACKAGE = Path(pdetransfer.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))

# A module of a layer imports from its own layer and the ones before it.
LAYERS = [
    {"numerics", "files", "logs", "provenance"},
    {"locks"},
    {"grid", "streams"},
    {"sources"},
    {"systems"},
    {"experiments"},
    {"config", "costs"},
    {"tables"},
    {"bootstrap"},
    {"savings", "fits", "comparison"},
    {"budgets"},
    {"claims"},
    {"answers"},
    {"figures"},
    {"charts"},
    {"store"},
    {"generation", "own_data", "datasets", "disjoint"},
    {"cards"},
    {"shifts"},
    {"models"},
    {"operators"},
    {"tensors"},
    {"checkpoints", "evaluation"},
    {"predictions"},
    {"galleries"},
    {"report"},
    {"supplements"},
    {"recipes", "stored"},
    {"state"},
    {"hardware", "steps"},
    {"training"},
    {"cells", "workers"},
    {"finished", "timing"},
    {"status"},
    {"jobs"},
    {"exports"},
]
ONLY_IN = {
    "torch": {
        "models",
        "operators",
        "tensors",
        "checkpoints",
        "evaluation",
        "predictions",
        "state",
        "hardware",
        "steps",
        "training",
        "workers",
        "timing",
        "jobs",
        "exports",
    },
    "safetensors": {"tensors"},
    "zarr": {"store", "own_data", "datasets", "disjoint", "cards"},
    "h5py": {"own_data"},
    "matplotlib": {"figures", "galleries", "charts"},
    "altair": {"charts"},
    "snakemake": set(),
    "yaml": set(),
}


def imports(path):
    """Names of all modules that a file imports, at any depth of its code."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path):
    if path == PACKAGE / "__init__.py":
        return
    here = room(path)
    layer = next(index for index, names in enumerate(LAYERS) if here in names)
    allowed = set().union(*LAYERS[: layer + 1])
    for name in imports(path):
        if name.startswith("pdetransfer."):
            assert name.split(".")[1] in allowed, f"{here} imports {name}"
        assert here in ONLY_IN.get(name.split(".")[0], {here}), f"{here} imports {name}"


def test_no_module_spells_a_path_of_results():
    for path in MODULES:
        tree = ast.parse(path.read_text())
        docstrings = {
            ast.get_docstring(node, clean=False)
            for node in ast.walk(tree)
            if hasattr(node, "body")
            and isinstance(node.body, list)
            and isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        }
        texts = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        assert not [text for text in texts - docstrings if text.startswith("results/")], path


@pytest.mark.parametrize(
    ("modules", "slow"),
    [
        ("pdetransfer.config, pdetransfer.costs", {"torch", "zarr", "matplotlib"}),  # to plan
        ("pdetransfer.galleries", {"torch"}),  # to draw a dataset's card
        ("pdetransfer.jobs, pdetransfer.predictions", {"torch._dynamo", "matplotlib"}),  # to evaluate
    ],
)
def test_what_takes_long_to_import_is_not(modules, slow):
    code = f"import sys, {modules}; print(sys.modules.keys() & {slow})"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "set()"
