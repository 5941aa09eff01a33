"""Otii: JSON lines, refusals under their own names, and a recording fetched as it grows."""

import json
import time
from typing import Any, ClassVar

import numpy as np
import pytest
from pydantic import SecretStr

from power.block import Block, Flag
from power.errors import FrameError, InstrumentFault, MeterOffline, WrongInstrument
from power.meter import Meter
from power.testing import Answering, Clock, MeterConformance, Replay
from power.usb.otii import Otii, Server, _device, _log_in


class Numbered:
    """Makes a question of each request, and gives the answer its number, as the server does."""

    def __init__(self, port: Answering) -> None:
        self._port, self._number = port, ""

    def write(self, data: bytes) -> None:
        self._number = json.loads(data)["trans_id"]
        self._port.write(data.strip())

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        return self._port.read_line(terminator, timeout_s).replace(b'"N"', f'"{self._number}"'.encode())

    def __getattr__(self, name: str):  # the rest of a port
        return getattr(self._port, name)


def line(**fields: object) -> bytes:
    return json.dumps({"type": "response", "trans_id": "N", "cmd": "x", **fields}).encode() + b"\r\n"


class TestOtii(MeterConformance):
    driver = "otii"
    options: ClassVar = {"address": "127.0.0.1:1905"}
    garbage = b"\xa5garbage\r\n"

    def meter_on(self, port: Replay) -> Meter:
        return Otii("m1", Server("m1", Numbered(port)), "D1")

    def answers(self, volts: float, amps: float) -> list[bytes]:
        return [line(data={"value": amps}), line(data={"value": volts})]


def server(respond: Any) -> Server:
    def answer(data: bytes) -> bytes:
        asked = json.loads(data)
        return respond(asked["cmd"], asked["data"])

    return Server("m1", Numbered(Answering(answer)))


@pytest.mark.parametrize(
    ("code", "hint"),
    [("Could not login", "username and password"), ("No license", "Automation licence"), ("Not logged in", "log in")],
)
def test_refusals_have_a_name_and_a_remedy(code: str, hint: str) -> None:
    with pytest.raises(InstrumentFault, match=code) as seen:
        server(lambda *_: line(type="error", errorcode=code)).ask("otii_login")
    assert hint in seen.value.hint


def test_progress_information_and_answers_to_others_are_passed_over() -> None:
    noise = (
        line(type="progress") + line(type="information", info="connected") + line(trans_id="other", data={"value": 9})
    )
    assert server(lambda *_: noise + line(data={"value": 0.5})).number("arc_get_value", "value") == 0.5


@pytest.mark.parametrize("value", [None, "0.5", True, [0.5]])
def test_what_is_no_number_is_never_one(value: object) -> None:
    with pytest.raises(FrameError, match="not a number"):
        server(lambda *_: line(data={"value": value})).number("arc_get_value", "value")


def test_it_logs_in_and_reserves_a_licence_only_where_that_is_needed() -> None:
    asked: list[str] = []

    def respond(command: str, data: dict) -> bytes:
        asked.append(command)
        licence = {"id": 3, "type": "Automation", "available": True, "reserved_to": ""}
        answers = {"otii_is_logged_in": {"logged_in": False}, "otii_get_licenses": {"licenses": [licence]}}
        return line(data=answers.get(command, {}))

    _log_in(server(respond), Otii.Config(username="a", password=SecretStr("b")))
    assert asked == ["otii_is_logged_in", "otii_login", "otii_get_licenses", "otii_reserve_license"]


def test_an_application_without_accounts_is_asked_all_the_same() -> None:
    unknown = server(lambda *_: line(type="error", errorcode="Unknown command"))
    _log_in(unknown, Otii.Config())
    with pytest.raises(InstrumentFault, match="Unknown command"):
        _log_in(unknown, Otii.Config(username="a", password=SecretStr("b")))
    with pytest.raises(InstrumentFault, match="Not logged in"):
        _log_in(server(lambda *_: line(type="error", errorcode="Not logged in")), Otii.Config())


def test_another_unit_is_named_and_none_is_offline() -> None:
    arc = {"device_id": "D1", "name": "Arc", "type": "Arc"}
    with_one = server(lambda *_: line(data={"devices": [arc]}))
    assert _device("m1", with_one, None) == ("D1", "Arc")
    with pytest.raises(WrongInstrument, match="D1 is plugged in, not D2"):
        _device("m1", with_one, "D2")
    with pytest.raises(MeterOffline, match="0 units"):
        _device("m1", server(lambda *_: line(data={"devices": []})), None)
    with pytest.raises(MeterOffline, match="2 units"):
        _device("m1", server(lambda *_: line(data={"devices": [arc, arc]})), None)


class Recording:
    """A recording that grows with the clock of the test: amps count up, volts stay."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._begun_ns = clock, clock.monotonic_ns()
        self.asked: list[str] = []
        self.hole_s = 0.0
        self.interval_s = {"mc": 0.00025, "mv": 0.001}

    def respond(self, command: str, data: dict) -> bytes:
        self.asked.append(command)
        answer: dict[str, Any] = {"recording_id": 7}
        if command.startswith("recording_get"):
            interval_s = self.interval_s[data["channel"]]
            count = round((self._clock.monotonic_ns() - self._begun_ns) / 1e9 / interval_s)
            answer["count"] = count
            if "index" in data:
                place = np.arange(data["index"], data["index"] + data["count"])
                values = place * 0.001 if data["channel"] == "mc" else np.full(len(place), 5.0)
                hole_s = self.hole_s if data["index"] else 0.0
                timestamp = data["index"] * interval_s + hole_s
                answer = {"timestamp": timestamp, "interval": interval_s, "values": values.tolist()}
        return line(data=answer)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "sleep", clock.sleep)
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    return clock


def blocks(recording: Recording, count: int) -> Block:
    stream = Otii("m1", server(recording.respond), "D1").stream()
    try:
        return Block.join(next(stream) for _ in range(count))
    finally:
        stream.close()


def test_a_recording_comes_in_milliseconds_with_its_own_time(clock: Clock) -> None:
    recording = Recording(clock)
    trace = blocks(recording, 3)
    assert set(np.diff(trace.t_ns).tolist()) == {1_000_000}
    assert trace.amps[:2] == pytest.approx([0.0015, 0.0055])
    assert set(trace.volts) == {5.0}
    assert not trace.flags.any()
    assert recording.asked[-2:] == ["project_stop_recording", "recording_delete"]


def test_a_hole_in_the_recording_is_flagged(clock: Clock) -> None:
    recording = Recording(clock)
    recording.hole_s = 0.5
    assert np.flatnonzero(blocks(recording, 3).flags).size == 1
    assert int(blocks(recording, 2).flags.max()) == Flag.LOST_BEFORE


def test_a_rate_that_does_not_fit_is_named(clock: Clock) -> None:
    recording = Recording(clock)
    recording.interval_s = {"mc": 0.0003, "mv": 0.001}
    with pytest.raises(InstrumentFault, match=r"channel mc has a sample every 0\.0003 s"):
        blocks(recording, 1)


def test_a_recording_that_does_not_grow_is_offline(clock: Clock) -> None:
    recording = Recording(clock)
    recording.interval_s = {"mc": 1e9, "mv": 1e9}
    with pytest.raises(MeterOffline, match="nothing was recorded"):
        blocks(recording, 1)


def test_what_has_gathered_while_this_machine_stood_still_comes_in_answers_that_are_soon_there(clock: Clock) -> None:
    recording, sizes = Recording(clock), list[int]()

    def respond(command: str, data: dict) -> bytes:
        answer = recording.respond(command, data)
        sizes.append(len(answer))
        return answer

    stream = Otii("m1", server(respond), "D1").stream()
    first = next(stream)
    clock.sleep(20)
    trace = Block.join([first, *(next(stream) for _ in range(60))])
    stream.close()
    assert max(sizes) < 40_000
    assert len(trace) > 20_000
    assert not trace.flags.any()


def test_an_answer_that_gets_lost_loses_no_reading(clock: Clock) -> None:
    recording, silent = Recording(clock), iter([False] * 3 + [True, False, True] + [False] * 100)

    def respond(command: str, data: dict) -> bytes:
        return b"" if next(silent) else recording.respond(command, data)

    stream = Otii("m1", server(respond), "D1").stream()
    trace = Block.join(next(stream) for _ in range(3))
    stream.close()
    assert set(np.diff(trace.t_ns).tolist()) == {1_000_000}
    assert not trace.flags.any()
