"""The lab behind the screen: its database, its inventory, its benches."""

import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from farm.health import BoardHealth
from farm.lab.inventory import load
from farm.lab.lease import Leases, Wanted
from farm.lab.lease_taking import LOOK_S
from farm.store.database import Store
from farm.store.health import note_fault
from farm.store.record import Criterion, Verdict
from farm.tui import lab_source
from farm.tui.lab_source import LabSource
from farm.tui.source import Wish

LAB = """
lab: bench
meters:
  um25c-1: {driver: um25c, rail: USB 5 V, options: {port: /dev/nometer}}
boards:
  zero-01:
    model: pi-zero-aiy
    serial_number: "1234"
    console: {port: /dev/nowhere}
    ssh: {host: 192.0.2.12, user: pi}
    meters: [um25c-1]
"""


@pytest.fixture
def source(tmp_path, monkeypatch) -> LabSource:
    monkeypatch.setenv("FARM_OWNER", "ann")
    (tmp_path / "inventory.yaml").write_text(LAB)
    return LabSource(load(tmp_path / "inventory.yaml"), tmp_path / "state")


@pytest.fixture
def store(source, tmp_path) -> Store:
    with Store.open(tmp_path / "state" / "results.sqlite") as store:
        yield store


def leases(source, tmp_path) -> Leases:
    return Leases.open(load(tmp_path / "inventory.yaml"), tmp_path / "state")


def test_what_is_wired_is_what_the_inventory_says(source):
    (wiring,) = source.boards()
    assert (wiring.board, wiring.model, wiring.made) == ("zero-01", "pi-zero-aiy", "board")
    assert dict(wiring.facts)["serial number"] == "1234"
    assert dict(wiring.facts)["meters"] == "um25c-1"


def test_the_newest_trial_stands_for_a_board_and_a_new_verdict_is_seen(source, store, a_record):
    assert source.known().last == {}
    store.save(a_record(), {})
    assert source.known().last["zero-01"].outcome is None
    missed = Criterion(name="fps", unit="fps", wanted=">= 25", limit=25, got=20, outcome="regression")
    store.judge("00c0ffee00c0ffee", Verdict(outcome="regression", criteria=[missed]))
    last = source.known().last["zero-01"]
    assert (last.outcome, last.why) == ("regression", "fps wanted >= 25")
    assert last.figures == "20 fps  p99 9 ms  1.2 W  0.06 J"


def test_a_record_that_cannot_be_read_is_told_and_hides_nothing(source, store, a_record):
    store.save(a_record(), {})
    with store.transaction() as connection:
        connection.exec_driver_sql("UPDATE records SET json = '{}'")
    assert source.known().last["zero-01"].artifact == "unreadable"


def test_leases_and_quarantine_are_what_the_database_says(source, store):
    source.act(Wish("take", "zero-01", for_s=3600, reason="mine"), _ignore, _ignore)
    for _ in range(3):
        note_fault(store, "zero-01", "zero-01: nothing answers")
    known = source.known()
    (held,) = known.held["zero-01"]
    assert (held.kind, held.owner, held.reason) == ("reservation", "ann", "mine")
    assert known.quarantined["zero-01"].startswith("3 faults in a row")
    assert source.act(Wish("return", "zero-01"), _ignore, _ignore) == "returned"
    assert source.known().held == {}
    past = source.past("zero-01")
    assert any("3 faults" in what for _, what in past.health)
    assert past.leases[0][1].startswith("reservation of ann: mine, returned")


def test_a_look_is_shown_without_what_is_not_known(source, monkeypatch):
    found = BoardHealth("zero-01", "pi-zero-aiy", "board", powered=True, up=True, celsius={"soc": 41.0, "gpu": 44.0})
    found.watts = {"um25c-1": None}
    monkeypatch.setattr(lab_source, "look", lambda *_: found)
    glance = source.look("zero-01")
    assert (glance.celsius, glance.watts, glance.faults) == (44.0, None, ())
    assert dict(glance.facts) == {"temperatures": "soc 41.0 °C, gpu 44.0 °C"}


def test_a_board_in_use_is_watched_from_what_is_kept_and_never_touched(source, store, a_record, tmp_path, monkeypatch):
    monkeypatch.setattr("farm.tui.lab_watch.open_console", lambda *_: pytest.fail("its console is somebody else's"))
    store.save(a_record(), {}, b"\x1b[32mBooting\r\n")
    stop = threading.Event()
    with leases(source, tmp_path) as others, others.use(Wanted(("zero-01",)), reason="gate"):
        pieces = source.watch("zero-01", stop)
        assert next(pieces).note.startswith("in use by ann")
        assert next(pieces).text == "Booting\n"
        stop.set()
        begin = time.monotonic()
        assert list(pieces) == []
        assert time.monotonic() - begin < 20


def test_a_watched_board_is_let_go_as_soon_as_somebody_wants_it(source, tmp_path, monkeypatch):
    def follow(*, since, idle_s):
        while True:
            time.sleep(idle_s)
            yield b""

    closed = []
    console = SimpleNamespace(follow=follow)
    monkeypatch.setattr("farm.tui.lab_watch.open_console", lambda *_: closing_of(console, closed))
    monkeypatch.setattr("farm.tui.lab_watch.Supply.watts", lambda _: 1.2)
    pieces = source.watch("zero-01", threading.Event())
    while next(pieces).watts is None:
        pass
    watching = threading.Thread(target=list, args=(pieces,))
    watching.start()
    begin = time.monotonic()
    with leases(source, tmp_path) as others, others.use(Wanted(("zero-01",)), reason="gate") as lease:
        assert time.monotonic() - begin < LOOK_S / 2
        assert closed == [console]
        lease.check()
    watching.join(10)
    assert not watching.is_alive()


@contextmanager
def closing_of(console, closed):
    yield console
    closed.append(console)


def _ignore(_: object) -> None:
    """Whoever hears how it goes."""
