rule train:
    input:
        unpack(training_inputs),
    output:
        weights="<results>/cells/{curve}/n{n_train}/weights.safetensors",
        history="<results>/cells/{curve}/n{n_train}/history.csv",
        cell="<results>/cells/{curve}/n{n_train}/cell.json",
    log:
        "<results>/logs/train/{curve}/n{n_train}.log",
    benchmark:
        "<results>/benchmarks/train/{curve}/n{n_train}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=training_gpus,
        device=config["device"],
        compile_from=config["compile_from"],
        runtime=training_minutes,
        mem_mb=training_mb,
    params:
        cells=cell_settings,
        finished=finished_cells(),
        numerics=numerics.TRAINING,
    script:
        "../scripts/train.py"


# Pre-trainings come first: whatever is fine-tuned waits for them.
use rule train as pretrain with:
    wildcard_constraints:
        **pretraining_wildcards(),
    priority: 1


ruleorder: pretrain > train


if config["packed_n_train"]:

    # One job for all packed n_train of a curve that needs all of them.
    use rule train as train_pack with:
        output:
            weights=expand(
                "<results>/cells/{{curve}}/n{n_train}/weights.safetensors", n_train=config["packed_n_train"]
            ),
            history=expand(
                "<results>/cells/{{curve}}/n{n_train}/history.csv", n_train=config["packed_n_train"]
            ),
            cell=expand("<results>/cells/{{curve}}/n{n_train}/cell.json", n_train=config["packed_n_train"]),
        log:
            "<results>/logs/train/{curve}/packed.log",
        benchmark:
            "<results>/benchmarks/train/{curve}/packed.tsv"
        wildcard_constraints:
            curve=one_of(PACKED),

    ruleorder: pretrain > train_pack > train


rule status:
    input:
        beside_another_snakemake,
    log:
        "<results>/logs/status.log",
    localrule: True
    conda:
        "../../environment.yml"
    params:
        jobs=jobs_by_target,
        finished=finished_cells(),
    script:
        "../scripts/status.py"


rule evaluate:
    input:
        unpack(evaluation_inputs),
    output:
        errors="<results>/errors/{experiment}.parquet",
    log:
        "<results>/logs/evaluate/{experiment}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{experiment}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=evaluation_gpus,
        device=config["device"],
    params:
        curves=evaluated_curves,
        datasets=evaluated_datasets,
        trained_n=trained_n,
        zero_shot=has_zero_shot,
        numerics=numerics.EVALUATION,
    script:
        "../scripts/evaluate.py"


rule model:
    input:
        unpack(model_inputs),
    output:
        folder=directory("<results>/models/{curve}/n{n_train}"),
    log:
        "<results>/logs/model/{curve}/n{n_train}.log",
    benchmark:
        "<results>/benchmarks/model/{curve}/n{n_train}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=evaluation_gpus,
        device=config["device"],
    params:
        numerics=numerics.EVALUATION,
    script:
        "../scripts/model.py"


rule models:
    input:
        [f"<results>/models/{curve.path}/n{n}" for curve, n in experiments.pretrainings(config, REPORTED)],
    localrule: True
