"""Sources and solutions of all datasets of a system."""

from pathlib import Path

from pdetransfer.base import logs
from pdetransfer.base.files import read_json
from pdetransfer.data.cards import in_words
from pdetransfer.data.stored import Stored
from pdetransfer.report.figures import called, save
from pdetransfer.report.galleries import GALLERY_EXAMPLES, draw_gallery

logs.to_file(snakemake.log[0])
examples = {
    called(dataset, in_words(read_json(split.manifest))): Stored.of([split]).first(GALLERY_EXAMPLES)
    for dataset, split in snakemake.params.job.items()
}
save(lambda: draw_gallery(examples), [Path(path) for path in snakemake.output])
