"""Logs of jobs: plain lines, and whatever ended the job."""

import logging
import re
import sys
from pathlib import Path


def to_file(path: str) -> None:
    """Log to ``path`` from here on. An error that ends the process goes there with its traceback, and to
    standard error in one line."""
    logging.basicConfig(filename=path, filemode="w", level=logging.INFO, format="%(asctime)s %(message)s")

    def log_exception(kind, error, traceback) -> None:
        logging.critical("failed", exc_info=(kind, error, traceback))
        print(f"{kind.__name__}: {error}", file=sys.stderr)

    sys.excepthook = log_exception


def last_line(path: Path) -> tuple[str, bool]:
    """The last line of a log, without its time, and whether it tells of an error: a traceback has no times."""
    lines = path.read_text().rstrip().splitlines() or [""]
    told = re.fullmatch(r"\d{4}-\d\d-\d\d [\d:,]+ (.*)", lines[-1])
    return (told[1], False) if told else (lines[-1], bool(lines[-1]))
