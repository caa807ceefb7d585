import subprocess
import sys

JOB = """
from pdetransfer.base import logs
from pdetransfer.base.files import UnusableFile
logs.to_file({path!r})
raise {error}
"""


def said_by_a_job(error, path):
    """On standard error, and in the last line of its log."""
    job = JOB.format(path=str(path), error=error)
    done = subprocess.run([sys.executable, "-c", job], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    return done.stderr.splitlines()[-1], path.read_text().splitlines()[-1]


def test_a_job_says_that_what_the_workflow_made_can_be_made_again(tmp_path):
    told, logged = said_by_a_job("UnusableFile('w.safetensors is damaged')", tmp_path / "log")
    assert told == "UnusableFile: w.safetensors is damaged; delete it, and the next run makes it again"
    assert logged.endswith(told)


def test_a_job_does_not_say_so_of_a_users_file(tmp_path):
    told, _ = said_by_a_job("ValueError('train.h5 has no fields')", tmp_path / "log")
    assert told == "ValueError: train.h5 has no fields"
