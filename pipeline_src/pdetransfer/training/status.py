"""How far the cells of a config are, from the files that training jobs leave. Nothing is run or locked."""

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from pdetransfer.base.locks import STALE, holder
from pdetransfer.base.logs import last_line
from pdetransfer.data.stored import Stored
from pdetransfer.plan import inputs
from pdetransfer.training.archive import Record
from pdetransfer.training.transfer import proxy_of, with_rates

STATUSES = ("done", "running", "waiting", "failed")


@dataclass(frozen=True)
class PlannedCell:
    """A cell of a config: the folder of its outputs, and what its key is made of (``Record.of``)."""

    name: str
    folder: Path
    settings: dict
    manifests: dict[str, list[Path]]
    init: Path | None

    def record(self, archive: Path) -> Record | None:
        """None while its data, initial weights or learning rate are yet to be made."""
        needed = [path for paths in self.manifests.values() for path in paths]
        needed += filter(None, (self.init, proxy_of(self.settings)))
        if not all(path.exists() for path in needed):
            return None
        return Record.of(archive, with_rates(self.settings), self.manifests, self.init)


def planned(job: inputs.Training) -> list[PlannedCell]:
    """The cells of a training job."""
    manifests = {split: Stored.of(getattr(job, split)).manifests for split in ("train", "validation")}
    init = Path(job.init) if job.init else None
    return [
        PlannedCell("/".join(Path(folder).parts[-5:]), Path(folder), settings, manifests, init)
        for folder, settings in job.cells.items()
    ]


@dataclass(frozen=True)
class Standing:
    """A cell's status, one of ``STATUSES``, and what is told of it: the last line of its log."""

    name: str
    status: str
    told: str = ""


def standings(cells: list[PlannedCell], log: Path, archive: Path) -> list[Standing]:
    """The standing of each cell of a training job, whose ``log`` they share.

    A cell runs if a living job holds its lock (``locks.holder``). The other cells of such a job wait, as do those
    of a job that has not begun. A job that still reads its data holds no lock; it counts as running while its log
    is young.
    """
    todo = [cell for cell in cells if not (cell.folder / "cell.json").exists()]
    result = [Standing(cell.name, "done") for cell in cells if cell not in todo]
    records = {cell.name: cell.record(archive) for cell in todo} if log.exists() else {}
    begun = [cell for cell in todo if (record := records.get(cell.name)) and not record.is_finished]
    result += [Standing(cell.name, "waiting") for cell in todo if cell not in begun]
    if not begun:
        return result
    told, is_error = last_line(log)
    holders = {cell.name: holder(records[cell.name].lock) for cell in begun}
    starts = not is_error and time.time() - log.stat().st_mtime < STALE
    starts = starts and not any(records[cell.name].lock.exists() for cell in begun)
    for cell in begun:
        if who := holders[cell.name]:
            result.append(Standing(cell.name, "running", f"{told} ({who})"))
        elif any(holders.values()):
            result.append(Standing(cell.name, "waiting"))
        elif starts:
            result.append(Standing(cell.name, "running", told or "starts"))
        else:
            result.append(Standing(cell.name, "failed", f"{told} (log: {log})"))
    return result


def describe(groups: dict[str, list[Standing]]) -> str:
    """Counts of each group of cells, then a line for each cell that runs or has failed."""
    lines = []
    for name, found in groups.items():
        counts = Counter(standing.status for standing in found)
        lines.append(f"{name}: {len(found)} cells: " + ", ".join(f"{counts[s]} {s}" for s in STATUSES))
    for status in ("running", "failed"):
        of_status = [standing for found in groups.values() for standing in found if standing.status == status]
        lines += [f"{status}: {standing.name}: {standing.told}" for standing in of_status]
    return "\n".join(lines)
