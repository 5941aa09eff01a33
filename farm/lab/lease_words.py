"""Who has a board, in words."""

from ..store.leases import Held
from .lease_line import Answer


def in_use(answer: Answer) -> str:
    """Say who has the boards, the last one to take one first."""
    if not answer.holders:
        return f"in the line are {answer.ahead} before it"
    last = max(answer.holders, key=lambda held: held.token)
    others = len({held.board for held in answer.holders}) - 1
    more = f", and {others} more like it by others" if others else ""
    return f"in use by {told(last)}{more}"


def told(held: Held) -> str:
    """Say who has a board, since when, and what for."""
    since = held.since_utc.astimezone().strftime("%H:%M:%S")
    reason = f" ({held.reason})" if held.reason else ""
    if held.kind == "reservation":
        until = "" if held.expires_utc is None else f" until {held.expires_utc.astimezone():%H:%M}"
        return f"{held.owner}, who has reserved it{until}{reason}"
    where = "" if held.owner.endswith(f"@{held.host}") else f" on {held.host}"
    return f"process {held.pid} of {held.owner}{where} since {since}{reason}"
