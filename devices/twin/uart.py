"""The wire of the board's serial console: a pseudo terminal, paced like 115200 baud, dead without power."""

import os
import random
import threading
import time
import tty

_BYTES_PER_S = 11_520  # 115200 baud, 8N1: ten bits a byte
_SLICE = 128  # bytes written at once: 11 ms of wire
_FLIPPED_SHARE = 0.02  # of the bytes under garbage; assumed
_NOISE_BYTES = 24  # in one burst; assumed


class Uart:
    """The board's end of the wire. What nobody reads is lost, as on a wire."""

    def __init__(self, seed: int) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        """What the controller opens. The twin keeps it open too, so that it stays as the reader left it."""
        self.garbage = False
        self._chance = random.Random(seed)  # noqa: S311 -- noise, not secrets
        self._dead = threading.Event()
        self._dead.set()
        self._lock = threading.Lock()
        self._free_at_s = 0.0

    @property
    def master(self) -> int:
        """The descriptor on which the controller's bytes arrive."""
        return self._master

    @property
    def dead(self) -> threading.Event:
        """Set while the board has no power."""
        return self._dead

    def power(self, on: bool) -> None:
        """Connect or cut the board's driver; a cut ends a write at once."""
        if on:
            self._dead.clear()
        else:
            self._dead.set()

    def write(self, data: bytes) -> bool:
        """Send at the wire's pace; False when the power went."""
        with self._lock:
            for start in range(0, len(data), _SLICE):
                piece = data[start : start + _SLICE]
                now_s = time.monotonic()
                self._free_at_s = max(self._free_at_s, now_s)
                if self._dead.wait(self._free_at_s - now_s):
                    return False
                self._put(self._spoiled(piece) if self.garbage else piece)
                self._free_at_s += len(piece) / _BYTES_PER_S
        return not self._dead.is_set()

    def noise(self) -> None:
        """Send what a loose wire sends."""
        self.write(self._chance.randbytes(_NOISE_BYTES))

    def read(self) -> bytes:
        """Return what came, empty when nothing did."""
        try:
            return os.read(self._master, 4096)
        except (BlockingIOError, OSError):
            return b""

    def close(self) -> None:
        """Remove the pseudo terminal."""
        self._dead.set()
        os.close(self._master)
        os.close(self._slave)

    def _put(self, data: bytes) -> None:
        try:
            os.write(self._master, data)
        except BlockingIOError:  # nobody reads
            return

    def _spoiled(self, data: bytes) -> bytes:
        spoiled = bytearray(data)
        for position in range(len(spoiled)):
            if self._chance.random() < _FLIPPED_SHARE:
                spoiled[position] ^= 1 << self._chance.randrange(8)
        return bytes(spoiled)
