"""A board that is up for one command, and what becomes of its supply afterwards."""

from argparse import ArgumentParser
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from .common import STATE
from .output import note, progress

if TYPE_CHECKING:
    from ..lab.bench import Bench
    from ..lab.inventory import Lab


def add_leave_on(parser: ArgumentParser) -> None:
    """Add ``--leave-on``."""
    parser.add_argument("--leave-on", action="store_true", help="do not switch a board off again that was off before")


@contextmanager
def brought_up(
    lab: "Lab",
    board: str,
    *,
    leave_on: bool,
    reason: str,
    even_quarantined: bool = False,
    bring_up: "Callable[[Bench], object] | None" = None,
) -> "Generator[Bench]":
    """Lend one board's bench with the board up; it is switched off again if it was off, and that is said.

    ``bring_up`` does so in another way than over SSH.

    Raises:
        devices.errors.DeviceError, power.errors.PowerError, farm.errors.FarmError: as ``borrow`` and ``ensure_up``.
    """
    from ..lab.bench import Bench, borrow

    with borrow(lab, board, state=STATE, reason=reason, even_quarantined=even_quarantined) as bench:
        if leave_on:
            bench.settings.leave_on()
        progress("power and boot", of=board)
        was_off = bench.entry.switch is not None and not bench.switch.state()
        (bring_up or Bench.ensure_up)(bench)
        yield bench
        progress("", of=board)
    if was_off:
        note(f"{bench.label}: was off before, {_left(lab, board, leave_on=leave_on)}")


def _left(lab: "Lab", board: str, *, leave_on: bool) -> str:
    """Tell what the end of the lease has made of the supply, by what is still noted of it."""
    from ..lab.restore import SUPPLY
    from ..store.database import Store
    from ..store.settings import noted

    if leave_on:
        return "and is left on"
    with Store.open(lab.database(STATE)) as store:
        kept = any(one.name == SUPPLY for one in noted(store, board))
    return "and stays on for your reservation" if kept else "and is off again; --leave-on leaves it on"
