"""What stands in the project's root and beside it: what is not tracked, and the example."""

import subprocess
import sys

import pytest

from configs import ROOT


@pytest.mark.parametrize(
    "name",
    ["report.html", "report.zip", "workflow.html", "results/transfer/laptop/report.html", ".snakemake/log"],
)
def test_what_snakemake_makes_is_not_tracked(name):
    assert subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["model"], ["model", "picture.png", "more"]])
def test_the_example_says_how_it_is_used(arguments):
    told = subprocess.run(
        [sys.executable, "examples/predict.py", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "usage: python examples/predict.py MODEL PICTURE" in told.stderr
    assert told.stderr.count("\n") == 1
