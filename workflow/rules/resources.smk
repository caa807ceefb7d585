"""What training jobs train, and what they and others ask for."""

import shutil
import subprocess

from pdetransfer.plan import costs


def trained_n(curve, n_train):
    """The n_train of a training job: the one asked for, or those that its curve packs."""
    return [int(n_train)] if n_train else STUDY.packs[Curve.from_path(curve)]


def training_minutes(wildcards, attempt):
    asked = costs.training_minutes(
        STUDY, Curve.from_path(wildcards.curve), trained_n(wildcards.curve, wildcards.get("n_train"))
    )
    return min(attempt * asked, STUDY.longest_job)


def training_mb(wildcards, attempt):
    asked = costs.training_mb(
        STUDY, Curve.from_path(wildcards.curve), trained_n(wildcards.curve, wildcards.get("n_train"))
    )
    return min(attempt, 2) * asked  # most later attempts are due to time, not to memory


def training_gpus(wildcards):
    asked = STUDY.models[Curve.from_path(wildcards.curve).model].num_gpus
    return num_gpus() * (asked if workflow.non_local_exec_or_dryrun else min(asked, gpus_here() or 1))


@cache
def gpus_here():
    """GPUs of this machine; PyTorch is too slow to ask."""
    if not (nvidia_smi := shutil.which("nvidia-smi")):
        return 0
    return subprocess.run([nvidia_smi, "--list-gpus"], capture_output=True).stdout.count(b"\n")


def num_gpus():
    """GPUs that a job which trains or evaluates takes at least, here or on a cluster."""
    if STUDY.device == "auto":
        return int(not workflow.local_exec or gpus_here() > 0)
    return int(STUDY.device == "cuda")


# Jobs share the GPUs of this machine, unless --resources gpu=... says that there are others. Whether they run on a
# cluster is known only later, so its profile says that.
if num_gpus() and "gpu" not in workflow.global_resources:
    workflow.register_resource("gpu", gpus_here() or 1)
