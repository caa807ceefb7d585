rule table:
    input:
        unpack(table_inputs),
    output:
        table="<results>/tables/{experiment}.csv",
        savings="<results>/savings/{experiment}.csv",
    log:
        "<results>/logs/table/{experiment}.log",
    benchmark:
        "<results>/benchmarks/table/{experiment}.tsv"
    conda:
        "../../environment.yml"
    params:
        curves=experiment_curves,
        trained_n=trained_n,
        numerics=numerics.TABLES,
    script:
        "../scripts/table.py"


rule figure:
    input:
        table=figure_table,
    output:
        svg="<results>/figures/{figure}.svg",
        png="<results>/figures/{figure}.png",
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


rule report:
    input:
        tables=expand("<results>/tables/{experiment}.csv", experiment=config["experiments"]),
        savings=expand("<results>/savings/{experiment}.csv", experiment=config["experiments"]),
        figures=expand("<results>/figures/{figure}.svg", figure=config["figures"]),
        datasets="<results>/tables/datasets.csv",
        disjoint="<results>/datasets/disjoint.json",
        shifts="<results>/figures/shifts.svg",
        systems="<results>/figures/systems.svg",
        cards=expand("<results>/cards/{dataset}.png", dataset=[*GENERATED, *OWN]),
    output:
        "<results>/report.html",
    log:
        "<results>/logs/report.log",
    benchmark:
        "<results>/benchmarks/report.tsv"
    conda:
        "../../environment.yml"
    params:
        title=config["title"],
        experiments=config["experiments"],
        figures=config["figures"],
        config=config,
    script:
        "../scripts/report.py"
