"""Switches as an inventory opens them: real programs, a real HTTP server, a real pseudo-terminal."""

import os
import socket
import stat
import sys
import threading
import time
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from power.errors import SwitchBlind, SwitchOffline
from power.pdu.command import Command
from power.pdu.pdudaemon import PduDaemon
from power.pdu.program import run
from power.pdu.serial_relay import SerialRelay
from power.pdu.snmp import SnmpPdu
from power.pdu.tasmota import Tasmota
from power.pdu.uhubctl import UHubCtl
from power.testing import Clock
from power.usb.serial_port import SerialPort


def test_a_users_commands_switch_and_tell(tmp_path: Path) -> None:
    state = tmp_path / "state"
    shell = ["sh", "-c"]
    options = Command.Config(
        on=[*shell, f"echo on > {state}"], off=[*shell, f"echo off > {state}"], state=["cat", str(state)]
    )
    state.write_text("off\n")
    with Command.open("s1", options) as switch:
        switch.on()
        assert switch.state() is True
        switch.off()
        assert switch.state() is False
        state.write_text("half\n")
        with pytest.raises(SwitchOffline, match="neither 'on' nor 'off'"):
            switch.state()


def test_no_shell_reads_a_users_arguments(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    printed = run("s1", ["echo", f"; touch {marker}", "$HOME"], timeout_s=10, hint="look")
    assert printed == f"; touch {marker} $HOME\n"
    assert not marker.exists()


def test_a_command_that_hangs_is_ended_with_all_that_it_started(tmp_path: Path) -> None:
    note = tmp_path / "child"
    hangs = ["sh", "-c", f"sleep 600 & echo $! > {note}; wait"]
    with pytest.raises(SwitchOffline, match=r"s1: sh -c .*: did not end within 2 s") as seen:
        run("s1", hangs, timeout_s=2.0, hint="look at the plug")
    assert seen.value.hint == "look at the plug"
    child, deadline = int(note.read_text()), time.monotonic() + 20
    while lives(child):
        assert time.monotonic() < deadline, f"{child} is still there"
        time.sleep(0.01)


def lives(pid: int) -> bool:
    """Whether a process runs: not gone, and not dead and waiting for somebody to hear of it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["no-such-program-here"], "No such file"),
        (
            ["sh", "-c", "echo first >&2; echo 'plug: not found' >&2; exit 3"],
            "ended with 3 and said: first; plug: not found",
        ),
        (["false"], "ended with 1 and said: nothing"),
    ],
)
def test_a_command_that_fails_is_offline_and_quoted(argv: list[str], told: str) -> None:
    with pytest.raises(SwitchOffline, match=told) as seen:
        Command.open("s1", Command.Config(on=["true"], off=["false"], state=argv))
    assert seen.value.transient
    assert seen.value.hint


UHUBCTL = """#!{python}
import pathlib, sys
state = pathlib.Path({state!r})
arguments = sys.argv[1:]
if arguments[1] != "1-1.4":
    print(f"No compatible devices detected at location {{arguments[1]}}!", file=sys.stderr)
    print("Run with -h to get usage info.", file=sys.stderr)
    sys.exit(1)
hub = "hub 1-1.4 [2109:2813 VIA Labs, Inc. USB2.0 Hub, USB 2.10, 4 ports, ppps]"
lines = {{"on": "  Port 2: 0503 power highspeed enable connect [18d1:9302]", "off": "  Port 2: 0000 off"}}
print(f"Current status for {{hub}}\\n{{lines[state.read_text()]}}")
if "-a" in arguments:
    state.write_text(arguments[arguments.index("-a") + 1])
    print(f"Sent power {{state.read_text()}} request\\nNew status for {{hub}}\\n{{lines[state.read_text()]}}")
"""
"""Says what uhubctl 2.5 says."""


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    program, state = tmp_path / "uhubctl", tmp_path / "state"
    state.write_text("on")
    program.write_text(UHUBCTL.format(python=sys.executable, state=str(state)))
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_a_hubs_port_is_switched_through_the_program(hub: Path) -> None:
    with UHubCtl.open("s1", UHubCtl.Config(location="1-1.4", port=2, program=str(hub))) as switch:
        switch.off()
        assert switch.state() is False
        switch.on()
        assert switch.state() is True


def test_a_hub_that_is_not_there_is_named(hub: Path) -> None:
    with pytest.raises(SwitchOffline, match="No compatible devices detected at location 3-2!") as seen:
        UHubCtl.open("s1", UHubCtl.Config(location="3-2", port=2, program=str(hub)))
    assert "udev" in seen.value.hint
    with pytest.raises(SwitchOffline, match="No such file") as seen:
        UHubCtl.open("s1", UHubCtl.Config(location="3-2", port=2, program="/no/such/uhubctl"))
    assert "install" in seen.value.hint


@contextmanager
def http(answers: dict[str, tuple[int, bytes]]) -> Iterator[tuple[str, list[str]]]:
    """A server with an answer for each path; its url, and the paths that were asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            status, body = answers.get(self.path, (404, b"no such thing"))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its name in the base class
            """Keep the test's output clean."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()
            thread.join()


def test_a_tasmota_gets_its_password_over_http_and_errors_do_not() -> None:
    login = "/cm?user=admin&password=a%20b%26c&"
    with http({f"{login}cmnd=Power1": (200, b'{"POWER":"OFF"}')}) as (url, asked):
        options = Tasmota.Config.model_validate({"url": url, "password": "a b&c"})
        with Tasmota.open("s1", options) as switch, pytest.raises(SwitchOffline, match="Power1 On: HTTP 404") as seen:
            switch.on()
    assert asked == [f"{login}cmnd=Power1", f"{login}cmnd=Power1%20On"]
    assert "a%20b" not in str(seen.value) + repr(seen.value.__cause__)


def test_pdudaemon_takes_a_request_and_quotes_why_it_does_not() -> None:
    accepted = {"/power/control/on?hostname=apc&port=5": (200, b"OK - accepted request\n")}
    refused = {"/power/control/off?hostname=apc&port=5": (500, b"Invalid request: apc is not known\n")}
    with http(accepted | refused) as (url, _):
        switch = PduDaemon.open("s1", PduDaemon.Config(url=url, hostname="apc", outlet="5"))
        with pytest.raises(SwitchBlind):
            switch.on()
        with pytest.raises(SwitchOffline, match="HTTP 500: Invalid request: apc is not known"):
            switch.off()


@pytest.mark.parametrize("url", ["192.0.2.31", "ftp://192.0.2.31", "http://admin:secret@192.0.2.31", "http://x/?a=b"])
def test_a_url_that_is_none_or_holds_a_password_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url"):
        Tasmota.Config.model_validate({"url": url})


def test_a_passphrase_that_snmp_does_not_take_is_named_and_not_printed() -> None:
    options = SnmpPdu.Config.model_validate(
        {"host": "127.0.0.1", "port": 9, "outlet": 1, "version": "3", "user": "farm", "auth": "s3cret"}
    )
    with pytest.raises(SwitchOffline, match=r"^s1: a passphrase .* 8 characters at least") as seen:
        SnmpPdu.open("s1", options)
    assert "s3cret" not in str(seen.value)


def test_bytes_that_are_no_snmp_are_told_as_such_and_print_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
        agent.bind(("127.0.0.1", 0))

        def answer() -> None:
            while (asked := agent.recvfrom(4096))[0] != b"END":
                agent.sendto(b"\xe5\x03abc", asked[1])  # pyasn1 raises TypeError on these

        thread = threading.Thread(target=answer)
        thread.start()
        options = SnmpPdu.Config.model_validate(
            {"host": "127.0.0.1", "port": agent.getsockname()[1], "outlet": 1, "community": "x", "timeout_s": 0.1}
        )
        with pytest.raises(SwitchOffline, match="only bytes that are no SNMP"):
            SnmpPdu.open("s1", options)
        agent.sendto(b"END", agent.getsockname())
        thread.join()
    assert capfd.readouterr().err == ""


@contextmanager
def relay_board() -> Iterator[tuple[str, list[bytes]]]:
    """Four feedback relays on a pseudo-terminal; what was written to it, frame by frame."""
    ours, theirs = os.openpty()
    tty.setraw(theirs)
    states, heard = bytearray(4), list[bytes]()

    def serve() -> None:
        while (frame := os.read(ours, 4)) != b"END.":
            heard.append(frame)
            channel, operation = frame[1], frame[2]
            if operation == 5:
                state = states[channel - 1]
                os.write(ours, bytes((0xA0, channel, state, (0xA0 + channel + state) & 0xFF)))
            else:
                states[channel - 1] = operation

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield os.ttyname(theirs), heard
    finally:
        os.write(theirs, b"END.")
        thread.join(10)
        os.close(ours)
        os.close(theirs)


def test_two_relays_of_one_board_are_switched_side_by_side() -> None:
    with relay_board() as (port, heard):
        one, two = (SerialRelay.Config(port=port, channel=n, board="lcus-feedback") for n in (1, 2))
        with SerialRelay.open("s1", one) as first, SerialRelay.open("s2", two) as second:
            first.on()
            second.on()
            first.off()
            assert (first.state(), second.state()) == (False, True)
    assert bytes.fromhex("A0 01 01 A2") in heard
    assert bytes.fromhex("A0 02 01 A3") in heard


def test_a_port_that_another_relays_switch_has_for_a_moment_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with relay_board() as (port, heard):
        options = SerialRelay.Config(port=port, board="lcus-feedback")
        with SerialRelay.open("s1", options) as switch:
            other = SerialPort.open("s2", port, baud=9600)
            monkeypatch.setattr(time, "sleep", lambda _: other.close())
            switch.on()
    assert bytes.fromhex("A0 01 01 A2") in heard


def test_a_port_that_another_program_keeps_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    with relay_board() as (port, _):
        options = SerialRelay.Config(port=port, board="lcus-feedback")
        with SerialRelay.open("s1", options) as switch:
            other = SerialPort.open("s2", port, baud=9600)
            monkeypatch.setattr(time, "sleep", clock.sleep)
            monkeypatch.setattr(time, "monotonic_ns", clock.monotonic_ns)
            with pytest.raises(SwitchOffline, match="exclusively lock"):
                switch.on()
            other.close()


def test_opening_a_relay_that_cannot_be_asked_sends_it_nothing() -> None:
    with relay_board() as (port, heard), SerialRelay.open("s1", SerialRelay.Config(port=port, board="lcus")):
        pass
    assert heard == []


def test_a_relay_board_that_is_not_plugged_in_is_offline_and_named() -> None:
    with pytest.raises(SwitchOffline, match=r"^s1: .*no-such-port") as seen:
        SerialRelay.open("s1", SerialRelay.Config(port="/dev/no-such-port", board="lcus"))
    assert seen.value.hint
