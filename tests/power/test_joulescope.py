"""JS220 and JS110: statistics as the maker's library publishes them, the library itself played."""

import json
import queue
import sys
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import pytest

from power.block import Flag
from power.errors import FrameError, MeterOffline, MissingLibrary
from power.meter import Meter
from power.testing import MeterConformance, Replay
from power.usb.joulescope import JS220, parse


def statistics(volts: float, amps: float, *, first: int = 0, count: int = 10_000, watts: float | None = None) -> dict:
    means = {"voltage": volts, "current": amps, "power": volts * amps if watts is None else watts}
    return {
        "time": {
            "samples": {"value": [first, first + count], "units": "samples"},
            "sample_freq": {"value": 1_000_000, "units": "Hz"},
        },
        "signals": {name: {"avg": {"value": value}} for name, value in means.items()},
        "source": "sensor",
    }


class Played:
    """A source whose statistics are lines of a replay port; half a line is nothing that can be understood."""

    def __init__(self, port: Replay) -> None:
        self._port = port

    def discard(self) -> None:
        self._port.discard()

    def next(self, timeout_s: float) -> dict[str, Any]:
        self._port.write(b"?")
        if not (line := self._port.read_exactly(1 << 16, timeout_s)):
            raise queue.Empty
        try:
            return json.loads(line)
        except ValueError:
            return {}

    def close(self) -> None:
        self._port.close()


class TestJS220(MeterConformance):
    driver = "js220"
    options: ClassVar = {"address": "002557", "rate_hz": 1000}

    def meter_on(self, port: Replay) -> Meter:
        return JS220("m1", Played(port))

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [json.dumps(statistics(volts, amps)).encode()]


class FakeDriver:
    """What this driver uses of ``pyjoulescope_driver.Driver``; publishing the control topic sends what is waiting."""

    paths: ClassVar[list[str]] = ["u/js220/002557"]
    values: ClassVar[list[dict]] = []
    refuses = False

    def __init__(self) -> None:
        self.published: dict[str, Any] = {}
        self.callback: Any = None
        self.finalized = 0

    def device_paths(self) -> list[str]:
        return self.paths

    def open(self, path: str) -> None:
        if self.refuses:
            raise RuntimeError("jsdrv_open failed 17 | IN_USE")

    def query(self, topic: str) -> str:
        return "1.2.0"

    def subscribe(self, topic: str, flags: str, callback: Any) -> None:
        assert topic.endswith("/s/stats/value")
        assert flags == "pub"
        self.callback = callback

    def publish(self, topic: str, value: Any) -> None:
        self.published[topic] = value
        if topic.endswith("stats/ctrl"):
            for one in self.values:
                self.callback("u/js220/002557/s/stats/value", one)

    def close(self, path: str) -> None:
        pass

    def finalize(self) -> None:
        self.finalized += 1


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> type[FakeDriver]:
    kind = type("Driver", (FakeDriver,), {})
    monkeypatch.setitem(sys.modules, "pyjoulescope_driver", SimpleNamespace(Driver=kind))
    return kind


def test_watts_are_the_units_own() -> None:
    meter = JS220("m1", SimpleNamespace(discard=lambda: None, next=lambda _: statistics(5, 0.5, watts=3), close=None))
    assert meter.read().watts == pytest.approx([3.0])


def streamed(values: list[dict]) -> list:
    left = iter(values)
    meter = JS220("m1", SimpleNamespace(discard=lambda: None, next=lambda _: next(left), close=None))
    stream = meter.stream()
    return [next(stream) for _ in values]


def test_stretches_that_follow_on_each_other_have_lost_nothing() -> None:
    blocks = streamed([statistics(5, 0.5, first=n * 10_000) for n in range(5)])
    assert [int(b.flags[0]) for b in blocks] == [0] * 5


def test_a_jump_of_the_sample_number_is_a_loss_and_a_gap_in_time() -> None:
    blocks = streamed([statistics(5, 0.5, first=first) for first in (0, 10_000, 5_030_000, 5_040_000)])
    assert [int(b.flags[0]) for b in blocks] == [0, 0, Flag.LOST_BEFORE, 0]
    assert int(blocks[2].t_ns[0] - blocks[1].t_ns[0]) > 0


def test_dropped_samples_are_not_a_number_and_flagged() -> None:
    (block,) = streamed([statistics(float("nan"), float("nan"))])
    assert np.isnan(block.watts[0])
    assert block.flags[0] == Flag.LOST_BEFORE


@pytest.mark.parametrize("broken", [{}, {"time": 3}, statistics(5, 1, count=0)])
def test_what_is_no_statistics_is_refused(broken: dict) -> None:
    with pytest.raises(ValueError, match="statistics"):
        parse(broken)
    with pytest.raises(FrameError):
        JS220("m1", SimpleNamespace(discard=lambda: None, next=lambda _: broken, close=None)).read()


def test_the_unit_is_opened_and_set_up(library: type[FakeDriver]) -> None:
    library.values = []
    with JS220.open("m1", JS220.Config(address="002557", rate_hz=1000)) as meter:
        assert meter.identity().serial_number == "002557"
        assert meter.identity().firmware == "1.2.0"
        driver = meter._source._driver
        assert driver.published["u/js220/002557/s/stats/scnt"] == 1000
        assert driver.published["u/js220/002557/s/i/range/mode"] == "auto"
        driver.callback("t", statistics(5, 0.25))
        assert next(iter([meter._source.next(0.1)]))["signals"]["current"]["avg"]["value"] == 0.25
    assert driver.finalized == 1
    meter.close()
    assert driver.finalized == 1


def test_a_js110_computes_on_the_host(library: type[FakeDriver]) -> None:
    library.paths = ["u/js110/000415"]
    with JS220.open("m1", JS220.Config(rate_hz=100)) as meter:
        driver = meter._source._driver
        assert meter.identity().model == "JS110"
        assert driver.published["u/js110/000415/s/stats/scnt"] == 20_000
        assert driver.published["u/js110/000415/s/p/ctrl"] == "on"


@pytest.mark.parametrize(("paths", "said"), [([], "0 Joulescopes"), (["u/js220/1", "u/js220/2"], "2 Joulescopes")])
def test_without_one_unit_that_is_meant_it_is_offline(library: type[FakeDriver], paths: list[str], said: str) -> None:
    library.paths = paths
    with pytest.raises(MeterOffline, match=said):
        JS220.open("m1", JS220.Config())


def test_a_unit_that_another_program_uses_is_offline(library: type[FakeDriver]) -> None:
    library.refuses = True
    with pytest.raises(MeterOffline, match="IN_USE"):
        JS220.open("m1", JS220.Config())


def test_silence_of_the_library_is_offline(library: type[FakeDriver], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("power.usb.joulescope._TIMEOUT_S", 0.01)
    with JS220.open("m1", JS220.Config(rate_hz=1000)) as meter, pytest.raises(MeterOffline, match="no statistics"):
        meter.read()


def test_without_its_library_the_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyjoulescope_driver", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'edge-test-farm\[joulescope\]'"):
        JS220.open("m1", JS220.Config())
