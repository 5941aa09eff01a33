"""Twin of a ChargerLAB POWER-Z KM003C: the packets of its bulk endpoints, over TCP.

Layout and keys: as the public programs for this meter agree on (km003c-rs, km003c-protocol-research).
"""

import struct
import time
import zlib
from collections import deque

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from .converter import Limits, Reading, Sense
from .instrument import Twin
from .link import Link, TcpLink

_MEMORY_KEY, _STREAMING_KEY, _ANSWER_KEY = b"Lh2yfB7n6X7d9a5Z", b"Fa0b4tA25f4R038a", b"FX0b4tA25f4R038a"
_HARDWARE = b"071KBP\r\xff\x11\n\xff\xff"
_STEPS_MS = (500, 100, 20, 1)
_TICK_NS = 1_000_000
_QUEUE_SAMPLES = 64
"""What the unit holds; older samples get lost (seen in a capture: 63 in an answer, and a gap before the next)."""
_ANSWER_SAMPLES = 63
_LOST_SHARE = 0.02

_VOLTS = Limits(of_reading=0.0005, offset=2e-3, noise=0.1e-3, step=1e-6)
_AMPS = Limits(of_reading=0.001, offset=2e-3, noise=0.1e-3, step=1e-6)
"""As the driver assumes them; noise is assumed."""


class KM003C(Twin):
    """Converts every millisecond; its queue keeps one sample in so many, and forgets what nobody asks for."""

    faults = (*Twin.faults, "lose")

    def power_up(self) -> None:
        """Wake with an empty queue, locked."""
        self._sense = Sense(self.supply, self.rng)
        self._begun_ns = time.monotonic_ns() - self.rng.randrange(65_536) * _TICK_NS
        self._open = False
        self._step_ms = 0
        self._done_ms = 0
        self._queue: deque[tuple[int, Reading]] = deque(maxlen=_QUEUE_SAMPLES)
        serial = str(self.options.get("serial_number") or f"{self.unit_number:06d}")
        head = bytes(16)
        self._memory = {
            0x420: head + b"KM003C".ljust(12, b"\0") + b"2.1".ljust(12, b"\0") + b"2022.11.7".ljust(24, b"\0"),
            0x4420: head + b"KM003C".ljust(12, b"\0") + b"1.9.9".ljust(12, b"\0") + b"2025.9.22".ljust(24, b"\0"),
            0x03000C00: (serial.encode().ljust(7) + b"CDFDDF2886FD40AF8F05E149624C3892").ljust(64, b"\xff"),
            0x40010450: _HARDWARE,
        }

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on loopback: a bridge to the endpoints of a unit."""
        link = TcpLink(self.name, _cut, self.respond)
        return link, {"address": f"socket://{link.address}"}

    def answer(self, request: bytes) -> bytes:
        """Run one packet."""
        kind, number, word = request[0], request[1], int.from_bytes(request[2:4], "little")
        if kind == 0x0C:
            return self._data(number, word >> 1)
        if kind == 0x44:
            return self._remember(number, request[4:])
        if kind == 0x4C:
            return self._unlock(request[4:])
        if kind in (0x0E, 0x0F):
            self._start(_STEPS_MS[word >> 1] if kind == 0x0E else 0)
        return bytes([0x05 if kind in (0x02, 0x03, 0x0E, 0x0F) else 0x06, number, 0, 0])

    def _now_ms(self) -> int:
        return (time.monotonic_ns() - self._begun_ns) // _TICK_NS

    def _start(self, step_ms: int) -> None:
        self._queue.clear()
        self._step_ms, self._done_ms = step_ms, self._now_ms()

    def _convert(self) -> None:
        """Put what was converted since the last time into the queue."""
        oldest = self._now_ms() - _QUEUE_SAMPLES * self._step_ms
        if self._done_ms < oldest:
            self._done_ms += -(-(oldest - self._done_ms) // self._step_ms) * self._step_ms
        while self._done_ms + self._step_ms <= self._now_ms():
            self._done_ms += self._step_ms
            if "lose" not in self._faults or self.rng.random() >= _LOST_SHARE:
                self._queue.append((self._done_ms, self._average(self._done_ms, self._step_ms)))

    def _average(self, end_ms: int, span_ms: int) -> Reading:
        end_ns = self._begun_ns + end_ms * _TICK_NS
        return self._sense.average(end_ns - span_ms * _TICK_NS, end_ns, _VOLTS, _AMPS)

    def _data(self, number: int, attributes: int) -> bytes:
        parts: list[tuple[int, int, bytes]] = []
        if attributes & 1:
            shown = _values(self._average(self._now_ms(), self._step_ms or 10))
            parts.append((1, 44 << 6, (shown * 3).ljust(44, b"\0")))
        if attributes & 2 and self._open and self._step_ms:
            self._convert()
            taken = [self._queue.popleft() for _ in range(min(len(self._queue), _ANSWER_SAMPLES))]
            body = b"".join(struct.pack("<HH", ms & 0xFFFF, 60) + _values(r) + bytes(8) for ms, r in taken)
            if taken:
                parts.append((2, 20 << 6 | len(taken), body))
        more = [0x8000] * (len(parts) - 1) + [0]
        body = b"".join(
            struct.pack("<HH", kind | next_, size) + data
            for (kind, size, data), next_ in zip(parts, more, strict=False)
        )
        words = len(body) // 4 - 2 if body else 0
        return b"\x41" + bytes([number]) + (words << 6 | 2).to_bytes(2, "little") + body

    def _remember(self, number: int, body: bytes) -> bytes:
        place = _crypt(_MEMORY_KEY, body, decrypt=True)[:16]
        at, size = struct.unpack_from("<II", place)
        if place[12:] != zlib.crc32(place[:12]).to_bytes(4, "little") or at not in self._memory:
            return bytes([0x27, number, 0, 0])
        plain = self._memory[at][:size]
        return (
            b"\xc4"
            + bytes([number])
            + b"\x01\x01"
            + place
            + _crypt(_MEMORY_KEY, plain.ljust(-(-size // 16) * 16, b"\0"))
        )

    def _unlock(self, body: bytes) -> bytes:
        plain = _crypt(_STREAMING_KEY, body, decrypt=True)
        self._open = plain[8:20] == _HARDWARE
        return b"\x4c\x00" + (b"\x03\x02" if self._open else b"\x01\x02") + _crypt(_ANSWER_KEY, plain)


def _values(shown: Reading) -> bytes:
    return struct.pack("<ii", round(shown.volts * 1e6), round(shown.amps * 1e6))


def _crypt(key: bytes, data: bytes, *, decrypt: bool = False) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305 -- the instrument's choice
    context = cipher.decryptor() if decrypt else cipher.encryptor()
    return context.update(data) + context.finalize()


def _cut(arrived: bytearray) -> list[bytes]:
    requests: list[bytes] = []
    while arrived and len(arrived) >= (size := 36 if arrived[0] in (0x44, 0x4C) else 4):
        requests.append(bytes(arrived[:size]))
        del arrived[:size]
    return requests
