# pyright: standard
"""The lab itself behind the screen: looks, the database, and benches for actions."""

import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from threading import Event

from ..health import BoardHealth, look
from ..lab.inventory import BoardEntry, Lab
from ..lab.lease import Leases
from ..lab.lease import Past as PastLease
from ..lab.made import made
from ..lab.rails import label
from ..store import health as health_rows
from ..store.database import Store, Stored, Unreadable
from ..store.decided import decided_in
from . import lab_actions, lab_watch
from .source import Glance, Held, Known, Past, Piece, Show, Tell, Trial, Wiring, Wish

_TRIALS = 50
_ENTRIES = 50


class LabSource:
    """One lab, for as long as its screen is open."""

    def __init__(self, lab: Lab, state: Path) -> None:
        """Open its database; raises what that raises."""
        self.lab = lab.lab
        self._inventory, self._state = lab, state
        self._store = Store.open(lab.database(state))
        self._leases = Leases.open(lab, state)
        self._last: dict[str, Trial] = {}
        self._newest: object = None

    def boards(self) -> list[Wiring]:
        """Return what the inventory says."""
        return [_wiring(name, entry) for name, entry in self._inventory.boards.items()]

    def look(self, board: str) -> Glance:
        """Look once, as ``farm health`` does."""
        return _glance(look(self._inventory, board, self._state))

    def known(self) -> Known:
        """Read who has what, who waits, what is in quarantine, and each board's newest trial."""
        held: dict[str, list[Held]] = {}
        for lease in self._leases.held():
            until = lease.expires_utc.astimezone() if lease.expires_utc else None
            since = lease.since_utc.astimezone()
            held.setdefault(lease.board, []).append(Held(lease.kind, lease.owner, lease.reason, since, until))
        waiting = [f"{waiter.owner} for {waiter.wanted}" for waiter in self._leases.waiting()]
        return Known(held, health_rows.quarantined(self._store), self._newest_trials(), waiting)

    def _newest_trials(self) -> dict[str, Trial]:
        """Read each board's newest record, all of them only when there is a new one or a new verdict."""
        newest = next(iter(self._store.records(limit=1)), None)
        mark = newest if newest is None or isinstance(newest, Unreadable) else (newest.record.id, newest.verdict)
        if mark != self._newest:
            found = ((name, self._store.records(board=name, limit=1)) for name in self._inventory.boards)
            self._last = {name: _trial(self._store, stored[0]) for name, stored in found if stored}
            self._newest = mark
        return self._last

    def past(self, board: str) -> Past:
        """Read trials, health and leases of one board."""
        health = health_rows.history(self._store, board, limit=_ENTRIES)
        return Past(
            [_trial(self._store, stored) for stored in self._store.records(board=board, limit=_TRIALS)],
            [(_local(entry.at_utc), _entry(entry)) for entry in health],
            [(past.held.since_utc.astimezone(), _lease(past)) for past in self._leases.history(board, _ENTRIES)],
        )

    def watch(self, board: str, stop: Event) -> Iterator[Piece]:
        """Follow console and watts; see :func:`.lab_watch.watch`."""
        return lab_watch.watch(self._inventory, self._state, self._leases, board, stop)

    def act(self, wish: Wish, tell: Tell, show: Show) -> str:
        """Do it; see :mod:`.lab_actions`."""
        return lab_actions.act(self._inventory, self._state, self._leases, wish, lab_actions.Told(tell, show))

    def console_command(self, board: str) -> Sequence[str]:
        """Return ``farm console`` as this Python runs it."""
        start = "import sys; from farm.cli.main import main; sys.exit(main())"
        return [sys.executable, "-P", "-c", start, "console", board, "--inventory", str(self._inventory.path)]


def _wiring(name: str, entry: BoardEntry) -> Wiring:
    facts = (
        ("serial number", entry.serial_number),
        ("ssh" if entry.shell is None else "reached by", entry.reached),
        ("console", entry.console and f"{entry.console.port} at {entry.console.baud} baud"),
        ("switch", entry.switch),
        ("meters", ", ".join(entry.meters)),
        ("tags", ", ".join(entry.tags)),
    )
    return Wiring(name, entry.model, made(entry.twin), tuple((label, value) for label, value in facts if value))


def _glance(health: BoardHealth) -> Glance:
    """Return a look as the screen shows it; what is unknown is left out."""
    facts: tuple[tuple[str, str | None], ...] = (
        ("OS", health.os),
        ("throttled", _throttled(health)),
        ("load", None if health.load1 is None else f"{health.load1:.2f}"),
        ("disk free", _bytes(health.disk_free_bytes)),
        ("memory free", _bytes(health.memory_free_bytes)),
        ("power mode", health.power_mode),
        ("governor", health.governor),
        ("watts", ", ".join(f"{meter} {watts:z.3f} W" for meter, watts in health.watts.items() if watts is not None)),
        ("temperatures", ", ".join(f"{zone} {celsius:.1f} °C" for zone, celsius in health.celsius.items())),
        ("clocks", ", ".join(f"{unit} {hz / 1e6:.0f} MHz" for unit, hz in health.clock_hz.items())),
        ("boot id", health.boot_id),
    )
    return Glance(
        in_use=health.in_use,
        powered=health.powered,
        up=health.up,
        stage=health.boot_stage or (health.console if health.up else None),
        watts=health.supply_watts,
        celsius=health.hottest,
        facts=tuple((label, value) for label, value in facts if value),
        faults=tuple(health.faults),
    )


def _throttled(health: BoardHealth) -> str | None:
    if health.throttled is None:
        return None
    return (health.throttle_detail or "yes") if health.throttled else "no"


def _bytes(value: int | None) -> str | None:
    return None if value is None else f"{value / 1e6:,.0f} MB"


def _trial(store: Store, stored: Stored | Unreadable) -> Trial:
    if isinstance(stored, Unreadable):
        return Trial(stored.id, datetime.fromtimestamp(0).astimezone(), "unreadable", None, why=stored.why)
    record, verdict = stored.record, stored.verdict
    figures = [f"{record.deadlines.fps:.4g} fps", f"p99 {record.latency.p99_ms:.3g} ms"]
    if not record.scenario.timed:
        figures = [f"{record.scenario.frames} images for an accuracy"]
    if (supply := record.supply) is not None:
        whose = f" ({told})" if (told := label(supply)) else ""
        figures += [f"{supply.mean.watts:.4g} W{whose}", f"{supply.joules_per_inference:.4g} J{whose}"]
    missed = [f"{c.name} wanted {c.wanted}" for c in verdict.criteria if c.outcome == "regression"] if verdict else []
    reasons = [*missed, *(verdict.reasons if verdict else []), *record.voids]
    at = record.started_utc.astimezone()
    outcome = decided_in(store, stored)
    return Trial(record.id, at, record.artifact.name, outcome, "  ".join(figures), next(iter(reasons), ""))


def _entry(entry: health_rows.Entry) -> str:
    by = f" ({entry.by})" if entry.by else ""
    return f"{entry.what}: {entry.why or ('well' if entry.good else 'not well')}{by}"


def _lease(past: PastLease) -> str:
    held = past.held
    reason = f": {held.reason}" if held.reason else ""
    ended = "" if past.ended_utc is None else f", {past.how} {past.ended_utc.astimezone():%H:%M}"
    by = f" by {past.by}: {past.why}" if past.how == "stolen" else ""
    return f"{held.kind} of {held.owner}{reason}{ended}{by}"


def _local(utc: str) -> datetime:
    return datetime.fromisoformat(utc).astimezone()
