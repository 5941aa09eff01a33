"""Board time as an interval that holds the truth."""

import random

import pytest

from farm.errors import LabFault
from farm.trial.clock import ClockMap, Offset, Probe, intersect, measure

START_NS = 5_000_000_000_000


class Boards:
    """A clock that is off by ``offset_ns`` and fast by ``ppm``."""

    def __init__(self, offset_ns, ppm):
        self.offset_ns, self.ppm = offset_ns, ppm

    def reads(self, controller_ns):
        return controller_ns - self.offset_ns + (controller_ns - START_NS) * self.ppm // 1_000_000

    def true_offset_ns(self, controller_ns):
        return controller_ns - self.reads(controller_ns)


def probes(clock, begin_ns, random_delay, count=50):
    now_ns = begin_ns
    for _ in range(count):
        sent_ns = now_ns
        reads_ns = sent_ns + random_delay()
        now_ns = reads_ns + random_delay()
        yield Probe(sent_ns, clock.reads(reads_ns), now_ns)


@pytest.mark.parametrize("ppm", [-50, 0, 50])
@pytest.mark.parametrize("seed", range(5))
def test_the_true_offset_lies_inside_the_bound_during_the_whole_trial(ppm, seed):
    dice = random.Random(seed)

    def slow_one_way():
        return int(dice.expovariate(1 / 200_000)) + 20_000

    clock = Boards(17_123_456_789_012, ppm)
    later_ns = START_NS + 60_000_000_000
    before = intersect("b", list(probes(clock, START_NS, slow_one_way)))
    after = intersect("b", list(probes(clock, later_ns, slow_one_way)))
    times = ClockMap(before, after)
    times.check("b")
    assert times.bound_ns < 200_000
    for at_ns in range(START_NS, later_ns, 1_000_000_000):
        assert abs(times.to_controller_ns(clock.reads(at_ns)) - at_ns) <= times.bound_ns
    if ppm:
        assert times.drift_ppm == pytest.approx(ppm, abs=3)
    else:
        assert times.drift_ppm is None or abs(times.drift_ppm) < 3


def test_many_probes_know_more_than_the_best_of_them():
    asked = [Probe(0, 60, 100), Probe(1000, 1010, 1100)]
    offset = intersect("b", asked)
    assert (offset.low_ns, offset.high_ns) == (-11, 40)  # 1 ns for what the clocks may drift between the two
    assert offset.bound_ns < 50


def test_a_clock_that_jumps_while_it_is_looked_at_is_a_lab_fault():
    with pytest.raises(LabFault, match="b: its clock jumped"):
        intersect("b", [Probe(0, 50, 100), Probe(1000, 9_001_050, 1100)])


@pytest.mark.parametrize("after", [Offset(100, 0, 2), Offset(2_000_000_000, 9_000_000, 9_000_002)])
def test_a_clock_that_started_anew_during_the_trial_is_a_lab_fault(after):
    with pytest.raises(LabFault, match="reboot"):
        ClockMap(Offset(1_000_000_000, 0, 2), after).check("b")


def test_a_helper_on_the_board_is_asked_over_one_channel(local_bench):
    offset = measure(local_bench(shift_s=-77).shell)
    assert offset.low_ns <= 77_000_000_000 <= offset.high_ns
    assert offset.bound_ns < 5_000_000


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo no libc here; cat", "its python3 answers: 'no libc here'"),
        ("echo no libc here >&2; exit 127", "its python3 ends with status 127: 'no libc here'"),
    ],
)
def test_a_board_that_cannot_tell_the_time_is_named(local_bench, tmp_path, script, said):
    shell = local_bench().shell
    (tmp_path / "bin" / "python3").write_text(f"#!/bin/sh\n{script}\n")
    with pytest.raises(LabFault) as seen:
        measure(shell)
    assert str(seen.value).startswith(f"here: asked for its time, {said}")
