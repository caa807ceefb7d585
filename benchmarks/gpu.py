"""Try and time all that needs a GPU, most valuable first, and write each row as soon as it is measured.

    python benchmarks/gpu.py [--output FOLDER] [part ...]
    python benchmarks/gpu.py --needs

With any Python that has PyTorch, without Snakemake and without an installation of this project; ``--needs`` prints
what else that Python lacks, as ``pip download --no-deps --requirement`` and ``pip install`` take it. Rows go to
gpu.json and gpu.md in the folder, ``results/gpu`` by default, the log of each part beside them; a part that is run
again replaces its rows. Each part is a process of its own, which is stopped when its time is up: what fails is a
row, and the next part goes on. Without a GPU the sizes are toy ones, which shows that the parts work, not how fast
anything is.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from rows import Row, markdown, show

ROOT = Path(__file__).resolve().parents[1]
PARTS = {  # seconds that each may take when all are run, some sixteen minutes
    "tests": 150,
    "accuracy": 65,
    "cell": 20,
    "step": 140,
    "dpot": 345,
    "transforms": 20,
    "together": 65,
    "precision": 60,
    "memory": 42,
    "resume": 48,
    "processes": 20,
}
ALONE = 530  #: seconds for parts that are named, shared out evenly
NEEDS = (
    *("annotated-types", "donfig", "google-crc32c", "h5py", "iniconfig", "numcodecs", "numpy", "packaging"),
    *("pandas", "pluggy", "pyarrow", "pydantic", "pydantic_core", "pygments", "pytest", "python-dateutil"),
    *("pyyaml", "safetensors", "scipy", "typing-inspection", "typing_extensions", "zarr"),
)


def needed() -> list[str]:
    """What this Python lacks, at the versions of the lock."""
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    locked = dict(line.split("==") for line in lines if "==" in line)
    versions = {name.lower().replace("_", "-"): version for name, version in locked.items()}
    return [f"{name}=={versions[name.replace('_', '-')]}" for name in NEEDS if not _is_there(name)]


def _is_there(name: str) -> bool:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        return bool(importlib.metadata.version(name))
    return False


class Report:
    """The rows in ``folder``, by part, with the machine that each part was run on."""

    def __init__(self, folder: Path):
        self._json, self._markdown = folder / "gpu.json", folder / "gpu.md"
        self.parts = json.loads(self._json.read_text()) if self._json.exists() else {}

    def begin(self, part: str) -> None:
        self.parts[part] = {"machine": {}, "seconds": 0.0, "rows": []}
        self.write()

    def add(self, part: str, row: Row) -> None:
        self.parts[part]["rows"].append(row)
        self.write()

    def write(self) -> None:
        text = "# What was measured on a GPU\n"
        for part, content in self.parts.items():
            machine = ", ".join(f"{name} {value}" for name, value in content["machine"].items())
            text += f"\n## {part}\n\n{machine}; {content['seconds']:.0f} s.\n\n{markdown(content['rows'])}"
        for path, written in ((self._json, json.dumps(self.parts, indent=1)), (self._markdown, text)):
            temporary = path.with_suffix(".tmp")
            temporary.write_text(written)
            temporary.replace(path)


def run(part: str, folder: Path, seconds: float) -> None:
    """Run a part in a process of its own, for so long at most."""
    report = Report(folder)
    report.begin(part)
    print(f"{part}:", flush=True)
    log, start = folder / f"{part}.log", time.monotonic()
    command = [sys.executable, str(Path(__file__).with_name("gpu_parts.py")), part, str(folder)]
    paths = [str(ROOT / "pipeline_src"), str(ROOT / "tests/unit"), os.getenv("PYTHONPATH", "")]
    with log.open("w") as file:
        process = subprocess.Popen(
            command,
            stdout=file,
            stderr=file,
            start_new_session=True,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    with contextlib.suppress(ProcessLookupError):  # what it started may still run
        os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    report = Report(folder)
    report.parts[part]["seconds"] = time.monotonic() - start
    if code:
        said = log.read_text(errors="replace").strip().splitlines() or [""]
        why = f"stopped after {seconds:.0f} s" if code == -signal.SIGKILL else said[-1]
        report.add(part, {"case": "the part", "failed": f"{why}; see {log.name}"})
    report.write()
    for row in report.parts[part]["rows"]:
        show(row)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="part", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--output", type=Path, default=ROOT / "results/gpu", metavar="FOLDER")
    parser.add_argument("--needs", action="store_true", help="print what this Python lacks, and stop")
    chosen = parser.parse_args()
    if unknown := set(chosen.parts) - set(PARTS):
        parser.error(f"part is {sorted(unknown)[0]!r}; expected one of {', '.join(PARTS)}")
    if chosen.needs:
        print("\n".join(needed()))
        return
    chosen.output.mkdir(parents=True, exist_ok=True)
    each = {part: ALONE / len(chosen.parts) for part in chosen.parts}
    for part, seconds in (each or PARTS).items():
        run(part, chosen.output, seconds)
    print(f"rows are in {chosen.output / 'gpu.md'}")


if __name__ == "__main__":
    main()
