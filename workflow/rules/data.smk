ALL_SPLITS = job(lambda: inputs.compared_splits(STUDY, STORED))
ALL_SPLITS_WITH_CONTROLS = job(lambda: inputs.compared_splits(STUDY, [*STORED, *OF_CONTROLS]))
CARD = job(lambda dataset: inputs.card(STUDY, dataset), "dataset")
OF_SYSTEM = job(lambda system: inputs.of_system(STUDY, STORED, system), "system")
OF_SYSTEM_IN_CONTROLS = job(lambda system: inputs.of_system(STUDY, OF_CONTROLS, system), "system")
OF_USER = job(
    lambda dataset, split: from_root(inputs.imported(STUDY, dataset, split).file), "dataset", "split"
)


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
        settings=lambda w: STUDY.dataset_settings(w.dataset, w.split),
        numerics=numerics.SOLVER,
    script:
        "../scripts/generate.py"


rule import_file:
    input:
        OF_USER,
    output:
        store=directory("<results>/datasets/{dataset}/{split}.zarr"),
        manifest="<results>/datasets/{dataset}/{split}.json",
    log:
        "<results>/logs/import_file/{dataset}/{split}.log",
    benchmark:
        "<results>/benchmarks/import_file/{dataset}/{split}.tsv"
    wildcard_constraints:
        dataset=one_of(IMPORTED),
    conda:
        "../../environment.yml"
    params:
        settings=lambda w: inputs.imported(STUDY, w.dataset, w.split).settings,
        # Snakemake notices a newer file, but no older one, and no change inside a folder; nor does it compare params
        # that are made of `input`.
        file=lambda w: fingerprint(OF_USER(w)),
        numerics=numerics.SOLVER,
    script:
        "../scripts/import_file.py"


rule disjoint:
    input:
        reads(ALL_SPLITS),
    output:
        "<results>/datasets/disjoint.json",
    log:
        "<results>/logs/disjoint.log",
    benchmark:
        "<results>/benchmarks/disjoint.tsv"
    conda:
        "../../environment.yml"
    params:
        job=ALL_SPLITS,
        numerics=numerics.TABLES,
    script:
        "../scripts/disjoint.py"


# With the datasets that controls alone use, which `all` must not ask for.
use rule disjoint as disjoint_with_controls with:
    input:
        reads(ALL_SPLITS_WITH_CONTROLS),
    output:
        "<results>/controls/disjoint.json",
    log:
        "<results>/logs/controls/disjoint.log",
    benchmark:
        "<results>/benchmarks/disjoint/controls.tsv"
    params:
        job=ALL_SPLITS_WITH_CONTROLS,
        numerics=numerics.TABLES,


rule card:
    input:
        reads(CARD),
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
        job=CARD,
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
            "<results>/figures/ranges.svg",
            caption="../report/ranges.rst",
            category="Data",
            labels={"picture": "ranges", "of": "all datasets"},
        ),
        png="<results>/figures/ranges.png",
        pdf="<results>/figures/ranges.pdf",
    log:
        "<results>/logs/datasets.log",
    benchmark:
        "<results>/benchmarks/datasets.tsv"
    conda:
        "../../environment.yml"
    params:
        pretraining=inputs.pretraining_datasets(STUDY, STORED),
        numerics=numerics.TABLES,
    script:
        "../scripts/datasets.py"


use rule datasets as datasets_of_controls with:
    input:
        expand("<results>/cards/{dataset}.json", dataset=inputs.shifts_of_controls(STUDY)),
    output:
        table="<results>/controls/datasets.csv",
        parquet="<results>/controls/datasets.parquet",
        svg="<results>/controls/ranges.svg",
        png="<results>/controls/ranges.png",
        pdf="<results>/controls/ranges.pdf",
    log:
        "<results>/logs/controls/datasets.log",
    benchmark:
        "<results>/benchmarks/datasets/controls.tsv"
    params:
        pretraining=inputs.pretraining_datasets(STUDY, inputs.shifts_of_controls(STUDY)),
        numerics=numerics.TABLES,


rule gallery:
    input:
        reads(OF_SYSTEM),
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
        job=OF_SYSTEM,
        numerics=numerics.TABLES,
    script:
        "../scripts/gallery.py"


use rule gallery as gallery_of_controls with:
    input:
        reads(OF_SYSTEM_IN_CONTROLS),
    output:
        svg="<results>/controls/gallery_{system}.svg",
        png="<results>/controls/gallery_{system}.png",
        pdf="<results>/controls/gallery_{system}.pdf",
    log:
        "<results>/logs/controls/gallery_{system}.log",
    benchmark:
        "<results>/benchmarks/gallery/controls/{system}.tsv"
    params:
        job=OF_SYSTEM_IN_CONTROLS,
        numerics=numerics.TABLES,


# Of what a study is about, drawn from its config alone.
rule picture:
    output:
        svg=report(
            "<results>/figures/{picture}.svg",
            caption="../report/picture.rst",
            category="Data",
            labels={"picture": "{picture}", "of": "the study"},
        ),
        png="<results>/figures/{picture}.png",
        pdf="<results>/figures/{picture}.pdf",
    log:
        "<results>/logs/picture/{picture}.log",
    benchmark:
        "<results>/benchmarks/picture/{picture}.tsv"
    conda:
        "../../environment.yml"
    params:
        study=lambda w: STUDY.part(*ANSWERS.pictures[w.picture]),
        answers=STUDY.answers,
        numerics=(numerics.SOLVER, numerics.TABLES),
    script:
        "../scripts/picture.py"
