rule generate:
    output:
        store=directory("<results>/datasets/{dataset}/{split}.zarr"),
        manifest="<results>/datasets/{dataset}/{split}.json",
    log:
        "<results>/logs/generate/{dataset}/{split}.log",
    benchmark:
        "<results>/benchmarks/generate/{dataset}/{split}.tsv"
    conda:
        "../../environment.yml"
    params:
        settings=dataset_settings,
        numerics=numerics.SOLVER,
    script:
        "../scripts/generate.py"
