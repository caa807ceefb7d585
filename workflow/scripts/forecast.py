"""What the config asks for, before it is run: a forecast, as a table and in words."""

from pathlib import Path

import torch

from pdetransfer.analysis.tables import write_table
from pdetransfer.base.files import atomic
from pdetransfer.plan import costs
from pdetransfer.plan.study import Study
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.timing import examples_per_second

study, names = Study(**snakemake.params.study), snakemake.params.experiments
num_devices = snakemake.resources.num_devices
if study.device == "cuda" and not torch.cuda.is_available():
    rates_in_words = "rates: those of the config, as there is no CUDA device here"
else:
    device = Hardware.of(study.device, 1).device
    used = study.cells(names)
    batch_size = min(study.recipes[curve.recipe].batch_size for curve, _ in used)
    grids = {curve.model: costs.grid_of(study, curve.dataset) for curve, _ in used}
    rates = {
        name: round(examples_per_second(study.models[name].architecture, grid, batch_size, 4, device))
        for name, grid in grids.items()
    }
    study = costs.at_rates(study, rates)
    rates_in_words = f"rates, measured on {device.type}, examples/s: {rates}"
table = costs.forecast(study, names)
hours = costs.wall_hours(study, num_devices, names)
memory, data = costs.largest_job_mb(study, names), costs.data_gb(study, names)
lines = [
    rates_in_words,
    table.to_string(index=False),
    f"training on {num_devices} devices at once: {hours:.3g} hours at best",
    f"memory: up to {memory:,} MB a job; datasets: {data:.3g} GB",
]
write_table(table, snakemake.output.table)
with atomic(Path(snakemake.output.words)) as temporary:
    temporary.write_text("\n".join(lines) + "\n")
