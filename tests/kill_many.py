"""Many kills at random moments: ``python tests/kill_many.py NUM_KILLS SEED``; prints what was killed."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).with_name("workflow")))

from faults import kill_many, wait_for_orphans

from conftest import Project

with tempfile.TemporaryDirectory() as folder:
    project = Project(Path(folder).resolve() / "project")
    for kind, count in sorted(kill_many(project, int(sys.argv[1]), int(sys.argv[2])).items()):
        print(f"{count:4d} {kind}")
    wait_for_orphans(project)
