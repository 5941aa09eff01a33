"""Many meters that one thread asks: nobody waits for another, nobody gets another's answer, nothing stays behind."""

import selectors
import socket
import threading
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import date
from typing import cast

import numpy as np
import pytest

from power import rota as rota_module
from power import sampler as sampler_module
from power.apart import apart
from power.block import Block, Flag
from power.calibrated import Calibration, Correction, calibrated
from power.errors import MeterOffline, PowerError
from power.meter import Meter
from power.rota import Rota
from power.sampler import Sampler, Trace
from power.scpi.generic import GenericScpi

RATE_HZ = 200.0
Answer = Callable[[int, bytes], bytes | None]
"""What an instrument says to its n-th question, from 1; None closes the link."""


def counts(number: int) -> Answer:
    """Tell which instrument this is, and how often it was asked."""
    return lambda nth, _: b"%d.0,%d\n" % (number, nth)


class Instruments(threading.Thread):
    """Each on a port of its own, all in one thread."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        super().__init__(daemon=True)
        self._answers = answers
        self._asked = [0] * len(answers)
        self._ready = selectors.DefaultSelector()
        self._bell, rings = socket.socketpair()
        self._ready.register(rings, selectors.EVENT_READ, "end")
        self.links: dict[int, socket.socket] = {}
        self.ports: list[int] = []
        for number in range(len(answers)):
            listener = socket.create_server(("127.0.0.1", 0))
            self._ready.register(listener, selectors.EVENT_READ, ("port", number))
            self.ports.append(listener.getsockname()[1])

    def run(self) -> None:
        while True:
            for key, _ in self._ready.select():
                end = key.fileobj
                assert isinstance(end, socket.socket)
                if key.data == "end":
                    return
                what, number = key.data
                if what == "port":
                    self.links[number] = end.accept()[0]
                    self.links[number].setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    self._ready.register(self.links[number], selectors.EVENT_READ, ("link", number))
                elif not self._answered(end, number):
                    self._ready.unregister(end)
                    end.close()

    def _answered(self, link: socket.socket, number: int) -> bool:
        try:
            questions = link.recv(4096).splitlines()
        except ConnectionResetError:
            return False
        for question in questions:
            self._asked[number] += question != b"*IDN?"
            nth = self._asked[number]
            said = b"TEST,COUNTER,1,1\n" if question == b"*IDN?" else self._answers[number](nth, question)
            if said is None:
                return False
            link.sendall(said)
        return bool(questions)

    def close(self) -> None:
        self._bell.send(b"\0")
        self.join()
        for key in list(self._ready.get_map().values()):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
        self._bell.close()
        self._ready.close()


@contextmanager
def opened(*answers: Answer, **options: object) -> Generator[tuple[Instruments, list[Meter]]]:
    given = {"query": "READ?", "rate_hz": RATE_HZ, "timeout_s": 0.2, **options}
    instruments = Instruments(answers)
    instruments.start()
    try:
        with ExitStack() as stack:
            meters: list[Meter] = []
            for number, port in enumerate(instruments.ports):
                resource = f"TCPIP::127.0.0.1::{port}::SOCKET"
                config = GenericScpi.Config.model_validate({"resource": resource, **given})
                meters.append(cast("Meter", stack.enter_context(GenericScpi.open(f"m{number}", config))))
            yield instruments, meters
    finally:
        instruments.close()


def until(true: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline_s
        time.sleep(0.002)


def sampled(meters: Sequence[Meter], readings: int) -> list[Trace]:
    """Sample all of them at once until each has given so many."""
    with ExitStack() as stack:
        samplers = [stack.enter_context(Sampler(meter)) for meter in meters]
        until(lambda: all(sampler._waiting >= readings for sampler in samplers))
        return [sampler.stop() for sampler in samplers]


def assert_counts(trace: Trace, number: int) -> None:
    assert set(trace.block.volts) == {number}
    assert np.all(np.diff(trace.block.amps, prepend=0) == 1), "each answer once, and in order"


def test_one_thread_reads_many_meters_and_exchanges_no_answers() -> None:
    with opened(*map(counts, range(20))) as (_, meters), ExitStack() as stack:
        samplers = [stack.enter_context(Sampler(meter)) for meter in meters]
        until(lambda: all(sampler._waiting >= 3 for sampler in samplers))
        readers = {thread.name for thread in threading.enumerate() if thread.name.startswith(("rota", "sampler"))}
        until(lambda: all(sampler._waiting >= 20 for sampler in samplers))
        traces = [sampler.stop() for sampler in samplers]
        assert readers == {"rota"}
    for number, trace in enumerate(traces):
        assert_counts(trace, number)
        assert (trace.errors, trace.lost) == ([], 0)


def test_a_reading_lies_in_the_middle_between_question_and_answer() -> None:
    heard: list[tuple[int, int]] = []

    def slow(nth: int, question: bytes) -> bytes | None:
        begun_ns = time.monotonic_ns()
        time.sleep(0.004)
        heard.append((begun_ns, time.monotonic_ns()))
        return counts(0)(nth, question)

    with opened(slow) as (_, meters):
        (trace,) = sampled(meters, 10)
    off_ns = [abs(int(t_ns) - sum(pair) // 2) for t_ns, pair in zip(trace.block.t_ns, heard, strict=False)]
    # a busy host hands over late now and then; what told the beginning or the end would be off by 2 ms each time
    assert sorted(off_ns)[1] < 0.5e6, "in the middle of asking and answering, however long the instrument takes"


def test_a_meter_that_hangs_delays_nobody_and_is_told_alone() -> None:
    hung = threading.Event()

    def hangs(nth: int, question: bytes) -> bytes | None:
        if nth < 5:
            return counts(0)(nth, question)
        hung.set()
        return b""

    with opened(hangs, *map(counts, range(1, 9)), timeout_s=5.0) as (instruments, meters):
        samplers = [Sampler(meter) for meter in meters]
        for sampler in samplers:
            sampler.start()
        assert hung.wait(20)
        begun_s, before = time.monotonic(), [sampler._waiting for sampler in samplers]
        until(lambda: all(now._waiting >= was + 10 for now, was in zip(samplers[1:], before[1:], strict=True)))
        assert time.monotonic() - begun_s < 5.0, "while the answer of the first was still awaited"
        for number, sampler in enumerate(samplers[1:], 1):
            assert_counts(sampler.stop(), number)
        with pytest.raises(MeterOffline, match="m0: still busy"):
            samplers[0].stop(timeout_s=0.01)
        instruments.links[0].shutdown(socket.SHUT_RDWR)
        assert len(samplers[0].stop().block) == 4


def test_half_an_answer_is_never_a_number_and_what_follows_is_read() -> None:
    with opened(lambda nth, _: b"7.0,7" if nth == 5 else b"0.0,%d\n" % nth) as (_, meters):
        (trace,) = sampled(meters, 20)
    assert 7.0 not in trace.block.volts
    assert len(trace.errors) == 1
    assert "half an answer or none" in trace.errors[0]
    assert trace.lost >= 1
    assert np.flatnonzero(trace.block.flags & Flag.LOST_BEFORE).tolist() == [4]


def test_an_answer_that_comes_in_pieces_is_one() -> None:
    def in_pieces(nth: int, _: bytes) -> bytes:
        instruments.links[0].sendall(b"0.0,")
        time.sleep(0.001)
        return b"%d\n" % nth

    with opened(in_pieces) as (instruments, meters):
        (trace,) = sampled(meters, 10)
    assert_counts(trace, 0)


def test_what_nobody_asked_for_is_no_answer() -> None:
    twice: Answer = lambda nth, _: b"0.0,%d\n" % nth + (b"9.0,9\n" if nth % 4 == 0 else b"")  # noqa: E731
    with opened(twice, counts(1)) as (_, meters):
        trace, other = sampled(meters, 20)
    assert_counts(trace, 0)
    assert_counts(other, 1)
    assert trace.errors == []


def test_a_reading_of_two_questions_is_one_reading() -> None:
    def each(nth: int, question: bytes) -> bytes:
        return b"%d\n" % (nth if question == b"V?" else -nth)

    with opened(each, query=None, volts_query="V?", amps_query="A?") as (_, meters):
        (trace,) = sampled(meters, 10)
    assert np.all(trace.block.volts + 1 == -trace.block.amps), "the second question follows on the first"
    assert trace.errors == []


def test_a_meter_that_answers_quicker_than_it_is_due_is_asked_when_it_is_due() -> None:
    with opened(counts(0), rate_hz=5.0, timeout_s=0.05) as (_, meters):
        (trace,) = sampled(meters, 5)
    assert trace.rate_hz < 6.5, "not whenever an answer would have been given up"


def test_where_there_can_be_no_more_threads_one_meter_ends_and_the_others_are_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with opened(lambda nth, _: b"0.0,%d\n" % nth if nth < 10 else b"nonsense\n", counts(1)) as (_, meters):
        first, second = (Sampler(meter) for meter in meters)
        first.start()
        second.start()
        until(lambda: first._waiting > 3)

        def none_left(_: object) -> threading.Thread:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(first, "_alone", none_left)
        until(lambda: first.fault is not None)
        before = second._waiting
        until(lambda: second._waiting >= before + 10)
        assert_counts(second.stop(), 1)
        with pytest.raises(RuntimeError, match="new thread"):
            first.stop()


def test_no_value_is_a_reading_without_one_and_no_fault() -> None:
    with opened(lambda nth, _: b"\n" if nth > 5 else b"5.0,%d\n" % nth) as (_, meters):
        (trace,) = sampled(meters, 10)
    assert np.isnan(trace.block.volts[5:]).all()
    assert trace.errors == []
    assert trace.lost == 0


def test_what_is_calibrated_is_corrected_there_too() -> None:
    by = Calibration(date=date(2026, 1, 31), volts=Correction(gain=1.1))
    with opened(lambda nth, _: b"11.0,%d\n" % nth) as (_, meters):
        meter = calibrated(meters[0], by)
        meter.read()
        assert apart(meter) is not None
        (trace,) = sampled([meter], 10)
    assert trace.block.volts == pytest.approx(10.0)


def test_a_link_that_ends_is_named_and_ends_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "_SILENT_LEAST_S", 0.05)
    with opened(lambda nth, _: b"0.0,1\n" if nth < 10 else None, counts(1)) as (_, meters):
        first, second = (Sampler(meter) for meter in meters)
        first.start()
        second.start()
        until(lambda: first.fault is not None)
        before = second._waiting
        until(lambda: second._waiting >= before + 10)
        assert_counts(second.stop(), 1)
        with pytest.raises(MeterOffline, match="m0: "):
            first.stop()


def test_a_piece_is_handed_over_by_a_thread_that_nobody_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "PIECE_READINGS", 8)

    class Slow:
        def __init__(self) -> None:
            self.got: list[Block] = []
            self.threads: set[str] = set()

        def add(self, piece: Block) -> None:
            self.threads.add(threading.current_thread().name)
            self.got.append(piece)

        def readings(self) -> Block:
            return Block.join(self.got)

    keeper = Slow()
    with opened(counts(0)) as (_, meters), Sampler(meters[0], keeper) as sampler:
        until(lambda: len(keeper.got) >= 3)
        trace = sampler.stop()
    assert "rota" not in keeper.threads
    assert [len(piece) for piece in keeper.got[:3]] == [8] * 3
    assert_counts(trace, 0)


def test_a_bug_in_one_meter_ends_its_reading_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    sound = GenericScpi.block_of

    def spoilt(meter: GenericScpi, t_ns: int, found: dict[str, float], flags: Flag) -> Block:
        return sound(meter, t_ns, {"volts": 1 / found["volts"]}, flags) if meter.name == "m0" else Block.one(t_ns, 1, 1)

    with opened(counts(0), counts(1)) as (_, meters):
        first, second = (Sampler(meter) for meter in meters)
        first.start()
        second.start()
        until(lambda: first._waiting > 3)
        monkeypatch.setattr(GenericScpi, "block_of", spoilt)
        until(lambda: first.fault is not None)
        before = second._waiting
        until(lambda: second._waiting >= before + 10)
        second.stop()
        with pytest.raises(ZeroDivisionError):
            first.stop()


def test_after_the_last_one_no_thread_and_no_socket_is_left() -> None:
    before = set(threading.enumerate())
    for _ in range(3):
        with opened(*map(counts, range(3))) as (_, meters):
            sampled(meters, 3)
            assert not any(thread.name == "rota" for thread in set(threading.enumerate()) - before)
    assert set(threading.enumerate()) == before


def test_more_than_a_thread_can_serve_in_time_get_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rota_module, "_MOST_MEMBERS", 3)
    with opened(*map(counts, range(7))) as (_, meters), ExitStack() as stack:
        samplers = [stack.enter_context(Sampler(meter)) for meter in meters]
        until(lambda: all(sampler._waiting >= 3 for sampler in samplers))
        threads = [thread.name for thread in threading.enumerate() if thread.name.startswith(("rota", "sampler"))]
        for number, sampler in enumerate(samplers):
            assert_counts(sampler.stop(), number)
    assert threads == ["rota"] * 3


def test_a_link_that_is_closed_before_it_is_served_is_a_fault_of_its_own() -> None:
    rota, faults = Rota(), list[Exception | None]()
    with opened(counts(0)) as (_, meters):
        meters[0].read()
        gone = apart(meters[0])
        assert gone is not None
        meters[0].close()
        rota.join(gone, lambda _: True, faults.append)
        until(lambda: bool(faults))
        rota.settle()
    assert isinstance(faults[0], OSError | PowerError)


def test_a_thread_that_cannot_begin_is_a_fault_that_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise OSError("too many open files")

    monkeypatch.setattr(sampler_module, "ROTA", Rota())
    with opened(counts(0)) as (_, meters):
        sampler = Sampler(meters[0])
        monkeypatch.setattr(socket, "socketpair", full)
        sampler.start()
        until(lambda: sampler.fault is not None)
        with pytest.raises(OSError, match="too many open files"):
            sampler.stop()


def test_whoever_joins_while_the_last_one_leaves_is_served() -> None:
    rota, seen = Rota(), threading.Event()
    with opened(counts(0), counts(1)) as (_, meters):
        for meter in meters:
            meter.read()
        one, two = map(apart, meters)
        assert one is not None
        assert two is not None

        def next_one(_: Exception | None) -> None:
            rota.join(two, lambda _: False, lambda _: seen.set())

        rota.join(one, lambda _: False, next_one)
        assert seen.wait(20)
        rota.settle()
    assert not any(thread.name == "rota" for thread in threading.enumerate())


class OnLink:
    """An exchange that is due once, on a link whose descriptor it remembers."""

    def __init__(self, link: socket.socket) -> None:
        self.link, self.until_ns, self.due_ns = link, 0, 0

    def fileno(self) -> int:
        return self.link.fileno()

    def ask(self) -> None:
        self.until_ns, self.due_ns = time.monotonic_ns() + 10**10, time.monotonic_ns() + 10**11

    def take(self, arrived_ns: int) -> Block:
        self.until_ns = 0
        return Block.one(1, float(self.link.recv(1)), 1.0)


def test_whoever_leaves_takes_no_other_ones_link_along() -> None:
    rota, got, left = Rota(), list[Block](), list[Exception | None]()
    here, there = socket.socketpair()
    with here, there:
        rota.join(OnLink(here), lambda block: bool(got.append(block)), lambda _: None)
        rota.join(OnLink(here), lambda _: True, left.append)  # as one whose link was closed, and its number given again
        until(lambda: bool(left))
        there.send(b"7")
        begun_s = time.monotonic()
        until(lambda: bool(got))
        assert time.monotonic() - begun_s < 5, "when it arrives, not when it would have been given up"
        rota.settle()
    assert isinstance(left[0], KeyError)
    assert got[0].volts.tolist() == [7.0]
