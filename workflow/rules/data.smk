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
        stores=ancient(expand("<results>/datasets/{dataset}/{split}.zarr", dataset=STORED, split=SPLITS)),
        manifests=expand("<results>/datasets/{dataset}/{split}.json", dataset=STORED, split=SPLITS),
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
        svg=report(
            "<results>/cards/{dataset}.svg",
            caption="../report/card.rst",
            category="Data",
            labels={"picture": "card", "of": "{dataset}"},
        ),
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
        expand("<results>/cards/{dataset}.json", dataset=STORED),
    output:
        table="<results>/tables/datasets.csv",
        parquet="<results>/tables/datasets.parquet",
        svg=report(
            "<results>/figures/shifts.svg",
            caption="../report/shifts.rst",
            category="Data",
            labels={"picture": "shifts", "of": "all datasets"},
        ),
        png="<results>/figures/shifts.png",
        pdf="<results>/figures/shifts.pdf",
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


rule gallery:
    input:
        stores=ancient(gallery_stores("zarr")),
        manifests=gallery_stores("json"),
    output:
        svg=report(
            "<results>/figures/gallery_{system}.svg",
            caption="../report/gallery.rst",
            category="Data",
            labels={"picture": "gallery", "of": "{system}"},
        ),
        png="<results>/figures/gallery_{system}.png",
        pdf="<results>/figures/gallery_{system}.pdf",
    log:
        "<results>/logs/gallery/{system}.log",
    benchmark:
        "<results>/benchmarks/gallery/{system}.tsv"
    conda:
        "../../environment.yml"
    params:
        numerics=numerics.TABLES,
    script:
        "../scripts/gallery.py"


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
        num_points=config["grid"]["num_points"],
        source=experiments.canonical(config["source"]),
        numerics=numerics.TABLES,
    script:
        "../scripts/stages.py"


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
        source=experiments.canonical(config["source"]),
        num_points=config["grid"]["num_points"],
        numerics=numerics.SOLVER,
    script:
        "../scripts/systems.py"
