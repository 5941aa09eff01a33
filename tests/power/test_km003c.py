"""KM003C: what it is asked, what it answers, and its queue on the controller's clock."""

import struct
import sys
import time
from collections.abc import Callable, Iterator
from types import ModuleType, SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from power.block import Block, Flag
from power.errors import FrameError, InstrumentFault, MeterOffline, MissingLibrary
from power.meter import Meter
from power.testing import Answering, Clock, MeterConformance, Replay
from power.usb.km003c import IDS, KM003C


class Numbered:
    """Gives each answer the number of the question, as the unit does."""

    def __init__(self, port: Answering) -> None:
        self._port, self._number, self._fresh = port, 0, False

    def write(self, data: bytes) -> None:
        self._number, self._fresh = data[1], True
        self._port.write(data)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        came = bytearray(self._port.read_exactly(size_bytes, timeout_s))
        if self._fresh and len(came) > 1:
            came[1], self._fresh = self._number, False
        return bytes(came)

    def __getattr__(self, name: str):  # the rest of a port
        return getattr(self._port, name)


def adc_answer(volts: float, amps: float) -> bytes:
    values = struct.pack("<ii", round(volts * 1e6), round(amps * 1e6))
    return bytes.fromhex("4100820201 00000b") + (values * 3).ljust(44, b"\0")


def queue_answer(ticks: list[int], amps: float = 0.5) -> bytes:
    samples = b"".join(struct.pack("<HHii8x", t & 0xFFFF, 60, 5_000_000, round(amps * 1e6)) for t in ticks)
    header = struct.pack("<HH", 2, 20 << 6 | len(ticks))
    return b"\x41\x00" + struct.pack("<H", (5 * len(ticks) - 1) << 6 | 2) + header + samples if ticks else b"\x41\0\2\0"


class TestKM003C(MeterConformance):
    driver = "km003c"
    options: ClassVar = {"address": "", "rate_hz": 50}
    garbage = b"\xa5garbage\n"

    def meter_on(self, port: Replay) -> Meter:
        return KM003C("m1", Numbered(port))

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [adc_answer(volts, amps)]


class Unit:
    """A unit whose queue fills with the clock of the test, at 1 kHz."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._next = clock, clock.monotonic_ns() // 1_000_000
        self.lose: set[int] = set()
        self.locked = self.empty = False

    def answer(self, request: bytes) -> bytes:
        kind = request[0]
        if kind == 0x4C:
            return b"\x4c\x00" + (b"\x01\x02" if self.locked else b"\x03\x02") + bytes(32)
        if kind == 0x0C:
            now = self._clock.monotonic_ns() // 1_000_000
            ticks, self._next = [t for t in range(self._next, now) if t not in self.lose], now
            return queue_answer([] if self.empty else ticks[-63:])
        return b"\x05\x00\x00\x00"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    return clock


def blocks(meter: KM003C, count: int) -> Block:
    stream = meter.stream()
    try:
        return Block.join(next(stream) for _ in range(count))
    finally:
        stream.close()


def test_the_queue_comes_in_blocks_with_the_units_own_time(clock: Clock) -> None:
    unit = Unit(clock)
    port = Answering(unit.answer)
    trace = blocks(KM003C("m1", Numbered(port)), 10)
    assert len(trace) > 150
    assert set(np.diff(trace.t_ns).tolist()) == {1_000_000}
    assert not trace.flags.any()
    assert clock.monotonic_ns() - trace.t_ns[-1] < 3_000_000
    assert [data[0] for data in port.written[:2]] == [0x4C, 0x0E]
    assert port.written[-1][0] == 0x0F


def test_lost_samples_are_a_gap_and_a_flag(clock: Clock) -> None:
    unit = Unit(clock)
    unit.lose = set(range(clock.monotonic_ns() // 1_000_000 + 100, clock.monotonic_ns() // 1_000_000 + 107))
    trace = blocks(KM003C("m1", Numbered(Answering(unit.answer))), 6)
    places = np.flatnonzero(trace.flags)
    assert trace.flags[places].tolist() == [Flag.LOST_BEFORE]
    assert np.diff(trace.t_ns)[places[0] - 1] == 8_000_000


def test_a_second_stream_tells_what_passed_between(clock: Clock) -> None:
    meter = KM003C("m1", Numbered(Answering(Unit(clock).answer)))
    first = blocks(meter, 3)
    clock.sleep(2.0)
    second = blocks(meter, 2)
    assert second.flags[0] == Flag.LOST_BEFORE
    assert 1.9e9 < second.t_ns[0] - first.t_ns[-1] < 2.1e9


def test_a_queue_that_stays_empty_is_offline(clock: Clock) -> None:
    unit = Unit(clock)
    unit.empty = True
    with pytest.raises(MeterOffline, match="its queue stays empty"):
        blocks(KM003C("m1", Numbered(Answering(unit.answer))), 1)


def test_a_unit_that_stays_locked_is_named(clock: Clock) -> None:
    unit = Unit(clock)
    unit.locked = True
    with pytest.raises(InstrumentFault, match="does not let its queue be read"):
        blocks(KM003C("m1", Numbered(Answering(unit.answer))), 1)


def test_a_refusal_is_the_instruments_fault() -> None:
    with pytest.raises(InstrumentFault, match="rejects request 0c"):
        KM003C("m1", Numbered(Answering(lambda _: b"\x06\x00\x00\x00"))).read()


def test_an_answer_to_another_question_is_passed_over() -> None:
    late = bytearray(adc_answer(9.0, 0.9))
    late[1] = 200

    def respond(request: bytes) -> bytes:
        mine = bytearray(adc_answer(5.0, 0.5))
        mine[1] = request[1]
        return bytes(late) + bytes(mine)

    assert KM003C("m1", Answering(respond)).read().volts == pytest.approx([5.0])


def test_an_answer_without_the_reading_is_a_frame_error() -> None:
    with pytest.raises(FrameError, match="without the reading"):
        KM003C("m1", Numbered(Answering(lambda _: b"\x41\x00\x02\x00"))).read()


class FakeUsb:
    """What the driver needs of pyusb, with one device whose endpoint answers."""

    class USBTimeoutError(OSError):
        pass

    class NoBackendError(ValueError):
        pass

    def __init__(self, units: int = 1) -> None:
        self.waiting: list[bytes] = []
        self.claimed: list[int] = []
        self.detached: list[int] = []
        vendor, product = next(iter(IDS))
        self.devices = [
            SimpleNamespace(
                idVendor=vendor,
                idProduct=product,
                serial_number=f"USB{n}",
                is_kernel_driver_active=lambda _: True,
                detach_kernel_driver=self.detached.append,
                write=self.write,
                read=self.read,
            )
            for n in range(units)
        ]

    def find(self, *, find_all: bool) -> Iterator[SimpleNamespace]:
        assert find_all
        return iter(self.devices)

    def write(self, endpoint: int, data: bytes, timeout_ms: int) -> None:
        answer = bytearray(adc_answer(5.0, 0.5))
        answer[1] = data[1]
        self.waiting = [bytes(answer[:20]), bytes(answer[20:])]

    def read(self, endpoint: int, size: int, timeout_ms: int) -> bytes:
        if not self.waiting:
            raise self.USBTimeoutError("timed out")
        return self.waiting.pop(0)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        util = ModuleType("usb.util")
        util.claim_interface = lambda _, number: self.claimed.append(number)
        util.dispose_resources = lambda _: None
        for name, module in (("usb", ModuleType("usb")), ("usb.core", self), ("usb.util", util)):
            monkeypatch.setitem(sys.modules, name, module)


def test_an_answer_that_comes_in_several_transfers_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from power.usb.bulk_port import BulkPort

    fake = FakeUsb()
    fake.install(monkeypatch)
    with KM003C("m1", BulkPort.open("m1", IDS, "", interface=0, out=1, back=0x81)) as meter:
        assert meter.read().amps == pytest.approx([0.5])
    assert fake.claimed == fake.detached == [0]


@pytest.mark.parametrize(
    ("units", "serial", "said"),
    [(0, "", "0 units of KM002C or KM003C"), (2, "", "2 units"), (2, "X", "USB serial number X")],
)
def test_without_one_unit_that_is_meant_it_is_offline(
    units: int, serial: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    FakeUsb(units).install(monkeypatch)
    with pytest.raises(MeterOffline, match=said):
        KM003C.open("m1", KM003C.Config(address=serial))


def test_without_its_library_the_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "usb.core", None)
    with pytest.raises(MissingLibrary, match=r"pip install 'edge-test-farm\[usb\]'"):
        KM003C.open("m1", KM003C.Config())


def opened_on(monkeypatch: pytest.MonkeyPatch, respond: Callable[[bytes], bytes], **options: object) -> KM003C:
    monkeypatch.setattr("power.usb.km003c.SerialPort.open", lambda *_, **__: Numbered(Answering(respond)))
    return KM003C.open("m1", KM003C.Config.model_validate({"address": "127.0.0.1:5025", **options}))


def test_a_unit_that_does_not_say_who_it_is_gives_single_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    def respond(data: bytes) -> bytes:
        return adc_answer(5.0, 0.5) if data[0] == 0x0C else b""

    with opened_on(monkeypatch, respond) as meter:
        assert meter.read().watts == pytest.approx([2.5])
    with pytest.raises(MeterOffline, match="no answer to 02"):
        opened_on(monkeypatch, respond, serial_number="007965")
    with pytest.raises(MeterOffline, match="no answer to 02"):
        opened_on(monkeypatch, lambda _: b"")
