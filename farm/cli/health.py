"""``farm health``: how the boards are; the longer check, quarantine and history."""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import Exit
from .common import STATE, add_inventory, add_json, open_lab
from .output import local, print_json, progress, say, table, warn

if TYPE_CHECKING:
    from ..store.health import Entry

HELP = "look at every board; check it for real, and take it out of quarantine"


def arguments(parser: ArgumentParser) -> None:
    """Add the boards, what to do with them, and whom to tell."""
    parser.add_argument("boards", nargs="*", metavar="BOARD", help="these only [all]")
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="run the health check: minutes, and power cycles")
    modes.add_argument("--history", action="store_true", help="print faults, checks and quarantines, newest first")
    modes.add_argument("--release", action="store_true", help="end a quarantine by hand; needs --reason")
    parser.add_argument("--due", action="store_true", help="check the boards that are due; with --watch, whenever")
    parser.add_argument("--watch", action="store_true", help="look again and again, until interrupted")
    parser.add_argument("--every", type=float, default=10.0, metavar="S", help="of --watch: between two looks [10]")
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="of --check: for a board in use [0]")
    parser.add_argument("--reason", default="", metavar="TEXT", help="of --release: why it may be used again")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="of --history: lines [50]")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="[playbooks/health.yaml beside the inventory]")
    parser.add_argument("--notify", metavar="COMMAND", help="run it when a board's state changes; see docs/health.md")
    parser.add_argument("--prometheus", metavar="FILE", help="write what was found for Prometheus; - prints it")
    add_inventory(parser)
    add_json(parser)


def run(args: Namespace) -> int:
    """Do what was asked for; 3 when a board is faulty, in quarantine, or failed its check."""
    _refuse_what_does_not_fit(args)
    if args.history:
        return _history(args)
    if args.release:
        return _release(args)
    if args.watch:
        from .health_watch import watch

        return watch(args)
    if args.check or args.due:
        from .health_check import check

        return check(args)
    return _look(args)


def _refuse_what_does_not_fit(args: Namespace) -> None:
    from ..errors import UsageFault

    faults: list[str] = []
    if args.release and (not args.reason.strip() or not args.boards):
        faults.append("farm health --release: name the board, and say why: --reason TEXT")
    if args.check and not args.boards:
        faults.append("farm health --check: name the boards: a check cycles their power")
    if (args.due or args.watch) and (args.check or args.history or args.release):
        faults.append("farm health: --due and --watch go with neither --check, --history nor --release")
    if not 0 < args.every < float("inf"):
        faults.append(f"--every {args.every:g}: wants a number of seconds")
    if not 0 <= args.wait < float("inf"):
        faults.append(f"--wait {args.wait:g}: wants a number of seconds")
    if args.limit < 1:
        faults.append(f"--limit {args.limit}: at least 1")
    if args.prometheus == "-" and args.json:
        faults.append("--prometheus - and --json: one of them can have the standard output")
    if args.prometheus and (args.check or args.history or args.release or (args.due and not args.watch)):
        faults.append("--prometheus tells what looks find: it goes with none of --check, --due, --history, --release")
    if faults:
        raise UsageFault(faults)


def _look(args: Namespace) -> int:
    from contextlib import nullcontext

    from ..health import look_at_all
    from ..health.notify import Notifier
    from ..health.watch import keep
    from .health_table import as_json, publish, show

    lab = open_lab(args)
    lab.require(args.boards)
    boards = args.boards or list(lab.boards)
    with Notifier(args.notify, warn) if args.notify else nullcontext() as notifier:
        progress(f"looking at {', '.join(boards)}")
        found = look_at_all(lab, boards, STATE)
        progress("")
        turns = keep(lab, found, STATE)
        if notifier is not None:
            notifier.tell(turns)
        if args.json:
            print_json([as_json(one) for one in found])
        elif args.prometheus != "-":
            show(found)
        publish(args, found)
    return Exit.LAB_FAULT if any(one.bad for one in found) else Exit.PASS


def _history(args: Namespace) -> int:
    from dataclasses import asdict
    from datetime import datetime

    from ..store.database import Store
    from ..store.health import history

    lab = open_lab(args)
    lab.require(args.boards)
    with Store.open(lab.database(STATE)) as store:
        entries = [entry for board in args.boards or [None] for entry in history(store, board, limit=args.limit)]
    if args.json:
        print_json([asdict(entry) for entry in entries])
        return Exit.PASS
    if not entries:
        say("nothing happened to them yet")
        return Exit.PASS
    table(
        ("when", "board", "what", "by", "why"),
        [
            (local(datetime.fromisoformat(one.at_utc)), one.board, _what(one), one.by or None, one.why)
            for one in entries
        ],
    )
    return Exit.PASS


def _what(entry: "Entry") -> str:
    outcomes = {"check": ("failed", "passed"), "look": ("faulty", "well")}
    return f"{entry.what}: {outcomes[entry.what][entry.good]}" if entry.what in outcomes else entry.what


def _release(args: Namespace) -> int:
    from ..lab.lease import owner
    from ..store.database import Store
    from ..store.health import release

    lab = open_lab(args)
    lab.require(args.boards)
    with Store.open(lab.database(STATE)) as store:
        released = {board: release(store, board, args.reason, by=owner()) for board in args.boards}
    if args.json:
        print_json(released)
        return Exit.PASS
    for board, was in released.items():
        say(f"{board}: {'is out of quarantine' if was else 'was in no quarantine'}")
    return Exit.PASS
