"""Looking from threads: what hangs is told in time, holds up nobody, and is not waited for."""

import threading
import time
from queue import SimpleQueue

import pytest

from farm.tui import lookout
from farm.tui.lookout import Lookout


class Told:
    """What a lookout told, in order, and a look that does as the test says."""

    def __init__(self):
        self.queue = SimpleQueue()
        self.go = threading.Event()
        self.running = 0
        self.most = 0
        self.latch = threading.Lock()

    def look(self, name):
        with self.latch:
            self.running += 1
            self.most = max(self.most, self.running)
        try:
            if name.startswith("deaf"):
                self.go.wait(30)
            if name.startswith("bad"):
                raise ValueError(name)
            return name.upper()
        finally:
            with self.latch:
                self.running -= 1

    def start(self, names, every_s=3600.0, deadline_s=20.0):
        found = Lookout(
            self.look,
            names,
            found=lambda name, what: self.queue.put(("found", name, what)),
            failed=lambda name, error: self.queue.put(("failed", name, str(error))),
            late=lambda name, after_s: self.queue.put(("late", name, after_s)),
            every_s=every_s,
            deadline_s=deadline_s,
        )
        found.start()
        return found

    def next(self):
        return self.queue.get(timeout=20)


@pytest.fixture
def told():
    told = Told()
    yield told
    told.go.set()


@pytest.fixture(autouse=True)
def _fast(monkeypatch):
    monkeypatch.setattr(lookout, "STARTS_PER_S", 2000.0)


def test_each_is_looked_at_and_looked_at_again(told):
    watch = told.start(["a", "b"], every_s=0.01)
    seen = [told.next()[1] for _ in range(6)]
    watch.stop()
    assert seen.count("a") > 1
    assert seen.count("b") > 1


def test_whatever_a_look_raises_is_told_of_its_board_and_hides_no_other(told):
    watch = told.start(["bad-1", "a"])
    assert sorted([told.next(), told.next()]) == [("failed", "bad-1", "bad-1"), ("found", "a", "A")]
    watch.stop()


def test_one_that_hangs_is_told_once_at_its_deadline_and_found_when_it_ends(told):
    watch = told.start(["deaf"], deadline_s=0.05)
    assert told.next() == ("late", "deaf", 0.05)
    told.go.set()
    assert told.next() == ("found", "deaf", "DEAF")
    watch.stop()


def test_boards_that_hang_hold_up_no_other_once_they_are_late(told, monkeypatch):
    monkeypatch.setattr(lookout, "AT_ONCE", 4)
    watch = told.start([*(f"deaf-{n}" for n in range(8)), "a"], deadline_s=0.05)
    deaf = [("late", f"deaf-{n}", 0.05) for n in range(8)]
    events = []
    while not {("found", "a", "A"), *deaf} <= set(events):
        events.append(told.next())
    watch.stop()
    assert [event for event in sorted(events) if event in deaf] == deaf, "each is told once"


def test_threads_are_bounded_whatever_hangs(told, monkeypatch):
    monkeypatch.setattr(lookout, "AT_ONCE", 2)
    monkeypatch.setattr(lookout, "THREADS", 5)
    watch = told.start([f"deaf-{n}" for n in range(20)], deadline_s=0.01)
    for _ in range(5):
        assert told.next()[0] == "late"
    watch.look_now("deaf-19")
    assert told.most <= 5
    watch.stop()


def test_stopping_waits_for_nobody_and_nothing_is_told_afterwards(told):
    watch = told.start(["deaf"])
    while not told.running:
        time.sleep(0.001)
    begin = time.monotonic()
    watch.stop()
    assert time.monotonic() - begin < 10
    told.go.set()
    while told.running:
        time.sleep(0.001)
    assert told.queue.empty()


def test_one_that_is_skipped_is_left_alone_until_it_is_not(told):
    watch = told.start(["a"], every_s=0.01)
    told.next()
    watch.skip("a")
    while told.running:
        time.sleep(0.001)
    while not told.queue.empty():
        told.queue.get()
    watch.look_now("a")
    watch.skip("a", False)
    assert told.next() == ("found", "a", "A")
    watch.stop()


def test_a_new_lab_is_no_burst(told, monkeypatch):
    monkeypatch.setattr(lookout, "STARTS_PER_S", 50.0)
    begin = time.monotonic()
    watch = told.start([f"b{n}" for n in range(11)])
    for _ in range(11):
        told.next()
    watch.stop()
    assert time.monotonic() - begin > 0.15  # ten pauses of a fiftieth, less what timers round
