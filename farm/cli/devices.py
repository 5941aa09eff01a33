"""``farm devices``: every board, meter and switch that the farm can drive, and what each was tried on."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping

from ..errors import Exit
from .common import add_json
from .output import print_json, say, table

HELP = "boards, accelerators, meters and switches that can be driven, and what each was tried on"

_NOT_STATED = "not stated"
_NOTE = "nothing here was tried on a real board or meter unless its line says `board` or `instrument`"


def arguments(parser: ArgumentParser) -> None:
    """Add the form of the answer."""
    add_json(parser)


def run(args: Namespace) -> int:
    """Print a table a kind of device; a plug-in that does not load says so in its line."""
    from devices.accelerator import KINDS
    from devices.registry import known_boards, known_shells, load_board, load_shell
    from power.registry import known_meters, known_switches, load_meter, load_switch

    kinds = {
        "boards": _rows(known_boards(), load_board, "edge_test_farm.boards"),
        "accelerators": {
            name: {"what": f"{kind.bus.upper()} {', '.join(kind.ids)}", "tried on": ["published ids"], "from": ""}
            for name, kind in KINDS.items()
        },
        "shells": _rows(known_shells(), load_shell, "edge_test_farm.shells"),
        "meters": _rows(known_meters(), load_meter, "edge_test_farm.meters"),
        "switches": _rows(known_switches(), load_switch, "edge_test_farm.switches"),
    }
    if args.json:
        print_json(kinds)
        return Exit.PASS
    for kind, found in kinds.items():
        if found:
            _show(kind, found)
    say(_NOTE)
    return Exit.PASS


Row = dict[str, str | list[str]]


def _rows(known: Mapping[str, str], load: Callable[[str], type], group: str) -> dict[str, Row]:
    from importlib.metadata import entry_points

    theirs = {entry.name: entry.dist.name if entry.dist else "a plug-in" for entry in entry_points(group=group)}
    return {name: _row(name, load, theirs.get(name, "")) for name in sorted(known)}


def _row(name: str, load: Callable[[str], type], package: str) -> Row:
    try:
        found = load(name)
    except (ImportError, AttributeError) as error:
        return {"what": f"does not load: {error}", "tried on": [], "from": package}
    what = (found.__doc__ or "").strip().partition("\n")[0].rstrip(".").replace("``", "`")
    return {"what": what, "tried on": list(getattr(found, "verified", ())), "from": package}


def _show(kind: str, found: Mapping[str, Row]) -> None:
    plugged = any(row["from"] for row in found.values())
    columns = (kind, "tried on", "what it is", *(["from"] if plugged else []))
    rows = [
        (
            name,
            ", ".join(row["tried on"]) or _NOT_STATED,
            row["what"] or None,
            *([row["from"] or "the farm"] if plugged else []),
        )
        for name, row in found.items()
    ]
    table(columns, rows)
    say("")
