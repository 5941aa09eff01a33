"""``farm results``: what trials left behind."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from ..errors import Exit, UsageFault
from .common import STATE, add_json
from .output import print_json, say, table, warn

if TYPE_CHECKING:
    from ..store.database import Stored

HELP = "list the records of past trials, or show one of them"

_COLUMNS = (
    "id",
    "started",
    "board",
    "model",
    "fps",
    "p99 ms",
    "missed",
    "accuracy",
    "mean W",
    "J/inference",
    "verdict",
)
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
    args.action(args)
    return Exit.PASS


def _list(args: Namespace) -> None:
    if args.limit < 1:
        raise UsageFault(f"--limit {args.limit}: at least 1")
    found = _newest(args.board, args.limit)
    if args.json:
        print_json([_as_json(stored) for stored in found])
    elif found:
        table(_COLUMNS, [_row(stored) for stored in found])
    else:
        warn(f"{_PATH}: no records" + f" of {args.board}" * bool(args.board))


def _newest(board: str | None, limit: int) -> "list[Stored]":
    from ..store.database import Store

    if not _PATH.exists():
        return []  # looking must not make a file
    with Store.open(_PATH) as store:
        return store.records(board=board, limit=limit)


def _show(args: Namespace) -> None:
    from ..store.database import Store
    from ..verdict.criteria import explain

    if not _PATH.exists():
        raise UsageFault(f"{_PATH}: no records yet; `farm run` leaves one")
    with Store.open(_PATH) as store:
        stored = store.load(args.id)
    if args.json:
        print_json(_as_json(stored))
        return
    leaves = list(_leaves(stored.record.model_dump(mode="json", exclude_none=True)))
    width = max(len(name) for name, _ in leaves)
    for name, value in leaves:
        say(f"{name.ljust(width)}  {value}")
    say(explain(stored.verdict) if stored.verdict else "never judged")


def _as_json(stored: "Stored") -> dict[str, Any]:
    record = stored.record
    value: dict[str, Any] = {"made": record.made, "record": record.model_dump(mode="json", exclude_none=True)}
    if stored.verdict is not None:
        value["verdict"] = stored.verdict.model_dump(mode="json", exclude_none=True)
    return value


def _row(stored: "Stored") -> tuple[str, ...]:
    from ..report.table import row
    from ..store.record import utc

    texts = row(stored.record, stored.verdict)
    return (
        stored.record.id[:_SHORT_ID],
        utc(stored.record.started_utc),
        texts.board,
        texts.model,
        texts.fps,
        texts.p99_ms,
        texts.missed,
        texts.accuracy,
        texts.watts,
        texts.joules_per_inference,
        texts.verdict,
    )


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
