"""What voids a trial, and what does not."""

import threading
import time

import pytest

from farm.store.record import VOIDS, AcceleratorFacts, DeadlineFacts, StateFacts
from farm.trial.host import Heartbeat
from farm.trial.voids import voids

CALM = StateFacts(throttled=False)
HANGS = CALM.model_copy(update={"accelerators": [AcceleratorFacts(kind="coral-usb", port="2-1", link_mbps=5000)]})


def reasons(before=CALM, after=CALM, missed=0, unstarved: int | None = 0, bound_ns=100_000, late_ns=0, **how):
    deadlines = DeadlineFacts(deadline_ms=50, missed=missed, missed_unstarved=unstarved, fps=20, wake_lateness_max_ms=0)
    found = voids(before, after, deadlines, frames=100, clock_bound_ns=bound_ns, lateness_max_ns=late_ns, **how)
    assert all(reason.partition(":")[0] in VOIDS for reason in found)
    return [reason.partition(":")[0] for reason in found]


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ({}, []),
        ({"after": StateFacts(throttled=True)}, ["throttled"]),
        ({"after": StateFacts(throttled=False, throttle_detail="0x40000")}, ["throttled"]),
        ({"before": StateFacts(), "after": StateFacts()}, []),
        ({"before": StateFacts(governor="performance"), "after": StateFacts(governor="powersave")}, ["settings"]),
        ({"before": StateFacts(power_mode="MAXN"), "after": StateFacts()}, []),
        ({"before": HANGS, "after": HANGS}, []),
        ({"before": HANGS}, ["link"]),
        ({"before": HANGS, "decided": frozenset({"accelerators"})}, []),
        ({"after": StateFacts(throttled=True), "decided": frozenset({"throttled"})}, []),
        ({"before": StateFacts(throttled=True), "decided": frozenset({"throttled"})}, ["throttled"]),
        ({"missed": 50, "unstarved": 49}, []),
        ({"missed": 50, "unstarved": 10}, ["starved"]),
        ({"missed": 50, "unstarved": None}, []),
        ({"bound_ns": 9_000_000}, ["clock"]),
        ({"late_ns": 2_000_000_000, "bound_ns": 9_000_000}, ["clock", "host"]),
    ],
)
def test_each_reason_is_named(seen, expected):
    assert reasons(**seen) == expected


class SlowTime:
    """A clock that only sleeping moves; the fifth sleep lasts 0.3 s too long."""

    def __init__(self):
        self.now_ns = 1_000_000_000
        self.sleeps = 0
        self.slept = threading.Event()

    def monotonic_ns(self):
        return self.now_ns

    def sleep(self, seconds):
        self.sleeps += 1
        self.now_ns += int(seconds * 1e9) + (300_000_000 if self.sleeps == 5 else 0)
        if self.sleeps > 20:
            self.slept.set()
            time.sleep(0.001)


def test_a_heartbeat_notes_when_and_for_how_long_the_controller_was_stopped(monkeypatch):
    clock = SlowTime()
    monkeypatch.setattr("farm.trial.host.time", clock)
    with Heartbeat() as heartbeat:
        assert clock.slept.wait(60)
    assert heartbeat.lateness_max_ns(1_000_000_000, clock.now_ns) == 300_000_000
    assert heartbeat.lateness_max_ns(1_200_000_000, 1_200_000_001) == 300_000_000
    assert heartbeat.lateness_max_ns(1_000_000_000, 1_040_000_000) == 0
    assert heartbeat.lateness_max_ns(1_400_000_000, clock.now_ns) == 0
