"""A lab that answers as a test says: the screen is the real one, with real threads."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

pytest.importorskip("textual")
import textual.app
import textual.pilot
from textual._context import active_app

from farm.tui.app import FarmApp
from farm.tui.source import Glance, Held, Known, Past, Piece, Trial, Wiring

NOW = datetime(2026, 1, 2, 14, 2, 11, tzinfo=UTC)


def glance(**changes) -> Glance:
    up = {"powered": True, "up": True, "stage": "login", "watts": 7.0, "celsius": 41.2}
    return Glance(**(up | {"facts": (("os", "Debian 12"), ("load", "0.12"))} | changes))


class FakeLab:
    """Answers at once unless a test says otherwise; notes who was asked for what."""

    lab = "demo"

    def __init__(self, glances: dict[str, Glance | Exception], known: Known | None = None) -> None:
        self.glances = dict(glances)
        self.database = known or Known()
        self.looked: list[str] = []
        self.wishes = []
        self.hanging: set[str] = set()
        self.go = threading.Event()
        self.pieces: list[Piece] = []
        self.result: str | Exception = "done"
        self.progress = ("kernel", "login")

    def boards(self) -> list[Wiring]:
        facts = (("serial number", "0421318012345"), ("console", "/dev/pts/7"), ("meters", "supply-1"))
        return [Wiring(name, "jetson-tx2", "process twin", facts) for name in self.glances]

    def look(self, board: str) -> Glance:
        self.looked.append(board)
        if board in self.hanging:
            self.go.wait(30)
        found = self.glances[board]
        if isinstance(found, Exception):
            raise found
        return found

    def known(self) -> Known:
        if isinstance(self.database, Exception):
            raise self.database
        return self.database

    def past(self, board: str) -> Past:
        last = self.database.last.get(board)
        return Past(
            [last] if last else [], [(NOW - timedelta(hours=1), "passed")], [(NOW, "taken by ci@host: nightly")]
        )

    def watch(self, board: str, stop: threading.Event) -> Iterator[Piece]:
        yield from self.pieces
        stop.wait(30)

    def act(self, wish, tell, show) -> str:
        self.wishes.append(wish)
        for text in self.progress:
            tell(text)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    def console_command(self, board: str) -> list[str]:
        return ["true"]


def a_known() -> Known:
    passed = Trial("00c0ffee", NOW - timedelta(hours=3), "lenet5-int8", "pass", "20.0 fps  8.26 W  0.413 J")
    missed = Trial("0badcafe", NOW - timedelta(days=1), "lenet5-int8", "regression", "12.1 fps", "fps wanted >= 19.5")
    return Known(
        held={"atom-01": [Held("use", "ci@host", "nightly gate", NOW - timedelta(minutes=9))]},
        quarantined={"nano-02": "3 faults in a row"},
        last={"tx2-01": passed, "zero-01": missed},
        waiting=["ann@desk for model=jetson-tx2"],
    )


@pytest.fixture(autouse=True)
def _keys_are_taken_in_before_the_next(monkeypatch):
    """Textual's pilot takes a process that gets no processor for an idle one, and goes on too early."""
    monkeypatch.setattr(textual.app, "wait_for_idle", settled)
    monkeypatch.setattr(textual.pilot, "wait_for_idle", settled)


async def settled(*_: float) -> None:
    """Wait until the screen has nothing left to do: all its tasks wait for a key, a thread or a timer."""
    screen = active_app.get().screen
    quiet = 0
    while quiet < 2:
        await asyncio.sleep(0)
        if asyncio.get_running_loop()._ready:  # somebody has something to do
            quiet = 0
        else:
            screen._on_timer_update()  # what is to be drawn is drawn now, and may bring more to do
            quiet += 1


@pytest.fixture
def kit():
    """What tests here share: the modules of a suite cannot import each other."""
    return SimpleNamespace(
        NOW=NOW, glance=glance, a_known=a_known, until=until, seen=seen, on_screen=on_screen, during=during, Lab=FakeLab
    )


@pytest.fixture
def lab() -> Iterator[FakeLab]:
    """Six boards, each in another state."""
    fault = "coral-01: farm@192.0.2.14:22: nothing answers\n  try: is it on, is the cable in?"
    found = FakeLab(
        {
            "tx2-01": glance(),
            "zero-01": glance(watts=0.9, celsius=None, stage="shell"),
            "atom-01": Glance(in_use="process 4711 (pytest tests/lab) since 13:53"),
            "coral-01": Glance(powered=True, up=False, faults=(fault,)),
            "nano-01": Glance(powered=False, watts=0.0),
            "nano-02": glance(watts=None),
        },
        a_known(),
    )
    yield found
    found.go.set()


@pytest.fixture
def app_of():
    """``app_of(lab)``: the screen of a lab, its clock stopped."""

    def make(lab: FakeLab, **options) -> FarmApp:
        return FarmApp(lab, **({"every_s": 3600.0, "deadline_s": 20.0, "now": lambda: NOW} | options))

    return make


async def until(pilot, true, timeout_s: float = 60.0) -> None:
    """Let the screen run until something is so; a test that waits in vain fails with what it waited for."""
    deadline_s = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline_s, f"not so after {timeout_s:g} s: {true}"
        pilot.app.take_in()
        await asyncio.sleep(0.005)
    await pilot.pause()


async def seen(pilot) -> None:
    """Wait until every board was looked at and the database was read."""
    boards = pilot.app.boards.by_name.values()
    await until(pilot, lambda: all(board.looked or board.late for board in boards))


def on_screen(app) -> str:
    """The text of the screen, line by line."""
    return "\n".join(strip.text.rstrip() for strip in app.screen._compositor.render_strips())


def during(app: FarmApp, steps, size=(80, 24)) -> None:
    """Run a screen in this process while ``steps(pilot)`` play the operator."""

    async def run() -> None:
        async with app.run_test(size=size) as pilot:
            await steps(pilot)

    asyncio.run(run())
