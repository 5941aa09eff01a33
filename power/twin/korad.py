"""Twin of a Korad KA3005P: no line ends, 80 ms a command, and a byte too many behind one answer.

Bytes: libsigrok's korad-kaxxxxp driver.
"""

import re
import time

from .converter import Limits, Sense, Updates
from .instrument import Twin
from .link import Link, PtyLink

_COMMANDS = re.compile(rb"\*IDN\?|VOUT1\?|IOUT1\?|VSET1\?|ISET1\?|STATUS\?")
_BUSY_S = 0.05
"""A command that comes sooner after the one before is forgotten (assumed: less than the 80 ms that drivers keep)."""


class KA3005P(Twin):
    """Shows ten values a second, and answers with exactly as many bytes as it has digits."""

    def power_up(self) -> None:
        """Wake."""
        sense = Sense(self.supply, self.rng)
        volts, amps = Limits(0.005, 0.01, 0.003, 0.01), Limits(0.005, 0.001, 0.0003, 0.001)
        self._updates = Updates(lambda a, b: sense.average(a, b, volts, amps), 0.1)
        self._free_s = 0.0

    def answer(self, request: bytes) -> bytes:
        """Answer a command that it had time for."""
        now_s = time.monotonic()
        if now_s < self._free_s:
            return b""
        self._free_s = now_s + _BUSY_S
        if request == b"*IDN?":
            return f"KORADKA3005PV2.0 SN:{self.options.get('serial_number') or self.unit_number}".encode()
        if (shown := self._updates.latest()) is None:
            self.pause(self._updates.next_in_s())
            shown = self._updates.latest()
        if shown is None:
            return b""
        return {
            b"VOUT1?": f"{max(0.0, shown.volts):05.2f}",
            b"IOUT1?": f"{max(0.0, shown.amps):05.3f}",
            b"VSET1?": f"{self.supply.profile.volts:05.2f}",
            b"ISET1?": "5.000M",
            b"STATUS?": "Q",
        }[request].encode()

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Open a pseudo-terminal."""
        link = PtyLink(self.name, _cut, self.respond)
        return link, {"port": link.address}


def _cut(arrived: bytearray) -> list[bytes]:
    """Take the commands that are known; what is none is forgotten once it is longer than any."""
    found = list(_COMMANDS.finditer(bytes(arrived)))
    if found:
        del arrived[: found[-1].end()]
    elif len(arrived) > 8:
        arrived.clear()
    return [match[0] for match in found]
