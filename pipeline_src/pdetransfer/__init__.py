"""How much data does a pre-trained neural operator save?"""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

try:
    __version__ = version("pdetransfer")
except PackageNotFoundError:  # run from a checkout that is not installed
    __version__ = "unknown"

__all__ = ["load_model"]


def __getattr__(name: str) -> Any:
    # torch takes a second to import, which planning the workflow should not pay.
    if name == "load_model":
        from pdetransfer.models.checkpoints import load_model

        return load_model
    raise AttributeError(f"module 'pdetransfer' has no attribute {name!r}")
