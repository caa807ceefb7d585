"""Kills and other faults of whole workflows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from faults import TARGET, kill_many, prepare, start, wait_for_orphans

pytestmark = pytest.mark.slow


def test_kills_at_random_moments_change_no_result(fresh):
    counts = kill_many(fresh, num_kills=3, seed=1)
    wait_for_orphans(fresh)
    assert counts["rounds without a difference"] > 0


def test_a_second_snakemake_in_the_folder_is_told_of_the_first(fresh):
    prepare(fresh)
    first = start(fresh)
    while not (fresh.path / "results/smoke/logs").exists():
        assert first.poll() is None
    result = fresh.run("--rerun-incomplete", TARGET)
    assert result.returncode != 0
    assert "LockException" in result.stdout
    first.kill()
    first.wait()
    wait_for_orphans(fresh)


def test_the_status_is_told_beside_a_running_snakemake_which_keeps_its_lock(fresh):
    prepare(fresh)
    first = start(fresh)
    output = ""
    while not re.search(r"^running: .*epoch .*rate .* s left \(process \d+ on ", output, flags=re.M):
        assert first.poll() is None, output
        output = fresh.succeed("status")
    assert "LockException" in fresh.run("--rerun-incomplete", TARGET).stdout
    first.kill()
    first.wait()
    wait_for_orphans(fresh)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may leave the network")
def test_no_network_is_needed(fresh):
    command = ["unshare", "-n", Path(sys.executable).with_name("snakemake"), "--configfile=config/smoke.yaml"]
    environment = os.environ | {"PYTHONPATH": ""}
    result = subprocess.run(
        [*command, TARGET], cwd=fresh.path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert (fresh.path / TARGET).exists()
