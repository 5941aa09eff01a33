"""KM003C: captures of a real unit, decoded; and what is no packet, named."""

import json
import struct
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import zstandard

from power.block import Flag
from power.usb.km003c_packets import decode, packets

WIRE = Path(__file__).parents[1] / "wire" / "power"


def capture(name: str) -> bytes:
    return zstandard.decompress((WIRE / f"{name}.bin.zst").read_bytes())


def samples_by_transfer(name: str) -> np.ndarray:
    """The queue's samples found another way: from the sizes of the USB transfers, counted from their ends."""
    data, sizes = capture(name), json.loads((WIRE / f"{name}.json").read_text())["transfers"]
    ends = np.cumsum(sizes)
    transfers = [data[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    queues = [
        np.frombuffer(transfer[start:], "<u2").reshape(-1, 10)
        for transfer in transfers
        for start in (8, 56)  # alone, or behind a reading
        if transfer[:1] == b"A" and transfer[start - 4 : start - 2] == b"\x02\x00" and len(transfer) > start
    ]
    return np.concatenate(queues)


def queue_packet(
    ticks: list[int], microvolts: int = 5_000_000, microamps: int = 500_000, *, more: bytes = b""
) -> bytes:
    body = b"".join(struct.pack("<HHii8x", tick, 60, microvolts, microamps) for tick in ticks)
    chunk = struct.pack("<I", 2 | bool(more) << 15 | len(ticks) << 16 | 20 << 22)
    return b"\x41\x07" + struct.pack("<H", 2 | 5 << 6) + chunk + body + more


def adc_packet(microvolts: int, microamps: int, *, more: bytes = b"") -> bytes:
    header = struct.pack("<I", 1 | bool(more) << 15 | 44 << 22)
    return b"\x41\x08\x82\x02" + header + struct.pack("<ii36x", microvolts, microamps) + more


def part(attribute: int, payload: bytes) -> bytes:
    return struct.pack("<I", attribute | len(payload) << 22) + payload


def test_a_captured_session_at_1_khz_is_whole() -> None:
    readings = list(decode(capture("km003c-1khz")))
    assert len(readings) == 9238
    assert [r.t_ns for r in readings] == [place * 1_000_000 for place in range(9238)]
    assert not any(r.flags for r in readings)


def test_a_captured_session_at_50_hz_keeps_its_own_time() -> None:
    readings = list(decode(capture("km003c-50hz")))
    assert [r.t_ns for r in readings] == [place * 20_000_000 for place in range(340)]
    assert not any(r.flags for r in readings)


@pytest.mark.parametrize("name", ["km003c-1khz", "km003c-50hz", "km003c-lossy"])
def test_the_joules_of_a_captured_session_are_those_of_its_raw_sums(name: str) -> None:
    readings = list(decode(capture(name)))
    joules = sum((a.watts + b.watts) / 2 * (b.t_ns - a.t_ns) / 1e9 for a, b in pairwise(readings))
    words = samples_by_transfer(name)
    microvolts, microamps = (words[:, place : place + 2].copy().view("<i4")[:, 0].astype(np.int64) for place in (2, 4))
    power = microvolts * microamps  # whole numbers of picowatts: nothing is rounded
    milliseconds = np.diff(words[:, 0]).astype(np.int64)
    assert len(words) == len(readings)
    assert joules == pytest.approx(float(((power[1:] + power[:-1]) * milliseconds).sum()) / 2e15, rel=1e-9)


def test_samples_that_a_real_unit_lost_are_flagged() -> None:
    """A program that asked too seldom: the queue holds 63 samples an answer, and what is more gets lost."""
    readings = list(decode(capture("km003c-lossy")))
    gaps_ms = [(b.t_ns - a.t_ns) // 1_000_000 for a, b in pairwise(readings)]
    whole = {500, 100, 20, 1}
    flagged = [bool(r.flags & Flag.LOST_BEFORE) for r in readings[1:]]
    assert sum(flagged) == 61
    assert all(flagged[i] for i, gap in enumerate(gaps_ms) if gap not in whole)
    assert len(readings) == 8988


def test_the_readings_of_the_other_kind_are_there_when_asked_for() -> None:
    readings = list(decode(capture("km003c-1khz"), attribute="adc"))
    assert len(readings) == 69
    assert {r.t_ns for r in readings} == {None}
    assert readings[0].volts == pytest.approx(5.0, abs=0.2)


def test_what_the_memory_holds_is_checked_and_passed_over() -> None:
    kinds = [p.kind for p in packets(capture("km003c-1khz"))]
    assert kinds.count(0xC4) == 4
    assert kinds.count(0x4C) == 2


def test_a_packet_of_several_attributes_gives_its_samples_only() -> None:
    power_delivery = part(16, bytes(range(14)))
    data = adc_packet(5_000_000, 100_000, more=queue_packet([7, 8], more=power_delivery)[4:])
    assert [(r.t_ns, r.amps) for r in decode(data)] == [(0, 0.5), (1_000_000, 0.5)]
    assert [r.amps for r in decode(data, attribute="adc")] == [0.1]


def test_events_of_power_delivery_are_no_readings() -> None:
    assert list(decode(b"\x41\x01\x02\x00" + b"\x41\x02\xc2\x00" + part(16, bytes(17)))) == []


def test_an_empty_answer_is_no_reading_and_no_fault() -> None:
    assert len(list(decode(queue_packet([1, 2]) + b"\x41\x09\x02\x00" + queue_packet([3])))) == 3


@pytest.mark.parametrize(("step", "rate"), [(500, 2), (100, 10), (20, 50), (1, 1000)])
def test_a_lost_sample_is_flagged_at_every_rate(step: int, rate: int) -> None:
    counted = [65500 + step * place & 0xFFFF for place in range(8) if place != 5]
    readings = list(decode(queue_packet(counted[:3]) + queue_packet(counted[3:])))
    assert [r.t_ns for r in readings] == [place * step * 1_000_000 for place in range(8) if place != 5]
    assert [int(r.flags) for r in readings] == [0, 0, 0, 0, 0, Flag.LOST_BEFORE, 0]


def test_a_doubled_sample_is_flagged() -> None:
    assert [int(r.flags) for r in decode(queue_packet([5, 6, 6, 7]))] == [0, 0, Flag.STALE, 0]


def test_answers_of_one_sample_each_tell_the_rate_together() -> None:
    data = b"".join(queue_packet([tick]) for tick in (0, 20, 40, 80))
    assert [int(r.flags) for r in decode(data)] == [0, 0, 0, Flag.LOST_BEFORE]


def test_current_that_flows_back_is_negative() -> None:
    (reading,) = decode(adc_packet(9_000_000, -1_500_000))
    assert (reading.volts, reading.amps, reading.watts) == (9.0, -1.5, -13.5)


def test_reports_filled_up_with_zeros_are_read() -> None:
    report = adc_packet(5_000_000, 1).ljust(64, b"\0")
    assert len(list(decode(report + report))) == 2


def test_a_published_report_of_a_real_unit_reads_as_published() -> None:
    """In nbuchwitz/usb-meter, tests/test_protocol.py; held there against the kernel's driver at the same moment."""
    report = bytes.fromhex(
        "410080020100000b15504e00422ff8ff7b504e00f241f8ff34524e002642f8ffc00e2c00b13f7c035c04497c00805c0659006f00"
    ) + bytes(14)
    (reading,) = decode(report)
    assert (reading.volts, reading.amps) == (5.132309, -0.51219)
    assert len(list(decode(report + report))) == 2


def test_a_published_queue_with_power_delivery_behind_it_has_two_samples() -> None:
    """In okhsunrog/km003c-rs, tests/adcqueue_tests.rs."""
    first, second = decode(
        bytes.fromhex(
            "410a420302800205ae3f0600b0ec300170cd1800ee01c706c900c500af3f0600b0ec300170cd1800ee01c606c500ba00"
            "10000003b43f0600074e0e08ef01c606"
        )
    )
    assert (first.volts, first.amps, first.t_ns) == (19.983536, 1.625456, 0)
    assert second.t_ns == 1_000_000


def test_bytes_that_are_no_packet_are_named_by_offset() -> None:
    whole = queue_packet([1, 2, 3])
    with pytest.raises(ValueError, match=rf"at byte {len(whole)}: 30 bytes of a packet of {len(whole)}"):
        list(decode(whole + whole[:30]))
    with pytest.raises(ValueError, match=r"at byte 0: .* begins no packet"):
        list(decode(whole[20:] + whole))
    with pytest.raises(ValueError, match="at byte 0: 00 00 00 00"):
        list(decode(bytes(64)))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\x41\x01\x82\x02" + part(1, bytes(40)), "a reading of 40 bytes"),
        (b"\x41\x01\x82\x02" + struct.pack("<I", 2 | 2 << 16 | 24 << 22) + bytes(48), "samples of 24 bytes"),
        (b"\x41\x01\x82\x02" + part(3, bytes(8)), "no attribute"),
        (b"\x41\x01\x82\x02" + part(4, bytes(8)), "10 kHz queue"),
        (bytes.fromhex("c40201012004000040000000ffffffff1b8c1b25") + bytes(64), "says checksum 251b8c1b"),
    ],
)
def test_a_packet_that_contradicts_itself_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=f"at byte 0: .*{said}"):
        list(decode(data))


def test_the_trace_of_the_state_machine_has_its_own_length() -> None:
    trace = b"\x20\0\0\0" + b"\x05" + bytes(5) + b"\x0a" + bytes(10)
    assert len(list(decode(b"\x41\x01\x02\x00" + trace + adc_packet(5_000_000, 1)))) == 1


def test_an_unknown_attribute_to_choose_is_refused() -> None:
    with pytest.raises(ValueError, match="choose auto, queue or adc"):
        list(decode(b"", attribute="all"))
