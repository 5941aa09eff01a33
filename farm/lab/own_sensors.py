"""Meters that are sensors of the board they measure: opened on that board, and dead while it is off."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from power.onboard.reach import on_board
from power.registry import load_meter

from .inventory import BoardEntry, MeterEntry

if TYPE_CHECKING:
    from devices.shell import Shell
    from power.meter import Meter


def lives_on_board(entry: MeterEntry) -> bool:
    """Tell whether a meter is a part of the board that names it: then it is made of what that is, and off with it."""
    return on_board(load_meter(entry.driver)) is not None


def open_meter(name: str, entry: MeterEntry, board: BoardEntry, shell: "Callable[[], Shell]") -> "Meter":
    """Open a meter of a board: an instrument here, a sensor of the board over its shell, whichever machine that is.

    Args:
        name: the meter's.
        entry: the meter's.
        board: the one that it measures.
        shell: leads to the board; asked for only by a meter that lives there, and stays the caller's to close.

    Raises:
        power.errors.PowerError: as the driver's ``open``.
        devices.errors.DeviceError: the way to the board is not to be trusted.
    """
    driver, config = load_meter(entry.driver), entry.config()
    own = on_board(driver)
    if own is None:
        return driver.open(name, config)
    from .board_files import BoardReach  # shells: few meters need one

    return own.open_on(name, config, BoardReach(shell(), board.root))
