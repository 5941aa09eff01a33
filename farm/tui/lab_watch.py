# pyright: standard
"""A board followed live: its console and its meter, under a look's lease, until somebody else wants it."""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

from devices.boot import BootWatcher
from devices.console import Console
from devices.console_text import plain
from power.errors import PowerError
from power.meter import Meter
from power.registry import load_meter

from ..errors import LabFault, UsageFault
from ..lab.inventory import Lab
from ..lab.lease import Leases, Wanted
from ..lab.own_sensors import lives_on_board
from ..lab.paired import open_wired
from ..lab.reach import open_console
from ..store.database import Store, Stored
from .source import Piece

_LISTEN_S = 0.25
"""A silent console is listened to so long before it is asked whether anybody waits for the board."""
_READ_S = 1.0
"""Between two readings of the meter."""
_WATCH_S = 60.0
"""Then a look takes its turn: facts and temperatures grow old."""
_AGAIN_S = 2.0
"""A board in use is asked for again so often; the database is asked, never the board."""


def watch(lab: Lab, state: Path, leases: Leases, board: str, stop: Event) -> Iterator[Piece]:
    """Yield console text, watts and boot stage while nobody else wants the board; ends when somebody does.

    Raises:
        LabFault, DeviceError: the console, or the database.
    """
    if (user := _user(leases, board)) is not None:
        yield from _kept(lab, state, board, f"in use by {user}; this is its newest trial's")
        while _user(leases, board) is not None and not stop.wait(_AGAIN_S):
            pass
        return
    try:
        with (
            leases.use(Wanted((board,)), reason="watched", kind="look", even_quarantined=True),
            open_console(lab, board) as console,
            Supply(lab, board) as supply,
        ):
            yield Piece(note="live")
            yield from _follow(console, supply, leases, board, stop)
    except LabFault as fault:
        yield Piece(note=str(fault).partition("\n")[0])
        stop.wait(_AGAIN_S)


def _user(leases: Leases, board: str) -> str | None:
    return next((held.owner for held in leases.held() if held.board == board and held.kind == "use"), None)


def _follow(console: Console, supply: "Supply", leases: Leases, board: str, stop: Event) -> Iterator[Piece]:
    started_ns = time.monotonic_ns()
    watcher, told = BootWatcher(started_ns), None
    read_ns = asked_ns = started_ns
    for data in console.follow(since=0, idle_s=_LISTEN_S):
        now_ns = time.monotonic_ns()
        watcher.feed(data, now_ns)
        if data:
            yield Piece(text=plain(data))
        if watcher.stage != told:
            told = watcher.stage
            yield Piece(stage=str(told))
        if now_ns >= asked_ns:
            asked_ns = now_ns + int(_LISTEN_S * 1e9)
            if any(board in waiter.boards for waiter in leases.waiting()):
                return
        if now_ns >= read_ns and supply.is_there:
            read_ns = now_ns + int(_READ_S * 1e9)
            yield Piece(watts=supply.watts(), measured=True)
        if stop.is_set() or now_ns - started_ns > _WATCH_S * 1e9:
            return


def _kept(lab: Lab, state: Path, board: str, note: str) -> Iterator[Piece]:
    """Show what is known of a board whose console is somebody else's."""
    yield Piece(note=note)
    with Store.open(lab.database(state)) as store:
        newest = next(iter(store.records(board=board, limit=1)), None)
        if isinstance(newest, Stored):
            yield Piece(text=plain(store.console(newest.record.id)))


class Supply:
    """The meter that stands for a board's supply; one that fails is a gap, and is opened again.

    Never a sensor of the board itself: while it boots, the way to that would hold up its console.
    """

    def __init__(self, lab: Lab, board: str) -> None:
        names = [name for name in lab.boards[board].meters if not lives_on_board(lab.meters[name])]
        self._lab, self._name = lab, names[0] if names else ""
        self._entry = lab.meters.get(self._name)
        self._meter: Meter | None = None

    @property
    def is_there(self) -> bool:
        """Whether the board has a meter."""
        return self._entry is not None

    def watts(self) -> float | None:
        """Read once; None when it does not answer, or has no value."""
        if self._entry is None:
            return None
        try:
            if self._meter is None:
                self._meter = open_wired(
                    self._lab, self._name, lambda name, entry: load_meter(entry.driver).open(name, entry.config())
                )
            watts = float(self._meter.read().watts[0])
        except (PowerError, UsageFault):
            self._close()
            return None
        return None if math.isnan(watts) else watts

    def _close(self) -> None:
        if self._meter is not None:
            self._meter.close()
            self._meter = None

    def __enter__(self) -> "Supply":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
