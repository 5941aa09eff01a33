"""Meters that are sensors of a machine: those of a board are read on it, over its shell; some only here."""

import socket
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

from power.onboard.reach import on_board
from power.registry import known_meters, load_meter

from .yaml_lines import Fault

if TYPE_CHECKING:
    from power.meter import Meter

Tree = Mapping[str, Any]

_HERE = {"localhost", "127.0.0.1", "::1"}


def sensors(boards: Mapping[str, Tree], meters: Mapping[str, Tree], switches: Mapping[str, Tree]) -> Iterator[Fault]:
    """Tell of boards whose watts would be those of the controller, and of sensors that shall prove their board off."""
    for board, entry in boards.items():
        named = entry.get("meters")
        for n, name in enumerate(cast("list[Any]", named) if isinstance(named, list) else []):
            meter = meters.get(name) if isinstance(name, str) else None
            if meter is not None and _reads_here(meter) and not _is_here(entry):
                text = f"'{name}' reads the sensors of this machine, not of {board}"
                remedy = "take a meter on its supply, or write `ssh:` with `host: localhost` if it is this machine"
                yield Fault(("boards", board, "meters", n), f"{text}; {remedy}")
    for name, meter in meters.items():
        if meter.get("twin") is not None and is_on_board(meter):
            text = "is a sensor of its board, and a twin where that is one; remove `twin:`"
            yield Fault(("meters", name, "twin"), text)
    for switch, entry in switches.items():
        proof = entry.get("proof")
        name = cast("Tree", proof).get("meter") if isinstance(proof, dict) else None
        if isinstance(name, str) and name in meters and is_on_board(meters[name]):
            text = f"'{name}' is a sensor of the board itself, and silent whether that is off or hangs"
            yield Fault(("switches", switch, "proof", "meter"), f"{text}; name a meter on its supply")


def is_on_board(meter: Tree) -> bool:
    """Tell whether a meter's entry is a sensor of the board that names it; not where its driver is unknown."""
    driver = driver_of(meter)
    return driver is not None and on_board(driver) is not None


def _reads_here(meter: Tree) -> bool:
    return getattr(driver_of(meter), "reads_own_machine", False)


def driver_of(meter: Tree) -> "type[Meter] | None":
    """Return the driver of a meter's entry; None where it is unknown, or what it needs is not installed."""
    driver = meter.get("driver")
    if not isinstance(driver, str) or driver not in known_meters():
        return None
    try:
        return load_meter(driver)
    except ImportError:
        return None


def _is_here(board: Tree) -> bool:
    """Tell whether a board is the machine that the farm runs on; a twin is none that has its sensors."""
    ssh = board.get("ssh")
    host = cast("Tree", ssh).get("host") if isinstance(ssh, dict) else None
    return board.get("twin") is None and host in {*_HERE, socket.gethostname(), socket.getfqdn()}
