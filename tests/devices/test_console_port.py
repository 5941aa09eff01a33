"""A console's port: named so that it stays itself, taken for ourselves alone, and plain about what is wrong."""

import errno
import os
import pty
import select
import subprocess
import sys
import termios
import time
import tty
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from devices.console import Console
from devices.console_name import check_port
from devices.console_port import open_port
from devices.console_usb import adapters, find
from devices.errors import ConsoleFault


class Machine:
    """A file system in which USB adapters are plugged in and out; behind each is a pseudo-terminal."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._open: dict[str, tuple[int, int]] = {}
        (root / "dev").mkdir()
        (root / "sys/class/tty/console").mkdir(parents=True)  # the kernel's own; without a device

    def plug(
        self, tty_name: str, path: str, number: str | None = None, *, interface: int = 0, part: int | None = 0
    ) -> int:
        """Return the far end of the adapter's line."""
        board, line = pty.openpty()
        tty.setraw(line)
        self._open[tty_name] = (board, line)
        (self.root / "dev" / tty_name).symlink_to(os.ttyname(line))
        usb = self.root / "sys/devices/pci0000:00/usb1" / path
        place = usb / f"{path}:1.{interface}"
        place.mkdir(parents=True, exist_ok=True)
        (place / "bInterfaceNumber").write_text(f"{interface:02x}\n")
        (usb / "product").write_text("FT232R USB UART\n")
        if number is not None:
            (usb / "serial").write_text(f"{number}\n")
        if part is not None:  # as the drivers of usb-serial do, and not cdc-acm
            place /= tty_name
            place.mkdir()
            (place / "port_number").write_text(f"{part}\n")
        (self.root / "sys/class/tty" / tty_name).mkdir()
        (self.root / "sys/class/tty" / tty_name / "device").symlink_to(place)
        return board

    def unplug(self, tty_name: str) -> None:
        for descriptor in self._open.pop(tty_name):
            os.close(descriptor)
        (self.root / "dev" / tty_name).unlink()
        (self.root / "sys/class/tty" / tty_name / "device").unlink()
        (self.root / "sys/class/tty" / tty_name).rmdir()

    def close(self) -> None:
        for tty_name in list(self._open):
            self.unplug(tty_name)


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    yield machine
    machine.close()


def received(port, size: int, within_s: float = 60.0) -> bytes:
    """Read until so many bytes are there."""
    data, until = port.read(), time.monotonic() + within_s
    while len(data) < size:
        assert time.monotonic() < until, data
        if select.select([port.fileno()], [], [], 0.1)[0]:
            data += port.read()
    return data


# -- by where it is plugged in, or by its number -----------------------------------------------------


@pytest.mark.parametrize(
    ("port", "device"),
    [
        ("usb:1-1.4.2", "ttyUSB0"),
        ("serial:FT0A1B2C", "ttyUSB0"),
        ("usb:1-1.4.3", "ttyACM0"),
        ("serial:00:1a:2b", "ttyACM0"),
        ("usb:1-2:1.1", "ttyUSB2"),
        ("serial:QUAD:1.0", "ttyUSB1"),
        ("usb:1-3:1.0-port1", "ttyUSB4"),
        ("serial:MOS:1.0-port0", "ttyUSB3"),
    ],
)
def test_an_adapter_is_found_by_its_place_and_by_its_number(machine, port, device):
    machine.plug("ttyUSB0", "1-1.4.2", "FT0A1B2C")
    machine.plug("ttyACM0", "1-1.4.3", "00:1a:2b", part=None)
    machine.plug("ttyUSB1", "1-2", "QUAD", interface=0)
    machine.plug("ttyUSB2", "1-2", "QUAD", interface=1)
    machine.plug("ttyUSB3", "1-3", "MOS", part=0)
    machine.plug("ttyUSB4", "1-3", "MOS", part=1)
    assert find(port, root=machine.root) == machine.root / "dev" / device


def test_what_is_plugged_in_is_listed_in_the_order_of_its_places(machine):
    machine.plug("ttyUSB0", "1-10", "C")
    machine.plug("ttyUSB1", "1-9", None)
    assert [str(one) for one in adapters(machine.root)] == [
        "usb:1-9:1.0-port0 (no serial number, FT232R USB UART, /dev/ttyUSB1)",
        "usb:1-10:1.0-port0 (serial:C, FT232R USB UART, /dev/ttyUSB0)",
    ]


def test_a_path_is_not_taken_for_one_that_begins_like_it(machine):
    machine.plug("ttyUSB0", "1-1.41", "A")
    with pytest.raises(ConsoleFault, match=r"b: console usb:1-1\.4: not plugged in; there are usb:1-1\.41:1\.0-port0"):
        open_port("b", "usb:1-1.4", 115200, root=machine.root)


def test_two_that_fit_are_both_named_and_none_is_taken(machine):
    machine.plug("ttyUSB0", "1-1", "0001")
    machine.plug("ttyUSB1", "1-2", "0001")
    with pytest.raises(ConsoleFault) as refused:
        open_port("b", "serial:0001", 115200, root=machine.root)
    assert "fits 2 ports, and none is guessed" in str(refused.value)
    assert "usb:1-1:1.0-port0 (serial:0001, FT232R USB UART, /dev/ttyUSB0)" in str(refused.value)
    assert "usb:1-2:1.0-port0" in str(refused.value)


def test_an_adapter_with_several_ports_wants_one_of_them_named(machine):
    machine.plug("ttyUSB0", "1-1", "QUAD", interface=0)
    machine.plug("ttyUSB1", "1-1", "QUAD", interface=1)
    with pytest.raises(ConsoleFault, match=r"usb:1-1:1\.0-port0 .*usb:1-1:1\.1-port0"):
        open_port("b", "usb:1-1", 115200, root=machine.root)


def test_after_a_replug_it_is_found_under_another_number(machine):
    far = machine.plug("ttyUSB0", "1-1.4", "FT1")
    port = open_port("b", "serial:FT1", 115200, root=machine.root)
    os.write(far, b"before")
    assert received(port, 6) == b"before"
    machine.unplug("ttyUSB0")
    with pytest.raises(OSError, match=r"hung up|Input/output"):
        port.read()
    port.close()
    with pytest.raises(ConsoleFault, match="not plugged in; no USB serial adapter is"):
        open_port("b", "serial:FT1", 115200, root=machine.root)
    machine.plug("ttyUSB0", "1-3", "FT2")  # another one has the old number now
    far = machine.plug("ttyUSB1", "1-1.4", "FT1")
    port = open_port("b", "serial:FT1", 115200, root=machine.root)
    os.write(far, b"after")
    assert received(port, 5) == b"after"
    port.close()


def test_a_console_goes_on_after_a_replug_and_says_meanwhile_what_is_gone(machine, monkeypatch):
    monkeypatch.setattr("devices.console_capture.open_port", partial(open_port, root=machine.root))
    far = machine.plug("ttyUSB0", "1-1.4", "FT1")
    with Console.open("b", "serial:FT1") as console:
        os.write(far, b"before ")
        wait_for(lambda: console.log() == b"before ")
        machine.unplug("ttyUSB0")
        wait_for(lambda: gone(console))
        with pytest.raises(ConsoleFault, match="serial:FT1"):
            console.write(b"x")
        far = machine.plug("ttyUSB3", "1-1.4", "FT1")
        wait_for(lambda: not gone(console))
        os.write(far, b"after")
        wait_for(lambda: console.log() == b"before after")


def gone(console) -> bool:
    try:
        console.write(b"x")
    except ConsoleFault:
        return True
    return False


def wait_for(what) -> None:
    until = time.monotonic() + 60
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


# -- for ourselves alone ----------------------------------------------------------------------------


@pytest.fixture
def line():
    """A serial line: the far end, and the path of the near one."""
    far, near = pty.openpty()
    tty.setraw(near)
    path = os.ttyname(near)
    os.close(near)
    yield far, path
    with suppress(OSError):
        os.close(far)


def test_all_byte_values_pass_both_ways_unchanged(line):
    far, path = line
    port = open_port("b", path, 115200)
    assert port.read() == b""
    os.write(far, bytes(range(256)))
    assert received(port, 256) == bytes(range(256))
    port.write(bytes(range(256)))
    assert os.read(far, 1000) == bytes(range(256))
    port.close()
    port.close()


def test_who_has_it_is_told_to_the_one_who_comes_second(line):
    _, path = line
    port = open_port("b", path, 115200)
    with pytest.raises(ConsoleFault, match=rf"b: console {path}: this process has it open\n  try: .*end that program"):
        open_port("b", path, 115200)
    port.close()
    open_port("b", path, 115200).close()


def test_another_process_is_told_by_number_and_command(line):
    _, path = line
    code = "import sys, time; from devices.console_port import open_port; p = open_port('a', sys.argv[1], 9600)"
    with subprocess.Popen(
        [sys.executable, "-c", f"{code}; print('has it', flush=True); time.sleep(60)", path], stdout=subprocess.PIPE
    ) as other:
        try:
            assert other.stdout.readline() == b"has it\n"
            with pytest.raises(ConsoleFault, match=rf"process {other.pid} \(.*\) has it open"):
                open_port("b", path, 115200)
        finally:
            other.kill()


def test_a_pseudo_terminal_is_free_again_after_its_holder_was_killed(line):
    _, path = line
    code = "import os, sys; from devices.console_port import open_port; open_port('a', sys.argv[1], 9600); os._exit(9)"
    assert subprocess.run([sys.executable, "-c", code, path], check=False).returncode == 9
    open_port("b", path, 115200).close()


@pytest.mark.parametrize("call", [1, 2])
def test_an_adapter_that_goes_while_it_is_opened_is_let_go_of(line, monkeypatch, call):
    _, path = line
    calls = []

    def goes(*_: object) -> None:
        calls.append(1)
        if len(calls) == call:
            raise termios.error(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("termios.tcsetattr", goes)
        with pytest.raises(ConsoleFault, match="Input/output error") as failed:
            open_port("b", path, 115200)
    open_port("b", path, 115200).close()  # though the error still knows the port
    assert failed.value


def test_a_port_that_is_gone_is_no_silence(line):
    far, path = line
    port = open_port("b", path, 115200)
    os.close(far)
    with pytest.raises(OSError, match=r"hung up|Input/output"):
        port.read()
    with pytest.raises(OSError, match="Input/output"):
        port.write(b"x")
    port.close()


def test_what_is_not_there_is_named_with_what_to_look_at(tmp_path):
    with pytest.raises(ConsoleFault, match=r"nothing: No such file or directory\n  try: is the adapter plugged in"):
        open_port("b", str(tmp_path / "nothing"), 115200)


# -- what an inventory may say ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "port",
    [
        "/dev/ttyS0",
        "usb:1-1",
        "usb:3-1.4.2:1.1",
        "usb:1-1:1.0-port3",
        "serial:AB:1.2",
        "socket://[::1]:4001",
        "rfc2217://ser:4001",
    ],
)
def test_a_port_that_can_be_one_is_taken(port):
    check_port(port)


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ("ttyUSB0", "no console port; write /dev/"),
        ("usb:1.4", "names no USB adapter; write usb:1-1.4.2"),
        ("usb:1-1.4:2", "names no USB adapter"),
        ("serial:", "names no USB adapter"),
        ("telnet://ser.lab:23", "no console port; write socket://host:port or"),
        ("socket://ser.lab", "no console port"),
        ("rfc2217://ser.lab:4001?logging=debug", "wants nothing but a host and a port: rfc2217://ser.lab:4001"),
        ("socket://ser.lab:99999", "out of range"),
    ],
)
def test_a_port_that_cannot_be_one_is_refused_before_anything_is_opened(port, said):
    with pytest.raises(ValueError, match=said):
        check_port(port)
    with pytest.raises(ConsoleFault, match="b: console "):
        open_port("b", port, 115200)
