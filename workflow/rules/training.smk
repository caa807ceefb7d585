TRAINING = job(lambda curve, n: inputs.training(STUDY, Curve.from_path(curve), [int(n)]), "curve", "n_train")
PACK = job(lambda curve: inputs.training(STUDY, Curve.from_path(curve), STUDY.packed_n_train), "curve")
EVALUATION = job(lambda experiment: inputs.evaluation(STUDY, experiment), "experiment")
MODEL = job(lambda curve, n: inputs.model(STUDY, Curve.from_path(curve), int(n)), "curve", "n_train")
ARCHIVE = f"{STUDY.results}/archive"
PACKED_N = list(STUDY.packed_n_train)
PACKED = [curve.path for curve in STUDY.packed_curves()]


rule train:
    input:
        reads(TRAINING),
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
        device=STUDY.device,
        compile_from=STUDY.compile_from,
        runtime=training_minutes,
        mem_mb=training_mb,
    params:
        job=TRAINING,
        archive=ARCHIVE,
        numerics=numerics.TRAINING,
    script:
        "../scripts/train.py"


# Pre-trainings come first: whatever is fine-tuned waits for them.
use rule train as pretrain with:
    wildcard_constraints:
        curve=one_of(sorted({curve.path for curve, _ in STUDY.starts})),
        n_train=one_of(sorted({str(n_train) for _, n_train in STUDY.starts})),
    priority: 1


ruleorder: pretrain > train


if PACKED_N:

    # One job for all packed n_train of a curve that needs all of them.
    use rule train as train_pack with:
        input:
            reads(PACK),
        output:
            weights=expand("<results>/cells/{{curve}}/n{n_train}/weights.safetensors", n_train=PACKED_N),
            history=expand("<results>/cells/{{curve}}/n{n_train}/history.csv", n_train=PACKED_N),
            cell=expand("<results>/cells/{{curve}}/n{n_train}/cell.json", n_train=PACKED_N),
        log:
            "<results>/logs/train/{curve}/packed.log",
        benchmark:
            "<results>/benchmarks/train/{curve}/packed.tsv"
        wildcard_constraints:
            curve=one_of(PACKED),
        params:
            job=PACK,
            archive=ARCHIVE,
            numerics=numerics.TRAINING,

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
        jobs=lambda w: inputs.status(STUDY),
        archive=ARCHIVE,
    script:
        "../scripts/status.py"


rule evaluate:
    input:
        reads(EVALUATION),
    output:
        errors="<results>/errors/{experiment}.parquet",
    log:
        "<results>/logs/evaluate/{experiment}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{experiment}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=lambda w: num_gpus(),
        device=STUDY.device,
    params:
        job=EVALUATION,
        numerics=numerics.EVALUATION,
    script:
        "../scripts/evaluate.py"


rule model:
    input:
        reads(MODEL),
    output:
        folder=directory("<results>/models/{curve}/n{n_train}"),
    log:
        "<results>/logs/model/{curve}/n{n_train}.log",
    benchmark:
        "<results>/benchmarks/model/{curve}/n{n_train}.tsv"
    conda:
        "../../environment.yml"
    resources:
        gpu=lambda w: num_gpus(),
        device=STUDY.device,
    params:
        job=MODEL,
        numerics=numerics.EVALUATION,
    script:
        "../scripts/model.py"


rule models:
    input:
        [f"<results>/models/{curve.path}/n{n}" for curve, n in STUDY.pretrained(STUDY.reported)],
    localrule: True
