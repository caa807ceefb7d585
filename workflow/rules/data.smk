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


rule disjoint:
    input:
        stores=ancient(expand("<results>/datasets/{dataset}/{split}.zarr", dataset=GENERATED, split=SPLITS)),
        manifests=expand("<results>/datasets/{dataset}/{split}.json", dataset=GENERATED, split=SPLITS),
    output:
        "<results>/datasets/disjoint.json",
    log:
        "<results>/logs/disjoint.log",
    benchmark:
        "<results>/benchmarks/disjoint.tsv"
    conda:
        "../../environment.yml"
    script:
        "../scripts/disjoint.py"
