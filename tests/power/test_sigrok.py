"""sigrok-cli: what its lines say, and a program that plays it."""

import sys
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from pydantic import ValidationError

from power.block import Flag
from power.errors import FrameError, MeterOffline, MissingLibrary
from power.meter import Meter
from power.sigrok import Sigrok, parse
from power.testing import MeterConformance, Replay


class Printing:
    """A program that prints the next recorded line whenever it is looked at."""

    def __init__(self, port: Replay) -> None:
        self._port = port

    def discard(self) -> None:
        self._port.discard()

    def write(self, data: bytes) -> None:
        raise OSError

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        self._port.discard()
        self._port.write(b"next?")
        return self._port.read_line(terminator, timeout_s)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        raise OSError

    def close(self) -> None:
        self._port.close()


class TestSigrok(MeterConformance):
    driver = "sigrok"
    options: ClassVar = {"device": "korad-kaxxxxp:conn=/dev/ttyACM0"}

    def meter_on(self, port: Replay) -> Meter:
        return Sigrok("m1", lambda: Printing(port), Sigrok.Config.model_validate(self.options))

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [f"V1: {volts:.4f} V DC\n".encode(), f"I1: {amps * 1e3:.2f} mA DC\n".encode()]


@pytest.mark.parametrize(
    ("line", "quantity", "value", "frozen"),
    [
        ("A1: -3.0902 V DC\n", "volts", -3.0902, False),
        ("A1: 0.0 mV DC", "volts", 0.0, False),
        ("P1: 123.40 mA DC AUTO", "amps", 0.1234, False),
        ("P1: 12.00 uA", "amps", 12e-6, False),
        ("P1: 1.20 kW", "watts", 1200.0, False),
        ("P1: 4.99 V DC HOLD", "volts", 4.99, True),
        ("P1: 4.99 V DC AUTO MAX", "volts", 4.99, True),
        ("P1: inf V DC", "volts", np.inf, False),
    ],
)
def test_a_line_tells_channel_value_and_unit(line: str, quantity: str, value: float, frozen: bool) -> None:
    told = parse(line)
    assert told is not None
    assert (told.quantity, told.frozen) == (quantity, frozen)
    assert told.value == pytest.approx(value)


@pytest.mark.parametrize("line", ["FRAME-BEGIN", "FRAME-END", "", "T1: 23.0 °C", "F1: 50.0 Hz", "R1: 1.2 kΩ"])
def test_lines_of_other_things_are_passed_over(line: str) -> None:
    assert parse(line) is None


@pytest.mark.parametrize("line", ["hello", "A1: V DC", "A1: 5,0 V", "A1: 5.0", "A1: 0x10 V", "sr: no device"])
def test_what_is_no_reading_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(line)


def played(tmp_path: Path, text: str, **options: object) -> Sigrok.Config:
    """A program of that name which prints ``text`` and goes on, or ends where the text says ``END``."""
    program = tmp_path / "sigrok-cli"
    program.write_text(
        f"#!{sys.executable}\nimport sys, time\ntext = {text!r}\n"
        "sys.stdout.write(text.replace('END', '')); sys.stdout.flush()\n"
        "sys.stderr.write('No devices found.' if 'END' in text else '')\n"
        "time.sleep(0 if 'END' in text else 600)\n"
    )
    program.chmod(0o755)
    return Sigrok.Config.model_validate({"device": "demo", "program": str(program), **options})


def test_volts_across_a_shunt_are_amps(tmp_path: Path) -> None:
    shunt = {"volts_channel": "A0", "amps_channel": "A1", "amps_per_volt": 10.0}
    config = played(tmp_path, "A1: 50.0 mV DC\nA0: 5.0 V DC\nA1: 60.0 mV DC\nA0: 5.0 V DC\n", **shunt)
    with Sigrok.open("m1", config) as meter:
        block = next(iter(meter.stream()))
    assert (block.volts[0], block.amps[0]) == (5.0, pytest.approx(0.6))


def test_a_multimeter_tells_one_quantity_and_the_other_stays_unknown_or_is_assumed(tmp_path: Path) -> None:
    text = "P1: 500.0 mA DC\n" * 2
    with Sigrok.open("m1", played(tmp_path, text, measures="amps")) as meter:
        block = next(iter(meter.stream()))
        assert np.isnan(block.watts[0])
        assert block.amps[0] == 0.5
    with Sigrok.open("m1", played(tmp_path, text, measures="amps", assume_volts=5.0)) as meter:
        assert next(iter(meter.stream())).watts[0] == 2.5
        assert "volts: assumed 5" in meter.accuracy.source


def test_a_held_display_is_stale_and_an_overload_is_no_value(tmp_path: Path) -> None:
    text = "P1: 1.0 A\nP1: 1.0 A HOLD\nP1: inf A\n"
    with Sigrok.open("m1", played(tmp_path, text, measures="amps")) as meter:
        stream = iter(meter.stream())
        assert next(stream).flags[0] == Flag.STALE
        last = next(stream)
    assert last.flags[0] == Flag.OVERLOAD
    assert np.isnan(last.amps[0])


def test_a_program_that_ends_is_offline_and_quoted_and_started_again(tmp_path: Path) -> None:
    config = played(tmp_path, "V1: 5.0 V\nI1: 1.0 A\nEND")
    with Sigrok.open("m1", config) as meter:
        with pytest.raises(MeterOffline, match="No devices found"):
            meter._next(20)
        assert meter._next(20).watts[0] == 5.0  # started anew


def test_a_device_that_never_tells_what_is_wanted_is_told_from_one_that_is_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on with what nobody wants, and the deadline may fall into one of its lines."""
    monkeypatch.setattr("power.sigrok._SCAN_S", 1.0)
    options = played(tmp_path, "A0: 1.0 V DC\nA1: 2.0 V DC\nA0: 3", measures="amps")
    with pytest.raises(MeterOffline, match="no amps in what it tells, which is volts of A0, volts of A1") as seen:
        Sigrok.open("m1", options)
    assert "`measures`" in seen.value.hint


def test_a_missing_program_names_its_package() -> None:
    with pytest.raises(MissingLibrary, match="apt install sigrok-cli"):
        Sigrok.open("m1", Sigrok.Config(device="demo", program="/nonexistent/sigrok-cli"))


def test_a_line_that_is_no_reading_is_never_a_number(tmp_path: Path) -> None:
    with pytest.raises(FrameError, match="no reading"):
        Sigrok.open("m1", played(tmp_path, "V1: five V\n"))


@pytest.mark.parametrize(
    "wrong", [{"amps_per_volt": 1.0}, {"assume_volts": 5.0}, {"assume_amps": 5.0}, {"measures": "ohms"}]
)
def test_options_that_cannot_be_meant_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Sigrok.Config.model_validate({"device": "demo", **wrong})


def test_a_reading_is_a_fresh_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("power.sigrok._SILENT_LEAST_S", 0.1)
    config = played(tmp_path, "V1: 5.0 V\nI1: 1.0 A\nV1: 6.0 V\nI1: 1.0 A\n", rate_hz=1000)
    with Sigrok.open("m1", config) as meter, pytest.raises(MeterOffline, match="no reading within"):
        meter.read()  # what had come before is dropped, and nothing more comes
