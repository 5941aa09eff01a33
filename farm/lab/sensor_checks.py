"""Meters that read this machine's own sensors: right only for a board that is this machine."""

import socket
from collections.abc import Iterator, Mapping
from typing import Any, cast

from power.registry import known_meters, load_meter

from .yaml_lines import Fault

Tree = Mapping[str, Any]

_HERE = {"localhost", "127.0.0.1", "::1"}


def sensors(boards: Mapping[str, Tree], meters: Mapping[str, Tree]) -> Iterator[Fault]:
    """Tell of boards whose watts would be those of the controller."""
    for board, entry in boards.items():
        named = entry.get("meters")
        for n, name in enumerate(cast("list[Any]", named) if isinstance(named, list) else []):
            meter = meters.get(name) if isinstance(name, str) else None
            if meter is not None and _reads_here(meter) and not _is_here(entry):
                text = f"'{name}' reads the sensors of this machine, not of {board}"
                remedy = "take a meter on its supply, or write `ssh:` with `host: localhost` if it is this machine"
                yield Fault(("boards", board, "meters", n), f"{text}; {remedy}")


def _reads_here(meter: Tree) -> bool:
    driver, options = meter.get("driver"), meter.get("options")
    if not isinstance(driver, str) or driver not in known_meters():
        return False
    try:
        here = getattr(load_meter(driver), "reads_own_machine", False)
    except ImportError:
        return False
    root = cast("Tree", options).get("root", "/") if isinstance(options, dict) else "/"
    return here and root == "/"  # below another root lie the sensors of something else


def _is_here(board: Tree) -> bool:
    """Tell whether a board is the machine that the farm runs on; a twin is none that has its sensors."""
    ssh = board.get("ssh")
    host = cast("Tree", ssh).get("host") if isinstance(ssh, dict) else None
    return board.get("twin") is None and host in {*_HERE, socket.gethostname(), socket.getfqdn()}
