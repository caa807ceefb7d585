"""Logs of jobs: plain lines, and whatever ended the job."""

import logging
import sys


def to_file(path: str) -> None:
    """Log to ``path`` from here on. An error that ends the process goes there with its traceback, and to
    standard error in one line."""
    logging.basicConfig(filename=path, filemode="w", level=logging.INFO, format="%(asctime)s %(message)s")

    def log_exception(kind, error, traceback) -> None:
        logging.critical("failed", exc_info=(kind, error, traceback))
        print(f"{kind.__name__}: {error}", file=sys.stderr)

    sys.excepthook = log_exception
