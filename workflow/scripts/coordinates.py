"""What the first steps of runs change, by size of the model."""

from pdetransfer.analysis.tables import write_table
from pdetransfer.base import logs
from pdetransfer.studies.mutransfer.coordinates import coordinates_table
from pdetransfer.training.hardware import Hardware

logs.to_file(snakemake.log[0])
hardware = Hardware.of(snakemake.resources.device, snakemake.threads)
write_table(coordinates_table(snakemake.params.job, hardware), snakemake.output.table)
