"""Whole workflows from a clean copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from pdetransfer.plan.expand import expand

ROOT = Path(__file__).parents[2]


class Project:
    """A copy of the project's files, whose config chooses smoke scale, and Snakemake run in it as a user would."""

    def __init__(self, path: Path):
        self.path = path
        tracked = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in tracked.stdout.splitlines():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, path / name, follow_symlinks=False)
        self.edit("config/config.yaml", "scale: laptop", "scale: smoke")

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """Run ``snakemake``; the output, both streams, is in ``stdout``."""
        return subprocess.run(
            [Path(sys.executable).with_name("snakemake"), *arguments],
            cwd=self.path,
            env=os.environ | {"PYTHONPATH": ""},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def succeed(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def command(self, name: str, *words: str) -> subprocess.CompletedProcess:
        """Run a command of the package; the output, both streams, is in ``stdout``."""
        return subprocess.run(
            [sys.executable, "-m", f"pdetransfer.{name}", *words],
            cwd=self.path,
            env=os.environ | {"PYTHONPATH": str(self.path / "pipeline_src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def told(self, name: str, *words: str) -> str:
        """What a command says that succeeds."""
        result = self.command(name, *words)
        assert result.returncode == 0, result.stdout
        return result.stdout

    def documented_columns(self) -> dict[str, list[str]]:
        """The columns of docs/tables.md, by the file that they are of."""
        page = (self.path / "docs/tables.md").read_text()
        parts = re.split(r"^## `(.*)`$", page, flags=re.M)[1:]
        return {
            file: re.findall(r"^\| `(\w+)` \| .+ \| [^|]*\|$", text, flags=re.M)
            for file, text in zip(parts[::2], parts[1::2], strict=True)
        }

    def in_terminal(self, program: str, *arguments: str) -> tuple[int, str]:
        """Run ``make`` or ``snakemake`` in a terminal; its status, and what a person sees."""
        binaries = Path(sys.executable).parent
        installed = ["make", f"BIN={binaries}", "--old-file=.venv/installed"]
        command = installed if program == "make" else [binaries / program]
        # Else make is one within another, and ends by saying which folder it leaves.
        settings = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
        settings |= {"PYTHONPATH": str(self.path / "pipeline_src"), "TERM": "xterm"}
        reader, terminal = os.openpty()
        with subprocess.Popen(
            [*command, *arguments], cwd=self.path, env=settings, stdout=terminal, stderr=terminal
        ) as process:
            os.close(terminal)
            seen = b""
            with suppress(OSError):  # how Linux says that nobody writes any more
                while chunk := os.read(reader, 4096):
                    seen += chunk
        os.close(reader)
        return process.returncode, seen.decode()

    def planned(self, *targets: str) -> dict[str, int]:
        """Number of jobs by rule that a dry run would do for the targets."""
        output = self.succeed("-n", "--quiet", "rules", "--", *targets)
        if "Nothing to be done" in output:
            return {}
        lines = output[output.index("Job stats:") :].splitlines()[3:]
        jobs = dict(line.split() for line in lines[: lines.index("")])
        return {rule: int(count) for rule, count in jobs.items() if rule not in ("all", "total")}

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text of a file, which must be there."""
        text = (self.path / name).read_text()
        assert old in text, f"{name} has no {old!r}"
        (self.path / name).write_text(text.replace(old, new))

    def edit_config(self, change) -> None:
        """Let ``change`` alter the transfer study as it is at smoke scale, a dict of all entries."""
        study, scale = (self.path / f"config/transfer/{name}.yaml" for name in ("study", "smoke"))
        config = expand(*(yaml.safe_load(file.read_text()) for file in (study, scale)))
        del config["families"]
        change(config)
        study.write_text(yaml.safe_dump(config, sort_keys=False))
        scale.write_text("{}\n")


@pytest.fixture
def fresh(tmp_path):
    """A clean copy, nothing made yet."""
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def another(tmp_path_factory):
    """Another clean copy, for all tests that ask for one."""
    return Project(tmp_path_factory.mktemp("another") / "project")


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory):
    """A copy in which the smoke workflow has run; ``output`` is what Snakemake said."""
    project = Project(tmp_path_factory.mktemp("finished") / "project")
    project.output = project.succeed("all")
    return project


@pytest.fixture
def finished(finished_project, tmp_path):
    """A copy of its own of the finished project, with the times of all files."""
    shutil.copytree(finished_project.path, tmp_path / "project", symlinks=True)
    project = Project.__new__(Project)
    project.path = tmp_path / "project"
    return project
