"""``farm doctor``: is this machine fit to drive the lab of its inventory?"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .common import RUNNING, SOURCE, STATE, add_inventory, add_json, database
from .output import Loudness, note, print_json, progress, say, table

if TYPE_CHECKING:
    from ..lab.inventory import Lab
    from .examine.finding import Finding

HELP = "look at this machine: what is installed, ports, USB, keys, disk, clock; no board is touched"


def arguments(parser: ArgumentParser) -> None:
    """Add the inventory; there need be none."""
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Print a line for each thing; return 3 when something that the inventory needs is missing or broken.

    Raises:
        UsageFault: the inventory's faults, told after everything else.
    """
    from dataclasses import asdict

    from .examine.finding import worst

    lab, wrong = _inventory(args)
    found = _look(lab, database(args.inventory if lab else None))
    if args.json:
        print_json({"outcome": worst(found), "findings": [asdict(one) for one in found]})
    else:
        quiet = getattr(args, "loudness", Loudness.NORMAL) == Loudness.QUIET
        _print([one for one in found if one.state != "ok"] if quiet else found)
    if wrong is not None:
        raise wrong
    if lab is None:
        note("no inventory here: its ports, keys and boards were not looked at; --inventory FILE names one")
    return Exit.LAB_FAULT if worst(found) == "fail" else Exit.PASS


def _inventory(args: Namespace) -> "tuple[Lab | None, UsageFault | None]":
    """Return the inventory, or what is wrong with it; neither where there is none and none was named."""
    from ..lab.inventory import load

    path = args.inventory or (RUNNING if RUNNING.exists() else SOURCE)
    if args.inventory is None and not path.exists():
        return None, None
    try:
        return load(path), None
    except UsageFault as fault:
        return None, fault


def _look(lab: "Lab | None", records: Path) -> "list[Finding]":
    from .examine import host, installed, wires

    progress("looking at what is installed")
    found = list(installed.look(lab.twins if lab else []))
    progress("looking at this machine")
    least_bytes = (lab.least_free_bytes,) if lab else ()
    found += host.look(STATE, len(lab.boards) if lab else 0, records, *least_bytes)
    if lab is not None:
        progress("looking at ports and keys")
        found += [*wires.look(lab), *host.keys(lab)]
    progress("")
    return found


def _print(found: "list[Finding]") -> None:
    if found:
        table(("", "topic", "what", "found"), [(one.state, one.topic, one.name, one.found) for one in found])
    if any(one.remedy for one in found):
        say("\nto do:")
    for one in found:
        if one.remedy:
            say(f"  {one.name}: {one.remedy}")
