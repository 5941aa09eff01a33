"""``farm health``: one look at every board."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING

from ..errors import Exit
from .common import STATE, add_inventory, add_json, open_lab
from .output import print_json, progress, table, warn

if TYPE_CHECKING:
    from ..health import BoardHealth

HELP = "look at every board: power, boot, temperatures, throttling, disk, watts"

_COLUMNS = (
    "board",
    "model",
    "made",
    "power",
    "up",
    "os",
    "hottest C",
    "throttled",
    "load",
    "disk free",
    "watts",
    "health",
)


def arguments(parser: ArgumentParser) -> None:
    """Add the boards."""
    parser.add_argument("board", nargs="*", help="look at these only")
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Print a row a board, and each fault below; 3 when any board has one."""
    from ..health import look_at_all

    lab = open_lab(args)
    lab.require(args.board)
    boards = args.board or list(lab.boards)
    progress(f"looking at {', '.join(boards)}")
    found = look_at_all(lab, boards, STATE)
    if args.json:
        print_json([asdict(one) for one in found])
    else:
        table(_COLUMNS, [_row(one) for one in found])
        for one in found:
            for fault in one.faults:
                warn(fault)
    return Exit.LAB_FAULT if any(one.faults for one in found) else Exit.PASS


def _row(one: "BoardHealth") -> tuple[str | None, ...]:
    watts = ", ".join("-" if value is None else f"{value:.2f}" for value in one.watts.values())
    return (
        one.board,
        one.model,
        one.made,
        _word(one.powered, "on", "off"),
        _word(one.up, "yes", "no"),
        one.os,
        f"{max(one.celsius.values()):.1f}" if one.celsius else None,
        _word(one.throttled, "yes", "no"),
        None if one.load1 is None else f"{one.load1:.2f}",
        None if one.disk_free_bytes is None else f"{one.disk_free_bytes / 1e9:.1f} GB",
        watts or None,
        f"in use by {one.in_use}" if one.in_use else "faulty" if one.faults else "ok",
    )


def _word(value: bool | None, true: str, false: str) -> str | None:
    return None if value is None else true if value else false
