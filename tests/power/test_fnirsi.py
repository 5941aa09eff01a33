"""FNB58 and its family: reports from a HID device, and samples without a clock."""

import struct
import time
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from power.block import Flag
from power.errors import MeterOffline, WrongInstrument
from power.meter import Meter
from power.testing import Answering, MeterConformance, Replay
from power.usb.fnirsi import FNB58, IDS, Rhythm
from power.usb.fnirsi_frames import crc8, request
from power.usb.hidraw_port import HidrawPort, find, model_at

MS = 1_000_000


def report(volts: float, amps: float, *, kind: int = 4) -> bytes:
    sample = struct.pack("<iiHHBH", round(volts * 1e5), round(amps * 1e5), 600, 600, 1, 250)
    body = bytes([kind]) + sample * 4 + b"\0"
    return b"\xaa" + body + bytes([crc8(body)])


class TestFNB58(MeterConformance):
    driver = "fnb58"
    options: ClassVar = {"address": "0001A0000000"}
    garbage = bytes(range(64))

    def meter_on(self, port: Replay) -> Meter:
        return FNB58("m1", port)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [report(volts, amps)]


def test_reports_of_other_types_are_passed_over() -> None:
    port = Answering(lambda _: report(9, 9, kind=3) + report(5, 0.5))
    assert FNB58("m1", port).read().volts == pytest.approx([5.0])
    assert port.written == [request(0x82)]


def test_nothing_but_other_reports_is_offline() -> None:
    with pytest.raises(MeterOffline, match="none with samples"):
        FNB58("m1", Answering(lambda _: report(9, 9, kind=3) * 20)).read()


def test_samples_are_asked_for_again_before_they_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0]
    port = Answering(lambda _: report(5, 0.5) * 45)

    def monotonic_ns() -> int:
        now[0] += 5 * MS
        return now[0]

    monkeypatch.setattr(time, "monotonic_ns", monotonic_ns)
    stream = FNB58("m1", port).stream()
    for _ in range(100):
        next(stream)
    assert len(port.written) >= 3


def arrivals(lost: set[int], delays_ms: dict[int, float]) -> list[tuple[np.ndarray, Flag]]:
    rhythm = Rhythm()
    rng = np.random.default_rng(1)
    return [
        rhythm.place(round((40 * n + delays_ms.get(n, rng.uniform(0, 4))) * MS)) for n in range(100) if n not in lost
    ]


def test_samples_stand_10_ms_apart_however_reports_are_delayed() -> None:
    placed = arrivals(set(), {50: 90, 51: 50, 52: 10})
    moments = np.concatenate([m for m, _ in placed])
    assert not any(flags for _, flags in placed)
    steps_ms = np.diff(moments) / MS
    assert steps_ms.min() > 5
    assert steps_ms.max() < 15


@pytest.mark.parametrize("lost", [{50}, {50, 51, 52}])
def test_a_lost_report_is_found_by_those_that_follow(lost: set[int]) -> None:
    placed = arrivals(lost, {})
    assert sum(flags == Flag.LOST_BEFORE for _, flags in placed) == 1
    moments = np.concatenate([m for m, _ in placed])
    assert np.diff(moments).max() / MS == pytest.approx(10 + 40 * len(lost), abs=5)
    assert abs(int(moments[-1]) - 40 * 99 * MS) < 6 * MS


def hidraw(folder: Path, number: int, ids: str, serial: str) -> None:
    device = folder / f"hidraw{number}" / "device"
    device.mkdir(parents=True)
    (device / "uevent").write_text(f"DRIVER=hid-generic\nHID_ID={ids}\nHID_NAME=FNIRSI FNB-58\nHID_UNIQ={serial}\n")


def test_a_unit_is_found_by_its_usb_id_and_serial_number(tmp_path: Path) -> None:
    hidraw(tmp_path, 0, "0003:0000046D:0000C31C", "")
    hidraw(tmp_path, 1, "0003:00002E3C:00005558", "A")
    assert find("m1", IDS, hidraw=tmp_path) == "/dev/hidraw1"
    hidraw(tmp_path, 2, "0003:00000483:0000003A", "B")
    assert find("m1", IDS, "B", hidraw=tmp_path) == "/dev/hidraw2"
    with pytest.raises(MeterOffline, match="2 units of C1 or FNB48 or FNB48S or FNB58 are plugged in"):
        find("m1", IDS, hidraw=tmp_path)
    with pytest.raises(MeterOffline, match=r"0 units .* with USB serial number X"):
        find("m1", IDS, "X", hidraw=tmp_path)


def test_models_are_told_apart_by_their_usb_ids(tmp_path: Path) -> None:
    hidraw(tmp_path, 0, "0003:0000046D:0000C31C", "")
    hidraw(tmp_path, 1, "0003:00000483:0000003B", "A")
    assert model_at("/dev/hidraw1", IDS, hidraw=tmp_path) == "C1"
    assert model_at("/dev/hidraw0", IDS, hidraw=tmp_path) == "046d:c31c"
    assert model_at("/dev/pts/3", IDS, hidraw=tmp_path) is None


def test_a_path_to_something_else_is_the_wrong_instrument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("power.usb.fnirsi.model_at", lambda *_: "046d:c31c")
    with pytest.raises(WrongInstrument, match="046d:c31c"):
        FNB58.open("m1", FNB58.Config(address="/dev/hidraw9"))


def test_a_device_that_may_not_be_opened_is_offline_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(MeterOffline) as seen:
        HidrawPort.open("m1", str(tmp_path / "hidraw9"))
    assert "udev" in seen.value.hint


def test_a_bridge_to_its_reports_may_be_far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Answering(lambda _: report(5, 0.5))
    monkeypatch.setattr("power.usb.fnirsi.SerialPort.open", lambda *_, **__: port)
    with FNB58.open("m1", FNB58.Config(address="127.0.0.1:5025")) as meter:
        assert meter.read().watts == pytest.approx([2.5])
    assert port.closed


def test_a_bridge_with_nobody_behind_it_is_offline_and_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Answering(lambda _: b"")
    monkeypatch.setattr("power.usb.fnirsi.SerialPort.open", lambda *_, **__: port)
    with pytest.raises(MeterOffline, match="no report within"):
        FNB58.open("m1", FNB58.Config(address="127.0.0.1:5025"))
    assert port.closed
