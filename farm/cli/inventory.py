"""``farm inventory``: what boards there are; for Ansible, as one of its inventory scripts."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any, cast

from ..errors import Exit
from .common import STATE, add_inventory, add_json, open_lab
from .output import print_json, table

if TYPE_CHECKING:
    from ..lab.inventory import BoardEntry

HELP = "print the boards of the inventory; --ansible serves them to Ansible"


def arguments(parser: ArgumentParser) -> None:
    """Add what to print."""
    parser.add_argument("--ansible", action="store_true", help="print what Ansible wants of an inventory script")
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--list", action="store_true", help="of --ansible: groups, and every board's variables")
    asked.add_argument("--host", metavar="BOARD", help="of --ansible: one board's variables")
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Print it."""
    from ..errors import UsageFault

    if (args.list or args.host) and not args.ansible:
        raise UsageFault("farm inventory: --list and --host are Ansible's; add --ansible")
    lab = open_lab(args)
    if args.ansible:
        from ..lab.ansible import host, inventory

        if args.host:
            lab.require([args.host])
        print_json(host(lab, args.host, lab.twins_home(STATE)) if args.host else inventory(lab, lab.twins_home(STATE)))
    elif args.json:
        print_json({name: _as_json(entry) for name, entry in lab.boards.items()})
    else:
        rows = [(name, *_as_json(entry).values()) for name, entry in lab.boards.items()]
        table(("board", "model", "made", "reached", "console", "switch", "meters", "tags"), map(_cells, rows))
    return Exit.PASS


def _as_json(entry: "BoardEntry") -> dict[str, Any]:
    return {
        "model": entry.model,
        "made": "board" if entry.twin is None else f"{entry.twin} twin",
        "reached": entry.reached,
        "console": None if entry.console is None else entry.console.port,
        "switch": entry.switch,
        "meters": entry.meters,
        "tags": entry.tags,
    }


def _cells(row: tuple[Any, ...]) -> list[object]:
    """Return lists as one cell; an empty one is nothing."""
    return [", ".join(cast("list[str]", cell)) or None if isinstance(cell, list) else cell for cell in row]
