"""Logs of jobs: plain lines, and whatever ended the job."""

import logging
import re
import sys
from pathlib import Path
from types import TracebackType

from pdetransfer.base.files import UnusableFile


def to_file(path: str | None, goes_on: bool = False) -> None:
    """Log to ``path`` from here on, None being standard error; what is there is replaced, unless it ``goes_on``.
    An error that ends the process goes there with its traceback, and to standard error in one line. A job reads no
    weights and no stores but those that the workflow made, and makes again."""
    if path is not None and not goes_on:
        open(path, "w").close()
    logging.basicConfig(filename=path, filemode="a", level=logging.INFO, format="%(asctime)s %(message)s")

    def log_exception(
        kind: type[BaseException], error: BaseException, traceback: TracebackType | None
    ) -> None:
        if isinstance(error, UnusableFile):
            error.args = (f"{error}; delete it, and the next run makes it again",)
        logging.critical("failed", exc_info=(kind, error, traceback))
        print(f"{kind.__name__}: {error}", file=sys.stderr)

    sys.excepthook = log_exception


def current_file() -> str | None:
    """Where this process logs to; None if not to a file."""
    files = [handler for handler in logging.getLogger().handlers if isinstance(handler, logging.FileHandler)]
    return files[0].baseFilename if files else None


def last_line(path: Path) -> tuple[str, bool]:
    """The last line of a log, without its time, and whether it tells of an error: a traceback has no times."""
    lines = path.read_text().rstrip().splitlines() or [""]
    told = re.fullmatch(r"\d{4}-\d\d-\d\d [\d:,]+ (.*)", lines[-1])
    return (told[1], False) if told else (lines[-1], bool(lines[-1]))
