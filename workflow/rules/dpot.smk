"""What only the study of DPOT has: errors by frame."""

from pdetransfer.studies.dpot import inputs as own

BY_FRAME = job(lambda: own.by_frame(STUDY, STUDY.reported))


rule by_frame:
    input:
        reads(BY_FRAME),
    output:
        table=report("<results>/tables/by_frame.csv", caption="../report/by_frame.rst", category="Tables"),
        parquet="<results>/tables/by_frame.parquet",
    log:
        "<results>/logs/by_frame.log",
    benchmark:
        "<results>/benchmarks/by_frame.tsv"
    conda:
        "../../environment.yml"
    params:
        job=BY_FRAME,
        numerics=numerics.TABLES,
    script:
        "../scripts/by_frame.py"
