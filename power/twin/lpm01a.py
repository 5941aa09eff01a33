"""Twin of an STM X-NUCLEO-LPM01A: a command line, and samples as text or binary, over TCP.

Commands and formats: as the vendor's list and public programs have them.
"""

import time

from .converter import Limits, Sense
from .instrument import Twin
from .link import Link, TcpLink, cut_lines
from .pusher import Pusher

_BEAT_S = 0.02
_LOST_SHARE = 0.05
_DIGITS = 4
_COMMANDS = (
    *("htc", "hrc", "powershield", "version", "status", "volt", "freq", "acqtime", "acqmode", "output"),
    *("format", "trigsrc", "trigdelay", "pwr", "pwrend", "eventsrc", "lcd"),
)

_VOLTS = Limits(of_reading=0.0, offset=0.0, noise=0.0, step=1e-3)
_AMPS = Limits(of_reading=0.02, offset=1e-7, noise=1e-6, step=1e-9)
"""2 % in dynamic mode; noise is assumed. Each beat is one conversion, told in as many samples as it has."""


class LPM01A(Twin):
    """Measures the board's rail, whatever its amps: the real unit ends at 50 mA, and no board here is so small."""

    faults = (*Twin.faults, "lose")

    def power_up(self) -> None:
        """Wake under its own keys' control."""
        self._sense = Sense(self.supply, self.rng)
        self._rate_hz, self._binary = 100, False
        self._running = False
        self._begun_ns = self._sent = self._stamped_s = 0
        self._serial = self.options.get("serial_number") or f"0C3A{self.unit_number}5141500A20373731"
        self._pusher: Pusher | None = None

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Listen on loopback: a bridge to the unit's serial line."""
        link = TcpLink(self.name, cut_lines, self.respond)
        self._pusher = Pusher(self.name, _BEAT_S, lambda: self._send(link))
        return link, {"port": f"socket://{link.address}"}

    def answer(self, request: bytes) -> bytes:
        """Run one command."""
        words = request.decode("ascii", "replace").split()
        if not words:
            return b""
        if words[0] in ("start", "stop"):
            self._running, self._begun_ns = words[0] == "start", time.monotonic_ns()
            self._sent, self._stamped_s = 0, -1
            return (
                b"PowerShield > ack start\r\n" if self._running else b"end\r\nPowerShield > Acquisition completed\r\n"
            )
        if words[0] not in _COMMANDS:
            return f"PowerShield > error {words[0]}\r\n".encode()
        return f"PowerShield > ack {' '.join([*words, self._obey(words)])}\r\n".encode()

    def close(self) -> None:
        """Stop sending and listening. May be called twice."""
        if self._pusher is not None:
            self._pusher.close()
        super().close()

    def _obey(self, words: list[str]) -> str:
        if words[0] == "freq":
            self._rate_hz = int(words[1].replace("k", "000"))
        elif words[0] == "volt":
            self.supply.set_volts = int(words[1].removesuffix("m")) / 1e3
        elif words[0] == "format":
            self._binary = words[1] == "bin_hexa"
        return {"powershield": f"PowerShield present: {self._serial}", "version": "1.0.6"}.get(words[0], "")

    def _send(self, link: TcpLink) -> None:
        if not self._running:
            return
        due = (time.monotonic_ns() - self._begun_ns) * self._rate_hz // 1_000_000_000
        count, first = due - self._sent, self._sent
        if count < 1:
            return
        self._sent = due
        start_ns, end_ns = (self._begun_ns + n * 1_000_000_000 // self._rate_hz for n in (first, due))
        amps = max(0.0, self._sense.average(start_ns, end_ns, _VOLTS, _AMPS).amps)
        told = _binary(amps) if self._binary else _text(amps)
        out = bytearray()
        for n in range(first, due):
            if (second := n // self._rate_hz) > self._stamped_s:
                self._stamped_s = second
                out += self._stamp(second)
            if "lose" not in self._faults or self.rng.random() >= _LOST_SHARE:
                out += told
        link.push(self.faulty(bytes(out)))

    def _stamp(self, second: int) -> bytes:
        if self._binary:
            return b"\xf0\xf3" + (second * 1000).to_bytes(4, "big") + b"\x01\xff\xff"
        return f"TimeStamp: {second:03d}s 000ms, buff 01%\r\n".encode()


def _text(amps: float) -> bytes:
    """``6409-07``: four digits and a power of ten."""
    power = 0
    while round(amps * 10**power) < 10 ** (_DIGITS - 1) and power < 9:
        power += 1
    return f"{round(amps * 10**power):04d}-{power:02d}\r\n".encode()


def _binary(amps: float) -> bytes:
    """A power of 16 in four bits, twelve bits of value."""
    power = 0
    while amps * 16 ** (power + 1) < 0xFFF and power < 14:
        power += 1
    return (power << 12 | round(amps * 16**power)).to_bytes(2, "big")
