"""The study, wildcards, and what jobs read."""

import atexit
import os
import re
import shlex
import sys
from datetime import datetime
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError

# The workflow runs the package that lies beside it, in the jobs that it starts too.
ROOT = Path(workflow.basedir).parent
PACKAGE = str(ROOT / "pipeline_src")
sys.path.insert(0, PACKAGE)
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [PACKAGE, os.getenv("PYTHONPATH")])))
# Snakemake starts scripts by this path in a shell, which would take it apart where a folder has a space in its name.
sys.executable = shlex.quote(sys.executable)
# Else glibc gives large blocks back to the system after each use, and fetches them again in pages of 4 KB.
os.environ.update(
    GLIBC_TUNABLES="glibc.malloc.hugetlb=1:"
    f"glibc.malloc.mmap_threshold={2**25}:glibc.malloc.trim_threshold={2**36}"
)

from pdetransfer.base import numerics
from pdetransfer.base.files import fingerprint
from pdetransfer.plan import entries, inputs
from pdetransfer.plan.check import check
from pdetransfer.plan.expand import ConfigError
from pdetransfer.plan.load import load
from pdetransfer.plan.study import Curve
from pdetransfer.studies import registry


def chosen_study():
    """The study and the code that answers it; the first mistake in them is said, and nothing is run."""
    study = load(ROOT / "config", config, workflow.config_settings.overwrite_config)
    answers = registry.answers(study.answers)
    if workflow.is_main_process:
        check(study, answers, registry.quantities(study))
        told = study.told
        with_profile = "SNAKEMAKE_PROFILE" in os.environ or any(
            word.startswith("--prof") for word in sys.argv
        )
        settings = workflow.config_settings
        if with_profile and settings.configfiles and "scale" not in settings.overwrite_config:
            raise ConfigError(
                f"{told}: a --configfile replaces that of --profile, which may say another scale; "
                f"expected one that has `scale`, or --config scale=..."
            )
        print(told, file=sys.stderr)
    return study, answers


try:
    STUDY, ANSWERS = chosen_study()
except ConfigError as mistake:
    raise WorkflowError(str(mistake)) from None


pathvars:
    results=STUDY.results,


STORED = inputs.stored_datasets(STUDY)
OF_CONTROLS = inputs.of_controls(STUDY)
IMPORTED = [name for name, entry in STUDY.datasets.items() if entry.files]
GENERATED = [name for name, entry in STUDY.datasets.items() if not entry.files and not entry.mix]


def one_of(names):
    """A pattern that matches these names, and none if there are none."""
    return f"({'|'.join(map(re.escape, names))})"


ALL_CURVES = "/".join(
    one_of(names)
    for names in (STUDY.datasets, STUDY.models, [entries.SCRATCH, *STUDY.pretrainings], STUDY.recipes)
)


def rules_of_packs():
    """By name of a rule the n_train that its jobs train, and patterns of the paths of their curves."""
    by_sizes = {}
    for curve, sizes in STUDY.packs.items():
        by_sizes.setdefault(sizes, []).append(re.escape(curve.path))
    names = ["train_pack", *("_".join(map(str, ["train_pack", *sizes])) for sizes in [*by_sizes][1:])]
    return dict(zip(names, by_sizes.items()))


PACKS = rules_of_packs()
# What a profile says of train_pack holds for all of them.
settings = workflow.resource_settings
settings.overwrite_resources = dict.fromkeys(
    PACKS, settings.overwrite_resources.get("train_pack", {})
) | dict(settings.overwrite_resources)


wildcard_constraints:
    dataset=one_of([*GENERATED, *IMPORTED]),
    split="|".join(inputs.SPLITS),
    curve=ALL_CURVES,
    n_train=r"[1-9]\d*",
    experiment=one_of(STUDY.experiments),
    predictions=one_of(name for name in STUDY.figures if inputs.is_gallery(STUDY, name)),
    picture=one_of(ANSWERS.pictures),
    system=r"\w+",


def job(plan, *names):
    """The object of a rule's jobs (``plan.inputs``), a function of these wildcards; a mistake in them is said."""

    @cache
    def of(*values):
        try:
            return plan(*values)
        except ConfigError as mistake:
            raise WorkflowError(str(mistake)) from None

    return lambda wildcards: of(*(wildcards.get(name) for name in names))


def from_root(path):
    """A path that a config has, relative to the project's root, wherever Snakemake works (``--directory``)."""
    return path if Path(path).is_absolute() else os.path.relpath(ROOT / path)


def reads(of_job):
    """The files of a job's object. Of a store its manifest says when it has changed."""

    def files(wildcards):
        paths = inputs.files(of_job(wildcards))
        return [ancient(path) if path.endswith(".zarr") else path for path in paths]

    return files


@atexit.register  # `onsuccess` comes before Snakemake's own last words, and not if there is nothing to do
def tell_where_the_report_is():
    """The last line of a start with the target ``all``, if nothing of that is left to do."""
    if workflow.dryrun or not workflow.scheduler:  # or nothing has been planned, as a mistake was found
        return
    left = set(workflow.dag.needrun_jobs())
    if any(job.rule.name == "all" and job not in left for job in workflow.dag.jobs):
        seconds = round((datetime.now() - workflow.start_time).total_seconds())
        print(
            f"{STUDY.results}/report.html, after {seconds // 60} min {seconds % 60} s",
            file=sys.stderr,
        )
