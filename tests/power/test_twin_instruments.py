"""Meter and switch twins, asked byte by byte as the instruments' manuals say: none of the farm's drivers is used."""

import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

import pytest
import serial
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from power.registry import METERS, SWITCHES
from power.twin import truth
from power.twin.converter import Reading
from power.twin.instrument import FAULTS, Twin
from power.twin.scpi import engineering, header_pattern
from power.twin.servers import TWINS
from power.twin.truth import PROFILES, Supply
from power.twin.um25c import frame

MODELS = {"n6705c": "jetson-tx2", "wt310e": "atom-e3930", "um25c": "pi-zero-aiy", "tc66c": "coral-dev"}
TC66C_KEY = bytes.fromhex("5821fa5601b2f02687ff1204622a4fb086f40260816f9a0ba7f106619ab87288")


class Rail:
    """A board at rest that can be switched."""

    def __init__(self, model: str) -> None:
        self.on = True
        self.supply = Supply(PROFILES[model], powered=lambda: self.on, cpu_ns=lambda: 0)

    def switch(self, on: bool) -> None:
        self.on = on


@contextmanager
def started(driver: str, options: dict[str, Any] | None = None, seed: int = 7) -> Iterator[tuple[Twin, str, Rail]]:
    """A twin that listens, the address it gave, its rail."""
    rail = Rail(MODELS.get(driver, "jetson-tx2"))
    twin = TWINS[driver]("m1", options or {}, rail.supply, set_power=rail.switch, seed=seed)
    address = next(iter(twin.start().values()))
    try:
        yield twin, address, rail
    finally:
        twin.close()
        rail.supply.close()


class Scpi:
    """A raw socket with lines."""

    def __init__(self, resource: str) -> None:
        kind, host, port, link = resource.split("::")
        assert (kind, link) == ("TCPIP", "SOCKET")
        self._socket = socket.create_connection((host, int(port)), timeout=30)
        self._lines = self._socket.makefile("r", encoding="ascii", newline="\n")

    def write(self, command: str) -> None:
        self._socket.sendall(command.encode() + b"\n")

    def ask(self, command: str) -> str:
        self.write(command)
        return self._lines.readline().rstrip("\n")

    def silent_for(self, seconds: float) -> bool:
        self._socket.settimeout(seconds)
        try:
            return self._socket.recv(1) == b""
        except TimeoutError:
            return True

    def close(self) -> None:
        self._lines.close()
        self._socket.close()


@pytest.fixture
def scpi() -> Iterator[Callable[[str], Scpi]]:
    opened: list[Scpi] = []

    def connect(resource: str) -> Scpi:
        opened.append(Scpi(resource))
        return opened[-1]

    yield connect
    for client in opened:
        client.close()


Connect = Callable[[str], Scpi]


def test_every_driver_that_talks_to_a_device_has_a_twin() -> None:
    programs = {"command", "pdudaemon", "uhubctl", "sigrok", "tegrastats"}
    files_and_libraries = {"ina3221", "rapl", "nvml", "js220"}
    not_ours = {"ptdaemon"}  # SPEC's program; its published conversations are the counterpart
    assert TWINS.keys() == (METERS.keys() | SWITCHES.keys()) - programs - files_and_libraries - not_ours


@pytest.mark.parametrize(
    ("notation", "header"),
    [
        ("[INPut:]VOLTage:RANGe?", ":INP:VOLT:RANG?"),
        ("[INPut:]VOLTage:RANGe?", ":VOLTAGE:RANGE?"),
        ("NUMeric[:NORMal]:ITEM#", ":NUM:NORM:ITEM12"),
        ("MEASure[:SCALar]:VOLTage[:DC]?", "MEAS:VOLT?"),
        ("*IDN?", "*IDN?"),
    ],
)
def test_headers_are_known_in_long_and_short_form(notation: str, header: str) -> None:
    assert header_pattern(notation).fullmatch(header)


def test_a_header_cut_short_elsewhere_is_unknown() -> None:
    assert not header_pattern("MEASure:VOLTage?").fullmatch("MEA:VOLT?")
    assert not header_pattern("MEASure:VOLTage?").fullmatch("MEASU:VOLT?")


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "500.0E-03"), (300.0, "300.0E+00"), (13.0424, "13.04E+00"), (0.0, "0.000E+00"), (float("nan"), "NAN")],
)
def test_yokogawa_numbers_have_exponents_of_three(value: float, text: str) -> None:
    assert engineering(value, 4) == text


def test_wt310e_wakes_with_headers_and_automatic_ranges(scpi: Connect) -> None:
    with started("wt310e") as (_, resource, _rail):
        meter = scpi(resource)
        assert meter.ask("*IDN?").startswith("YOKOGAWA,WT310E,")
        assert meter.ask(":VOLT:AUTO?;:CURR:AUTO?") == ":VOLT:AUTO 1;:CURR:AUTO 1"
        meter.write(":COMM:HEAD OFF")
        meter.write(":INP:VOLT:RANG 15;:INP:CURR:RANG 2")
        state = meter.ask(":CFAC?;:CURR:RANG?;:CURR:AUTO?;:VOLT:RANG?;:VOLT:AUTO?")
        assert state == "3;2.000E+00;0;15.00E+00;0"


def test_wt310e_gives_one_update_as_often_as_it_is_asked_and_the_next_after_its_period(scpi: Connect) -> None:
    with started("wt310e") as (_, resource, rail):
        meter = scpi(resource)
        meter.write(":COMM:HEAD OFF;:RATE 100MS;:INP:VOLT:RANG 15;:INP:CURR:RANG 2;:NUM:NORM:NUM 3")
        assert meter.ask(":NUM:NORM:VAL?") == "NAN,NAN,NAN"
        meter.ask(":STAT:EESR?")
        meter.ask(":COMM:WAIT 1;:STAT:EESR?;:NUM:NORM:VAL?")
        took_ns, first, then, last = 0, "", "", ""
        while not 0 < took_ns < 90e6:  # a busy machine takes longer now and then
            begin_ns = time.monotonic_ns()
            first, then, last = (meter.ask(":NUM:NORM:VAL?") for _ in range(3))
            took_ns = time.monotonic_ns() - begin_ns
        assert first == then or then == last
        assert meter.ask(":STAT:EESR?") in {"0", "1"}
        event, _, second = meter.ask(":COMM:WAIT 1;:STAT:EESR?;:NUM:NORM:VAL?").partition(";")
        assert event == "1"
        assert second != first
        volts, amps, watts = map(float, second.split(","))
        assert volts == pytest.approx(12.0, abs=12.0 * 0.001 + 15 * 0.002)
        assert amps == pytest.approx(7 / 12, abs=7 / 12 * 0.001 + 2 * 0.002)
        assert watts == pytest.approx(7.0, abs=7.0 * 0.001 + 30 * 0.002)
        rail.switch(False)
        while float(meter.ask(":COMM:WAIT 1;:STAT:EESR?;:NUM:NORM:VAL?").partition(";")[2].split(",")[0]) > 0:
            pass


def test_wt310e_shows_overrange_and_never_a_number(scpi: Connect) -> None:
    with started("wt310e") as (_, resource, _rail):
        meter = scpi(resource)
        meter.write(":COMM:HEAD OFF;:RATE 100MS;:INP:VOLT:RANG 15;:INP:CURR:RANG 0.2")
        meter.ask(":STAT:EESR?")
        assert meter.ask(":COMM:WAIT 1;:NUM:NORM:VAL?") == "INF,INF,INF"


def test_wt310e_queues_what_it_refuses(scpi: Connect) -> None:
    with started("wt310e") as (_, resource, _rail):
        meter = scpi(resource)
        meter.write(":COMM:HEAD OFF")
        meter.write(":INP:VOLT:RANG 17")
        meter.write(":NO:SUCH:THING 1")
        assert [meter.ask(":STAT:ERR?") for _ in range(3)] == [
            '222,"Data out of range"',
            '113,"Undefined header"',
            '0,"No error"',
        ]


def test_n6705c_measures_from_the_question_on_for_points_times_interval(scpi: Connect) -> None:
    with started("n6705c", {"channel": 2}) as (_, resource, _rail):
        meter = scpi(resource)
        meter.write("SENS:SWE:TINT 20.48E-6,(@2);:SENSE:SWEEP:POINTS 10000,(@2)")
        assert float(meter.ask("SENS:SWE:TINT? (@2)")) == pytest.approx(20.48e-6)
        assert meter.ask("SENS:SWE:POIN? (@2)") == "10000"
        begin_ns = time.monotonic_ns()
        volts = float(meter.ask("MEAS:VOLT? (@2)"))
        assert (time.monotonic_ns() - begin_ns) / 1e9 >= 0.2048
        amps = float(meter.ask("FETC:CURR? (@2)"))
        assert volts == pytest.approx(19.0, abs=19.0 * 0.00025 + 1.2e-3 + 1e-3)
        assert amps == pytest.approx(7 / 19, abs=7 / 19 * 0.0003 + 250e-6 + 100e-6)


def test_n6705c_switches_its_output_and_tells_it(scpi: Connect) -> None:
    with started("scpi-output", {"channel": 1}) as (_, resource, rail):
        supply = scpi(resource)
        assert supply.ask("OUTP? (@1)") == "1"
        supply.write("OUTP OFF,(@1)")
        assert supply.ask("OUTP? (@1)") == "0"
        assert not rail.on
        supply.write("OUTPUT:STATE ON,(@1)")
        assert supply.ask("OUTP? (@1)") == "1"
        assert float(supply.ask("MEAS:VOLT? (@1)")) == pytest.approx(19.0, abs=0.01)


def test_n6705c_queues_a_channel_that_has_no_module_and_a_missing_parameter(scpi: Connect) -> None:
    with started("n6705c", {"channel": 1}) as (_, resource, _rail):
        meter = scpi(resource)
        meter.write("OUTP ON,(@3)")
        meter.write("OUTP ON")
        assert [meter.ask("SYST:ERR?") for _ in range(3)] == [
            '-241,"Hardware missing"',
            '-109,"Missing parameter"',
            '+0,"No error"',
        ]


@contextmanager
def serial_line(path: str) -> Iterator[serial.Serial]:
    with serial.Serial(path, 9600, timeout=30, exclusive=True) as line:
        yield line


def wait_for_update(twin: Twin) -> int:
    """Return when the meter's value changed, on the monotonic clock: just now, unless this process stood still."""
    next_in_s = twin._updates.next_in_s()  # type: ignore[attr-defined]
    due_ns = time.monotonic_ns() + round(next_in_s * 1e9)
    time.sleep(next_in_s + 0.01)
    return due_ns


def test_um25c_answers_f0_with_130_bytes_at_the_places_that_are_known() -> None:
    with started("um25c") as (twin, path, _rail), serial_line(path) as line:
        wait_for_update(twin)
        line.write(b"\xf0")
        data = line.read(130)
        assert len(data) == 130
        assert line.read_all() == b""
        model, millivolts, units, milliwatts = struct.unpack_from(">HHHI", data)
        assert model == 0x09C9
        assert millivolts == pytest.approx(5000, abs=5 + 1 + 2)
        assert units == pytest.approx(1800, abs=2 + 4 + 1)
        assert milliwatts == pytest.approx(millivolts * units * 1e-4, abs=1)
        assert data[-2:] == b"\xff\xf1"


def test_um25c_shows_one_value_for_half_a_second_and_takes_135_ms_to_say_it() -> None:
    with started("um25c") as (twin, path, _rail), serial_line(path) as line:
        shown_ns = wait_for_update(twin)
        begin_ns = time.monotonic_ns()
        line.write(b"\xf0\xf0")
        two = line.read(260)
        assert len(two) == 260
        end_ns = time.monotonic_ns()
        assert (end_ns - begin_ns) / 1e9 >= 2 * 1300 / 9600
        assert two[:10] == two[130:140] or (end_ns - shown_ns) / 1e9 > 0.49


def test_um25c_takes_other_commands_without_an_answer() -> None:
    with started("um25c") as (_, path, _rail), serial_line(path) as line:
        line.timeout = 0.2
        line.write(b"\xf1\xa3\xd5")
        assert line.read(1) == b""


def test_um25c_frame_of_a_dead_rail_has_no_negative_and_no_division_by_zero() -> None:
    data = frame(Reading(volts=-0.002, amps=-0.0004), 0, 0)
    assert struct.unpack_from(">HHI", data, 2) == (0, 0, 0)
    assert struct.unpack_from(">I", data, 122) == (99999,)


def decrypted(answer: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(TC66C_KEY), modes.ECB()).decryptor()  # noqa: S305 -- the meter's choice
    return decryptor.update(answer) + decryptor.finalize()


def modbus_crc(data: bytes) -> int:
    """By bits from a table-free textbook form, unlike the twin's own."""
    remainder = 0xFFFF
    for bit in (byte >> k & 1 for byte in data for k in range(8)):
        remainder = remainder >> 1 ^ (0xA001 if (remainder ^ bit) & 1 else 0)
    return remainder


def test_the_crc_of_these_tests_is_the_published_one() -> None:
    assert modbus_crc(b"123456789") == 0x4B37


def test_tc66c_answers_getva_with_three_encrypted_blocks_whose_checksums_fit() -> None:
    with started("tc66c") as (twin, path, _rail), serial_line(path) as line:
        wait_for_update(twin)
        line.write(b"get")
        line.write(b"va\r\n")
        plain = decrypted(line.read(192))
        assert [plain[k : k + 4] for k in (0, 64, 128)] == [b"pac1", b"pac2", b"pac3"]
        for k in (0, 64, 128):
            assert int.from_bytes(plain[k + 60 : k + 64], "little") == modbus_crc(plain[k : k + 60])
        volts, amps, watts = struct.unpack_from("<III", plain, 48)
        assert volts == pytest.approx(50000, abs=25 + 2 + 5)
        assert amps == pytest.approx(56000, abs=56 + 4 + 15)
        assert watts == pytest.approx(28000, abs=28000 * 0.0016)


def test_tc66c_repeats_its_value_within_an_update_and_then_shows_another() -> None:
    with started("tc66c") as (twin, path, _rail), serial_line(path) as line:
        wait_for_update(twin)
        shown: list[bytes] = []
        deadline_ns = time.monotonic_ns() + 60 * 10**9
        while not 2 <= len(set(shown)) < len(shown) and time.monotonic_ns() < deadline_ns:
            line.write(b"getva")
            shown.append(decrypted(line.read(192))[48:60])
        assert 2 <= len(set(shown)) < len(shown)


def fetch(url: str, timeout_s: float = 5.0) -> Any:
    with build_opener(ProxyHandler({})).open(url, timeout=timeout_s) as answer:
        return json.load(answer)


def test_shelly_tells_and_switches_its_relay() -> None:
    with started("shelly", {"relay": 1}) as (_, url, rail):
        assert fetch(f"{url}/shelly")["num_outputs"] == 2
        assert fetch(f"{url}/relay/1")["ison"] is True
        assert fetch(f"{url}/relay/1?turn=off")["ison"] is False
        assert not rail.on
        assert fetch(f"{url}/relay/1?turn=toggle")["ison"] is True


@pytest.mark.parametrize(("path", "status"), [("/relay/0", 404), ("/nothing", 404), ("/relay/1?turn=maybe", 400)])
def test_shelly_refuses_what_it_does_not_have(path: str, status: int) -> None:
    with started("shelly", {"relay": 1}) as (_, url, _rail), pytest.raises(HTTPError) as seen:
        fetch(url + path)
    seen.value.close()
    assert seen.value.code == status


def test_a_silent_twin_takes_the_question_and_says_nothing_until_the_fault_ends(scpi: Connect) -> None:
    with started("scpi-output", {"channel": 1}) as (twin, resource, rail):
        twin.inject("silent")
        supply = scpi(resource)
        supply.write("OUTP OFF,(@1)")
        supply.write("*IDN?")
        assert supply.silent_for(0.2)
        assert rail.on
        twin.inject("silent", on=False)
        assert scpi(resource).ask("OUTP? (@1)") == "1"


def test_garbage_is_of_the_right_length_and_no_number(scpi: Connect) -> None:
    with started("n6705c") as (twin, resource, _rail):
        meter = scpi(resource)
        right = meter.ask("MEAS:VOLT? (@1)")
        twin.inject("garbage")
        wrong = meter.ask("MEAS:VOLT? (@1)")
        assert len(wrong) == len(right)
        assert not set(wrong) & set("0123456789")


def test_a_dropping_twin_leaves_out_some_answers_and_not_all() -> None:
    with started("tc66c") as (twin, _path, _rail):
        twin.inject("drop")
        answers = [twin.respond(b"query") for _ in range(100)]
        assert 5 <= answers.count(b"") <= 45
        assert answers.count(b"firm") == 100 - answers.count(b"")


def test_an_unknown_fault_is_refused_with_the_known_ones() -> None:
    with started("shelly") as (twin, _url, _rail), pytest.raises(ValueError, match="silent, garbage, drop"):
        twin.inject("on-fire")


@pytest.mark.parametrize("driver", sorted(TWINS))
def test_a_closed_twin_leaves_neither_port_nor_thread(driver: str) -> None:
    before = set(threading.enumerate())
    with started(driver) as (twin, address, _rail):
        assert set(threading.enumerate()) - before
        twin.inject(FAULTS[0])
    assert set(threading.enumerate()) <= before
    if "127.0.0.1:" in address:
        port = int(address.removesuffix("::SOCKET").replace("::", ":").rsplit(":", 1)[1])
        with socket.socket() as client:
            assert client.connect_ex(("127.0.0.1", port)) != 0
    twin.close()


def test_closing_does_not_wait_for_a_long_measurement(scpi: Connect) -> None:
    with started("n6705c") as (twin, resource, _rail):
        meter = scpi(resource)
        meter.write("SENS:SWE:TINT 1,(@1);:SENS:SWE:POIN 1000,(@1)")
        meter.ask("*OPC?")
        meter.write("MEAS:VOLT? (@1)")
        time.sleep(0.05)
        begin_ns = time.monotonic_ns()
        twin.close()
        assert time.monotonic_ns() - begin_ns < 20e9  # the measurement takes 1000 s


def test_the_same_seed_makes_the_same_unit() -> None:
    with started("tc66c", seed=3) as (one, *_), started("tc66c", seed=3) as (two, *_), started("tc66c") as (three, *_):
        assert one.unit_number == two.unit_number != three.unit_number


@pytest.mark.parametrize(("driver", "question", "size_bytes"), [("tc66c", b"getva", 192), ("um25c", b"\xf0", 130)])
def test_a_usb_meter_outlives_the_memory_of_its_supply(
    driver: str, question: bytes, size_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its counters go on from power-up, of which the supply knows nothing any more after some hours."""
    monkeypatch.setattr(truth, "_HISTORY_TICKS", 120)  # some two seconds, half of which stay
    with started(driver) as (_, address, rail), serial.Serial(address, 115200, timeout=30) as port:
        born_ns = time.monotonic_ns()
        with pytest.raises(ValueError, match="begins"):  # noqa: PT012 -- until it has forgotten
            while time.monotonic_ns() - born_ns < 60e9:
                rail.supply.joules(born_ns)
                time.sleep(0.02)
        port.write(question)
        assert len(port.read(size_bytes)) == size_bytes
