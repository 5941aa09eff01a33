"""Consoles over the network against ser2net itself; the board is the far end of a pseudo-terminal."""

import os
import pty
import select
import shutil
import socket
import subprocess
import termios
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from devices.console import Console
from devices.errors import ConsoleFault
from devices.testing import ConsoleConformance

SER2NET = shutil.which("ser2net", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
WITHIN_S = 30.0
CONFIG = """\
%YAML 1.1
---
connection: &raw
  accepter: tcp,127.0.0.1,{raw}
  connector: serialdev,{device},115200n81,local
  options:
    max-connections: 1
connection: &rfc2217
  accepter: telnet(rfc2217),tcp,127.0.0.1,{rfc2217}
  connector: serialdev,{device},9600n81,local
  options:
    max-connections: 1
"""


class Ser2net:
    """The server, and the board behind its serial port."""

    def __init__(self, folder: Path) -> None:
        self._board, self.device = pty.openpty()
        tty.setraw(self.device)
        self.ports = {"socket": _free_port(), "rfc2217": _free_port()}
        self._config, self._log = folder / "ser2net.yaml", folder / "ser2net.log"
        device = os.ttyname(self.device)
        text = CONFIG.format(raw=self.ports["socket"], rfc2217=self.ports["rfc2217"], device=device)
        self._config.write_text(text, encoding="utf-8")
        self._typed = b""
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, scheme: str) -> str:
        return f"{scheme}://127.0.0.1:{self.ports[scheme]}"

    def start(self) -> None:
        """Start it and wait until it listens; a connection to find out would take the only place."""
        with self._log.open("ab") as said:
            words = [SER2NET, "-c", self._config, "-n", "-d", "-u"]
            self._process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        until = time.monotonic() + WITHIN_S
        while not set(self.ports.values()) <= _listening():
            if self._process.poll() is not None or time.monotonic() > until:
                pytest.fail(f"ser2net does not listen: {self._log.read_text(encoding='utf-8')}")
            time.sleep(0.02)

    def cut(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(WITHIN_S)
            self._process = None

    def close(self) -> None:
        self.cut()
        os.close(self._board)
        os.close(self.device)

    def print(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._board, data) :]

    def typed(self) -> bytes:
        while select.select([self._board], [], [], 0)[0]:
            self._typed += os.read(self._board, 65_536)
        return self._typed


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _listening() -> set[int]:
    """The TCP ports on which somebody listens (state 0A of Linux' table)."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A"}


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Ser2net]:
    if SER2NET is None:
        pytest.skip("no ser2net here: install ser2net")
    server = Ser2net(tmp_path)
    server.start()
    yield server
    server.close()


class OverSer2net(ConsoleConformance):
    scheme = "socket"

    @pytest.fixture
    def console(self, far: Ser2net) -> Iterator[Console]:
        with Console.open("board", far.url(self.scheme)) as console:
            yield console


class TestRaw(OverSer2net):
    pass


class TestRfc2217(OverSer2net):
    scheme = "rfc2217"


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_console_that_somebody_else_has_is_refused(
    far: Ser2net, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Console.open("board", far.url(scheme)):
        monkeypatch.setattr("devices.console_net._REFUSAL_S", WITHIN_S)  # this machine may be slow to hang up
        with pytest.raises(ConsoleFault, match=r"and said: Port already in use\n  try: .*nobody else connected"):
            Console.open("second", far.url(scheme))


def test_the_rate_is_set_from_here(far: Ser2net) -> None:
    with Console.open("board", far.url("rfc2217"), baud=57600):
        mode = termios.tcgetattr(far.device)
    assert (mode[4], mode[5]) == (termios.B57600, termios.B57600)
    assert mode[2] & termios.CSIZE == termios.CS8


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
def test_a_server_that_is_started_again_is_found_again(far: Ser2net, scheme: str) -> None:
    with Console.open("board", far.url(scheme)) as console:
        far.print(b"before ")
        _wait_for(console, b"before ")
        far.cut()
        far.start()
        until = time.monotonic() + WITHIN_S
        while b"after" not in console.log():
            assert time.monotonic() < until, console.log()
            if not far.typed().endswith(b"x"):
                try:
                    console.write(b"x")  # only once it is connected does anybody hear this
                except ConsoleFault:
                    time.sleep(0.05)
            else:
                far.print(b"after")
                _wait_for(console, b"after")


def _wait_for(console: Console, data: bytes) -> None:
    until = time.monotonic() + WITHIN_S
    while data not in console.log():
        assert time.monotonic() < until, console.log()
        time.sleep(0.005)
