rule generate:
    output:
        store=directory("<results>/datasets/{dataset}/{split}.zarr"),
        manifest="<results>/datasets/{dataset}/{split}.json",
    log:
        "<results>/logs/generate/{dataset}/{split}.log",
    benchmark:
        "<results>/benchmarks/generate/{dataset}/{split}.tsv"
    wildcard_constraints:
        dataset=one_of(GENERATED),
    conda:
        "../../environment.yml"
    params:
        settings=dataset_settings,
        numerics=numerics.SOLVER,
    script:
        "../scripts/generate.py"


rule import_file:
    input:
        own_file,
    output:
        store=directory("<results>/datasets/{dataset}/{split}.zarr"),
        manifest="<results>/datasets/{dataset}/{split}.json",
    log:
        "<results>/logs/import_file/{dataset}/{split}.log",
    benchmark:
        "<results>/benchmarks/import_file/{dataset}/{split}.tsv"
    wildcard_constraints:
        dataset=one_of(OWN),
    conda:
        "../../environment.yml"
    params:
        settings=own_settings,
        numerics=numerics.SOLVER,
    script:
        "../scripts/import_file.py"


rule disjoint:
    input:
        stores=ancient(
            expand("<results>/datasets/{dataset}/{split}.zarr", dataset=[*GENERATED, *OWN], split=SPLITS)
        ),
        manifests=expand(
            "<results>/datasets/{dataset}/{split}.json", dataset=[*GENERATED, *OWN], split=SPLITS
        ),
    output:
        "<results>/datasets/disjoint.json",
    log:
        "<results>/logs/disjoint.log",
    benchmark:
        "<results>/benchmarks/disjoint.tsv"
    conda:
        "../../environment.yml"
    params:
        numerics=numerics.TABLES,
    script:
        "../scripts/disjoint.py"


rule card:
    input:
        stores=ancient(expand("<results>/datasets/{{dataset}}/{split}.zarr", split=SPLITS)),
        manifests=expand("<results>/datasets/{{dataset}}/{split}.json", split=SPLITS),
    output:
        facts="<results>/cards/{dataset}.json",
        svg="<results>/cards/{dataset}.svg",
        png="<results>/cards/{dataset}.png",
    log:
        "<results>/logs/card/{dataset}.log",
    benchmark:
        "<results>/benchmarks/card/{dataset}.tsv"
    conda:
        "../../environment.yml"
    params:
        splits=SPLITS,
        numerics=numerics.TABLES,
    script:
        "../scripts/card.py"


rule datasets:
    input:
        expand("<results>/cards/{dataset}.json", dataset=[*GENERATED, *OWN]),
    output:
        table="<results>/tables/datasets.csv",
        svg="<results>/figures/shifts.svg",
        png="<results>/figures/shifts.png",
    log:
        "<results>/logs/datasets.log",
    benchmark:
        "<results>/benchmarks/datasets.tsv"
    conda:
        "../../environment.yml"
    params:
        pretraining=pretraining_datasets(),
        numerics=numerics.TABLES,
    script:
        "../scripts/datasets.py"


rule systems:
    output:
        svg="<results>/figures/systems.svg",
        png="<results>/figures/systems.png",
    log:
        "<results>/logs/systems.log",
    benchmark:
        "<results>/benchmarks/systems.tsv"
    conda:
        "../../environment.yml"
    params:
        source=experiments.canonical(config["source"]),
        num_points=config["grid"]["num_points"],
        numerics=numerics.SOLVER,
    script:
        "../scripts/systems.py"
