"""What an STM X-NUCLEO-LPM01A sends: samples as text or in two bytes, with time stamps and messages between them.

Formats: as the vendor's command list prints them and two independent public programs read them (mlcommons/tiny,
x-nucleo-lpm01a-gui). Not tried on captured bytes.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from ..block import Flag
from ..decoded import Decoded

_SAMPLE = re.compile(rb"(\d{4})([+-])(\d{2})")
_SAMPLES = re.compile(rb"(?:\d{4}[+-]\d{2})+")
"""``6409-07`` is 6409e-7. A loaded unit may leave out the line's end between two."""
_STAMP = re.compile(rb"(?i)timestamp: (\d+)s (\d+)ms, buff (\d+)%")
_TALK = re.compile(rb"(?i)(?:PowerShield|ack|event|summary|end\b|acquisition|pwr|info|\w+ (?:beg|end)\b).*")
"""Lines that are neither samples nor faults: answers, events, the summary at the end."""
_FAULT = re.compile(rb"(?i)(?:PowerShield > )?err(?:or)?\b.*")
_META, _META_END = 0xF0, b"\xff\xff"
_ERROR, _INFO, _TIME = 0xF1, 0xF2, 0xF3
_META_BYTES = {0xF3: 9, 0xF4: 4, 0xF5: 4, 0xF6: 4, 0xF7: 6}
"""Messages between binary samples → their size: time, end, over-current, power down, volts."""
_MOST_AMPS = 1.0
"""The unit ends at 50 mA (200 mA static): more is no sample but bytes out of step."""
_LONGEST_MESSAGE_BYTES = 512


@dataclass(slots=True)
class Arrived:
    """What was whole in the bytes that came."""

    amps: list[float] = field(default_factory=list[float])
    stamps: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """Before which of ``amps`` a time stamp stood, and its milliseconds since the start."""


class Pieces(ABC):
    """Cuts a stream into samples and messages, whatever pieces it comes in. Pure."""

    sample_bytes: ClassVar[int]
    """Size of a sample with its end."""

    def __init__(self) -> None:
        """Begin with the next byte."""
        self.rest = b""
        """Bytes that wait for more."""
        self._taken = 0

    def feed(self, data: bytes) -> Arrived:
        """Return what is whole now.

        Raises:
            ValueError: bytes that are no sample and no message, or a fault that the unit reports; with the offset.
        """
        self.rest += data
        found, at = Arrived(), 0
        while size := self._next(self.rest, at, found):
            at += size
        self.rest, self._taken = self.rest[at:], self._taken + at
        return found

    @abstractmethod
    def _next(self, data: bytes, at: int, found: Arrived) -> int:
        """Take one thing at an offset and return its size; 0 when it is not whole yet."""

    def _wrong(self, at: int, what: str) -> ValueError:
        return ValueError(f"at byte {self._taken + at}: {what}")


class Text(Pieces):
    """The format ``ascii_dec``."""

    sample_bytes = 9

    def _next(self, data: bytes, at: int, found: Arrived) -> int:
        end = data.find(b"\n", at)
        if end < 0:
            return 0
        line = data[at:end].strip()
        if _SAMPLES.fullmatch(line):
            found.amps += [int(m[1]) * 10.0 ** int(m[2] + m[3]) for m in _SAMPLE.finditer(line)]
        elif stamp := _STAMP.fullmatch(line):
            found.stamps.append((len(found.amps), int(stamp[1]) * 1000 + int(stamp[2])))
        elif _FAULT.fullmatch(line):
            raise self._wrong(at, f"the unit reports {line.decode('ascii', 'replace')!r}")
        elif line and not _TALK.fullmatch(line):
            raise self._wrong(at, f"{line[:40]!r} is no sample of this meter")
        return end + 1 - at


class Binary(Pieces):
    """The format ``bin_hexa``: a power of 16 in the first four bits, 12 bits of value."""

    sample_bytes = 2

    def _next(self, data: bytes, at: int, found: Arrived) -> int:
        if len(data) < at + 2:
            return 0
        if data[at] == _META:
            return self._message(data, at, found)
        amps = (data[at] << 8 & 0xF00 | data[at + 1]) / 16.0 ** (data[at] >> 4)
        if amps > _MOST_AMPS:
            raise self._wrong(at, f"{data[at : at + 2].hex()} would be {amps:g} A: no sample of this meter")
        found.amps.append(amps)
        return 2

    def _message(self, data: bytes, at: int, found: Arrived) -> int:
        kind = data[at + 1]
        if kind in (_ERROR, _INFO):
            end = data.find(_META_END, at + 2, at + 2 + _LONGEST_MESSAGE_BYTES)
            if end < 0 and len(data) - at < _LONGEST_MESSAGE_BYTES:
                return 0
            if kind == _ERROR or end < 0:
                raise self._wrong(at, f"the unit reports {data[at + 2 : end if end >= 0 else at + 42]!r}")
            return end + len(_META_END) - at
        size = _META_BYTES.get(kind, 0)
        if 0 < len(data) - at < size:
            return 0
        if not size or data[at + size - 2 : at + size] != _META_END:
            raise self._wrong(at, f"{data[at : at + 9].hex(' ')} is no message of this meter")
        if kind == _TIME:
            found.stamps.append((len(found.amps), int.from_bytes(data[at + 2 : at + 6], "big") & 0x7FFF_FFFF))
        return size


class Count:
    """Counts samples against the unit's time stamps: fewer than the time between two holds, and the rest are lost.

    Pure.
    """

    def __init__(self, rate_hz: float) -> None:
        """Expect so many samples a second."""
        self._rate_hz = rate_hz
        self._next = 0
        self._stamp: tuple[int, int] | None = None
        self._lost = False

    def add(self, found: Arrived) -> tuple[NDArray[np.int64], NDArray[np.uint8]]:
        """Return, shape (n,), which sample each is, lost ones included, and what is against it."""
        ticks = self._next + np.arange(len(found.amps), dtype=np.int64)
        flags = np.zeros(len(ticks), np.uint8)
        if self._lost and len(ticks):
            flags[0], self._lost = Flag.LOST_BEFORE, False
        for place, stamp_ms in found.stamps:
            now = self._next + place if place == len(ticks) else int(ticks[place])
            if self._stamp is not None:
                missing = round((stamp_ms - self._stamp[1]) / 1e3 * self._rate_hz) - (now - self._stamp[0])
                if missing > max(1, self._rate_hz * 1e-3):  # a stamp has milliseconds
                    ticks[place:] += missing
                    flags[place : place + 1] = Flag.LOST_BEFORE
                    self._lost = place == len(ticks)
                    now += missing
                    self._next += missing
            self._stamp = now, stamp_ms
        self._next += len(ticks)
        return ticks, flags


def decode(data: bytes, *, rate_hz: str = "", volts: str = "nan") -> Iterator[Decoded]:
    """Yield the samples of a captured stream, as text or binary.

    Args:
        data: the captured bytes.
        rate_hz: as the unit was set; gives samples a time, and finds lost ones by the time stamps.
        volts: as the unit was set: it measures none, and without them there are no watts.

    Raises:
        ValueError: bytes that are no sample and no message, with their offset.
    """
    pieces: Pieces = Text() if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in data[:256]) else Binary()
    found, supply = pieces.feed(data), float(volts)
    if pieces.rest.strip():
        raise ValueError(f"at byte {len(data) - len(pieces.rest)}: {pieces.rest[:40]!r} ends within a sample")
    ticks, flags = Count(float(rate_hz or "nan")).add(found) if rate_hz else (None, np.zeros(len(found.amps), np.uint8))
    for place, amps in enumerate(found.amps):
        t_ns = None if ticks is None else round(int(ticks[place]) * 1e9 / float(rate_hz))
        yield Decoded(t_ns, supply, amps, supply * amps, Flag(int(flags[place])))
