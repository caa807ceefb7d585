"""What the config asks for, before it is run: a forecast, printed and written."""

import torch

from pdetransfer import costs
from pdetransfer.jobs import set_device
from pdetransfer.tables import write_table
from pdetransfer.timing import examples_per_second

config, num_devices = snakemake.params.config, snakemake.resources.num_devices
if config["device"] == "cuda" and not torch.cuda.is_available():
    print("rates: those of the config, as there is no CUDA device here")
else:
    device = set_device(config["device"], 1)
    batch_size = min(recipe["batch_size"] for recipe in config["recipes"].values())
    for name, architecture in config["models"].items():
        rate = examples_per_second(architecture, config["grid"]["num_points"], batch_size, 4, device)
        config["rates"][name] = round(rate)
    print(f"rates, measured on {device.type}, examples/s: {config['rates']}")
table = costs.forecast(config)
write_table(table, snakemake.output.table)
print(table.to_string(index=False))
print(f"training on {num_devices} devices at once: {costs.wall_hours(config, num_devices):.3g} hours at best")
print(f"memory: up to {costs.largest_job_mb(config):,} MB a job; datasets: {costs.data_gb(config):.3g} GB")
