EVALUATION = job(lambda experiment: inputs.evaluation(STUDY, experiment), "experiment")
MODEL = job(lambda curve, n: inputs.model(STUDY, Curve.from_path(curve), int(n)), "curve", "n_train")

TRAINING = job(
    lambda curve, n: inputs.training(STUDY, Curve.from_path(curve), trained_n(curve, n)), "curve", "n_train"
)

# The output of a rule is the same for all of its curves: a rule for single cells, and one for every set of n_train that
# curves pack.
for name, (sizes, curves) in {"train": (["{n_train}"], [ALL_CURVES]), **PACKS}.items():

    rule:
        name:
            name
        input:
            reads(TRAINING),
        output:
            weights=[f"<results>/cells/{{curve}}/n{n}/weights.safetensors" for n in sizes],
            history=[f"<results>/cells/{{curve}}/n{n}/history.csv" for n in sizes],
            cell=[f"<results>/cells/{{curve}}/n{n}/cell.json" for n in sizes],
        log:
            f"<results>/logs/train/{{curve}}/{'packed' if name in PACKS else 'n{n_train}'}.log",
        benchmark:
            f"<results>/benchmarks/train/{{curve}}/{'packed' if name in PACKS else 'n{n_train}'}.tsv"
        wildcard_constraints:
            curve="|".join(curves),
        # Those with most cells first, or the last job that runs may be a long one; after pre-trainings, as what is
        # fine-tuned waits for them.
        priority: len(sizes)
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
            archive=inputs.archive(STUDY),
            numerics=numerics.TRAINING,
        script:
            "../scripts/train.py"


use rule train as pretrain with:
    wildcard_constraints:
        curve=one_of(sorted({curve.path for curve, _ in STUDY.starts})),
        n_train=one_of(sorted({str(n_train) for _, n_train in STUDY.starts})),
    priority: 100


workflow.ruleorder("pretrain", *PACKS, "train")


rule evaluate:
    input:
        reads(EVALUATION),
    output:
        errors=inputs.errors(STUDY, "{experiment}"),
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
