rule table:
    input:
        errors="<results>/errors/{experiment}.parquet",
        cells=cell_summaries,
        pretrained=zero_shot_summaries,
    output:
        cells=report(
            "<results>/tables/{experiment}.csv",
            caption="../report/table.rst",
            category="Tables",
            labels={"experiment": "{experiment}"},
        ),
        savings="<results>/savings/{experiment}.csv",
        by_parameter="<results>/by_parameter/{experiment}.csv",
        parquet=expand("<results>/{folder}/{{experiment}}.parquet", folder=TABLES.values()),
    log:
        "<results>/logs/table/{experiment}.log",
    benchmark:
        "<results>/benchmarks/table/{experiment}.tsv"
    conda:
        "../../environment.yml"
    params:
        axes=experiment_cells,
        zero_shot=zero_shot_cells,
        numerics=numerics.TABLES,
    script:
        "../scripts/table.py"


rule shifts:
    input:
        stores=ancient(expand("<results>/datasets/{dataset}/train.zarr", dataset=PAIRED)),
        manifests=expand("<results>/datasets/{dataset}/train.json", dataset=PAIRED),
        cells=expand("<results>/tables/{experiment}.csv", experiment=SHIFTED),
    output:
        table=report("<results>/tables/shifts.csv", caption="../report/distances.rst", category="Tables"),
        parquet="<results>/tables/shifts.parquet",
    log:
        "<results>/logs/shifts.log",
    benchmark:
        "<results>/benchmarks/shifts.tsv"
    conda:
        "../../environment.yml"
    params:
        datasets=PAIRED,
        pairs=PAIRS,
        numerics=numerics.TABLES,
    script:
        "../scripts/shifts.py"


rule scaling:
    input:
        unpack(pretrained_models),
    output:
        table=report("<results>/tables/scaling.csv", caption="../report/scaling.rst", category="Tables"),
        parquet="<results>/tables/scaling.parquet",
    log:
        "<results>/logs/scaling.log",
    benchmark:
        "<results>/benchmarks/scaling.tsv"
    conda:
        "../../environment.yml"
    params:
        models=[
            asdict(curve) | {"components": experiments.components(config, curve.dataset)}
            for curve, _ in PRETRAINED
        ],
        datasets=PRETRAINED_ON,
        numerics=numerics.TABLES,
    script:
        "../scripts/scaling.py"


rule budgets:
    input:
        expand("<results>/errors/{experiment}.parquet", experiment=COMPARED),
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
        experiments=COMPARED,
        config=budget_settings,
        numerics=numerics.TABLES,
    script:
        "../scripts/budgets.py"


rule figure:
    input:
        unpack(figure_tables),
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
        options=figure_options,
        numerics=numerics.TABLES,
    script:
        "../scripts/figure.py"


rule predictions:
    input:
        unpack(prediction_inputs),
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
        options=prediction_options,
        curves=predicted_curves,
        datasets=predicted_datasets,
        numerics=numerics.TABLES,
    script:
        "../scripts/predictions.py"


# The same at another n_train, when asked for.
use rule predictions as predictions_at with:
    output:
        svg="<results>/figures/n{n_train}/{predictions}.svg",
        png="<results>/figures/n{n_train}/{predictions}.png",
        pdf="<results>/figures/n{n_train}/{predictions}.pdf",
    log:
        "<results>/logs/predictions/n{n_train}/{predictions}.log",
    benchmark:
        "<results>/benchmarks/predictions/n{n_train}/{predictions}.tsv"


rule fits:
    input:
        expand("<results>/errors/{experiment}.parquet", experiment=REPORTED),
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
        config={part: experiments.canonical(config[part]) for part in ("recipes", "rates")},
        numerics=numerics.TABLES,
    script:
        "../scripts/fits.py"


rule claims:
    input:
        claims="config/claims.yaml",
        errors=expand("<results>/errors/{experiment}.parquet", experiment=JUDGED),
        cells=expand("<results>/tables/{experiment}.csv", experiment=JUDGED),
        cards=expand("<results>/cards/{dataset}.json", dataset=STORED),
        scaling="<results>/tables/scaling.csv",
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
        config={key: config[key] for key in ("scale", "datasets", "models", "experiments")},
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
        config={key: value for key, value in config.items() if key != "pathvars"},
        experiments=REPORTED,
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
        config={key: value for key, value in config.items() if key != "pathvars"},
        experiments=lambda wildcards: [wildcards.experiment],


rule report:
    input:
        **report_tables(REPORTED),
        **report_pictures(REPORTED),
        claims="<results>/claims.json",
        fits="<results>/tables/fits.csv",
        shifts="<results>/tables/shifts.csv" if SHIFTED else [],
        budgets="<results>/tables/budgets.csv",
        plan="<results>/plan.csv",
        pretrained=[
            f"<results>/cells/{curve.path}/n{n}/cell.json"
            for curve, n in costs.cells_by_experiment(config, REPORTED)[costs.PRETRAINING]
        ],
        datasets="<results>/tables/datasets.csv",
        disjoint="<results>/datasets/disjoint.json",
        cards=expand("<results>/cards/{dataset}.png", dataset=STORED),
        data=expand("<results>/figures/{name}.svg", name=DATA_FIGURES),
    output:
        "<results>/report.html",
    log:
        "<results>/logs/report.log",
    benchmark:
        "<results>/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    params:
        experiments=REPORTED,
        data_figures=DATA_FIGURES,
        config=config,
    script:
        "../scripts/report.py"


use rule report as controls with:
    input:
        **report_tables(CONTROLS),
        **report_pictures(CONTROLS),
    output:
        "<results>/controls.html",
    log:
        "<results>/logs/controls.log",
    benchmark:
        "<results>/benchmarks/controls.tsv"
    params:
        experiments=CONTROLS,
        data_figures=[],
        config=config,


rule compare:
    input:
        unpack(compared_files),
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
        other=OTHER,
        components={name: experiments.components(config, name) for name in config["datasets"]},
        numerics=numerics.TABLES,
    script:
        "../scripts/compare.py"
