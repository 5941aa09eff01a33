"""PTDaemon: the conversation of published MLPerf sessions, played by a port, and by a server on a socket."""

import math
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import pytest

from power.errors import FrameError, InstrumentFault, MeterOffline, WrongInstrument
from power.meter import Meter
from power.ptd.daemon import PtDaemon
from power.ptd.line import decode, parse, samples_to_come
from power.testing import MeterConformance, Replay

WIRE = Path(__file__).parents[1] / "wire" / "traces"
OPTIONS = PtDaemon.Config(address="x:1", volts_range=300, amps_range=0.5, interval_ms=100)
IDENTIFY = (
    "YokogawaWT330E,1000,1,1,1,1,0,0,1,version=1.9.2-e8c7a49a-20201208,OS=Linux 5.8.0-43-generic #49~20.04.1-Ubuntu,"
    "mode=power,1,1,1,0,0,no_cal_date,YOKOGAWA;WT333E;C3VD30030E;F1.04"
)
"""As in closed/Krai of mlcommons/inference_results_v1.0, server.json."""


def row(ms: int, watts: float, volts: float = 247.95, amps: float = 0.07569) -> str:
    return f"Time,08-07-2021 11:58:{ms // 1000:02d}.{ms % 1000:03d},Watts,{watts},Volts,{volts},Amps,{amps},PF,0.366"


class Asking:
    """Makes each line that is written a question of the replayed port."""

    def __init__(self, port: Replay) -> None:
        self._port = port
        self.discard, self.read_line, self.read_exactly = port.discard, port.read_line, port.read_exactly
        self.close = port.close

    def write(self, data: bytes) -> None:
        self._port.write(data + b"?")


class TestPtDaemon(MeterConformance):
    driver = "ptdaemon"
    options: ClassVar = {"address": "127.0.0.1:8888", "volts_range": 300, "amps_range": "Auto"}

    def meter_on(self, port: Replay) -> Meter:
        return PtDaemon("m1", Asking(port), OPTIONS)

    def answers(self, volts: float, amps: float) -> list[bytes]:
        sample = f"Last 1 samples\r\n{row(33_523, volts * amps, volts, amps)}\r\n"
        return [b"No unread samples\r\n", sample.encode()]


class Daemon(socketserver.StreamRequestHandler):
    """As much of a daemon as published sessions show."""

    def handle(self) -> None:
        server = self.server
        for line in self.rfile:
            command = line.decode().strip()
            server.heard.append(command)
            for answer in server.answer(command):
                self.wfile.write(f"{answer}\r\n".encode())


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True

    def __init__(self, **answers: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Daemon)
        self.heard: list[str] = []
        self._answers, self._sample = answers, 0

    def answer(self, command: str) -> list[str]:
        word = command.partition(",")[0]
        if word in self._answers:
            return self._answers[word]
        if word == "RL":
            self._sample += 1
            return ["Last 2 samples", *(row(200 * self._sample + 100 * i, 6.5 + i) for i in range(2))]
        return {
            "Hello": ["Hello, PTDaemon here!"],
            "Identify": [IDENTIFY],
            "RR": ["Ranges,0,0.500000,1,300.000000"],
            "SR": [f"Range {command[3:4]} changed"],
            "Go": ["Starting untimed measurement, maximum 500000 samples at 100ms with 0 rampup samples"],
            "DC-RL": ["Unknown command"],
            "Stop": ["Stopping untimed measurement"],
        }[word]


@contextmanager
def serving(**answers: list[str]) -> Iterator[tuple[Server, PtDaemon.Config]]:
    with Server(**answers) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            address = f"127.0.0.1:{server.server_address[1]}"
            yield server, OPTIONS.model_copy(update={"address": address})
        finally:
            server.shutdown()
            thread.join()


def test_a_whole_session_sets_the_ranges_measures_and_sets_them_back() -> None:
    with serving() as (server, config), PtDaemon.open("m1", config) as meter:
        identity = meter.identity()
        assert (identity.maker, identity.model, identity.serial_number) == ("YOKOGAWA", "WT333E", "C3VD30030E")
        assert identity.firmware == "F1.04 PTDaemon 1.9.2-e8c7a49a-20201208"
        block = next(iter(meter.stream()))
        assert block.watts.tolist() == [6.5, 7.5]
        assert block.volts == pytest.approx([247.95] * 2)  # its watts are not volts times amps
        assert block.t_ns[1] - block.t_ns[0] == pytest.approx(100e6, abs=1e5)
        meter.close()
        assert server.heard == [
            *("Hello", "Identify", "RR", "SR,V,300.000000", "SR,A,0.500000", "Go,100,0,farm", "RL,*", "RL,*"),
            *("Stop", "SR,V,Auto", "SR,A,0.500000"),
        ]


def test_ranges_that_nobody_names_are_left_as_they_are_and_then_the_uncertainty_is_unknown() -> None:
    with serving() as (server, config):
        free = PtDaemon.Config(address=config.address, interval_ms=100)
        with PtDaemon.open("m1", free) as meter:
            assert next(iter(meter.stream())).watts.tolist() == [6.5, 7.5]
            assert meter.accuracy.source.startswith("assumed: 5 %")
    assert not [said for said in server.heard if said.startswith("SR")]


@pytest.mark.parametrize(
    ("answers", "fault", "told"),
    [
        ({"Hello": ["220 ready"]}, WrongInstrument, "no PTDaemon"),
        ({"SR": ["Error: range not supported"]}, InstrumentFault, "SR,V,300.000000: 'Error: range"),
        ({"Go": ["Error: already measuring"]}, InstrumentFault, "Error: already measuring"),
        ({"RL": ["Unknown command"]}, InstrumentFault, "tells no samples: 'Unknown command'"),
    ],
)
def test_a_daemon_that_refuses_is_told(answers, fault, told) -> None:
    with serving(**answers) as (_, config), pytest.raises(fault, match=told):
        PtDaemon.open("m1", config)


def test_another_analyser_behind_the_daemon_is_a_lab_fault() -> None:
    with serving() as (_, config), pytest.raises(WrongInstrument, match="the analyser C3VD30030E answers"):
        PtDaemon.open("m1", config.model_copy(update={"serial_number": "C2PH13047V"}))


def test_nobody_there_is_offline() -> None:
    with serving() as (_, config):
        pass
    with pytest.raises(MeterOffline, match="nothing answers"):
        PtDaemon.open("m1", config)


def test_a_daemon_without_samples_is_offline_and_named() -> None:
    port = Replay([b"No unread samples\r\n"] * 1000)
    with PtDaemon("m1", Asking(port), OPTIONS) as meter, pytest.raises(MeterOffline, match="has no sample"):
        meter.read()


def test_an_answer_with_fewer_lines_than_it_says_is_no_sample() -> None:
    cut = f"Last 2 samples\r\n{row(100, 5.0)}\r\n{row(200, 5.0)[:30]}\r\n"
    port = Replay([b"No unread samples\r\n", cut.encode()])
    with PtDaemon("m1", Asking(port), OPTIONS) as meter, pytest.raises(FrameError):
        meter.read()


def test_what_stands_for_no_value_is_none() -> None:
    sample = parse("Time,11-13-2020 22:38:59.240,Watts,-1.000000,Volts,-1.000000,Amps,nan,PF,-1.000000")
    assert all(math.isnan(value) for value in (sample.watts, sample.volts, sample.amps))


def test_a_channel_is_taken_from_behind_the_mark() -> None:
    line = "Time,11-13-2020 22:38:59.240,Watts,9,Volts,-1,Amps,-1,PF,-1,Mark,x,Ch1,Watts,4,Volts,120,Amps,0.1,PF,0.9"
    assert parse(line, 1).watts == 4.0
    assert parse(line).watts == 9.0
    with pytest.raises(ValueError, match="no channel 2"):
        parse(line, 2)


@pytest.mark.parametrize(("said", "count"), [("Last 12 samples", 12), ("Last 1 sample", 1), ("No unread samples", 0)])
def test_the_answer_says_how_many_lines_follow(said, count) -> None:
    assert samples_to_come(said) == count


def test_automatic_ranges_widen_what_the_watts_may_be_off() -> None:
    automatic = OPTIONS.model_copy(update={"amps_range": "auto"})
    fixed, unknown = (PtDaemon("m1", Replay(), options).accuracy for options in (OPTIONS, automatic))
    assert fixed.watts is not None
    assert unknown.watts is not None
    assert unknown.watts.of_reading > fixed.watts.of_reading
    assert "assumed" in unknown.source


def test_a_captured_log_is_decoded_with_times_from_its_first_row() -> None:
    read = list(decode((WIRE / "mlperf-testing.txt").read_bytes()))
    assert [one.t_ns for one in read[:3]] == [0, 1_009_000_000, 2_018_000_000]
    assert (read[0].watts, read[0].volts) == (23.43, 228.37)
    with pytest.raises(ValueError, match="no row"):
        list(decode(b"nothing"))


MISSED = (
    "Time,08-10-2021 12:12:18.363,Watts,16.330000,Volts,120.660000,Amps,0.305690,PF,0.442700,Mark,t\n"
    "Time,08-10-2021 12:12:18.363,Watts,-2.000000,Volts,-2.000000,Amps,-2.000000,PF,-2.000000,Mark,t\n"
    "Time,08-10-2021 12:12:19.550,Watts,16.347000,Volts,120.660000,Amps,0.306950,PF,0.441400,Mark,t\n"
)
"""Rows of NVIDIA's Xavier NX, rnnt offline, in mlcommons/inference_results_v1.1; the daemon says "Missed 1 samples"."""


def test_a_sample_that_the_daemon_missed_is_no_value() -> None:
    assert [row.watts for row in decode(MISSED.encode())] == [16.33, 16.347]
    assert math.isnan(parse(MISSED.splitlines()[1]).watts)
