"""How a session comes by its boards."""

from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from farm.errors import LabFault
from farm.lab.bench import Bench, borrow
from farm.lab.inventory import Lab

from .selection import Wish

_WORKER_WAIT_S = 600.0
"""How long an xdist worker waits for a board unless told otherwise: until others are through with theirs, assumed."""


@contextmanager
def take(lab: Lab, wish: Wish, config: pytest.Config) -> Generator[Bench]:
    """Lend one of the boards that a test would take.

    Raises:
        LabFault: none is free, and none was within ``--farm-wait``.
    """
    with ExitStack() as stack:
        yield _first_free(lab, wish, config, stack)


def _first_free(lab: Lab, wish: Wish, config: pytest.Config, stack: ExitStack) -> Bench:
    refused: list[LabFault] = []
    for name in wish.candidates:
        try:
            return stack.enter_context(borrow(lab, name, state=config.option.farm_state, wait_s=wait_s(config)))
        except LabFault as fault:
            refused.append(fault)
    raise refused[-1]


def wait_s(config: pytest.Config) -> float:
    """Return how long a test waits for a board that others have."""
    given: float | None = config.option.farm_wait
    if given is not None:
        return given
    return _WORKER_WAIT_S if hasattr(config, "workerinput") else 0.0


def database(lab: Lab, state: Path) -> Path:
    """Return where the results of a lab are kept: with its twins when it has some, whichever folder it is used from."""
    return (lab.path.parent.parent if lab.resolved else state) / "results.sqlite"
