"""Nothing that is read can run code, and no name leaves the project's folders."""

import re
from pathlib import Path

import pytest
import yaml

from pdetransfer.plan.config import ConfigError, check_config

ROOT = Path(__file__).parents[3]
SOURCES = [
    path
    for folder in ("pipeline_src", "workflow", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".smk") or path.name == "Snakefile"
]
UNSAFE = (
    r"\bpickle\b|torch\.load\b|yaml\.(load|full_load|unsafe_load)\b"
    r"|allow_pickle|(?<![.\w])(eval|exec)\(|joblib"
)


def test_no_source_reads_a_format_that_can_run_code():
    assert len(SOURCES) > 40
    assert not [path for path in SOURCES if re.search(UNSAFE, path.read_text())]


@pytest.mark.parametrize("name", ["..", ".", ".hidden", "../up", "a/b", "/etc", ""])
def test_a_name_cannot_leave_its_folder(name):
    config = yaml.safe_load((ROOT / "config/smoke.yaml").read_text())
    schema = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text())
    config["experiments"][name] = config["experiments"]["seeds"]
    with pytest.raises(ConfigError, match="expected text that matches"):
        check_config(config, schema)
