"""Instruments that close the connection: opened again if it is the same unit, told if not, and never for ever."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from power.block import Flag
from power.errors import InstrumentFault, MeterOffline, WrongInstrument
from power.registry import load_meter
from power.sampler import Sampler
from power.scpi.port import ScpiPort
from power.scpi.supply_meters import DP832

IDENTITY = "RIGOL TECHNOLOGIES,DP832,DP8A000000001,00.01.14"
SETTLED = {"*IDN?": IDENTITY, ":MEAS:ALL? CH1": "5.0000,0.5000,2.500", "SYST:ERR?": '0,"No error"'}


class Instrument:
    """Answers over TCP; ``closes`` says, after each answer, whether it ends the connection then."""

    def __init__(self, closes: Callable[[int, int, str], bool], answers: dict[str, str] | None = None) -> None:
        self.connections = self.answered = 0
        self.answers = answers or SETTLED
        self.heard = list[str]()
        self.silent_to = ""
        self._closes = closes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.resource = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self._clients = list[socket.socket]()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._clients.append(client)
            with client, client.makefile("rb") as lines:
                self._converse(client, lines)

    def _converse(self, client: socket.socket, lines) -> None:
        said = 0
        try:
            for line in lines:
                command = line.decode().strip()
                self.heard.append(command)
                if command == self.silent_to:
                    return
                if "?" in command:
                    said += 1
                    self.answered += 1  # before whoever asked goes on
                    client.sendall(f"{self.answers.get(command, '')}\n".encode())
                if self._closes(self.connections, said, command):
                    return
        except OSError:
            pass

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for client in self._clients:
            with_end = client.fileno() >= 0
            if with_end:
                client.shutdown(socket.SHUT_RDWR)
        self._thread.join(5)


@contextmanager
def served(closes: Callable[[int, int, str], bool], **answers: str) -> Iterator[Instrument]:
    instrument = Instrument(closes, SETTLED | answers)
    try:
        yield instrument
    finally:
        instrument.close()


def opened(instrument: Instrument, driver: str = "dp832", **options: object):
    kind = load_meter(driver)
    return kind.open("psu-1", kind.Config.model_validate({"resource": instrument.resource, **options}))


@pytest.fixture(autouse=True)
def _no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("power.polling.Pace.wait", lambda _: None)


def wait_for_its_end(instrument: Instrument) -> None:
    """Wait until the end of a connection has reached who asks: on a busy host it comes later than it was sent."""
    port = int(instrument.resource.rpartition(":")[2])
    until_s = time.monotonic() + 10
    while True:
        lines = Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()
        for _, _, remote, state, *_ in map(str.split, lines):
            if remote.endswith(f":{port:04X}") and state == "08":  # CLOSE_WAIT
                return
        assert time.monotonic() < until_s
        time.sleep(0.002)


def test_what_was_closed_between_readings_is_opened_again_and_nothing_is_lost():
    flags = list[int]()
    with served(lambda nth, said, _: nth == 1 and said == 3) as instrument, opened(instrument) as meter:
        for _ in range(4):
            flags.append(int(meter.read().flags[0]))
            if instrument.answered == 3:  # closed while the next question is on its way would be another case
                wait_for_its_end(instrument)
    assert flags == [0, 0, 0, 0]
    assert instrument.connections == 2
    assert instrument.heard.count("*IDN?") == 2


def test_what_is_closed_instead_of_an_answer_is_asked_again_and_the_gap_is_flagged():
    with served(lambda *_: False) as instrument, opened(instrument) as meter:
        meter.read()
        instrument.silent_to = ":MEAS:ALL? CH1"
        with pytest.raises(MeterOffline, match="closed the connection"):
            meter.read()
        instrument.silent_to = ""
        block = meter.read()
    assert block.watts == pytest.approx([2.5])
    assert block.flags.tolist() == [Flag.LOST_BEFORE]


def test_a_question_that_is_cut_once_is_asked_again_at_once():
    cut = []

    def closes(nth: int, _said: int, command: str) -> bool:
        return nth == 1 and command == "INST:NSEL 1" and not cut and instrument.answered > 3 and not cut.append(1)

    answers = {"*IDN?": "HAMEG,HMP4040,026043549,HW50020001/SW2.50", "MEAS:VOLT?": "5.0", "MEAS:CURR?": "0.5"}
    with served(closes, **answers) as instrument, opened(instrument, "hmp4040") as meter:
        told = [meter.read() for _ in range(4)]
    assert [block.watts[0] for block in told] == pytest.approx([2.5] * 4)
    assert [int(block.flags[0]) for block in told].count(Flag.LOST_BEFORE) == 1
    assert cut
    since = instrument.heard[len(instrument.heard) - instrument.heard[::-1].index("*IDN?") :]
    assert "INST:NSEL 1" in since[: since.index("MEAS:VOLT?")]  # a command on a closed link may not have arrived


MULTIMETER = {
    "*IDN?": "KEITHLEY INSTRUMENTS,MODEL DMM6500,04340543,1.0.04b", "*LANG?": "SCPI", ":SENS:FUNC?": '"CURR:DC"',
    ":READ?": "+1.500000E-01", ":SENS:CURR:APER?": "2.000000E-02", ":SENS:VOLT:APER?": "2.000000E-02",
}  # fmt: skip


def restarts(nth: int, _said: int, command: str) -> bool:
    return nth == 1 and command == ":READ?"


def test_an_instrument_that_was_switched_off_and_on_is_set_up_before_it_is_asked():
    with served(restarts, **MULTIMETER) as instrument, opened(instrument, "dmm6500", measures="amps") as meter:
        told = [float(meter.read().amps[0]) for _ in range(2)]
    assert told == [0.15, 0.15]
    since = instrument.heard[len(instrument.heard) - instrument.heard[::-1].index("*IDN?") :]
    assert ':SENS:FUNC "CURR:DC"' in since[: since.index(":READ?")], "it wakes up measuring volts"


def test_one_that_wakes_up_with_another_quantity_that_nobody_set_gives_no_reading():
    with served(restarts, **MULTIMETER) as instrument, opened(instrument, "dmm6500") as meter:
        assert meter.read().amps == pytest.approx([0.15])
        instrument.answers = instrument.answers | {":SENS:FUNC?": '"VOLT:DC"'}
        for _ in range(2):
            with pytest.raises(InstrumentFault, match="its link broke, and it is set to something else"):
                meter.read()


def test_what_any_instrument_was_sent_to_set_it_up_is_sent_again():
    closes: Callable[[int, int, str], bool] = lambda nth, _said, command: nth == 1 and command == "READ?"  # noqa: E731
    options = {"setup": ["CONF:CURR"], "query": "READ?", "fields": ["amps"]}
    with served(closes, **{"READ?": "0.15"}) as instrument, opened(instrument, "scpi", **options) as meter:
        told = [float(meter.read().amps[0]) for _ in range(2)]
    assert told == [0.15, 0.15]
    assert [one for one in instrument.heard if one != "*IDN?"] == ["CONF:CURR", "READ?"] * 2


def test_another_unit_that_answers_after_it_was_opened_again_is_the_wrong_instrument():
    with served(lambda nth, said, _: nth == 1 and said == 2) as instrument, opened(instrument) as meter:
        meter.read()
        instrument.answers = SETTLED | {"*IDN?": IDENTITY.replace("0001,", "0002,")}
        with pytest.raises(WrongInstrument, match=r"DP8A000000002.* answers there, not .*DP8A000000001"):
            meter.read()


def test_one_that_closes_after_each_answer_is_given_up_and_why_is_told():
    told = list[float]()

    def read_on(meter):
        while True:
            told.append(float(meter.read().watts[0]))

    with (
        served(lambda _, said, command: said >= 2 and command != "SYST:ERR?") as instrument,
        opened(instrument) as meter,
        pytest.raises(MeterOffline, match="its link broke 6 times") as seen,
    ):
        read_on(meter)
    assert told == [2.5] * 6
    assert "second program" in seen.value.hint
    assert instrument.connections == 6


def test_one_that_closes_once_while_it_is_set_up_is_set_up_again():
    with served(lambda nth, *_: nth == 1) as instrument, opened(instrument) as meter:
        assert meter.read().watts == pytest.approx([2.5])
    assert instrument.connections == 2


@pytest.mark.parametrize("driver", ["dp832", "hmp4040", "n6705c", "34465a", "dmm6500", "2281s", "scpi"])
def test_one_that_always_closes_while_it_is_set_up_is_a_fault_that_says_so(driver):
    makers = {
        "hmp4040": "HAMEG,HMP4040,1,1", "n6705c": "Keysight Technologies,N6705C,1,1", "34465a": "Keysight,34465A,1,1",
        "dmm6500": "KEITHLEY INSTRUMENTS,MODEL DMM6500,1,1", "2281s": "KEITHLEY INSTRUMENTS,MODEL 2281S-20-6,1,1",
    }  # fmt: skip
    with served(lambda *_: True, **{"*IDN?": makers.get(driver, IDENTITY)}) as instrument:
        instrument.silent_to = "*IDN?" if driver in ("dp832", "scpi") else ""
        with pytest.raises(MeterOffline, match="set up twice, and closed the connection each time") as seen:
            opened(instrument, driver, **({"measures": "amps"} if driver in ("34465a", "dmm6500") else {}))
    assert "LAN menu" in seen.value.hint
    assert 2 <= instrument.connections <= 4


def test_a_sampler_goes_on_over_a_link_that_closes_now_and_then(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(DP832, "rate_hz", 500.0)
    with (
        served(lambda nth, said, _: nth < 4 and said >= 40) as instrument,
        opened(instrument) as meter,
        Sampler(meter) as sampler,
    ):
        while instrument.answered < 200:
            threading.Event().wait(0.01)
        trace = sampler.stop()
    assert instrument.connections == 4
    assert trace.block.watts == pytest.approx(np.full(len(trace.block), 2.5))
    assert len(trace.block) >= 180


def test_a_link_that_nobody_can_open_again_stays_broken():
    with served(lambda _, said, __: said == 1) as instrument:
        port = ScpiPort("m1", ScpiPort.open("m1", instrument.resource)._port)
        assert port.query("*IDN?") == IDENTITY
        for _ in range(2):
            with pytest.raises(MeterOffline):
                port.query("*IDN?")
        port.close()
    assert instrument.connections == 1
