"""LPM01A: samples as text and in two bytes, messages between them, and a command line."""

from typing import ClassVar

import numpy as np
import pytest

from power.block import Flag
from power.errors import InstrumentFault, MeterOffline, WrongInstrument
from power.meter import Meter
from power.testing import Answering, MeterConformance, Replay
from power.usb.lpm01a import LPM01A, ask, introduce, prepare
from power.usb.lpm01a_stream import Arrived, Binary, Count, Text, decode

FAST = LPM01A.Config(port="x", volts=3.3, rate_hz=10_000)
STAMP = b"TimeStamp: 003s 000ms, buff 01%\r\n"


class Started:
    """Only ``start`` has an answer; it ends without a line end, so that a replay takes it for a question."""

    def __init__(self, port: Answering) -> None:
        self._port = port

    def write(self, data: bytes) -> None:
        if data.startswith(b"start"):
            self._port.write(data.strip())

    def __getattr__(self, name: str):  # the rest of a port
        return getattr(self._port, name)


class TestLPM01A(MeterConformance):
    driver = "lpm01a"
    options: ClassVar = {"port": "/dev/ttyACM0", "volts": 3.3}

    def meter_on(self, port: Replay) -> Meter:
        options = LPM01A.Config.model_construct(port="x", volts=5.0, rate_hz=1000, serial_number=None)
        return LPM01A("m1", Started(port), options)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [b"PowerShield > ack start\r\n" + STAMP + f"{round(amps * 1e4):04d}-04\r\n".encode()]


def test_the_vendors_examples_are_read() -> None:
    assert Text().feed(b"6409-07\r\n").amps == pytest.approx([640.9e-6])
    assert Binary().feed(b"\x52\xa0").amps == pytest.approx([0x2A0 / 16**5])


@pytest.mark.parametrize("size", [1, 2, 5, 100])
def test_text_is_the_same_however_the_line_cuts_it(size: int) -> None:
    data = b"PowerShield > ack start\r\n" + STAMP + b"6409-07\r\n6410-07\r\nevent 01 ris\r\n6411-076412-07\r\nend\r\n"
    pieces = Text()
    found = [pieces.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert [a for f in found for a in f.amps] == pytest.approx([640.9e-6, 641.0e-6, 641.1e-6, 641.2e-6])
    assert [ms for f in found for _, ms in f.stamps] == [3000]
    assert pieces.rest == b""


@pytest.mark.parametrize("size", [1, 3, 100])
def test_binary_is_the_same_however_the_line_cuts_it(size: int) -> None:
    data = bytes.fromhex("52a0 f0f3 00000bb8 01 ffff 52a1 f0f2") + b"hello"
    data += bytes.fromhex("ffff 52a2 f0f7 0ce4 ffff f0f4 ffff")
    pieces = Binary()
    found = [pieces.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert [a * 16**5 for f in found for a in f.amps] == pytest.approx([0x2A0, 0x2A1, 0x2A2])
    assert [ms for f in found for _, ms in f.stamps] == [3000]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"6409-07\r\n09-07\r\n", "at byte 9: b'09-07' is no sample"),
        (b"6409-07\r\n64", "at byte 9: b'64' ends within a sample"),
        (b"6409-07\r\nerror: overflow\r\n", "at byte 9: the unit reports 'error: overflow'"),
        (b"\x52\xa0\xa0", "at byte 2"),
        (b"\x52\xa0\x05\x2a", "at byte 2: 052a would be 1322 A"),
        (b"\x52\xa0\xf0\xf1too fast\xff\xff", "at byte 2: the unit reports b'too fast'"),
        (b"\x52\xa0\xf0\xf3\0\0\0\0\0\0\0", "at byte 2: f0 f3 00 00 00 00 00 00 00 is no message"),
        (b"\x52\xa0\xf0\x52\xff\xff", "at byte 2: f0 52 ff ff is no message"),
    ],
)
def test_bytes_that_are_no_sample_are_named_by_offset(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("(", r"\(")):
        list(decode(data))


def test_a_capture_is_decoded_with_its_rate_and_volts() -> None:
    readings = list(decode(b"6409-07\r\n6410-07\r\n", rate_hz="1000", volts="3.3"))
    assert [r.t_ns for r in readings] == [0, 1_000_000]
    assert readings[0].watts == pytest.approx(3.3 * 640.9e-6)
    assert [r.t_ns for r in decode(b"6409-07\r\n")] == [None]


def test_samples_that_the_time_stamps_miss_are_flagged() -> None:
    count = Count(100)
    count.add(Arrived([0.1] * 50, [(0, 0)]))
    ticks, flags = count.add(Arrived([0.1] * 60, [(43, 1000)]))
    assert np.diff(ticks).tolist() == [1] * 42 + [8] + [1] * 16
    assert np.flatnonzero(flags).tolist() == [43]
    assert flags[43] == Flag.LOST_BEFORE
    assert count.add(Arrived([0.1], []))[0].tolist() == [117]


def test_a_stamp_at_the_end_of_a_piece_counts_for_the_next() -> None:
    count = Count(100)
    count.add(Arrived([0.1] * 90, [(0, 0), (90, 1000)]))
    assert count.add(Arrived([0.1], []))[0].tolist() == [100]


def test_fast_streams_are_binary() -> None:
    sent: list[bytes] = []

    def respond(data: bytes) -> bytes:
        sent.append(data)
        return b"PowerShield > ack " + data

    prepare("m1", Answering(respond), FAST)
    assert b"format bin_hexa\r\n" in sent
    assert b"volt 3300m\r\n" in sent
    assert b"freq 10k\r\n" in sent


def test_a_refusal_is_the_instruments_fault_and_silence_is_offline() -> None:
    with pytest.raises(InstrumentFault, match="volt 3300m: the unit answers 'error volt'"):
        ask("m1", Answering(lambda _: b"PowerShield > error volt\r\n"), "volt 3300m")
    with pytest.raises(MeterOffline):
        ask("m1", Answering(lambda _: b""), "htc")


def test_another_unit_is_named() -> None:
    def respond(data: bytes) -> bytes:
        more = b" PowerShield present: ABC" if b"powershield" in data else b""
        return b"PowerShield > ack " + data.strip() + more + b"\r\n"

    assert introduce("m1", Answering(respond), "ABC").serial_number == "ABC"
    with pytest.raises(WrongInstrument, match="serial number ABC answers, not DEF"):
        introduce("m1", Answering(respond), "DEF")


def test_a_unit_that_knows_no_more_than_what_decides_is_set_up() -> None:
    known = (b"htc", b"volt", b"freq", b"output", b"format")

    def respond(data: bytes) -> bytes:
        return b"PowerShield > " + (b"ack " if data.startswith(known) else b"error ") + data

    port = Answering(respond)
    assert introduce("m1", port, None).serial_number == ""
    prepare("m1", port, FAST)
    assert b"pwr auto\r\n" in port.written
    for deciding in (b"volt", b"freq", b"output", b"format"):
        refusing = Answering(
            lambda d, no=deciding: b"PowerShield > " + (b"error " if d.startswith(no) else b"ack ") + d
        )
        with pytest.raises(InstrumentFault, match=deciding.decode()):
            prepare("m1", refusing, FAST)
