"""Nothing that is read can run code, and no name leaves the project's folders."""

import re

import pytest

from configs import ROOT, load_study
from pdetransfer.plan.expand import ConfigError
from pdetransfer.plan.load import load

SOURCES = [
    path
    for folder in ("pipeline_src", "workflow", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".smk") or path.name == "Snakefile"
]
UNSAFE = (
    r"\bpickle\b|torch\.load\b|yaml\.(load|full_load|unsafe_load)\b"
    r"|allow_pickle(?!=False)|(?<![.\w])(eval|exec)\(|joblib"
)


def test_no_source_reads_a_format_that_can_run_code():
    assert len(SOURCES) > 40
    assert not [path for path in SOURCES if re.search(UNSAFE, path.read_text())]


@pytest.mark.parametrize("name", ["..", ".", ".hidden", "../up", "a/b", "/etc", ""])
def test_a_name_cannot_leave_its_folder(name):
    experiments = {name: {"like": "seeds"}}
    with pytest.raises(ConfigError, match=r"expected .*pattern"):
        load_study("laptop", experiments=experiments)
    with pytest.raises(ConfigError, match="expected one of"):
        load(ROOT / "config", {"study": name, "scale": "laptop"})
