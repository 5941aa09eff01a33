"""Twins of RuiDeng's UM24C, UM25C and UM34C: one command byte in, one frame of 130 bytes out, over a 9600 baud line.

Layout: as the public readers of this meter agree on (libsigrok, rdserialtool).
"""

import struct
import time
from typing import ClassVar

from .converter import Limits, Reading, Sense, Updates
from .instrument import Twin
from .link import Link, PtyLink

_DATA_DUMP = b"\xf0"
_FRAME_BYTES = 130
_LINE_S = _FRAME_BYTES * 10 / 9600
"""A frame's time on the wire, ten bits a byte."""
_UPDATE_S = 0.5

_VOLTS = Limits(of_reading=0.0005, offset=2e-3, noise=0.3e-3, step=1e-3)
_AMPS = Limits(of_reading=0.001, offset=4e-4, noise=0.1e-3, step=1e-4)
"""0.05 % + 2 digits and 0.1 % + 4 digits (maker's data); noise is assumed."""
_COARSE_VOLTS = Limits(of_reading=0.005, offset=2e-2, noise=3e-3, step=1e-2)
_COARSE_AMPS = Limits(of_reading=0.01, offset=4e-3, noise=1e-3, step=1e-3)
"""0.5 % + 2 digits and 1 % + 4 digits: assumed, as the noise."""
_CELSIUS = 31
_MOST_OHMS = 9999.9
_END = b"\xff\xf1"
"""The last two bytes of most models: a constant, no checksum."""
_SUMMED = bytes.fromhex("01030709 0f111317 1f27292d 31353739 3b3f4345 494f5359 61636d6f 7177797f")
"""The bytes whose exclusive or ends a UM34C's frame."""


class UM25C(Twin):
    """Averages half a second at a time; whoever asks gets the last average."""

    model: ClassVar[int] = 0x09C9
    limits: ClassVar[tuple[Limits, Limits]] = (_VOLTS, _AMPS)

    def power_up(self) -> None:
        """Wake with empty counters."""
        self._sense = Sense(self.supply, self.rng)
        self._updates = Updates(lambda start, end: self._sense.average(start, end, *self.limits), _UPDATE_S)
        self._joules_before = self.supply.joules(time.monotonic_ns())

    def open_link(self) -> tuple[Link, dict[str, str]]:
        """Open a pseudo-terminal."""
        link = PtyLink(self.name, _cut_bytes, self.respond)
        return link, {"port": link.address}

    def answer(self, request: bytes) -> bytes:
        """Dump the data; the other commands (screens, groups, thresholds) are taken without an answer."""
        if request != _DATA_DUMP:
            return b""
        shown = self._updates.latest() or Reading(0.0, 0.0)
        mwh = round((self.supply.joules(time.monotonic_ns()) - self._joules_before) / 3.6)
        mah = round(mwh / self.supply.profile.volts)
        self.pause(_LINE_S)
        return frame(shown, mah, mwh, model=self.model, limits=self.limits)


class UM24C(UM25C):
    """As the UM25C, in coarser steps."""

    model = 0x0963
    limits = (_COARSE_VOLTS, _COARSE_AMPS)


class UM34C(UM24C):
    """As the UM24C; its frames end in a checksum."""

    model = 0x0D4C


def _cut_bytes(arrived: bytearray) -> list[bytes]:
    requests = [bytes([byte]) for byte in arrived]
    arrived.clear()
    return requests


def frame(
    shown: Reading, mah: int, mwh: int, *, model: int = UM25C.model, limits: tuple[Limits, Limits] = UM25C.limits
) -> bytes:
    """Lay out one answer; all numbers big endian."""
    data = bytearray(_FRAME_BYTES)
    volts, amps = (max(0, round(v / of.step)) for v, of in zip((shown.volts, shown.amps), limits, strict=True))
    milliwatts = round(volts * limits[0].step * amps * limits[1].step * 1e3)
    ohms = min(_MOST_OHMS, max(0.0, shown.volts) / shown.amps if shown.amps > 0 else _MOST_OHMS)
    struct.pack_into(">HHHI", data, 0, model, volts, amps, milliwatts)
    struct.pack_into(">HHH", data, 10, _CELSIUS, round(_CELSIUS * 1.8 + 32), 0)
    struct.pack_into(">II", data, 16, mah, mwh)  # data group 0; the other nine stay empty
    struct.pack_into(">I", data, 122, round(ohms * 10))
    if model == UM34C.model:
        for place in _SUMMED:
            data[-1] ^= data[place]
    else:
        data[-2:] = _END
    return bytes(data)
