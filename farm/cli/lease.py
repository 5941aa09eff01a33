"""``farm lease``: who has which board."""

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from ..errors import Exit, UsageFault
from .common import STATE, add_inventory, add_json, open_lab
from .output import local, note, print_json, progress, say, table, warn
from .parser import Parser

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..lab.lease import Held, Leases, Past, Waiter

    Do = Callable[[Namespace, Leases], None]

HELP = "take a board, see who has one and who waits, return it, take it from somebody"

_WISH = "a board's name, or what it must be: model=jetson-tx2,tag=wifi"


class _WithCommand(Parser):
    """Leaves what stands after ``--`` as it is: argparse would look for options in it."""

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401  # pyright: ignore
        """Return the arguments before it, and the words after it as ``command_line``."""
        words: list[str] = list(args or ())
        at = words.index("--") if "--" in words else len(words)
        found, strange = super().parse_known_args(words[:at], namespace)
        found.command_line = words[at + 1 :]
        return found, strange


def arguments(parser: ArgumentParser) -> None:
    """Add ``take``, ``list``, ``return``, ``steal`` and ``history``."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=_WithCommand)
    take = _add(actions, "take", _take, "reserve a board until a time; or, after --, while a command runs")
    take.usage = "%(prog)s WANTED [options] [-- COMMAND ...]"
    take.add_argument("wanted", metavar="WANTED", help=_WISH)
    take.add_argument("--for", dest="span", metavar="SPAN", help="how long, e.g. 30m or 1h30m [2h]")
    take.add_argument("--reason", default="", metavar="TEXT", help="what for: others see it")
    take.add_argument("--wait", metavar="SPAN", help="stand in the line for so long [fail at once]")
    _add(actions, "list", _list, "who has which board, and who waits")
    give_back = _add(actions, "return", _return, "end your reservation of a board")
    give_back.add_argument("board", metavar="BOARD")
    steal = _add(actions, "steal", _steal, "take a board from whoever has it, and reserve it; that is recorded")
    steal.add_argument("board", metavar="BOARD")
    steal.add_argument("--reason", required=True, metavar="TEXT", help="why: the loser and the history are told")
    steal.add_argument("--for", dest="span", metavar="SPAN", help="how long to reserve it [2h]")
    history = _add(actions, "history", _history, "who had a board, newest first")
    history.add_argument("board", metavar="BOARD")
    history.add_argument("--limit", type=int, default=20, metavar="N", help="at most so many [20]")


def _add(actions: Any, name: str, action: "Do", what: str) -> ArgumentParser:  # noqa: ANN401 -- argparse's class is private
    added: ArgumentParser = actions.add_parser(name, help=what)
    add_inventory(added)
    add_json(added)
    added.set_defaults(action=action)
    return added


def run(args: Namespace) -> int:
    """Do one of them."""
    from ..lab.lease import Leases

    if args.command_line and args.action is not _take:
        raise UsageFault(f"{args.parser.prog}: takes no command; farm lease take does")
    lab = open_lab(args)
    if args.command_line:
        from .lease_command import run_while_held

        return run_while_held(lab, args)
    with Leases.open(lab, STATE) as leases:
        args.action(args, leases)
    return Exit.PASS


def _take(args: Namespace, leases: "Leases") -> None:
    from ..lab.duration import seconds
    from ..lab.lease import RESERVED_S, Wanted

    held = leases.reserve(
        Wanted.parse(args.wanted),
        for_s=RESERVED_S if args.span is None else seconds(args.span),
        reason=args.reason,
        wait_s=0.0 if args.wait is None else seconds(args.wait),
        progress=progress,
    )
    _say_reserved(args, held)


def _return(args: Namespace, leases: "Leases") -> None:
    held = leases.give_back(args.board)
    if args.json:
        print_json(_as_json(held))
    else:
        say(f"{held.board}: returned")


def _steal(args: Namespace, leases: "Leases") -> None:
    from ..lab.duration import seconds
    from ..lab.lease import RESERVED_S, told

    stolen = leases.steal(args.board, args.reason, RESERVED_S if args.span is None else seconds(args.span))
    for loser in stolen.losers:
        note(f"{loser.board}: taken from {told(loser)}")
    if not stolen.let_go:
        hint = "it is stopped or stuck, and harms nothing any more; end it if it keeps the serial port"
        warn(f"{args.board}: its process has not let go of it\n  try: {hint}")
    _say_reserved(args, stolen.reservation)


def _list(args: Namespace, leases: "Leases") -> None:
    held, waiting = leases.held(), leases.waiting()
    if args.json:
        line = [_waiter_as_json(waiter) for waiter in waiting]
        print_json({"held": [_as_json(lease) for lease in held], "waiting": line})
        return
    if held:
        columns = ("board", "lease", "holder", "process", "since", "until", "reason")
        table(columns, [(h.board, h.kind, h.owner, _process(h), *_span(h), h.reason or None) for h in held])
    else:
        note("nobody has a board")
    if waiting:
        say("")
        rows = [(w.position, w.wanted, w.owner, local(w.since_utc), w.reason or None) for w in waiting]
        table(("place", "waits for", "who", "since", "reason"), rows)


def _history(args: Namespace, leases: "Leases") -> None:
    if args.limit < 1:
        raise UsageFault(f"--limit {args.limit}: at least 1")
    past = leases.history(args.board, args.limit)
    if args.json:
        print_json([_past_as_json(one) for one in past])
    elif past:
        columns = ("number", "lease", "holder", "since", "until", "how it ended", "reason")
        table(columns, [_past_row(one) for one in past])
    else:
        note(f"{args.board}: nobody has had it")


def _say_reserved(args: Namespace, held: "Held") -> None:
    if args.json:
        print_json(_as_json(held))
    else:
        until = "" if held.expires_utc is None else f" until {local(held.expires_utc)}"
        say(f"{held.board}: reserved for {held.owner}{until}")


def _past_row(past: "Past") -> tuple[object, ...]:
    held = past.held
    ended = None if past.ended_utc is None else local(past.ended_utc)
    how = _HOW[past.how] if past.how else "it has not"
    if past.by is not None:
        how += f" by {past.by}: {past.why}"
    return held.token, held.kind, held.owner, local(held.since_utc), ended, how, held.reason or None


_HOW = {
    "returned": "returned",
    "died": "its process died",
    "silent": "missed its heartbeats",
    "expired": "expired",
    "stolen": "stolen",
}


def _process(held: "Held") -> str | None:
    return None if held.pid is None else f"{held.pid} on {held.host}"


def _span(held: "Held") -> tuple[str, str | None]:
    return local(held.since_utc), None if held.expires_utc is None else local(held.expires_utc)


def _as_json(held: "Held") -> dict[str, Any]:
    found: dict[str, Any] = {
        "board": held.board,
        "kind": held.kind,
        "owner": held.owner,
        "host": held.host,
        "pid": held.pid,
        "reason": held.reason,
        "since_utc": held.since_utc.isoformat(),
        "expires_utc": None if held.expires_utc is None else held.expires_utc.isoformat(),
        "token": held.token,
    }
    return {name: value for name, value in found.items() if value is not None}


def _waiter_as_json(waiter: "Waiter") -> dict[str, Any]:
    return {
        "position": waiter.position,
        "wanted": waiter.wanted,
        "boards": list(waiter.boards),
        "owner": waiter.owner,
        "reason": waiter.reason,
        "since_utc": waiter.since_utc.isoformat(),
    }


def _past_as_json(past: "Past") -> dict[str, Any]:
    ended = None if past.ended_utc is None else past.ended_utc.isoformat()
    found = {"ended_utc": ended, "ended": past.how, "ended_by": past.by, "ended_why": past.why}
    return _as_json(past.held) | {name: value for name, value in found.items() if value is not None}
