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
    script:
        "../scripts/disjoint.py"
