"""The release under test: which artifact goes on which board model, and what it is held to."""

from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from farm.verdict.criteria import Limits

HERE = Path(__file__).parent


class Release(NamedTuple):
    """What one board model is to run, and the limits."""

    artifact: Path
    dataset: Path
    rate_hz: float
    duration_s: float
    limits: Limits


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--release", type=Path, default=HERE / "release.yaml", metavar="FILE", help="what to test")


@pytest.fixture(scope="session")
def release(bench, pytestconfig) -> Release:
    """The release for the borrowed board's model."""
    path: Path = pytestconfig.getoption("release")
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    mine = plan["boards"].get(bench.entry.model)
    if mine is None:
        pytest.skip(f"{path.name} holds no release for {bench.entry.model}")
    return Release(
        artifact=path.parent / mine["artifact"],
        dataset=path.parent / plan["dataset"],
        rate_hz=mine["rate_hz"],
        duration_s=plan["duration_s"],
        limits=Limits.model_validate(mine["limits"]),
    )


@pytest.fixture(scope="session")
def playbook(bench):
    """The provisioning playbook of the borrowed board's model."""
    from farm.playbook import load

    return load(HERE.parent.parent / "playbooks" / f"{bench.entry.model}.yaml")
