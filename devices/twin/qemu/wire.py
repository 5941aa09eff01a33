"""The wire of the board's serial console: a pseudo terminal that stays, whatever becomes of the machine behind it."""

import os
import select
import socket
import threading
import tty
from collections.abc import Callable
from contextlib import suppress

_TAKEN_MS = 1000
"""A reader that takes nothing for so long is none (assumed): until it reads again, what comes is lost, as on a wire."""
_CHUNK = 4096


class Wire:
    """Carries bytes between whoever opened the port and the machine that is plugged in, if one is."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        """Open the pseudo terminal; ``heard`` gets all that a machine says, in order, and nothing at its end."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        """What the controller opens. The wire keeps it open too, so that it stays as the reader left it."""
        self._heard = heard
        self._lock = threading.Lock()
        self._machine: socket.socket | None = None
        self._output: threading.Thread | None = None
        self._read = True
        self._wake = os.eventfd(0)
        self._input = threading.Thread(target=self._carry_in, name="twin-wire-in", daemon=True)
        self._input.start()

    def plug(self, machine: socket.socket) -> None:
        """Connect a machine's serial port; the socket is the wire's from now on."""
        machine.setblocking(True)
        with self._lock:
            self._machine = machine
        self._output = threading.Thread(target=self._carry_out, args=(machine,), name="twin-wire-out", daemon=True)
        self._output.start()

    def unplug(self) -> None:
        """Take the machine away; what it had said before is delivered."""
        with self._lock:
            machine, self._machine = self._machine, None
        if machine is not None:
            with suppress(OSError):
                machine.shutdown(socket.SHUT_WR)
            if self._output is not None:
                self._output.join()
            machine.close()

    def type(self, data: bytes) -> None:
        """Send bytes to the machine, as if typed; lost when there is none."""
        with self._lock, suppress(OSError):
            if self._machine is not None:
                self._machine.sendall(data)

    def close(self) -> None:
        """Remove the pseudo terminal."""
        self.unplug()
        os.eventfd_write(self._wake, 1)
        self._input.join()
        for descriptor in (self._master, self._slave, self._wake):
            os.close(descriptor)

    def _carry_in(self) -> None:
        poll = select.poll()
        poll.register(self._master, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        while self._wake not in dict(poll.poll()):
            with suppress(BlockingIOError, OSError):
                self.type(os.read(self._master, _CHUNK))

    def _carry_out(self, machine: socket.socket) -> None:
        with suppress(OSError):
            while data := machine.recv(_CHUNK):
                self._put(data)
                self._heard(data)
        self._heard(b"")

    def _put(self, data: bytes) -> None:
        """Hand over to the reader: as fast as it takes, and nothing is kept for one who is not there."""
        poll = select.poll()
        poll.register(self._master, select.POLLOUT)
        while data:
            self._read = bool(poll.poll(_TAKEN_MS if self._read else 0))
            if not self._read:
                return
            with suppress(BlockingIOError):
                data = data[os.write(self._master, data) :]
