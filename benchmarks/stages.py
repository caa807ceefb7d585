"""Print where the time of a results folder went: by stage, and how much of it was training or solving.

    python benchmarks/stages.py results/transfer/laptop

Seconds are sums over jobs (Snakemake's benchmark files). Work is the time of training loops (each run's seconds in
``cell.json``) and of generating data; the rest of those jobs is start-up, imports, reading and writing. Start-up,
of Python with what a stage's script imports first, is measured now: on a quiet machine, if it is to mean a thing.
PyTorch, which figures of predictions import later, is left out.
"""

import ast
import statistics
import subprocess
import sys
import time
from pathlib import Path

from pdetransfer.base.files import read_json
from pdetransfer.report.page import stages

SCRIPTS = Path(__file__).parents[1] / "workflow" / "scripts"
SAME_SCRIPT = {"controls": "report"}


def start_up(stage: str) -> float:
    """Seconds until the script of a stage begins, median of three."""
    source = (SCRIPTS / f"{SAME_SCRIPT.get(stage, stage)}.py").read_text()
    imports = ["from snakemake.logging import logger"]  # as Snakemake begins each script
    if "params.job" in source:  # whose class Snakemake imports, too
        imports.append("import pdetransfer.plan.inputs")
    nodes = ast.parse(source).body
    imports += [ast.unparse(node) for node in nodes if isinstance(node, (ast.Import, ast.ImportFrom))]
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", "\n".join(imports)], check=True)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    table = stages(sorted((folder / "benchmarks").rglob("*.tsv")), folder / "benchmarks")
    seconds = dict(zip(table["stage"], table["seconds"], strict=True))
    table["start-up"] = table["jobs"] * table["stage"].map(start_up)
    print(table.to_string(index=False, float_format="{:.0f}".format))
    contents = (read_json(path) for path in folder.glob("cells/**/cell.json"))
    runs = {  # those that several cells share once
        tuple(run.values()): (run["seconds"], run["epochs"] * content["settings"]["n_train"])
        for content in contents
        for run in content["runs"]
    }
    trained, examples = map(sum, zip(*runs.values(), strict=True))
    total, solved = sum(seconds.values()), seconds.get("generate", 0.0)
    print(f"all jobs: {total:.0f} s, of which start-up {table['start-up'].sum():.0f} s")
    print(
        f"training loops: {trained:.0f} s, {trained / total:.0%}, {examples:,.0f} examples, "
        f"{examples / trained:.0f} a second; start-up and the rest of training jobs: "
        f"{seconds.get('train', 0.0) - trained:.0f} s"
    )
    print(f"training or solving: {(trained + solved) / total:.0%}")
    of_others = table.loc[table["stage"] != "train", "start-up"].sum()
    beside = of_others + seconds.get("train", 0.0) - trained
    print(f"start-up of all jobs, and all else beside training loops: {beside:.0f} s, {beside / total:.0%}")
