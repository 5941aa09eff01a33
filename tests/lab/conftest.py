"""What is under test: which artifact goes on which board model, and what the product asks of it."""

from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from farm.playbook import Playbook, load
from farm.verdict.criteria import Limits

HERE = Path(__file__).parent


class Release(NamedTuple):
    """What one board model is to run, how, and the limits."""

    artifact: Path
    dataset: Path
    how: dict[str, float]
    """``rate_hz``, ``duration_s``, ``score_s``: for the ``trial`` fixture."""
    limits: Limits


def pytest_addoption(parser: pytest.Parser) -> None:
    text = "which artifact goes on which board model"
    parser.addoption("--release", type=Path, default=HERE / "release.yaml", metavar="FILE", help=text)


def _read(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def release(bench, pytestconfig) -> Release:
    """The release for the borrowed board's model."""
    path: Path = pytestconfig.getoption("release")
    plan, product = _read(path), _read(HERE / "product.yaml")
    model = bench.entry.model
    if model not in plan["artifacts"] or model not in product["boards"]:
        pytest.skip(f"{path.name} or product.yaml holds nothing for {model}")
    asked = product["boards"][model]
    return Release(
        artifact=path.resolve().parent / plan["artifacts"][model],
        dataset=HERE / product["dataset"],
        how={"rate_hz": asked["rate_hz"], "duration_s": plan["duration_s"], "score_s": plan["score_s"]},
        limits=Limits.model_validate(asked["limits"]),
    )


@pytest.fixture(scope="session")
def playbook(bench) -> Playbook:
    """The provisioning playbook of the borrowed board's model."""
    return load(HERE.parent.parent / "playbooks" / f"{bench.entry.model}.yaml")
