"""Where results come from: the versions of what computes."""

import platform
import shutil
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pdetransfer

_LIBRARIES = (
    "torch",
    "numpy",
    "scipy",
    "zarr",
    "xarray",
    "pandas",
    "seaborn",
    "altair",
    "itables",
    "snakemake",
)


@cache
def commit() -> str:
    """The commit of this code, with "-dirty" where files differ from it; "unknown" outside a repository."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty"]
    if shutil.which("git") is None:
        return "unknown"
    git = subprocess.run(command, capture_output=True, text=True, check=False)
    return git.stdout.strip() or "unknown"


def versions() -> dict[str, str]:
    """Versions of this package, of Python and of libraries."""
    return {
        "pdetransfer": pdetransfer.__version__,
        "commit": commit(),
        "Python": platform.python_version(),
        **{name: version(name) for name in _LIBRARIES},
    }
