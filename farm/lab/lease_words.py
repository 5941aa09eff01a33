"""Who has a board, in words."""

from datetime import datetime
from os import getpid
from socket import gethostname

from ..store.leases import Held
from .lease_line import Answer


def in_use(answer: Answer) -> str:
    """Say who has the boards, the last one to take one first; this process only where nobody else has any."""
    if not answer.holders:
        return f"free in a moment; before it in the line: {answer.ahead}"
    last = max(answer.holders, key=lambda held: (not _ours(held), held.token))
    others = len({held.board for held in answer.holders}) - 1
    more = f"; {others} more like it {'is' if others == 1 else 'are'} taken too" if others else ""
    return f"in use by {told(last)}{more}"


def _ours(held: Held) -> bool:
    return (held.host, held.pid) == (gethostname(), getpid())


def told(held: Held) -> str:
    """Say who has a board, since when, and what for."""
    since = _clock(held.since_utc, "%H:%M:%S")
    reason = f" ({held.reason})" if held.reason else ""
    if held.kind == "reservation":
        until = "" if held.expires_utc is None else f" until {_clock(held.expires_utc, '%H:%M')}"
        return f"{held.owner}, who has reserved it{until}{reason}"
    where = "" if held.owner.endswith(f"@{held.host}") else f" on {held.host}"
    return f"process {held.pid} of {held.owner}{where} since {since}{reason}"


def _clock(when: datetime, shown: str) -> str:
    """Return the local time, with its date unless that is today's."""
    here = when.astimezone()
    return f"{here:{shown}}" if here.date() == datetime.now().astimezone().date() else f"{here:%Y-%m-%d {shown}}"
