"""How late questions are asked, and who waits for whom."""

import math
from itertools import pairwise

import pytest

from power import polling
from power.lateness import Lateness
from power.polling import Pace

MS = 1_000_000


class Clock:
    """Monotonic time that only sleeping and working move."""

    def __init__(self) -> None:
        self.now_ns = 10**15

    def monotonic_ns(self) -> int:
        return self.now_ns

    def sleep(self, seconds: float) -> None:
        assert seconds > 0, "a sleep of nothing takes a tenth of a millisecond"
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(polling, "time", made)
    return made


def test_moments_come_a_period_apart(clock: Clock) -> None:
    pace, woke = Pace(0.01), []
    for _ in range(5):
        pace.wait()
        woke.append(clock.now_ns)
        clock.now_ns += 3 * MS
    assert [b - a for a, b in pairwise(woke)] == [10 * MS] * 4
    assert pace.lateness.max_ns == 0


def test_whoever_comes_late_is_counted_and_keeps_its_place_among_the_others(clock: Clock) -> None:
    pace = Pace(0.01)
    pace.wait()
    began_ns = clock.now_ns
    clock.now_ns += 13 * MS
    pace.wait()
    assert clock.now_ns == began_ns + 13 * MS, "nobody waits who is late already"
    pace.wait()
    assert clock.now_ns == began_ns + 20 * MS
    assert pace.lateness.max_ns == 3 * MS


@pytest.mark.parametrize("late_ms", range(11, 60))
def test_nothing_is_caught_up_in_a_rush(clock: Clock, late_ms: int) -> None:
    pace = Pace(0.01)
    pace.wait()
    began_ns = clock.now_ns
    clock.now_ns += late_ms * MS
    pace.wait()
    pace.wait()
    assert 2.5 * MS <= clock.now_ns - began_ns - late_ms * MS <= 12.5 * MS
    assert (clock.now_ns - began_ns) % (10 * MS) == 0


def test_quantiles_are_right_to_five_percent() -> None:
    late = Lateness()
    for microseconds in range(1, 10_001):
        late.add(microseconds * 1000)
    for share in (0.1, 0.5, 0.99):
        assert late.quantile_ns(share) == pytest.approx(share * 1e7, rel=0.06)
    assert late.quantile_ns(1.0) == late.max_ns == 10_000_000


def test_what_was_never_asked_was_never_late() -> None:
    late = Lateness()
    assert math.isnan(late.quantile_ns(0.5))
    late.add(-5)
    assert late.quantile_ns(0.5) <= 1100


def test_many_can_be_counted_together() -> None:
    one, other = Lateness(), Lateness()
    one.add(1 * MS)
    other.add(9 * MS)
    one.merge(other)
    assert (one.count, one.max_ns) == (2, 9 * MS)
