"""How a session comes by its boards."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from farm.lab.bench import Bench, borrow, borrow_any
from farm.lab.inventory import Lab
from farm.lab.lease import Wanted

from .selection import Wish

_WORKER_WAIT_S = 600.0
"""How long an xdist worker waits for a board unless told otherwise: until others are through with theirs, assumed."""


@contextmanager
def take(lab: Lab, wish: Wish, config: pytest.Config) -> Generator[Bench]:
    """Lend a board that a test would take: the one that it names, else the least worn that is free and well.

    Raises:
        LabFault: none is free, and none was within ``--farm-wait``; or all that would do are in quarantine.
    """
    state, patience_s, reason = config.option.farm_state, wait_s(config), "pytest"
    if wish.open:
        lent = borrow_any(lab, Wanted(boards=wish.candidates), state=state, wait_s=patience_s, reason=reason)
    else:
        lent = borrow(lab, wish.candidates[0], state=state, wait_s=patience_s, reason=reason)
    with lent as bench:
        yield bench


def wait_s(config: pytest.Config) -> float:
    """Return how long a test waits for a board that others have."""
    given: float | None = config.option.farm_wait
    if given is not None:
        return given
    return _WORKER_WAIT_S if hasattr(config, "workerinput") else 0.0


def database(lab: Lab, state: Path) -> Path:
    """Return where the results of a lab are kept: with its twins when it has some, whichever folder it is used from."""
    return lab.database(state)
