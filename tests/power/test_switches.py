"""Shelly over HTTP and a supply's output over SCPI, each with its device played by a relay."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest

from power.errors import SwitchOffline, SwitchUnconfirmed
from power.pdu.scpi_output import ScpiOutput
from power.pdu.shelly import Shelly, parse
from power.rested import OffHere, RestedSwitch
from power.scpi.port import ScpiPort
from power.switch import PowerSwitch, cycle
from power.testing import Answering, Clock, Relay, SwitchConformance


def shelly_answer(relay: Relay, path: str) -> bytes:
    """What a Shelly 1 answers, as its maker's API reference shows it."""
    if not relay.answers:
        raise TimeoutError("timed out")
    address, _, query = path.partition("?")
    if address != "/relay/0":
        raise ConnectionResetError(path)
    if query:
        relay.turn({"turn=on": True, "turn=off": False}[query])
    state: dict[str, Any] = {"ison": relay.on, "has_timer": False, "timer_remaining": 0, "source": "http"}
    return json.dumps(state).encode()


class TestShelly(SwitchConformance):
    driver = "shelly"
    options: ClassVar = {"url": "http://192.0.2.30", "relay": 0}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        options = Shelly.Config(url="http://192.0.2.30")
        return Shelly("s1", lambda path: shelly_answer(relay, path), options)


class TestScpiOutput(SwitchConformance):
    driver = "scpi-output"
    options: ClassVar = {"resource": "TCPIP::192.0.2.20::5025::SOCKET", "channel": 2}

    def switch_on(self, relay: Relay) -> PowerSwitch:
        def respond(data: bytes) -> bytes:
            if not relay.answers:
                return b""
            if data == b"OUTP? (@2)\n":
                return b"1\n" if relay.on else b"0\n"
            if data == b"STAT:QUES:COND? (@2)\n":
                return b"+0\n"
            relay.turn({b"OUTP ON,(@2)\n": True, b"OUTP OFF,(@2)\n": False}[data])
            return b""

        options = ScpiOutput.Config(resource="x", channel=2)
        return ScpiOutput("s1", ScpiPort("s1", Answering(respond)), options)


@pytest.mark.parametrize("answer", [b"", b"Not Found", b"[]", b"{}", b'{"ison": 1}', b'{"ison": "true"}'])
def test_an_answer_without_a_state_is_no_state(answer: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse(answer)


def test_an_output_that_answers_something_else_is_neither_on_nor_off() -> None:
    port = ScpiPort("s1", Answering(lambda _: b"+1.2E-03\n"))
    with ScpiOutput("s1", port, ScpiOutput.Config(resource="x")) as switch, pytest.raises(SwitchOffline):
        switch.state()


class Plain:
    """A switch on a relay."""

    name, min_off_s = "s1", 2.0

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    def on(self) -> None:
        self._relay.turn(True)

    def off(self) -> None:
        self._relay.turn(False)

    def state(self) -> bool:
        return self._relay.on


def test_the_minimum_off_time_is_kept_between_any_off_and_the_next_on(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waits = Clock(), list[float]()

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        clock.sleep(seconds)

    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    relay = Relay(on=True)
    switch = RestedSwitch(Plain(relay), sleep=sleep)
    switch.on()
    assert waits == []
    switch.off()
    clock.sleep(0.5)
    switch.on()
    assert waits == [1.5]
    cycle(switch, sleep=clock.sleep)
    switch.on()
    assert waits == [1.5]


def test_an_off_that_was_not_confirmed_is_rested_after_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Unconfirmed(Plain):
        def off(self) -> None:
            raise SwitchUnconfirmed(self.name)

    clock, waits = Clock(), list[float]()
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    switch = RestedSwitch(Unconfirmed(Relay(on=True)), sleep=waits.append)
    with pytest.raises(SwitchUnconfirmed):
        switch.off()
    switch.on()
    assert waits == [2.0]


def test_an_off_that_another_process_noted_is_rested_after(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, waits = Clock(), list[float]()
    monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
    noted = OffHere()
    RestedSwitch(Plain(Relay(on=True)), noted).off()
    clock.sleep(0.5)
    RestedSwitch(Plain(Relay(on=False)), noted, sleep=waits.append).on()
    assert waits == [1.5]
    assert noted.seconds() is None


def test_an_off_is_noted_before_it_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that is killed while it waits for the confirmation has left its note."""
    noted = OffHere()

    class Watched(Plain):
        def off(self) -> None:
            assert noted.seconds() is not None

    RestedSwitch(Watched(Relay(on=True)), noted).off()


@contextmanager
def http_server(relay: Relay) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = shelly_answer(relay, self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its name in the base class
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_shelly_is_reached_over_http_whatever_proxy_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    relay = Relay()
    with http_server(relay) as url, Shelly.open("s1", Shelly.Config(url=url)) as switch:
        switch.on()
    assert relay.on


def test_opening_a_switch_leaves_its_state_alone() -> None:
    relay = Relay(on=True)
    with http_server(relay) as url, Shelly.open("s1", Shelly.Config(url=url)):
        assert relay.on


def test_a_shelly_that_is_not_there_is_offline_and_named() -> None:
    with pytest.raises(SwitchOffline, match="s1: ") as seen:
        Shelly.open("s1", Shelly.Config(url="http://127.0.0.1:9"))
    assert seen.value.hint


def test_a_supply_that_is_not_there_is_offline_and_named() -> None:
    with pytest.raises(SwitchOffline, match=r"s1: TCPIP::127\.0\.0\.1::9::SOCKET: Connection refused"):
        ScpiOutput.open("s1", ScpiOutput.Config(resource="TCPIP::127.0.0.1::9::SOCKET"))
