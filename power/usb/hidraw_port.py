"""A HID device of Linux as a :class:`~power.port.Port`: reports without numbers, one after the other."""

import os
import select
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from ..errors import MeterOffline
from ..port import Port, through
from .serial_port import HINT

_HIDRAW = Path("/sys/class/hidraw")
_UNNUMBERED = b"\0"
"""What a write begins with when the device's reports have no numbers (the kernel's ``hidraw`` documentation)."""
_READ_BYTES = 4096
_MOST_DISCARDED = 256


class HidrawPort:
    """An open ``/dev/hidrawN``. Needs no library; the user needs the right to open it (a udev rule)."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open descriptor that does not block."""
        self._descriptor: int | None = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._arrived = bytearray()

    @classmethod
    def open(cls, name: str, path: str) -> Port:
        """Open a device path.

        Raises:
            MeterOffline: there is none, or this user may not open it.
        """
        return through(lambda: cls._open_path(name, path))

    @classmethod
    def _open_path(cls, name: str, path: str) -> Self:
        try:
            return cls(os.open(path, os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY))
        except OSError as error:
            raise MeterOffline(name, str(error), hint=f"{HINT} May this user open {path} (a udev rule)?") from error

    def discard(self) -> None:
        """Forget what has arrived and was not read."""
        self._arrived.clear()
        for _ in range(_MOST_DISCARDED):
            if not self._receive(0.0):
                return

    def write(self, data: bytes) -> None:
        """Send one report."""
        os.write(self._open(), _UNNUMBERED + data)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator; without it what came in ``timeout_s``."""
        until = time.monotonic() + timeout_s
        while terminator not in self._arrived and (left_s := until - time.monotonic()) > 0:
            self._arrived += self._receive(left_s)
        at = self._arrived.find(terminator)
        return self._take(len(self._arrived) if at < 0 else at + len(terminator))

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return ``size_bytes`` bytes, or the fewer that came within ``timeout_s``."""
        until = time.monotonic() + timeout_s
        while len(self._arrived) < size_bytes and (left_s := until - time.monotonic()) > 0:
            self._arrived += self._receive(left_s)
        return self._take(size_bytes)

    def close(self) -> None:
        """Close the device. May be called twice."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> int:
        if self._descriptor is None:
            raise OSError("the port is closed")
        return self._descriptor

    def _receive(self, timeout_s: float) -> bytes:
        descriptor = self._open()
        if not self._poll.poll(timeout_s * 1e3):
            return b""
        return os.read(descriptor, _READ_BYTES)

    def _take(self, size_bytes: int) -> bytes:
        taken = bytes(self._arrived[:size_bytes])
        del self._arrived[:size_bytes]
        return taken


def find(name: str, ids: Mapping[tuple[int, int], str], serial_number: str = "", *, hidraw: Path = _HIDRAW) -> str:
    """Return the device path of the one unit with one of these vendor and product numbers.

    Raises:
        MeterOffline: there is no such unit, or more than one.
    """
    found: list[str] = []
    for device in sorted(hidraw.glob("hidraw*")):
        facts = dict(line.split("=", 1) for line in (device / "device/uevent").read_text().splitlines() if "=" in line)
        _, vendor, product = (int(number, 16) for number in facts["HID_ID"].split(":"))
        if (vendor, product) in ids and serial_number in ("", facts.get("HID_UNIQ", "")):
            found.append(f"/dev/{device.name}")
    if len(found) != 1:
        wanted = " or ".join(sorted(set(ids.values()))) + f" with USB serial number {serial_number}" * bool(
            serial_number
        )
        raise MeterOffline(name, f"{len(found)} units of {wanted} are plugged in, not one", hint=HINT)
    return found[0]


def model_at(path: str, ids: Mapping[tuple[int, int], str], *, hidraw: Path = _HIDRAW) -> str | None:
    """Return which model a device path leads to; None where the kernel does not tell, as for a link to elsewhere."""
    uevent = hidraw / Path(path).name / "device/uevent"
    if not uevent.is_file():
        return None
    number = next(line for line in uevent.read_text().splitlines() if line.startswith("HID_ID="))
    _, vendor, product = (int(part, 16) for part in number.partition("=")[2].split(":"))
    return ids.get((vendor, product), f"{vendor:04x}:{product:04x}")
