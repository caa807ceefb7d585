"""What commands share: the study that is typed, and mistakes in one sentence."""

import sys
from collections.abc import Callable
from pathlib import Path

from pdetransfer.plan.check import check
from pdetransfer.plan.load import load_typed
from pdetransfer.plan.study import Study
from pdetransfer.studies import registry

CONFIG = Path(__file__).parents[2] / "config"  #: beside the package, wherever a command is started


def run(main: Callable[..., None]) -> None:
    """Call ``main`` with the words that are typed; a mistake in them ends the process with its sentence."""
    try:
        main(*sys.argv[1:])
    except ValueError as mistake:
        sys.exit(str(mistake))


def chosen_study(words: tuple[str, ...]) -> Study:
    """The study that ``config/config.yaml`` and these words choose (``load_typed``), checked, and told on standard
    error."""
    study = load_typed(CONFIG, words)
    check(study, registry.answers(study.answers), registry.quantities(study))
    print(study.told, file=sys.stderr)
    return study
