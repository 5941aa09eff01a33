"""The supply that meter twins measure, and its exact truth."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable

import pytest

from power.twin import truth
from power.twin.truth import PROFILES, PowerProfile, Supply

PROFILE = PowerProfile(volts=12.0, idle_watts=7.0, peak_watts=15.0, factor=1.4)
SATURATED = 10


class Clock:
    """Stands in for time.monotonic_ns: moves only when told."""

    def __init__(self) -> None:
        self.now_ns = 1_000_000_000

    def __call__(self) -> int:
        return self.now_ns

    def advance(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(truth.time, "monotonic_ns", clock)
    return clock


def supply_at(clock: Clock, share: Callable[[], float], *, on: Callable[[], bool] = lambda: True) -> Supply:
    """A supply whose board uses this share of a processor, from the clock's now on."""
    used_ns, last_ns = 0.0, clock()

    def cpu_ns() -> int:
        nonlocal used_ns, last_ns
        used_ns += share() * (clock() - last_ns)
        last_ns = clock()
        return round(used_ns)

    return Supply(PROFILE, powered=on, cpu_ns=cpu_ns)


def test_joules_of_a_steady_load_are_watts_times_seconds(clock: Clock) -> None:
    supply = supply_at(clock, lambda: 0.5)
    start_ns = clock()
    clock.advance(20.0)
    assert supply.truth(start_ns, clock()) == pytest.approx((7.0 + 8.0 * 1.4 * 0.5) * 20.0, rel=1e-9)


@pytest.mark.parametrize("model", sorted(PROFILES))
def test_watts_rise_from_none_to_30_to_60_percent_load(model: str) -> None:
    profile = PROFILES[model]
    assert profile.idle_watts == profile.watts(0.0) < profile.watts(0.3) < profile.watts(0.6) <= profile.peak_watts


BUSY = """
import sys, time
share, due = float(sys.argv[1]), time.monotonic()
while True:
    until = time.process_time() + share * 0.05
    while time.process_time() < until:
        pass
    due = max(due + 0.05, time.monotonic())
    time.sleep(max(0.0, due - time.monotonic()))
"""
"""Uses at most its share of a processor, every 50 ms anew."""


@pytest.mark.parametrize("share", [0.0, 0.3, 0.6])
def test_watts_of_a_real_process_follow_the_processor_time_that_it_got(share: float) -> None:
    """However much that is: this machine may be busy."""
    with subprocess.Popen([sys.executable, "-c", BUSY, str(share)]) as process:
        clock_id = (~process.pid << 3) | 2  # the process's CPU clock: clock_getcpuclockid(3)
        asked_ns: list[int] = []

        def cpu_ns() -> int:
            asked_ns.append(time.clock_gettime_ns(clock_id))
            return asked_ns[-1]

        def tick(supply: Supply) -> tuple[int, int]:
            """Return when the supply looked, and how much processor time it saw."""
            with supply._lock:
                supply._tick()
                return supply._t_ns[-1], asked_ns[-1]

        try:
            with Supply(PROFILE, powered=lambda: True, cpu_ns=cpu_ns) as supply:
                start_ns, cpu_before_ns = tick(supply)
                for _ in range(20):
                    time.sleep(0.02)
                end_ns, cpu_after_ns = tick(supply)
                joules = supply.truth(start_ns, end_ns)
        finally:
            process.kill()
    used_s, spread = (cpu_after_ns - cpu_before_ns) / 1e9, PROFILE.peak_watts - PROFILE.idle_watts
    above_idle = joules - PROFILE.idle_watts * (end_ns - start_ns) / 1e9
    # a tick in which it had the whole processor stands at the peak, so the factor counts in part only
    assert used_s * spread * 0.5 <= above_idle + 1e-6
    assert above_idle - 1e-6 <= used_s * spread * PROFILE.factor


def test_watts_end_at_the_peak_however_many_processors_are_busy(clock: Clock) -> None:
    supply = supply_at(clock, lambda: SATURATED)
    start_ns = clock()
    clock.advance(1.0)
    assert supply.mean_watts(start_ns, clock()) == pytest.approx(PROFILE.peak_watts, rel=1e-12)


def test_a_board_without_power_takes_nothing(clock: Clock) -> None:
    on = True
    supply = supply_at(clock, lambda: 1.0, on=lambda: on)
    clock.advance(1.0)
    off_ns = clock()
    supply.joules(off_ns)
    on = False
    clock.advance(5.0)
    assert supply.truth(off_ns, clock()) == 0.0
    assert supply.volts == 0.0


def test_windows_that_touch_add_up(clock: Clock) -> None:
    supply = supply_at(clock, lambda: (clock() // 70_000_000) % 2)
    start_ns = clock()
    for _ in range(100):
        clock.advance(0.013)
        supply.joules(clock())
    end_ns, between_ns = clock(), start_ns + 333_333_333
    parts = supply.truth(start_ns, between_ns) + supply.truth(between_ns, end_ns)
    assert parts == pytest.approx(supply.truth(start_ns, end_ns), rel=1e-12)


def test_a_moment_within_a_tick_gets_its_share_of_that_tick(clock: Clock) -> None:
    load = 0.0
    supply = supply_at(clock, lambda: load)
    start_ns = clock()
    clock.advance(1.0)
    supply.joules(clock())
    load = SATURATED
    clock.advance(1.0)
    assert supply.joules(clock() - 250_000_000) == pytest.approx(7.0 + 15.0 * 0.75, rel=1e-12)
    assert supply.joules(start_ns) == 0.0


def test_a_moment_before_the_supply_was_made_has_no_joules_yet(clock: Clock) -> None:
    supply = supply_at(clock, lambda: 1.0)
    assert supply.joules(clock() - 10**12) == 0.0


def test_a_moment_to_come_is_refused(clock: Clock) -> None:
    supply = supply_at(clock, lambda: 1.0)
    with pytest.raises(ValueError, match=r"ends 1\.000 s before"):
        supply.joules(clock() + 10**9)


def test_a_forgotten_moment_is_refused_and_the_rest_stays_exact(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(truth, "_HISTORY_TICKS", 50)
    supply = supply_at(clock, lambda: SATURATED)
    start_ns = clock()
    for _ in range(80):
        clock.advance(0.02)
        supply.joules(clock())
    with pytest.raises(ValueError, match="begins"):
        supply.joules(start_ns + 1)
    assert supply.truth(clock() - 200_000_000, clock()) == pytest.approx(15.0 * 0.2, rel=1e-9)


def test_an_hour_of_the_busiest_meter_is_remembered_for_half_an_hour() -> None:
    ticks_a_second = 1 / truth._TICK_S + 60
    assert truth._HISTORY_TICKS / 2 / ticks_a_second >= 1800


def test_processor_time_that_falls_is_idle_not_negative(clock: Clock) -> None:
    used = iter([10**9, 0, 0])
    supply = Supply(PROFILE, powered=lambda: True, cpu_ns=lambda: next(used))
    start_ns = clock()
    clock.advance(1.0)
    assert supply.mean_watts(start_ns, clock()) == pytest.approx(PROFILE.idle_watts, rel=1e-12)


def test_a_started_supply_ticks_by_itself_and_leaves_no_thread() -> None:
    supply = Supply(PROFILE, powered=lambda: True, cpu_ns=lambda: 0)
    before = set(threading.enumerate())
    with supply:
        supply.start()
        assert len(set(threading.enumerate()) - before) == 1
        deadline_ns = time.monotonic_ns() + 60 * 10**9
        while len(supply._t_ns) < 4 and time.monotonic_ns() < deadline_ns:
            time.sleep(0.01)
    assert len(supply._t_ns) >= 4
    assert set(threading.enumerate()) <= before
    supply.close()
