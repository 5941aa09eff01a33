"""A thread reads a meter: what it survives, what ends it, what it says it lost."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, cast

import numpy as np
import pytest

from power import sampler as sampler_module
from power.block import Block, Flag
from power.errors import FrameError, InstrumentFault, MeterOffline, PowerError
from power.meter import Meter
from power.sampler import Sampler

RATE_HZ = 500.0


class Script:
    """A meter that does one thing after the other, then reads on and on."""

    name = "m1"
    rate_hz = RATE_HZ

    def __init__(self, *steps: Callable[[], Block]) -> None:
        self._steps = list(steps)
        self._t_ns = time.monotonic_ns()
        self.reads = 0
        self.idle = threading.Event()

    def read(self) -> Block:
        self.reads += 1
        if self._steps:
            return self._steps.pop(0)()
        if self.reads > 5:
            self.idle.set()
        time.sleep(0.001)
        return self.good()

    def good(self, periods: int = 1) -> Block:
        self._t_ns += round(periods * 1e9 / RATE_HZ)
        return Block.one(self._t_ns, 5.0, 0.1)

    def stream(self) -> Iterator[Block]:
        while True:
            yield self.read()


def fails(error: Exception) -> Callable[[], Block]:
    def step() -> Block:
        raise error

    return step


def as_meter(script: Any) -> Meter:
    return cast("Meter", script)


def run(script: Script) -> Any:
    with Sampler(as_meter(script)) as sampler:
        assert script.idle.wait(30)
        return sampler.stop()


def test_everything_read_is_in_the_trace() -> None:
    script = Script()
    trace = run(script)
    assert len(trace.block) == script.reads
    assert trace.errors == []
    assert trace.lost == 0
    assert trace.rate_hz == pytest.approx(RATE_HZ)


def test_a_transient_fault_is_survived_and_told() -> None:
    script = Script()
    script._steps = [script.good, fails(FrameError("m1", "bad checksum")), script.good]
    trace = run(script)
    assert trace.errors == ["m1: bad checksum"]
    assert len(trace.block) == script.reads - 1


def test_a_lost_reading_is_counted_and_flagged() -> None:
    script = Script()
    script._steps = [script.good, fails(MeterOffline("m1")), lambda: script.good(4), script.good]
    trace = run(script)
    assert trace.lost == 3
    assert [i for i, flag in enumerate(trace.block.flags) if flag & Flag.LOST_BEFORE] == [1]


def test_a_fault_that_asking_again_does_not_cure_ends_it() -> None:
    script = Script()
    script._steps = [script.good, fails(InstrumentFault("m1", "-241, Hardware missing"))]
    sampler = Sampler(as_meter(script))
    sampler.start()
    assert sampler.fault is None or isinstance(sampler.fault, InstrumentFault)
    sampler._thread.join(30)
    assert isinstance(sampler.fault, InstrumentFault), "seen without stopping"
    for _ in range(2):
        with pytest.raises(InstrumentFault, match="Hardware missing"):
            sampler.stop()


def test_a_meter_that_stays_silent_is_given_up_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "_SILENT_LEAST_S", 0.05)

    class Silent(Script):
        def read(self) -> Block:
            raise MeterOffline("m1", "no answer", hint="look at the cable")

    sampler = Sampler(as_meter(Silent()))
    sampler.start()
    sampler._thread.join(30)
    with pytest.raises(MeterOffline, match=r"m1: no reading for [\d.]+ s; at last: no answer") as seen:
        sampler.stop()
    assert seen.value.hint == "look at the cable"


def test_a_silent_meter_is_named_at_the_end_and_given_up_before_only_after_many_faults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sampler_module, "_SILENT_LEAST_S", 0.02)
    monkeypatch.setattr(sampler_module, "_FAULTS_IN_A_ROW", 10**9)

    class Silent(Script):
        def read(self) -> Block:
            raise MeterOffline("m1", "no answer")

    sampler = Sampler(as_meter(Silent()))
    sampler.start()
    while len(sampler._errors) < 20:  # with a pause of 2 ms after each
        assert sampler.fault is None
        time.sleep(0.001)
    assert sampler.fault is None
    with pytest.raises(MeterOffline, match=r"m1: no reading for [\d.]+ s; at last: no answer"):
        sampler.stop()


def test_a_meter_that_answers_now_and_then_is_not_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "_SILENT_LEAST_S", 0.0)
    script = Script()
    lost = fails(MeterOffline("m1", "no answer"))
    script._steps = [*[lost] * 7, script.good, *[lost] * 7, lambda: script.good(9), script.good]
    trace = run(script)
    assert len(trace.errors) == 14
    assert trace.lost == 8


def test_a_reading_that_was_asked_for_late_is_not_a_lost_one() -> None:
    script = Script()

    def late() -> Block:
        script._t_ns += 5 * round(1e9 / RATE_HZ)
        return Block.one(script._t_ns, 5.0, 0.1, Flag.LATE)

    script._steps = [script.good, late, script.good]
    trace = run(script)
    assert trace.lost == 0
    assert trace.block.flags[1] == Flag.LATE


def test_garbage_without_end_is_given_up_and_not_asked_for_at_full_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "_SILENT_LEAST_S", 0.1)

    class Garbage(Script):
        def read(self) -> Block:
            self.reads += 1
            raise FrameError("m1", "garbage")

    script = Garbage()
    sampler = Sampler(as_meter(script))
    sampler.start()
    sampler._thread.join(30)
    with pytest.raises(MeterOffline, match="garbage"):
        sampler.stop()
    assert script.reads <= 0.1 * RATE_HZ + 2


def test_a_bug_in_a_driver_is_raised_where_somebody_hears_it() -> None:
    script = Script(fails(ZeroDivisionError("a bug")))
    sampler = Sampler(as_meter(script))
    sampler.start()
    sampler._thread.join(30)
    with pytest.raises(ZeroDivisionError):
        sampler.stop()


def test_a_read_that_never_returns_is_not_waited_for() -> None:
    release = threading.Event()

    def stuck() -> Block:
        release.wait(10)
        return Block.one(0, 5.0, 0.1)

    sampler = Sampler(as_meter(Script(stuck)))
    sampler.start()
    with pytest.raises(MeterOffline, match="m1: still busy"):
        sampler.stop(timeout_s=0.05)
    release.set()
    sampler._thread.join(30)


def test_stopping_twice_gives_the_same_trace() -> None:
    script = Script()
    with Sampler(as_meter(script)) as sampler:
        script.idle.wait(30)
        first, second = sampler.stop(), sampler.stop()
    assert np.array_equal(first.block.t_ns, second.block.t_ns)


def test_a_meters_fault_does_not_hide_what_went_wrong_in_the_block() -> None:
    script = Script(fails(InstrumentFault("m1", "tripped")))

    def body() -> None:
        with Sampler(as_meter(script)) as sampler:
            sampler._thread.join(30)
            raise KeyError("the real trouble")

    with pytest.raises(KeyError) as seen:
        body()
    assert seen.value.__notes__ == ["meanwhile: m1: tripped"]


def test_a_meters_fault_ends_the_block_if_nothing_else_does() -> None:
    script = Script(fails(InstrumentFault("m1", "tripped")))
    with pytest.raises(PowerError, match="tripped"), Sampler(as_meter(script)) as sampler:
        sampler._thread.join(30)


def test_a_trace_without_readings_has_no_rate() -> None:
    script = Script(fails(MeterOffline("m1")))
    sampler = Sampler(as_meter(script))
    sampler._stopping.set()
    sampler.start()
    trace = sampler.stop()
    assert len(trace.block) == 0
    assert np.isnan(trace.rate_hz)


class InPieces:
    """A keeper that says what it got."""

    def __init__(self) -> None:
        self.got: list[Block] = []

    def add(self, piece: Block) -> None:
        self.got.append(piece)

    def readings(self) -> Block:
        return Block.join(self.got)


def test_a_long_trace_is_handed_over_in_pieces_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "PIECE_READINGS", 4)
    script, keeper = Script(), InPieces()
    script._steps = [script.good, script.good, script.good, script.good, lambda: script.good(3)]
    with Sampler(as_meter(script), keeper) as sampler:
        assert script.idle.wait(30)
        assert keeper.got, "before the end"
        trace = sampler.stop()
    assert [len(piece) for piece in keeper.got[:-1]] == [4] * (len(keeper.got) - 1)
    assert len(trace.readings) == script.reads
    assert trace.lost == 2
    assert trace.block.flags[4] == Flag.LOST_BEFORE, "a gap between two pieces is seen"


def test_a_short_trace_never_leaves_memory() -> None:
    script, keeper = Script(), InPieces()
    with Sampler(as_meter(script), keeper) as sampler:
        assert script.idle.wait(30)
        trace = sampler.stop()
    assert keeper.got == []
    assert len(trace.block) == script.reads


def test_a_keeper_that_fails_ends_the_reading_and_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "PIECE_READINGS", 4)

    class Full(InPieces):
        def add(self, piece: Block) -> None:
            raise RuntimeError(f"no room for {len(piece)}")

    sampler = Sampler(as_meter(Script()), Full())
    sampler.start()
    sampler._thread.join(30)
    with pytest.raises(RuntimeError, match="no room for 4"):
        sampler.stop()


def test_many_small_blocks_are_joined_and_stay_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampler_module, "_MOST_BLOCKS", 3)
    trace = run(script := Script())
    assert len(trace.block) == script.reads
    assert np.all(np.diff(trace.block.t_ns) > 0)


def test_the_jitter_of_the_readings_is_told() -> None:
    script = Script()
    trace = run(script)
    assert trace.jitter_ms == pytest.approx(0, abs=1e-9)
