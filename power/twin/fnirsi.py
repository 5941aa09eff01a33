"""Twin of a FNIRSI FNB58: reports of 64 bytes, four samples each, for a second after each request.

Layout and checksum: as the public readers of this meter agree on (fnirsi-usb-power-data-logger, usb-power-profiling).
"""

import struct
import time
from itertools import pairwise

from .converter import Limits, Sense
from .instrument import Twin
from .link import Link, PtyLink
from .pusher import Pusher

_REPORT_BYTES, _SAMPLES = 64, 4
_PERIOD_S = 0.01
_ASKED_FOR_S = 1.0
_LOST_SHARE = 0.1
_CELSIUS = 31.5

_VOLTS = Limits(of_reading=0.0005, offset=2e-3, noise=0.1e-3, step=1e-5)
_AMPS = Limits(of_reading=0.001, offset=2e-3, noise=0.1e-3, step=1e-5)
"""As the driver assumes them; noise is assumed."""


class FNB58(Twin):
    """Converts every 10 ms and sends four conversions at a time, as long as somebody keeps asking."""

    faults = (*Twin.faults, "lose")

    def power_up(self) -> None:
        """Wake without anybody asking."""
        self._sense = Sense(self.supply, self.rng)
        self._until_ns = 0
        self._sent_ns = time.monotonic_ns()
        self._pusher: Pusher | None = None

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Open a pseudo-terminal that carries reports as ``/dev/hidrawN`` does."""
        link = PtyLink(self.name, _cut_reports, self.respond)
        self._pusher = Pusher(self.name, _SAMPLES * _PERIOD_S, lambda: self._send(link))
        return link, {"address": link.address}

    def answer(self, request: bytes) -> bytes:
        """Go on for a second; reports follow by themselves."""
        if request[1] in (0x82, 0x83):
            self._until_ns = time.monotonic_ns() + round(_ASKED_FOR_S * 1e9)
        return b""

    def close(self) -> None:
        """Stop sending and listening. May be called twice."""
        if self._pusher is not None:
            self._pusher.close()
        super().close()

    def _send(self, link: PtyLink) -> None:
        begin_ns, now_ns = self._sent_ns, time.monotonic_ns()
        self._sent_ns = now_ns
        if now_ns > self._until_ns or ("lose" in self._faults and self.rng.random() < _LOST_SHARE):
            return
        edges = [begin_ns + (now_ns - begin_ns) * part // _SAMPLES for part in range(_SAMPLES + 1)]
        body = bytearray(b"\x04")
        for start_ns, end_ns in pairwise(edges):
            shown = self._sense.average(start_ns, end_ns, _VOLTS, _AMPS)
            body += struct.pack("<ii", round(shown.volts * 1e5), round(shown.amps * 1e5))
            body += struct.pack("<HHBH", 600, 600, 1, round(_CELSIUS * 10))
        body += b"\x2c"
        link.push(self.faulty(b"\xaa" + bytes(body) + bytes([crc8(body)])))


def crc8(data: bytes | bytearray) -> int:
    """Polynomial 0x39, initial value 0x42."""
    crc = 0x42
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ 0x39) & 0xFF if crc & 0x80 else crc << 1
    return crc


def _cut_reports(arrived: bytearray) -> list[bytes]:
    """Cut at 64 bytes; a zero before each stands for reports without numbers."""
    requests: list[bytes] = []
    while len(arrived) > _REPORT_BYTES:
        requests.append(bytes(arrived[1 : 1 + _REPORT_BYTES]))
        del arrived[: 1 + _REPORT_BYTES]
    return requests
