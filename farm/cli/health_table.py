"""How a look is shown: a row a board, and below it what is wrong."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..health import BoardHealth
from .output import ABSENT, say, table, warn

COLUMNS = (
    "board",
    "model",
    "made",
    "state",
    "power",
    "up",
    "console",
    "hottest C",
    "throttled",
    "disk free",
    "watts",
    "last trial",
    "holder",
)


def show(found: Sequence[BoardHealth]) -> None:
    """Print the table, and every fault and warning below it."""
    table(COLUMNS, [row(one) for one in found])
    for fault in (fault for one in found for fault in told(one)):
        warn(fault)
    for warning in (warning for one in found for warning in one.warnings):
        warn(f"warning: {warning}")


def told(one: BoardHealth) -> list[str]:
    """Return what somebody must know of a board beside its row, a remedy with each fault."""
    held = [] if one.quarantine is None else [f"{one.board}: in quarantine: {one.quarantine}"]
    return [*held, *one.faults]


def row(one: BoardHealth) -> tuple[str | None, ...]:
    """Return a board's cells; None where nothing is known."""
    return (
        one.board,
        one.model,
        one.made,
        one.state,
        _word(one.powered, "on", "off" if one.off_proven_by else "off, not proven"),
        one.boot_stage if one.state == "booting" and one.boot_stage else _word(one.up, "yes", "no"),
        one.console,
        None if one.hottest is None else f"{one.hottest:.1f}",
        _word(one.throttled, "yes", "no"),
        None if one.disk_free_bytes is None else f"{one.disk_free_bytes / 1e9:.1f} GB",
        ", ".join(ABSENT if watts is None else f"{watts:z.2f}" for watts in one.watts.values()) or None,
        None if one.last is None else one.last.outcome or "not judged",
        one.holder,
    )


def as_json(one: BoardHealth) -> dict[str, Any]:
    """Return a board for ``--json``; what is not known is null."""
    return {"board": one.board, "state": one.state, "reason": one.reason} | asdict(one)


def publish(args: Namespace, found: Sequence[BoardHealth]) -> None:
    """Write or print Prometheus' text, where it is wanted."""
    if args.prometheus is None:
        return
    from ..health.prometheus import text, write

    if args.prometheus == "-":
        say(text(found).rstrip())
    else:
        write(Path(args.prometheus), text(found))


def _word(value: bool | None, true: str, false: str) -> str | None:
    return None if value is None else true if value else false
