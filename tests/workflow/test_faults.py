"""Kills and other faults of whole workflows."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
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
    while not (fresh.path / "results/transfer/smoke/logs").exists():
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
        output = fresh.told("status")
    assert "LockException" in fresh.run("--rerun-incomplete", TARGET).stdout
    first.kill()
    first.wait()
    wait_for_orphans(fresh)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may leave the network")
def test_no_network_is_needed(fresh):
    command = ["unshare", "-n", Path(sys.executable).with_name("snakemake")]
    environment = os.environ | {"PYTHONPATH": ""}
    result = subprocess.run(
        [*command, TARGET], cwd=fresh.path, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert (fresh.path / TARGET).exists()


def mount(*arguments):
    """Mount, or skip where this is not allowed: root ignores the modes of files, so there is no other way."""
    if subprocess.run(["mount", *map(str, arguments)], check=False, capture_output=True).returncode:
        pytest.skip("file systems cannot be mounted here")


@contextmanager
def mounted(folder, *arguments):
    folder.mkdir(parents=True, exist_ok=True)
    mount(*arguments, folder)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def results_of(project):
    table = pd.read_csv(project.path / TARGET)
    return table.drop(columns=["seconds", "cell_seconds", "memory_mb", "commit"])


def test_a_full_disk_is_named_and_what_was_reached_goes_on_where_there_is_room(fresh, finished_project):
    results = fresh.path / "results"
    with mounted(results, "-t", "tmpfs", "-o", "size=700k", "tmpfs"):
        stopped = fresh.run("--rerun-incomplete", "--keep-going", TARGET)
        assert stopped.returncode != 0
        assert "No space left on device" in stopped.stdout
        assert not (fresh.path / TARGET).exists()
        mount("-o", "remount,size=200m", results)
        fresh.succeed("--rerun-incomplete", TARGET)
        pd.testing.assert_frame_equal(results_of(fresh), results_of(finished_project))


def test_a_folder_that_cannot_be_written_is_named_and_stays_as_it_is(finished):
    results = finished.path / "results"
    with mounted(results, "--bind", results):
        mount("-o", "remount,ro,bind", results)
        for wanted, told in (
            (["--force", TARGET], "Write-protected output files"),
            (["results/transfer/smoke/plan/seeds.csv"], "Read-only file system"),
        ):
            stopped = finished.run(*wanted)
            assert stopped.returncode != 0
            assert told in stopped.stdout
    assert not finished.planned("all")


def test_a_deleted_cell_comes_back_without_training(finished):
    (folder,) = (finished.path / "results/transfer/smoke/cells").glob(
        "poisson_e5-10/fno_medium/scratch/*/n16"
    )
    (folder / "weights.safetensors").unlink()
    wanted = str(folder.relative_to(finished.path) / "weights.safetensors")
    assert finished.planned(wanted) == {"train_pack_4_8_16": 1}
    finished.succeed(wanted)
    curve = folder.relative_to(finished.path / "results/transfer/smoke/cells").parent
    log = finished.path / "results/transfer/smoke/logs/train" / curve / "packed.log"
    assert "3 of 3 cells were finished before" in log.read_text()
    assert not finished.planned("all")
