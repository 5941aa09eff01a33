"""Watts out of counters of energy, RAPL's among them."""

from pathlib import Path
from typing import ClassVar

import pytest

from power.block import Flag
from power.errors import (
    FrameError,
    InstrumentFault,
    MeterOffline,
    UnknownChoice,
)
from power.meter import Meter
from power.onboard.counter import CounterPower
from power.onboard.files import LocalFiles
from power.onboard.rapl import Rapl
from power.testing import Clock, MeterConformance, Replay

from .onboard_files import FilesOnPort, Past, written


class TestRapl(MeterConformance):
    driver = "rapl"
    options: ClassVar = {}
    watts_only = True

    def meter_on(self, port: Replay) -> Meter:
        options = Rapl.Config(rate_hz=10)
        clock = Past(0.1)
        return Rapl("m1", FilesOnPort(port), options, energy="energy_uj", range_joules=65.0, clock=clock)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [b"%d\n" % (64_900_000 + round(volts * amps * 0.1e6 * step)) for step in (0, 1)]


class Counter:
    """A counter on a clock of its own, that wraps and may be updated in steps."""

    def __init__(self, watts: float, *, wraps_at: float = float("inf"), updates_s: float = 0.0) -> None:
        self.clock = Clock()
        self._began_ns = self.clock.monotonic_ns()
        self.watts, self._wraps_at, self._updates_s = watts, wraps_at, updates_s

    def __call__(self) -> float:
        seconds = (self.clock.monotonic_ns() - self._began_ns) / 1e9
        if self._updates_s:
            seconds = seconds // self._updates_s * self._updates_s
        return self.watts * seconds % self._wraps_at


def test_the_mean_of_a_stretch_is_exact_however_long_it_was() -> None:
    counter = Counter(12.0)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    power.next()
    counter.clock.sleep(1.23)
    t_ns, watts, flags = power.next()
    assert watts == pytest.approx(12.0)
    assert flags == Flag.LATE
    assert t_ns == pytest.approx(counter.clock.monotonic_ns() - 1.23e9 / 2, abs=1e6)


def test_a_counter_that_wraps_goes_on() -> None:
    counter = Counter(10.0, wraps_at=1.7)
    power = CounterPower("m1", counter, period_s=0.1, wraps_at_joules=1.7, clock=counter.clock)
    assert [power.next()[1] for _ in range(40)] == pytest.approx([10.0] * 40)


def test_a_counter_that_goes_back_and_does_not_wrap_is_a_fault() -> None:
    counter = Counter(10.0, wraps_at=1.7)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    power.next()
    with pytest.raises(FrameError, match="went back"):
        power.next()


def test_a_copy_that_is_renewed_in_steps_is_waited_for_and_gives_no_zero() -> None:
    counter = Counter(10.0, updates_s=0.12)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    readings = [power.next()[1] for _ in range(30)]
    assert min(readings) > 0
    assert sum(readings) / len(readings) == pytest.approx(10.0, rel=0.05)


def test_a_counter_that_stands_still_is_offline() -> None:
    counter = Counter(0.0)
    power = CounterPower("m1", counter, period_s=0.1, clock=counter.clock)
    with pytest.raises(MeterOffline, match="stands still"):
        power.next()


def test_after_a_long_pause_a_new_stretch_begins() -> None:
    counter = Counter(10.0, wraps_at=1.7)
    power = CounterPower("m1", counter, period_s=0.1, wraps_at_joules=1.7, clock=counter.clock)
    power.next()
    counter.clock.sleep(100.0)
    assert power.next()[1] == pytest.approx(10.0)


def powercap(root: Path) -> str:
    zones = {
        "intel-rapl:0": "package-0",
        "intel-rapl:0:0": "core",
        "intel-rapl:1": "package-1",
        "intel-rapl:1:0": "core",
    }
    files: dict[str, object] = {}
    for folder, name in zones.items():
        at = f"sys/class/powercap/{folder}"
        files |= {f"{at}/name": name, f"{at}/energy_uj": 123_456_789, f"{at}/max_energy_range_uj": 262_143_328_850}
    files["sys/class/powercap/intel-rapl-mmio:0/name"] = "package-0"
    return written(root, files)


@pytest.mark.parametrize("zone", ["package-0", "package-1", "package-1/core"])
def test_a_zone_of_rapl_is_found_by_its_name(zone, tmp_path) -> None:
    with Rapl.open("m1", Rapl.Config(root=powercap(tmp_path), zone=zone)) as meter:
        assert meter.identity().model == f"RAPL {zone} (processor only)"


def test_a_zone_that_is_not_there_or_not_the_only_one_is_told_with_all(tmp_path) -> None:
    root = powercap(tmp_path)
    for zone, what in (("dram", "no zone is"), ("core", "several zones are")):
        with pytest.raises(
            UnknownChoice, match=f"{what} called '{zone}'; there are package-0, package-0/core, package-1"
        ):
            Rapl.open("m1", Rapl.Config(root=root, zone=zone))
    with pytest.raises(MeterOffline, match="no zone of RAPL"):
        Rapl.open("m1", Rapl.Config(root=str(tmp_path / "sys")))


def test_a_counter_that_only_root_may_read_is_not_a_missing_one(tmp_path) -> None:
    class Denied(LocalFiles):
        def read(self, path: str) -> str:
            if path.endswith("energy_uj"):
                raise PermissionError(13, "Permission denied", path)
            return super().read(path)

    with pytest.raises(InstrumentFault, match="only root may read it") as seen:
        Rapl.on("m1", Denied(powercap(tmp_path)), Rapl.Config())
    assert "chmod a+r /sys/class/powercap/intel-rapl:0/energy_uj" in seen.value.hint
