"""What the config asks for: a forecast, printed and written."""

from pathlib import Path

from pdetransfer.costs import data_gb, forecast
from pdetransfer.files import atomic

config = snakemake.params.config
table = forecast(config)
with atomic(Path(snakemake.output[0])) as temporary:
    table.to_csv(temporary, index=False)
print(table.to_string(index=False))
print(f"datasets: {data_gb(config):.3g} GB")
