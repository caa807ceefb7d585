"""What the config asks for, before it is run: a forecast, printed and written."""

import torch

from pdetransfer.analysis.tables import write_table
from pdetransfer.plan import costs
from pdetransfer.training.hardware import Hardware
from pdetransfer.training.timing import examples_per_second

config, names = snakemake.params.config, snakemake.params.experiments
num_devices = snakemake.resources.num_devices
if config["device"] == "cuda" and not torch.cuda.is_available():
    print("rates: those of the config, as there is no CUDA device here")
else:
    device = Hardware.of(config["device"], 1).device
    batch_size = min(recipe["batch_size"] for recipe in config["recipes"].values())
    for name, architecture in config["models"].items():
        rate = examples_per_second(architecture, config["grid"]["num_points"], batch_size, 4, device)
        config["rates"][name] = round(rate)
    print(f"rates, measured on {device.type}, examples/s: {config['rates']}")
table = costs.forecast(config, names)
write_table(table, snakemake.output.table)
print(table.to_string(index=False))
hours = costs.wall_hours(config, num_devices, names)
print(f"training on {num_devices} devices at once: {hours:.3g} hours at best")
memory, data = costs.largest_job_mb(config, names), costs.data_gb(config, names)
print(f"memory: up to {memory:,} MB a job; datasets: {data:.3g} GB")
