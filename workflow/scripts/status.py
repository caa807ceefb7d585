"""How far the cells are, printed."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.training.status import Cell, describe, standings

logs.to_file(snakemake.log[0])
store = Path(snakemake.params.finished)
groups = {
    name: [
        standing
        for job in jobs
        for standing in standings([Cell(**cell) for cell in job["cells"]], job["log"], store)
    ]
    for name, jobs in snakemake.params.jobs.items()
}
print(describe(groups))
