"""What of a QEMU twin each way of flashing reaches: real ends for the drivers that flash boards, on this host.

All have the board boot from an SD card, a raw file of its own that is copied from the image once.
"""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .machines import ALONE
from .multiplexer import Move, Multiplexer
from .port import reserved_udp_port


class Way(Protocol):
    """One way to the board's card."""

    netdev: str
    """What QEMU's user network is told beside the port of SSH, such as ``,tftp=FOLDER``."""
    addresses: dict[str, str]
    """Option of the flashing driver → the value that leads here."""

    def close(self) -> None:
        """Give everything back."""
        ...


class ByMultiplexer:
    """The card is taken out of the board and written on this host."""

    def __init__(self, folder: Path, serial: str, card: Path, move: Move) -> None:
        """Put a multiplexer between the board and its card."""
        self._mux = Multiplexer(folder / "sd-mux", serial, card, move)
        self.netdev = ALONE
        self.addresses = {
            "serial": serial,
            "program": str(self._mux.program),
            "root": str(self._mux.root),
        }

    def close(self) -> None:
        """Take it away."""
        self._mux.close()


class ByFastboot:
    """U-Boot takes images over UDP and writes them itself."""

    def __init__(self, _folder: Path, _serial: str, _card: Path, _move: Move) -> None:
        """Keep a port for it."""
        self._reserved: socket.socket = reserved_udp_port()
        port = self._reserved.getsockname()[1]
        # not restrict=on: that drops the answers to forwarded datagrams (QEMU 7.2)
        self.netdev = f",hostfwd=udp:127.0.0.1:{port}-:5554"
        self.addresses = {"host": f"udp:127.0.0.1:{port}"}

    def close(self) -> None:
        """Let the port go."""
        self._reserved.close()


class ByTftp:
    """U-Boot fetches the image from QEMU's own TFTP server and writes it itself."""

    def __init__(self, folder: Path, _serial: str, _card: Path, _move: Move) -> None:
        """Have a folder served."""
        served = folder / "tftp"
        served.mkdir(parents=True, exist_ok=True)
        self.netdev = f"{ALONE},tftp={str(served).replace(',', ',,')}"
        self.addresses = {"folder": str(served)}

    def close(self) -> None:
        """It ends with the machine."""


WAYS: dict[str, Callable[[Path, str, Path, Move], Way]] = {
    "fastboot": ByFastboot,
    "sd-mux": ByMultiplexer,
    "uboot-netboot": ByTftp,
}
"""Flashing driver → how it reaches a twin."""
