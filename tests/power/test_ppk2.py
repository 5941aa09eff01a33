"""PPK2: samples with a counter, ranges and a filter over their changes; pieces that the line cuts anywhere."""

import struct
from typing import ClassVar

import numpy as np
import pytest

from power.block import Flag
from power.errors import FrameError, MeterOffline
from power.meter import Meter
from power.testing import Answering, MeterConformance, Replay
from power.usb.ppk2 import PPK2, Shares, introduce, prepare
from power.usb.ppk2_samples import Calibration, Stream, calibration, decode

SHUNTS = (1031.64, 101.65, 10.15, 0.94, 0.043)
AMPERE = PPK2.Config(port="/dev/ttyACM0", mode="ampere", volts=5.0)
TEXT = (
    b"Calibrated: 0\r\nR0: 1003.3506\r\nR1: 101.5865\r\nR2: 10.3027\r\nR3: 0.9636\r\nR4: 0.0564\r\nGS0: 0.0000\r\n"
    b"GI0: 1.0000\r\nO0: 112.7890\r\nI3: -nan\r\nUG4: 1.0500\r\nVDD: 3700\r\nHW: 9173\r\nmode: 2\r\nIA: 56\r\nEND"
)


def sample(steps: int, on: int, counter: int, logic: int = 0xA5) -> bytes:
    return struct.pack("<I", steps | on << 14 | counter % 64 << 18 | logic << 24)


def stream_of(amps: float, count: int, *, begin: int = 0, on: int = 4) -> bytes:
    """Samples whose amps, by Nordic's formula with all gains 1, are near ``amps``."""
    plain = (-1 + (1 + 4 * amps) ** 0.5) / 2  # plain * (plain + 1) = amps
    steps = round(plain * SHUNTS[on] * 163840 / 1.8 / 4)
    return b"".join(sample(steps, on, begin + n) for n in range(count))


class Unanswered:
    """Keeps the commands that have no answer from using one up."""

    def __init__(self, port: Answering) -> None:
        self._port = port

    def write(self, data: bytes) -> None:
        if data == b"\x06":
            self._port.write(data)

    def __getattr__(self, name: str):  # the rest of a port
        return getattr(self._port, name)


class TestPPK2(MeterConformance):
    driver = "ppk2"
    options: ClassVar = {"port": "/dev/ttyACM0", "mode": "source", "volts": 3.3}
    garbage = b"\xff" * 400

    def meter_on(self, port: Replay) -> Meter:
        return PPK2("m1", Unanswered(port), AMPERE)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [stream_of(amps, 100)]


def by_the_book(values: list[float], ranges: list[int]) -> list[float]:
    """The filter as Nordic's application runs it, sample by sample."""
    fine = coarse = None
    previous, after, consecutive = None, 0, 0
    out = []
    for given, on in zip(values, ranges, strict=True):
        value = given
        before = fine, coarse
        fine = value if fine is None else 0.18 * value + 0.82 * fine
        coarse = value if coarse is None else 0.06 * value + 0.94 * coarse
        previous = on if previous is None else previous
        if previous != on or after > 0:
            consecutive = 0 if previous != on else consecutive + 1
            after = 3 if previous != on else after
            if on == 4:
                if consecutive < 2:
                    fine, coarse = before
                value = coarse
            else:
                value = fine
            after -= 1
        previous = on
        out.append(value)
    return out


@pytest.mark.parametrize("size", [1, 3, 4, 7, 400, 4096])
def test_samples_are_the_same_however_the_line_cuts_them(size: int) -> None:
    data = b"".join(sample(100 + n, n // 40 % 5, n) for n in range(500))
    whole = Stream(Calibration(), 3.3).feed(data)
    stream = Stream(Calibration(), 3.3)
    pieces = [stream.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert np.concatenate([p.ticks for p in pieces]).tolist() == list(range(500))
    assert np.concatenate([p.amps for p in pieces]) == pytest.approx(whole.amps)
    assert not any(p.flags.any() for p in pieces)


def test_the_filter_is_nordics() -> None:
    ranges = [n // 150 % 5 for n in range(1500)]
    data = b"".join(sample(1000 + n % 7, on, n) for n, on in enumerate(ranges))
    plain = Calibration().amps(np.array([1000.0 + n % 7 for n in range(1500)]), np.array(ranges), 3.3)
    wanted = by_the_book(plain.tolist(), ranges)
    assert Stream(Calibration(), 3.3).feed(data).amps == pytest.approx(wanted, rel=0.02)
    assert wanted != plain.tolist()


def test_the_formula_is_nordics() -> None:
    known = Calibration(gs=(2.0,) * 5, gi=(1.1,) * 5, o=(50.0,) * 5, s=(1e-6,) * 5, i=(2e-6,) * 5, ug=(1.05,) * 5)
    plain = (4 * 1000 - 50) * 1.8 / 163840 / 10.15
    wanted = 1.05 * (plain * (2.0 * plain + 1.1) + 1e-6 * 3.3 + 2e-6)
    assert known.amps(np.array([1000.0]), np.array([2]), 3.3) == pytest.approx([wanted])


@pytest.mark.parametrize("lost", [1, 5, 63])
def test_lost_samples_are_counted_by_the_counter(lost: int) -> None:
    samples = Stream(Calibration(), 3.3).feed(stream_of(0.1, 50) + stream_of(0.1, 50, begin=50 + lost))
    assert samples.ticks[50] - samples.ticks[49] == lost + 1
    assert np.flatnonzero(samples.flags).tolist() == [50]
    assert samples.flags[50] == Flag.LOST_BEFORE


def test_a_loss_between_two_pieces_is_seen() -> None:
    stream = Stream(Calibration(), 3.3)
    stream.feed(stream_of(0.1, 50))
    assert stream.feed(stream_of(0.1, 10, begin=53)).flags[0] == Flag.LOST_BEFORE


def test_the_end_of_the_highest_range_is_an_overload() -> None:
    assert Stream(Calibration(), 3.3).feed(sample(0x3FFF, 4, 0) + sample(0x3FFF, 3, 1)).flags.tolist() == [4, 0]


def test_bytes_that_are_no_samples_are_named_by_offset() -> None:
    with pytest.raises(ValueError, match="at byte 8: a sample on range 6"):
        list(decode(stream_of(0.1, 2) + sample(1, 6, 2)))
    with pytest.raises(ValueError, match=r"at byte 0: the samples' counters are in no order|at byte .* on range"):
        list(decode(stream_of(0.1, 60)[1:] + b"\0"))
    with pytest.raises(ValueError, match="at byte 40: 3 bytes of a sample of 4"):
        list(decode(stream_of(0.1, 11)[:43]))


def test_a_capture_is_decoded_with_its_own_time_and_the_volts_that_are_told() -> None:
    readings = list(decode(stream_of(0.5, 3, begin=62), volts="5.0"))
    assert [r.t_ns for r in readings] == [0, 10_000, 20_000]
    assert readings[0].amps == pytest.approx(0.5, rel=1e-3)
    assert readings[0].watts == pytest.approx(2.5, rel=1e-3)
    assert all(np.isnan(r.watts) for r in decode(stream_of(0.5, 3)))


def test_a_capture_that_begins_with_the_calibration_uses_it() -> None:
    with_it, without = (next(decode(head + sample(1000, 0, 0), volts="3.7")) for head in (TEXT + b"\r\n", b""))
    assert with_it.amps != pytest.approx(without.amps, rel=1e-4)


def test_the_calibration_is_read_up_to_its_end() -> None:
    known = calibration(TEXT + b"\r\n\x01\x02")
    assert known.r == (1003.3506, 101.5865, 10.3027, 0.9636, 0.0564)
    assert (known.gs[0], known.gs[1], known.o[0], known.ug[4]) == (0.0, 1.0, 112.789, 1.05)
    assert known.i[3] == 0.0, "not a number stays as it usually is"
    assert known.hardware == "9173"


def test_a_gain_that_nobody_can_have_meant_is_none() -> None:
    assert calibration(TEXT.replace(b"UG4: 1.0500", b"UG4: 0.0000")).ug[4] == 1.0


@pytest.mark.parametrize("text", [TEXT[:-3], b"END", b"Calibrated: 0\nR0: 0\nEND"])
def test_half_a_calibration_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"without END|no shunts"):
        calibration(text)


def test_what_was_running_is_stopped_before_the_unit_is_asked() -> None:
    port = Answering(lambda data: TEXT if data == b"\x19" else b"", stale=stream_of(0.1, 1000))
    assert introduce("m1", port).hardware == "9173"
    assert port.written == [b"\x07", b"\x19"]


def test_a_silent_unit_is_offline_and_half_an_answer_a_frame_error() -> None:
    with pytest.raises(MeterOffline):
        introduce("m1", Answering(lambda _: b""))
    with pytest.raises(FrameError, match="without END"):
        introduce("m1", Answering(lambda data: TEXT[:50] if data == b"\x19" else b""))


def test_volts_are_set_in_source_mode_and_the_board_is_switched_on_only_when_told() -> None:
    port = Answering(lambda _: b"")
    prepare("m1", port, PPK2.Config(port="x", mode="source", volts=3.3))
    assert port.written == [b"\x11\x02", b"\x0d\x0c\xe4"]
    port = Answering(lambda _: b"")
    prepare("m1", port, PPK2.Config(port="x", mode="ampere", volts=5, switch_on=True))
    assert port.written == [b"\x11\x01", b"\x0c\x01"]


def test_shares_are_means_by_the_units_count_and_say_when_they_lack_samples() -> None:
    shares = Shares(10)
    stream = Stream(Calibration(), 3.3)
    first = shares.add(stream.feed(b"".join(sample(1000, 2, n) for n in range(25))))
    second = shares.add(stream.feed(b"".join(sample(1000, 2, n) for n in range(25, 64) if n not in (33, 34))))
    assert first[0].tolist() == [4.5, 14.5]
    assert second[0].tolist() == [24.5, 34.5, 44.5, 54.5]
    assert second[2].tolist() == [0, Flag.LOST_BEFORE, 0, 0]
    assert np.concatenate([first[1], second[1]]) == pytest.approx([first[1][0]] * 6)
