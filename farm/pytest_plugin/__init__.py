"""pytest against a lab: options, markers and fixtures.

Only this file loads in a session without ``--farm-inventory``; it imports nothing but pytest and the standard
library, so that an unused plug-in costs nobody anything. Everything that needs the lab is in :mod:`.session`.

Fixtures (all but ``bench`` bring the board up first):

``bench``    the borrowed bench: board, shell, console, switch, meters; kept for as long as the tests that follow
             would take the same board
``board``    the board, booted and reachable
``console``  its serial console; capture runs from borrowing to returning
``meter``    the first meter on its rail; all of them are ``bench.meters``
``deploy``   ``deploy(artifact, dataset)`` puts a model on the board, sending only what is missing there
``gate``     one seat of the policy that ``--farm-policy`` names; ``gate.check()`` runs and judges it
``farm_note`` ``farm_note(text)`` tells what happened, a line under the test's own with ``-v``
``trial``    ``trial(rate_hz=…, duration_s=…)`` runs the marked artifact and measures; ``.check(…)`` judges
``accuracy`` ``accuracy(artifact, boards=2)`` counts what it gets right on boards of a model at once, without ``bench``
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from devices.board import Board
    from devices.console import Console
    from farm.lab.bench import Bench
    from power.meter import Meter

    from .accuracies import Accuracies
    from .gate import GateSession, SeatTest
    from .session import LabSession
    from .trials import Deploy, Trials

_MARKERS = (
    "board(model=NAME | any=NAME, tags=[…]): run on every such board | on one that is free; board(): on every board",
    "artifact(path, dataset=None): the model (and data set) that `trial` runs; paths from the test file's folder",
    "demands(NAME=VALUE, …): what the board must be like for `trial`, e.g. governor='performance'; docs/state.md",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--farm-*``."""
    group = parser.getgroup("farm", "edge-test-farm: boards, models and watts")
    group.addoption("--farm-inventory", type=Path, metavar="FILE", help="the lab: inventory.yaml, or a resolved one")
    group.addoption("--farm-board", action="append", default=[], metavar="NAME", help="use only this board; repeatable")
    group.addoption("--farm-state", type=Path, default=Path(".farm"), metavar="DIR", help="locks and results [.farm]")
    group.addoption(
        "--farm-wait",
        type=float,
        metavar="S",
        help="how long a test waits for a board that others have [0; 600 in workers of pytest-xdist]",
    )
    group.addoption("--farm-policy", type=Path, metavar="FILE", help="what the `gate` fixture holds releases to")
    release = "a packed model, or a YAML file that names one for each board model"
    group.addoption("--farm-candidate", type=Path, metavar="FILE", help=f"the release under test: {release}")
    group.addoption("--farm-baseline", type=Path, metavar="FILE", help="what it is compared with, likewise")
    group.addoption("--farm-dry-run", action="store_true", help="only tell which board would run what; touch nothing")


def pytest_configure(config: pytest.Config) -> None:
    """Register the markers; read the inventory and join the session when one is named."""
    for marker in _MARKERS:
        config.addinivalue_line("markers", marker)
    if config.option.farm_inventory is None:
        for option in ("--farm-board", "--farm-dry-run", "--farm-policy"):
            if config.getoption(option):
                raise pytest.UsageError(f"{option}: of which lab? Pass --farm-inventory FILE too")
        return
    if config.option.farm_dry_run:  # before xdist sets up its workers
        config.option.numprocesses, config.option.dist, config.option.tx = 0, "no", []
    from .session import LabSession

    lab = LabSession(config)
    config.pluginmanager.register(lab, "farm-lab")
    if (config.option.farm_policy is None) != (config.option.farm_candidate is None):
        raise pytest.UsageError("--farm-policy and --farm-candidate: pass both, or none")
    if config.option.farm_policy is not None:
        from .gate import GateSession

        config.pluginmanager.register(GateSession(config, lab), "farm-gate")


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """One board with its console, switch and meters; given back once no test follows that it would do for."""
    with _lab(request).borrow(getattr(request, "param", None)) as borrowed:
        yield borrowed


def _lab(request: pytest.FixtureRequest) -> LabSession:
    session: LabSession | None = request.config.pluginmanager.get_plugin("farm-lab")
    if session is None:
        pytest.skip("needs a lab: pass --farm-inventory FILE")
    return session


@pytest.fixture
def board(bench: Bench) -> Board:
    """The board, switched on, booted and reachable."""
    bench.ensure_up()
    return bench.board


@pytest.fixture
def console(bench: Bench) -> Console:
    """The board's serial console; skipped where the inventory names none."""
    if bench.entry.console is None:
        pytest.skip(f"{bench.name} has no console")
    return bench.console


@pytest.fixture
def meter(bench: Bench) -> Meter:
    """The first meter on the board's supply; skipped where the inventory has none."""
    if not bench.meters:
        pytest.skip(f"{bench.name} has no meter")
    return next(iter(bench.meters.values())).meter


@pytest.fixture(name="gate")  # the module of that name would take the function's place
def gate_seat(request: pytest.FixtureRequest) -> SeatTest:
    """One board's part of the policy; ``gate.check()`` runs its trials and judges them."""
    session: GateSession | None = request.config.pluginmanager.get_plugin("farm-gate")
    if session is None:
        pytest.skip("needs a policy: pass --farm-inventory, --farm-policy and --farm-candidate")
    from .gate import SeatTest

    return SeatTest(session, request.param, request.node)


@pytest.fixture
def farm_note(request: pytest.FixtureRequest) -> Callable[[str], None]:
    """``farm_note(text)``: what happened, shown below the test's line under ``-v``."""
    from .results import note

    return lambda text: note(request.node, text)


@pytest.fixture
def deploy(bench: Bench, request: pytest.FixtureRequest, tmp_path: Path) -> Deploy:
    """``deploy(artifact, dataset)``; without arguments the marked ones."""
    bench.ensure_up()
    from .trials import Deploy

    return Deploy(_lab(request).lab, bench, request.node, tmp_path)


@pytest.fixture
def trial(deploy: Deploy, request: pytest.FixtureRequest) -> Trials:
    """``trial(rate_hz=…, duration_s=…)``: run the marked artifact, keep the record, return it to be judged."""
    from .trials import Trials

    return Trials(deploy, request.node, _lab(request).kept)


@pytest.fixture
def accuracy(request: pytest.FixtureRequest, tmp_path: Path) -> Accuracies:
    """``accuracy(artifact, boards=2)``: divide its data set over boards of one model; ``.check(…)`` judges."""
    session = _lab(request)
    from .accuracies import Accuracies

    return Accuracies(session, request.node, tmp_path)
