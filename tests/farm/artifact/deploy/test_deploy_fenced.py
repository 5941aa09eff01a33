"""Deployments under leases: the board itself refuses whoever comes with an earlier one than it has seen."""

import os
from pathlib import Path

import pytest

from farm.artifact.deploy import deploy, roll_back
from farm.lab.fenced import FencedShell
from farm.lab.lease import LeaseLost


class Held:
    """A lease as a shell and a fence ask it: one that believes to be held."""

    def __init__(self, token: int) -> None:
        self.token = token

    def require(self) -> None:
        pass

    def check(self) -> None:
        pass

    def database_id(self) -> str:
        return "records"


@pytest.fixture
def under(shell):
    return lambda token: FencedShell(shell, Held(token))


BOTH = pytest.mark.usefixtures("way")


@BOTH
def test_an_earlier_lease_deploys_nothing(under, workdir, dataset, retrain):
    newer, older = retrain(b"of lease 7"), retrain(b"of lease 6")
    deploy(under(7), workdir, newer, dataset)
    blobs = os.listdir(Path(workdir, "blobs"))  # noqa: PTH208
    with pytest.raises(LeaseLost, match="lease 6: lease 7 has deployed to the board since"):
        deploy(under(6), workdir, older, dataset)
    with pytest.raises(LeaseLost, match="lease 6: lease 7"):
        roll_back(under(6), workdir)
    assert os.listdir(Path(workdir, "blobs")) == blobs  # noqa: PTH208
    assert Path(workdir, "current").resolve().name == newer.id


@BOTH
def test_a_lease_that_ends_in_the_middle_switches_nothing(under, workdir, dataset, retrain):
    old, new = retrain(b"old"), retrain(b"new")
    deploy(under(6), workdir, old, dataset)

    def another_comes(_: str) -> None:
        Path(workdir, "lease").write_text("records 7\n")

    with pytest.raises(LeaseLost, match="lease 6: lease 7 has deployed"):
        deploy(under(6), workdir, new, dataset, progress=another_comes)
    assert Path(workdir, "current").resolve().name == old.id
    assert deploy(under(7), workdir, new, dataset).bytes_sent == 0


def test_what_a_lease_has_deployed_stays_as_long_as_it_deploys(under, workdir, dataset, retrain):
    versions = [retrain(b"version %d" % n) for n in range(4)]
    for version in versions[:3]:
        deploy(under(6), workdir, version, dataset, keep=1)
    assert len(list(Path(workdir, "artifacts").iterdir())) == 3
    deploy(under(7), workdir, versions[3], dataset, keep=1)
    assert [path.name for path in Path(workdir, "artifacts").iterdir()] == [versions[3].id]
