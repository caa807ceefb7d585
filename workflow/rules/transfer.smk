"""What only the transfer study has: distances between datasets, invariance, budgets."""

from pdetransfer.studies.transfer import inputs as own
from pdetransfer.studies.transfer.questions import SHIFTED

DISTANCES = job(lambda: own.distances(STUDY, STUDY.asking(*SHIFTED)))
PRETRAINED = job(lambda: own.pretrained(STUDY))
BUDGETS = job(lambda: own.budgets(STUDY))


rule distances:
    input:
        reads(DISTANCES),
    output:
        table=report("<results>/tables/distances.csv", caption="../report/distances.rst", category="Tables"),
        parquet="<results>/tables/distances.parquet",
    log:
        "<results>/logs/distances.log",
    benchmark:
        "<results>/benchmarks/distances.tsv"
    conda:
        "../../environment.yml"
    params:
        job=DISTANCES,
        numerics=numerics.TABLES,
    script:
        "../scripts/distances.py"


rule invariance:
    input:
        reads(PRETRAINED),
    output:
        table=report("<results>/tables/invariance.csv", caption="../report/invariance.rst", category="Tables"),
        parquet="<results>/tables/invariance.parquet",
    log:
        "<results>/logs/invariance.log",
    benchmark:
        "<results>/benchmarks/invariance.tsv"
    conda:
        "../../environment.yml"
    params:
        job=PRETRAINED,
        numerics=numerics.TABLES,
    script:
        "../scripts/invariance.py"


rule budgets:
    input:
        reads(BUDGETS),
    output:
        table=report("<results>/tables/budgets.csv", caption="../report/budgets.rst", category="Tables"),
        parquet="<results>/tables/budgets.parquet",
    log:
        "<results>/logs/budgets.log",
    benchmark:
        "<results>/benchmarks/budgets.tsv"
    conda:
        "../../environment.yml"
    params:
        job=BUDGETS,
        numerics=numerics.TABLES,
    script:
        "../scripts/budgets.py"
