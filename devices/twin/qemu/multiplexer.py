"""An SD multiplexer between a twin's slot and this host, as usbsdmux and sysfs show one: the card is a file.

Whatever drives a real one drives this, given another program and another place for ``/dev`` and ``/sys``.
"""

import logging
import shlex
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from . import usbsdmux

_SECTOR_BYTES = 512
_HEARD_S = 5.0
"""For whoever connects to say a word (assumed)."""
_log = logging.getLogger(__name__)

Move = Callable[[Path, Path], None]
"""Takes the card from one place to the other, out of a machine that runs, or into it."""


class Multiplexer:
    """Has one card, which is at the board first: there it is a file of the board's, here it is ``dev/sda``."""

    def __init__(self, folder: Path, serial: str, card: Path, move: Move) -> None:
        """Lay out what a host shows of it; ``card`` is where the board has its card."""
        self.root = folder / "host"
        """Where ``dev``, ``sys`` and ``proc`` of this host begin, so far as the multiplexer shows in them."""
        self.program = folder / "usbsdmux"
        self.serial = serial
        self._at_board, self._at_host, self._move = card, self.root / "dev/sda", move
        self._lay_out()
        self._write_program()
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with usbsdmux.reachable(self.root / "dev/sg0") as address:
            self._listening.bind(address)
        self._listening.listen()
        self._thread = threading.Thread(target=self._serve, name="twin-sd-mux", daemon=True)
        self._thread.start()

    @property
    def side(self) -> str:
        """``host`` or ``dut``."""
        return "host" if self._at_host.exists() else "dut"

    def switch(self, side: str) -> None:
        """Have the card on a side, ``host`` or ``dut``; OSError, RuntimeError: it stays where it is."""
        if side == self.side:
            return
        if side == "dut":
            self._move(self._at_host, self._at_board)
            sectors = 0
        else:
            self._move(self._at_board, self._at_host)
            sectors = self._at_host.stat().st_size // _SECTOR_BYTES
        self._size.write_text(f"{sectors}\n", encoding="ascii")
        _log.info("the card of multiplexer %s is at the %s", self.serial, side)

    def close(self) -> None:
        """Listen no more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # wakes who waits in accept()
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        while True:
            try:
                link, _ = self._listening.accept()
            except OSError:
                return
            with link, suppress(OSError):
                link.settimeout(_HEARD_S)
                word = link.makefile("r", encoding="utf-8").readline().strip()
                link.sendall(f"{self._answer(word)}\n".encode())

    def _answer(self, word: str) -> str:
        try:
            if word in ("host", "dut"):
                self.switch(word)
        except (OSError, RuntimeError) as error:
            return f"{self.side} {error}"
        return self.side

    def _lay_out(self) -> None:
        usb = self.root / "sys/devices/usb1/1-1"
        scsi = usb / "1-1:1.0/host0/target0:0:0/0:0:0:0"
        block, generic = scsi / "block/sda", scsi / "scsi_generic/sg0"
        for folder in (block / "holders", generic, self.root / "dev/usb-sd-mux"):
            folder.mkdir(parents=True)
        self._size = block / "size"
        for file, text in (
            (usb / "idVendor", "0424"),
            (usb / "serial", self.serial),
            (block / "dev", "0:0"),  # the number of a plain file's node, and of no disk
            (self._size, "0"),
        ):
            file.write_text(f"{text}\n", encoding="utf-8")
        for kind, device in (("scsi_generic", generic), ("block", block)):
            (self.root / "sys/class" / kind).mkdir(parents=True)
            (self.root / "sys/class" / kind / device.name).symlink_to(device)
        (generic / "device").symlink_to(scsi)
        (self.root / "dev/usb-sd-mux" / f"id-{self.serial}").symlink_to("../sg0")
        (self.root / "proc").symlink_to("/proc")

    def _write_program(self) -> None:
        line = shlex.join([sys.executable, "-I", usbsdmux.__file__])
        self.program.write_text(f'#!/bin/sh\nexec {line} "$@"\n', encoding="utf-8")
        self.program.chmod(0o700)
