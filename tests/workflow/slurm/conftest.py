"""A SLURM cluster for the session, and Snakemake on it."""

import pytest

from cluster import Cluster, missing


@pytest.fixture(scope="session")
def running_cluster(tmp_path_factory):
    if reason := missing():
        pytest.skip(f"no SLURM cluster can be started: {reason}")
    with Cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster


@pytest.fixture
def cluster(running_cluster, monkeypatch):
    """The cluster, which whatever the test starts finds as a user does."""
    for name, value in running_cluster.env.items():
        monkeypatch.setenv(name, value)
    return running_cluster
