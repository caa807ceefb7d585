"""What only the transfer study has: Figs. 1 and 2, distances between datasets, invariance, budgets."""

from pdetransfer.studies.transfer import inputs as own
from pdetransfer.studies.transfer.questions import SHIFTED

DISTANCES = job(lambda: inputs.distances(STUDY, STUDY.asking(*SHIFTED)))
PRETRAINED = job(lambda: inputs.pretrained(STUDY))
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


rule stages:
    output:
        svg=report(
            "<results>/figures/stages.svg",
            caption="../report/stages.rst",
            category="Data",
            labels={"picture": "stages", "of": "the study"},
        ),
        png="<results>/figures/stages.png",
        pdf="<results>/figures/stages.pdf",
    log:
        "<results>/logs/stages.log",
    benchmark:
        "<results>/benchmarks/stages.tsv"
    conda:
        "../../environment.yml"
    params:
        study=STUDY.part(*ANSWERS.pictures["stages"]),
        answers=STUDY.answers,
        picture="stages",
        numerics=numerics.TABLES,
    script:
        "../scripts/picture.py"


rule systems:
    output:
        svg=report(
            "<results>/figures/systems.svg",
            caption="../report/systems.rst",
            category="Data",
            labels={"picture": "systems", "of": "all systems"},
        ),
        png="<results>/figures/systems.png",
        pdf="<results>/figures/systems.pdf",
    log:
        "<results>/logs/systems.log",
    benchmark:
        "<results>/benchmarks/systems.tsv"
    conda:
        "../../environment.yml"
    params:
        study=STUDY.part(*ANSWERS.pictures["systems"]),
        answers=STUDY.answers,
        picture="systems",
        numerics=numerics.SOLVER,
    script:
        "../scripts/picture.py"
