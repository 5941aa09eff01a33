"""What goes wrong between instrument and trace is flagged and counted, for every kind of meter; nothing is made up."""

import time
from collections.abc import Iterator
from typing import Any, cast

import numpy as np
import pytest

from power.block import Block, Flag
from power.meter import Meter
from power.sampler import Sampler, Trace
from power.scpi.memory import lots
from power.usb.ppk2 import Shares
from power.usb.ppk2_samples import SAMPLE_NS, Calibration, Stream
from power.usb.updates import UpdateWatch

MS = 1_000_000


class Given:
    """A meter whose blocks are given; then it waits for the end."""

    name = "m1"

    def __init__(self, rate_hz: float, blocks: Iterator[Block]) -> None:
        self.rate_hz, self._blocks = rate_hz, blocks
        self.done = False

    def stream(self) -> Iterator[Block]:
        yield from self._blocks
        self.done = True
        while True:
            time.sleep(0.001)
            yield Block.join([])


def sampled(rate_hz: float, blocks: Iterator[Block]) -> Trace:
    given = Given(rate_hz, blocks)
    with Sampler(cast("Meter", given)) as sampler:
        deadline_s = time.monotonic() + 30
        while not given.done and time.monotonic() < deadline_s:
            time.sleep(0.001)
        return sampler.stop()


def flags(trace: Trace, flag: Flag) -> list[int]:
    return np.flatnonzero(trace.block.flags & np.uint8(flag)).tolist()


def polled(shown: list[tuple[float, float]], every_ms: int = 25) -> Iterator[Block]:
    """A display that refreshes ten times a second and is looked at more often: ``(moment in s, amps)``."""
    watch = UpdateWatch(10.0)
    for now_ms in range(0, round(shown[-1][0] * 1000) + 400, every_ms):
        amps = next(value for moment_s, value in reversed(shown) if moment_s * 1000 <= now_ms)
        if update := watch.see((5.0, amps), 10**15 + now_ms * MS):
            yield Block.one(update.t_ns, 5.0, amps, update.flags)


def test_a_polled_display_that_does_not_change_is_stale_and_not_a_new_value() -> None:
    shown = [(n / 10, n / 100) for n in range(20)]
    shown[8] = (0.8, shown[7][1])
    trace = sampled(10.0, polled(shown))
    assert trace.stale >= 1
    (first, *_) = flags(trace, Flag.STALE)
    assert trace.block.amps[first] == trace.block.amps[first - 1]
    assert set(trace.block.amps.tolist()) <= {amps for _, amps in shown}, "no value that was never shown"


def test_a_polled_meter_that_shows_nothing_new_for_a_while_has_lost_nothing_that_it_never_had() -> None:
    trace = sampled(10.0, polled([(n / 10, n / 100) for n in range(20)]))
    assert trace.lost == 0
    assert flags(trace, Flag.LOST_BEFORE) == []


def test_a_polled_answer_that_never_came_is_a_lost_reading() -> None:
    t_ms = np.delete(np.arange(0, 1000, 10), [30, 31])
    trace = sampled(100.0, (Block.one(10**15 + int(t) * MS, 5.0, 0.1) for t in t_ms))
    assert trace.lost == 2
    assert flags(trace, Flag.LOST_BEFORE) == [30]


class Buffer:
    """An instrument's memory, a lot at a time."""

    most = 10_000

    def __init__(self, *given: tuple[list[int], bool]) -> None:
        self._lots = list(given)
        self.starts = 0

    def start(self) -> None:
        self.starts += 1

    def fetch(self) -> tuple[np.ndarray, np.ndarray, bool]:
        numbers, overrun = self._lots.pop(0)
        numbers = np.array(numbers, np.float64)
        return numbers / 1000, numbers, overrun

    def stop(self) -> None:
        pass


def buffered(*given: tuple[list[int], bool]) -> Trace:
    memory = Buffer(*given)
    reader = lots("m1", memory, 1000.0)
    blocks = []
    for _ in range(sum(1 for numbers, overrun in given if numbers and not overrun)):
        t_ns, values, lost = next(reader)
        told = np.zeros(len(values), np.uint8)
        told[0] |= np.uint8(Flag.LOST_BEFORE if lost else 0)
        blocks.append(Block(t_ns, np.full(len(values), 5.0), values, told))
    reader.close()
    return sampled(1000.0, iter(blocks))


def numbers(first: int, last: int) -> list[int]:
    return list(range(first, last + 1))


def test_a_buffer_that_went_round_has_lost_readings_and_says_so() -> None:
    trace = buffered((numbers(1, 50), False), ([], True), (numbers(1, 50), False))
    assert trace.lost >= 1
    assert flags(trace, Flag.LOST_BEFORE) == [50]


def test_a_buffer_that_leaves_out_readings_is_seen_by_its_own_clock() -> None:
    trace = buffered((numbers(1, 50), False), (numbers(54, 100), False))
    assert trace.lost == 3
    assert flags(trace, Flag.LOST_BEFORE) == [50]


def test_a_buffered_reading_that_comes_twice_is_counted_and_kept_once() -> None:
    twice = [*numbers(1, 30), 30, *numbers(31, 50)]
    trace = buffered((twice, False), (numbers(51, 100), False))
    assert trace.doubled == 1
    assert trace.block.amps.tolist() == numbers(1, 100)


def streamed(words: np.ndarray) -> Trace:
    stream, shares = Stream(Calibration(), 5.0), Shares(1)

    def blocks() -> Iterator[Block]:
        for at in range(0, len(words), 1000):
            samples = stream.feed(words[at : at + 1000].astype("<u4").tobytes())
            middles, amps, told = shares.add(samples)
            t_ns = 10**15 + np.rint(middles * SAMPLE_NS).astype(np.int64)
            yield Block(t_ns, np.full(len(amps), 5.0), amps, told)

    return sampled(1e9 / SAMPLE_NS, blocks())


def words(count: int) -> np.ndarray:
    ticks = np.arange(count)
    return (ticks % 8192 | 4 << 14 | (ticks % 64) << 18).astype(np.uint32)


@pytest.mark.parametrize("lost", [1, 20, 62])
def test_streamed_samples_that_are_missing_are_counted_by_the_units_counter(lost: int) -> None:
    trace = streamed(np.delete(words(5000), np.arange(2500, 2500 + lost)))
    assert trace.lost == lost
    assert flags(trace, Flag.LOST_BEFORE) == [2500]
    assert len(trace.block) == 5000 - lost, "nothing is filled in"


def test_a_streamed_sample_that_comes_twice_does_not_pass_for_two() -> None:
    whole = words(5000)
    trace = streamed(np.insert(whole, 2500, whole[2500]))
    assert trace.lost > 0
    assert flags(trace, Flag.LOST_BEFORE), "the counter stood still: the trace may decide nothing"


def test_bytes_that_are_no_samples_are_refused_with_their_place() -> None:
    damaged: Any = words(100)
    damaged[50] |= np.uint32(7 << 14)
    with pytest.raises(ValueError, match="at byte 200"):
        Stream(Calibration(), 5.0).feed(damaged.astype("<u4").tobytes())
