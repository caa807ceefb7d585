"""How far the cells are, printed."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.training.status import PlannedCell, describe, standings

logs.to_file(snakemake.log[0])
archive = Path(snakemake.params.archive)


def cells(job) -> list[PlannedCell]:
    """The cells of a training job."""
    manifests = {
        split: [Path(part.manifest) for part in getattr(job, split)] for split in ("train", "validation")
    }
    init = Path(job.init) if job.init else None
    return [
        PlannedCell("/".join(Path(folder).parts[-5:]), Path(folder), settings, manifests, init)
        for folder, settings in job.cells.items()
    ]


groups = {
    name: [standing for log, job in jobs.items() for standing in standings(cells(job), Path(log), archive)]
    for name, jobs in snakemake.params.jobs.items()
}
print(describe(groups))
