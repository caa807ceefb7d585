TABLE = job(lambda experiment: inputs.table(STUDY, experiment), "experiment")
FIGURE = job(lambda name: inputs.figure(STUDY, ANSWERS, name), "figure")
PREDICTIONS = job(lambda name: inputs.gallery(STUDY, name), "predictions")
PREDICTIONS_AT = job(lambda name, n: inputs.gallery(STUDY, name, int(n)), "predictions", "n_train")
CLAIMS = job(lambda: inputs.claims(STUDY, ANSWERS))
REPORT = job(lambda: inputs.report(STUDY, ANSWERS))
CONTROLS = job(lambda: inputs.controls(STUDY))
COMPARED = job(lambda: inputs.compared(STUDY, OTHER))
PLANNED = STUDY.part(*set(type(STUDY).model_fields) - {"title", "about", "bounds", "figures", "claims"})


rule table:
    input:
        reads(TABLE),
    output:
        cells=report(
            "<results>/tables/{experiment}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"experiment": "{experiment}"},
        ),
        savings="<results>/savings/{experiment}.csv",
        by_parameter="<results>/by_parameter/{experiment}.csv",
        parquet=expand("<results>/{folder}/{{experiment}}.parquet", folder=inputs.TABLES.values()),
    log:
        "<results>/logs/table/{experiment}.log",
    benchmark:
        "<results>/benchmarks/table/{experiment}.tsv"
    conda:
        "../../environment.yml"
    params:
        job=TABLE,
        numerics=numerics.TABLES,
    script:
        "../scripts/table.py"


rule figure:
    input:
        reads(FIGURE),
    output:
        svg=report(
            "<results>/figures/{figure}.svg",
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        png="<results>/figures/{figure}.png",
        pdf="<results>/figures/{figure}.pdf",
    log:
        "<results>/logs/figure/{figure}.log",
    benchmark:
        "<results>/benchmarks/figure/{figure}.tsv"
    conda:
        "../../environment.yml"
    params:
        job=FIGURE,
        answers=STUDY.answers,
        numerics=numerics.TABLES,
    script:
        "../scripts/figure.py"


rule predictions:
    input:
        reads(PREDICTIONS),
    output:
        svg=report(
            "<results>/figures/{predictions}.svg",
            caption="../report/figure.rst",
            category="Predictions",
            labels={"figure": "{predictions}"},
        ),
        png="<results>/figures/{predictions}.png",
        pdf="<results>/figures/{predictions}.pdf",
    log:
        "<results>/logs/predictions/{predictions}.log",
    benchmark:
        "<results>/benchmarks/predictions/{predictions}.tsv"
    conda:
        "../../environment.yml"
    params:
        job=PREDICTIONS,
        numerics=numerics.TABLES,
    script:
        "../scripts/predictions.py"


# The same at another n_train, when asked for.
use rule predictions as predictions_at with:
    input:
        reads(PREDICTIONS_AT),
    output:
        svg="<results>/figures/n{n_train}/{predictions}.svg",
        png="<results>/figures/n{n_train}/{predictions}.png",
        pdf="<results>/figures/n{n_train}/{predictions}.pdf",
    log:
        "<results>/logs/predictions/n{n_train}/{predictions}.log",
    benchmark:
        "<results>/benchmarks/predictions/n{n_train}/{predictions}.tsv"
    params:
        job=PREDICTIONS_AT,
        numerics=numerics.TABLES,


rule fits:
    input:
        expand("<results>/errors/{experiment}.parquet", experiment=STUDY.reported),
    output:
        table=report("<results>/tables/fits.csv", caption="../report/table.rst", category="Tables"),
        parquet="<results>/tables/fits.parquet",
    log:
        "<results>/logs/fits.log",
    benchmark:
        "<results>/benchmarks/fits.tsv"
    conda:
        "../../environment.yml"
    params:
        study=STUDY.part("recipes", "models"),
        numerics=numerics.TABLES,
    script:
        "../scripts/fits.py"


rule claims:
    input:
        reads(CLAIMS),
    output:
        verdicts="<results>/claims.json",
        table=report("<results>/tables/claims.csv", caption="../report/claims.rst", category="Claims"),
        parquet="<results>/tables/claims.parquet",
    log:
        "<results>/logs/claims.log",
    benchmark:
        "<results>/benchmarks/claims.tsv"
    conda:
        "../../environment.yml"
    params:
        job=CLAIMS,
        numerics=numerics.TABLES,
    script:
        "../scripts/claims.py"


rule plan:
    output:
        table="<results>/plan.csv",
        parquet="<results>/plan.parquet",
    log:
        "<results>/logs/plan.log",
    benchmark:
        "<results>/benchmarks/plan.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    resources:
        num_devices=workflow.nodes or workflow.cores,
    params:
        study=PLANNED,
        experiments=STUDY.reported,
    script:
        "../scripts/plan.py"


# Of one experiment, with the pre-trainings that it needs.
use rule plan as plan_experiment with:
    output:
        table="<results>/plan/{experiment}.csv",
        parquet="<results>/plan/{experiment}.parquet",
    log:
        "<results>/logs/plan/{experiment}.log",
    benchmark:
        "<results>/benchmarks/plan/{experiment}.tsv"
    params:
        study=PLANNED,
        experiments=lambda wildcards: [wildcards.experiment],


rule report:
    input:
        reads(REPORT),
    output:
        "<results>/report.html",
    log:
        "<results>/logs/report.log",
    benchmark:
        "<results>/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    params:
        job=REPORT,
    script:
        "../scripts/report.py"


use rule report as controls with:
    input:
        reads(CONTROLS),
    output:
        "<results>/controls.html",
    log:
        "<results>/logs/controls.log",
    benchmark:
        "<results>/benchmarks/controls.tsv"
    params:
        job=CONTROLS,


rule compare:
    input:
        reads(COMPARED),
    output:
        page="<results>/comparison.html",
        table="<results>/tables/comparison.csv",
        parquet="<results>/tables/comparison.parquet",
    log:
        "<results>/logs/compare.log",
    benchmark:
        "<results>/benchmarks/compare.tsv"
    conda:
        "../../environment.yml"
    params:
        job=COMPARED,
        other=OTHER,
        components={name: STUDY.components(name) for name in STUDY.datasets},
        numerics=numerics.TABLES,
    script:
        "../scripts/compare.py"
