"""Files that are either whole or absent, and how to tell one from another."""

import hashlib
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_STARTS = {
    b"version https://git-lfs": "it is a pointer of Git LFS; `git lfs pull` fetches the file",
    b"<": "it is a page in HTML or XML, as a failed download leaves",
    b"pk\x03\x04": "it is a zip archive, as torch.save writes, too",
    b"\x1f\x8b": "it is compressed by gzip",
    b"\x80\x02\x8a\nl\xfc": "it is what early versions of torch.save wrote",
    b"\x89hdf": "it is an HDF5 file",
}


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: dict) -> None:
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")


def read_json(path: str | Path) -> dict:
    try:
        return json.loads(Path(path).read_text())
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no JSON that can be read: {looks_like(path) or error}") from None


class UnusableFile(ValueError):
    """A file that is not what pdetransfer writes, or no longer. Its message names the file and says what it is.
    What is to be done depends on whose file it is: a job, which reads what the workflow made, says that it can be
    made again (``logs.to_file``)."""


def looks_like(path: str | Path) -> str | None:
    """What a file is that is not what it should be, by its first bytes, in words; None if unknown."""
    with open(path, "rb") as file:
        start = file.read(64).lstrip()
    if not start:
        return "it is empty"
    return next((what for first, what in _STARTS.items() if start.lower().startswith(first)), None)


def sha256_of_file(path: str | Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fingerprint(path: str | Path) -> str | None:
    """What changes when a file, or any file in a folder, is replaced, by an older one too: a hash of sizes and
    times, as contents take too long to read. None if there is nothing at ``path``."""
    path = Path(path)
    if not path.exists():
        return None
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    facts = [(str(file.relative_to(path)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()
