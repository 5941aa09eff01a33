"""``farm results``: what trials left behind."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from ..errors import Exit, UsageFault
from .common import STATE, add_json, as_json
from .output import print_json, say, table, warn

if TYPE_CHECKING:
    from ..store.database import Stored, Unreadable

HELP = "list the records of past trials, or show one of them"

_SHORT_ID = 8
_PATH = STATE / "results.sqlite"


def arguments(parser: ArgumentParser) -> None:
    """Add ``list`` and ``show``."""
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listed = actions.add_parser("list", help="the newest records, newest first")
    listed.add_argument("--board", metavar="NAME", help="of this board only")
    listed.add_argument("--limit", type=int, default=20, metavar="N", help="so many at most [20]")
    listed.set_defaults(action=_list)
    add_json(listed)
    shown = actions.add_parser("show", help="everything that one record holds")
    shown.add_argument("id", help="a record's id, or how it begins")
    shown.set_defaults(action=_show)
    add_json(shown)


def run(args: Namespace) -> int:
    """List or show."""
    return args.action(args)


def _list(args: Namespace) -> int:
    """Print the records that can be read, and tell of each that cannot; 2 when there is such a one."""
    from ..store.database import Stored

    if args.limit < 1:
        raise UsageFault(f"--limit {args.limit}: at least 1")
    found = _newest(args.board, args.limit)
    read = [one for one in found if isinstance(one, Stored)]
    unreadable = [one for one in found if not isinstance(one, Stored)]
    if args.json:
        print_json([as_json(one.record, one.verdict) for one in read])
    elif read:
        _table(read)
    elif not unreadable:
        warn(f"{_PATH}: no records" + f" of {args.board}" * bool(args.board))
    for one in unreadable:
        warn(f"record {one.id}: {one.why}")
    return Exit.USAGE if unreadable else Exit.PASS


def _newest(board: str | None, limit: int) -> "list[Stored | Unreadable]":
    from ..store.database import Store

    if not _PATH.exists():
        return []  # looking must not make a file
    with Store.open(_PATH) as store:
        return store.records(board=board, limit=limit)


def _show(args: Namespace) -> int:
    from ..store.database import Store
    from ..verdict.criteria import explain

    if not _PATH.exists():
        raise UsageFault(f"{_PATH}: no records yet; `farm run` leaves one")
    with Store.open(_PATH) as store:
        stored = store.load(args.id)
    if args.json:
        print_json(as_json(stored.record, stored.verdict))
        return Exit.PASS
    leaves = list(_leaves(stored.record.model_dump(mode="json", exclude_none=True)))
    width = max(len(name) for name, _ in leaves)
    for name, value in leaves:
        say(f"{name.ljust(width)}  {value}")
    say(explain(stored.verdict) if stored.verdict else "never judged")
    return Exit.PASS


def _table(found: "list[Stored]") -> None:
    from ..report.table import TITLES, row
    from ..store.record import utc

    rows = [
        (one.record.id[:_SHORT_ID], utc(one.record.started_utc), *row(one.record, one.verdict).as_dict().values())
        for one in found
    ]
    table(("id", "started", *TITLES.values()), rows)


def _leaves(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield (dotted name, text) of every figure; units are in the names."""
    if isinstance(value, dict):
        pairs = [(str(name), inner) for name, inner in cast("dict[str, object]", value).items()]
    elif isinstance(value, list):
        pairs = [(str(number), inner) for number, inner in enumerate(cast("list[object]", value))]
    else:
        yield at, f"{value:.6g}" if isinstance(value, float) else str(value)
        return
    for name, inner in pairs:
        yield from _leaves(inner, f"{at}.{name}" if at else name)
