"""Two instruments on one rail, one for amps and one for volts: watts, and no more than both of them know."""

import itertools
import math
import threading
import time

import numpy as np
import pytest

from power.block import Block, Flag
from power.energy import energy
from power.errors import InstrumentFault, MeterOffline, UnknownChoice
from power.meter import Accuracy, Identity, Tolerance
from power.paired import paired
from power.sampler import Sampler

S = 1_000_000_000
MS = 1_000_000


class Told:
    """A meter that has its readings ready: one block each time, then it waits until it is told to end."""

    bandwidth_hz, stamp_bound_s, aperture_s = None, 0.0, 0.02

    def __init__(self, name, rate_hz, blocks, *, ends=None, accuracy=None):
        self.name, self.rate_hz, self._blocks, self._ends = name, rate_hz, blocks, ends
        self.accuracy = accuracy or Accuracy(Tolerance(1e-3, 0), Tolerance(2e-3, 0), f"{name}'s maker")
        self.closed, self._over = 0, threading.Event()

    def identity(self):
        return Identity("ACME", f"M-{self.name}", f"SN-{self.name}")

    def read(self):
        return next(iter(self._blocks))

    def stream(self):
        yield from self._blocks
        if self._ends is not None:
            raise self._ends
        while not self._over.wait(0.01):
            yield Block.join(())

    def close(self):
        self.closed += 1


def amps(*readings, rate_hz=10.0, flags=()):
    """Blocks of one reading each: milliseconds, amps."""
    known = dict(flags)
    blocks = [Block.one(t_ms * MS, math.nan, value, known.get(t_ms, 0)) for t_ms, value in readings]
    return Told("dmm-amps", rate_hz, blocks)


def volts(*readings, rate_hz=10.0, flags=(), ends=None):
    known = dict(flags)
    blocks = [Block.one(t_ms * MS, value, math.nan, known.get(t_ms, 0)) for t_ms, value in readings]
    return Told("dmm-volts", rate_hz, blocks, ends=ends)


def read(one, other, count):
    """Return so many readings of the pair."""
    got, stream = [], paired("rail-5v", one, other).stream()
    while sum(map(len, got)) < count:
        got.append(next(stream))
    stream.close()
    return Block.join(got)


def test_volts_are_those_between_two_readings_at_the_moment_of_the_amps():
    block = read(amps((1050, 1.0), (1150, 2.0)), volts((1000, 5.0), (1100, 5.2), (1200, 4.8)), 2)
    assert block.t_ns.tolist() == [1050 * MS, 1150 * MS]
    assert block.volts == pytest.approx([5.1, 5.0])
    assert block.watts == pytest.approx([5.1, 10.0])
    assert block.flags.tolist() == [0, 0]


def test_a_gap_in_the_volts_is_a_gap_in_the_watts():
    told = volts((1000, 5.0), (1100, 5.0), (1500, 5.0), (1600, 5.0))
    block = read(amps(*((t, 1.0) for t in range(1050, 1600, 100))), told, 2)
    assert block.t_ns.tolist() == [1050 * MS, 1550 * MS]
    assert block.flags.tolist() == [0, Flag.LOST_BEFORE]


def test_a_gap_in_the_amps_is_a_gap_in_the_watts():
    told = volts(*((t, 5.0) for t in range(1000, 1700, 100)))
    block = read(amps((1050, 1.0), (1550, 1.0), flags={1550: Flag.LOST_BEFORE}.items()), told, 2)
    assert block.flags.tolist() == [0, Flag.LOST_BEFORE]


@pytest.mark.parametrize(("value", "flag"), [(math.nan, 0), (math.nan, Flag.OVERLOAD)])
def test_volts_without_a_value_make_no_watts(value, flag):
    told = volts((1000, 5.0), (1100, value), (1200, 5.0), (1300, 5.0), flags={1100: flag}.items())
    block = read(amps((1050, 1.0), (1150, 1.0), (1250, 1.0)), told, 1)
    assert block.t_ns.tolist() == [1250 * MS]


def test_what_is_known_against_the_volts_is_known_against_the_watts():
    told = volts((1000, 5.0), (1100, 5.0), (1200, 5.0), (1300, 5.0), flags={1100: Flag.RANGE_MOVED}.items())
    block = read(amps((1050, 1.0), (1150, 1.0), (1250, 1.0)), told, 3)
    assert block.flags.tolist() == [Flag.RANGE_MOVED, Flag.RANGE_MOVED, 0]


def test_amps_from_before_the_first_volts_are_left_out_and_nothing_is_lost():
    block = read(amps((900, 1.0), (950, 1.0), (1050, 1.0)), volts((1000, 5.0), (1100, 5.0)), 1)
    assert (block.t_ns.tolist(), block.flags.tolist()) == ([1050 * MS], [0])


def test_an_instrument_that_falls_silent_is_named(monkeypatch):
    monkeypatch.setattr("power.paired._SILENT_S", 0.1)
    monkeypatch.setattr("power.paired._SILENT_PERIODS", 0)
    silence = MeterOffline("dmm-volts", "READ?: no answer within 2 s", hint="is it on?")
    stream = paired("rail-5v", amps((1050, 1.0), (1150, 1.0)), volts((1000, 5.0), (1100, 5.0), ends=silence)).stream()
    next(stream)
    with pytest.raises(MeterOffline, match=r"^rail-5v: no reading of dmm-volts for 0\.1 s; at last: .*no answer"):
        next(stream)


def test_a_fault_that_was_over_is_not_told_of_a_later_silence(monkeypatch):
    monkeypatch.setattr("power.paired._SILENT_S", 0.2)
    monkeypatch.setattr("power.paired._SILENT_PERIODS", 0)

    class Hiccups(Told):
        begun = 0

        def stream(self):
            self.begun += 1
            if self.begun == 1:
                raise MeterOffline(self.name, "READ?: half an answer")
            yield from super().stream()

    told = Hiccups("dmm-volts", 10.0, [Block.one(t * MS, 5.0, math.nan) for t in (1000, 1100)])
    stream = paired("rail-5v", amps((1050, 1.0), (1150, 1.0)), told).stream()
    next(stream)
    with pytest.raises(MeterOffline, match=r"^rail-5v: no reading of dmm-volts for 0\.2 s\n"):
        next(stream)


def test_what_ends_one_of_them_ends_the_pair():
    fault = InstrumentFault("dmm-volts", "-222")
    pair = paired("rail-5v", amps((1050, 1.0)), volts(ends=fault))
    with pytest.raises(InstrumentFault, match="dmm-volts: -222"):
        next(pair.stream())
    assert not [thread for thread in threading.enumerate() if "one of two" in thread.name]


def test_both_are_named_with_their_numbers_and_their_limits():
    one, other = amps((1050, 1.0)), volts((1000, 5.0))
    with paired("rail-5v", one, other) as pair:
        told = pair.identity()
        assert (told.maker, told.model) == ("ACME + ACME", "M-dmm-amps + M-dmm-volts")
        assert told.serial_number == "SN-dmm-amps + SN-dmm-volts"
        accuracy = pair.accuracy
        assert (accuracy.volts, accuracy.amps) == (other.accuracy.volts, one.accuracy.amps)
        assert accuracy.source == (
            "dmm-amps M-dmm-amps SN-dmm-amps: dmm-amps's maker; dmm-volts M-dmm-volts SN-dmm-volts: dmm-volts's maker"
        )
        assert pair.read().watts == pytest.approx([5.0])
    assert (one.closed, other.closed) == (1, 1)


class Sagging:
    """A rail that sags by 0.5 ohm under a square wave of 0.5 and 1.5 A, and what the two read of it in 20 s."""

    seconds = 20.0

    def __init__(self, dice):
        self.period_s, self.duty = dice.uniform(0.12, 2), dice.uniform(0.2, 0.8)
        self._phase_s, self._begins_s = dice.uniform(0, 2), dice.uniform(0, 0.092)

    def amps(self, at_s, aperture_s):
        """Means over the aperture."""

        def busy_s(until_s):
            periods = (until_s + 100 + self._phase_s) / self.period_s
            return (np.floor(periods) * self.duty + np.minimum(periods % 1, self.duty)) * self.period_s

        return 0.5 + (busy_s(at_s + aperture_s / 2) - busy_s(at_s - aperture_s / 2)) / aperture_s

    def read(self):
        """The pair's readings: amps without gaps, volts 10.9 times a second."""
        amps_s, volts_s = np.arange(-1, 21, 0.001), np.arange(-1.3, 21.3, 0.092) + self._begins_s
        told = [(amps_s, math.nan, self.amps(amps_s, 0.001)), (volts_s, 12 - 0.5 * self.amps(volts_s, 0.02), math.nan)]
        blocks = [
            Block(
                np.rint((t_s + 100) * S).astype(np.int64),
                *np.broadcast_arrays(v, i + 0 * t_s),
                np.zeros(len(t_s), np.uint8),
            )
            for t_s, v, i in told
        ]
        stream = paired("p", Told("i", 1000.0, blocks[:1]), Told("v", 1 / 0.092, blocks[1:])).stream()
        block = next(stream)
        stream.close()
        return block

    def joules(self):
        """The truth."""
        amps = self.amps((np.arange(400_000) + 0.5) * self.seconds / 400_000, 1e-6)
        return float(np.mean(amps * (12 - 0.5 * amps))) * self.seconds


def test_what_volts_and_amps_do_together_is_in_the_budget_and_without_it_the_interval_misses_the_truth():
    dice = np.random.default_rng(3)
    held = {0.092: 0, 0.0: 0}
    for _ in range(12):
        rail = Sagging(dice)
        block, truth = rail.read(), rail.joules()
        for apart_s in held:
            limits = Accuracy(Tolerance(1e-5, 0), Tolerance(1e-5, 0), "perfect", apart_s=apart_s)
            told = energy(block, 100 * S, 120 * S, rate_hz=1000, aperture_s=0.001, accuracy=limits)
            held[apart_s] += abs(told.joules - truth) <= told.u_joules
    assert held[0.092] >= 11
    assert held[0.0] <= 1


def test_what_tells_watts_only_is_paired_with_nothing():
    watts = Accuracy(None, None, "its maker", watts=Tolerance(0.01, 0))
    with pytest.raises(UnknownChoice, match="rail-5v: rapl tells no volts"):
        paired("rail-5v", amps(), Told("rapl", 10.0, [], accuracy=watts))


def test_a_sampler_reads_the_pair_as_any_meter():
    begin_ns = time.monotonic_ns()

    def paced(name, phase_s, make):
        def blocks():
            for n in itertools.count():
                due_ns = begin_ns + round((n * 0.01 + phase_s) * 1e9)
                time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
                yield make(due_ns)

        return Told(name, 100.0, blocks())

    one = paced("a", 0.003, lambda t_ns: Block.one(t_ns, math.nan, 2.0))
    other = paced("v", 0.0, lambda t_ns: Block.one(t_ns, 5.0, math.nan))
    with Sampler(paired("rail-5v", one, other)) as sampler:
        time.sleep(0.3)
        trace = sampler.stop()
    assert len(trace.block) > 15
    assert trace.lost == 0
    assert trace.block.watts == pytest.approx(np.full(len(trace.block), 10.0))


def test_a_single_reading_is_the_product_too_where_the_one_for_amps_knows_watts_of_its_own():
    told = Told("wattmeter", 10.0, [Block.one(1000 * MS, 12.0, 2.0, watts=24.0)])
    assert paired("rail-5v", told, volts((1000, 5.0))).read().watts == pytest.approx([10.0])
