"""The forecast, printed."""

from pathlib import Path

print(Path(snakemake.input[0]).read_text(), end="")
