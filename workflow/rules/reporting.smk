from functools import partial

TABLE = job(lambda experiment: inputs.table(STUDY, experiment), "experiment")
PREDICTIONS_AT = job(lambda name, n: {name: inputs.gallery(STUDY, name, int(n))}, "predictions", "n_train")
CLAIMS = job(lambda: inputs.claims(STUDY, ANSWERS))
REPORT = job(lambda: inputs.report(STUDY, ANSWERS))
CONTROLS = job(lambda: inputs.controls(STUDY))
PLANNED = STUDY.part(*set(type(STUDY).model_fields) - {"title", "about", "bounds", "figures", "claims"})


rule table:
    input:
        reads(TABLE),
    output:
        cells=report(
            inputs.table_file(STUDY, "cells", "{experiment}"),
            caption="../report/table.rst",
            category="Tables",
            labels={"experiment": "{experiment}"},
        ),
        savings=inputs.table_file(STUDY, "savings", "{experiment}"),
        by_parameter=inputs.table_file(STUDY, "by_parameter", "{experiment}"),
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


# A rule for each job, as outputs cannot depend on wildcards.
for first, names in inputs.drawn_together(STUDY, ANSWERS).items():
    drawn = job(partial(inputs.drawn, STUDY, ANSWERS, names))

    rule:
        name:
            f"figures_{first}"
        input:
            reads(drawn),
        output:
            [
                report(
                    f"<results>/figures/{figure}.svg",
                    caption="../report/figure.rst",
                    category="Predictions" if inputs.is_gallery(STUDY, figure) else "Figures",
                    labels={"figure": figure},
                )
                for figure in names
            ],
            expand("<results>/figures/{figure}.{suffix}", figure=names, suffix=["png", "pdf"]),
        log:
            f"<results>/logs/figure/{first}.log",
        benchmark:
            f"<results>/benchmarks/figure/{first}.tsv"
        conda:
            "../../environment.yml"
        params:
            job=drawn,
            answers=STUDY.answers,
            numerics=numerics.TABLES,
        script:
            "../scripts/figure.py"


# A figure of predictions at another n_train, when asked for.
rule predictions_at:
    input:
        reads(PREDICTIONS_AT),
    output:
        expand("<results>/figures/n{{n_train}}/{{predictions}}.{suffix}", suffix=["svg", "png", "pdf"]),
    log:
        "<results>/logs/figure/n{n_train}/{predictions}.log",
    benchmark:
        "<results>/benchmarks/figure/n{n_train}/{predictions}.tsv"
    conda:
        "../../environment.yml"
    params:
        job=PREDICTIONS_AT,
        numerics=numerics.TABLES,
    script:
        "../scripts/figure.py"


rule fits:
    input:
        [inputs.errors(STUDY, experiment) for experiment in STUDY.reported],
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


rule forecast:
    output:
        table="<results>/plan.csv",
        parquet="<results>/plan.parquet",
        words="<results>/plan.txt",
    log:
        "<results>/logs/forecast.log",
    benchmark:
        "<results>/benchmarks/forecast.tsv"
    localrule: True
    conda:
        "../../environment.yml"
    resources:
        num_devices=workflow.nodes or workflow.cores,
    params:
        study=PLANNED,
        experiments=STUDY.reported,
    script:
        "../scripts/forecast.py"


# Of one experiment, with the pre-trainings that it needs.
use rule forecast as forecast_experiment with:
    output:
        table="<results>/plan/{experiment}.csv",
        parquet="<results>/plan/{experiment}.parquet",
        words="<results>/plan/{experiment}.txt",
    log:
        "<results>/logs/forecast/{experiment}.log",
    benchmark:
        "<results>/benchmarks/forecast/{experiment}.tsv"
    params:
        study=PLANNED,
        experiments=lambda wildcards: [wildcards.experiment],


# Without outputs, so that it prints whenever it is asked for.
rule plan:
    input:
        "<results>/plan.txt",
    log:
        "<results>/logs/plan.log",
    localrule: True
    conda:
        "../../environment.yml"
    script:
        "../scripts/plan.py"


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
