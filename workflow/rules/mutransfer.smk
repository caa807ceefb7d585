"""What only the study of muTransfer has: the coordinate check."""

from pdetransfer.studies.mutransfer import inputs as own

COORDINATES = job(lambda: own.coordinates(STUDY, STUDY.asking("learning_rate")))


rule coordinates:
    input:
        reads(COORDINATES),
    output:
        table=report(
            "<results>/tables/coordinates.csv", caption="../report/coordinates.rst", category="Tables"
        ),
        parquet="<results>/tables/coordinates.parquet",
    log:
        "<results>/logs/coordinates.log",
    benchmark:
        "<results>/benchmarks/coordinates.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=lambda w: num_gpus(),
        device=STUDY.device,
    params:
        job=COORDINATES,
        numerics=[numerics.TRAINING, numerics.TABLES],
    script:
        "../scripts/coordinates.py"
