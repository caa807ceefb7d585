"""Print how far the cells of a study are: ``python -m pdetransfer.status [key=value ...]``, or ``make status``.

It only reads, takes no lock and starts no Snakemake, so it tells of one that runs meanwhile, too.
"""

from pathlib import Path

from pdetransfer.command import chosen_study, run
from pdetransfer.plan import inputs
from pdetransfer.training.status import describe, planned, standings


def main(*words: str) -> None:
    study = chosen_study(words)
    archive = Path(inputs.archive(study))
    groups = {
        name: [found for log, job in jobs.items() for found in standings(planned(job), Path(log), archive)]
        for name, jobs in inputs.status(study).items()
    }
    print(describe(groups))


if __name__ == "__main__":
    run(main)
