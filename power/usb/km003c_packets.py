"""Packets of the ChargerLAB POWER-Z KM003C and KM002C: where each ends, and the readings in captured ones.

Layout: as two independent public programs use it (okhsunrog/km003c-rs and km003c-protocol-research, the mainline Linux
driver ``powerz``); tried on a published capture of a real unit, firmware 1.9.5, with requests and answers at 1 kHz.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..block import Flag
from ..decoded import Decoded

ADC, QUEUE = 1, 2
"""Attributes that hold readings: the last one, and the queue since the last time it was asked for."""
_PD_TRACE, _FAST_QUEUE = 0x20, 4
PUT_DATA, MEMORY_READ, MEMORY_REPLY, STREAMING = 0x41, 0x44, 0xC4, 0x4C
_CONTROL = frozenset({*range(1, 0x12), 0x27})
"""Packets of four bytes: connect, accept, reject, requests."""
_HEADER, _MEMORY_REPLY_BYTES, _ENCRYPTED_BYTES = 4, 20, 36
_AES_BLOCK, _REPORT_BYTES = 16, 64
_MOST_MEMORY = 1 << 20
"""Assumed: more than any log in the unit."""
READING_BYTES = 44
READING = np.dtype([("microvolts", "<i4"), ("microamps", "<i4")])
"""What a reading begins with; averages, temperature and data lines follow."""
SAMPLE = np.dtype(
    [("ticks", "<u2"), ("marker", "<u2"), ("microvolts", "<i4"), ("microamps", "<i4"), ("lines", "<u2", 4)]
)
"""One sample of the queue. ``ticks`` counts milliseconds, whatever the rate; the marker is not understood."""
TICK_NS, TICKS_A_SECOND = 1_000_000, 1000
STEPS = {2: 500, 10: 100, 50: 20, 1000: 1}
"""Samples a second → ticks between them."""


@dataclass(frozen=True, slots=True)
class Part:
    """One attribute of an answer."""

    attribute: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet, of either direction."""

    kind: int
    """With the bit that tells an answer to a memory request (C4) from the request (44)."""
    number: int
    """An answer has the number of its request."""
    word: int
    """Bytes 2 and 3 of the header."""
    parts: tuple[Part, ...] = ()
    body: bytes = b""
    """What follows the header of a packet that has no parts."""


def extent(data: bytes) -> int:
    """Return the size of the packet that ``data`` begins with, as far as its bytes tell: if it is more, ask again then.

    Raises:
        ValueError: these bytes begin no packet.
    """
    if len(data) < _HEADER:
        return _HEADER
    kind = data[0]
    if kind & 0x7F == PUT_DATA:
        return _extent_of_parts(data)
    if kind == MEMORY_REPLY:
        return _extent_of_memory(data)
    if kind in (MEMORY_READ, STREAMING):
        return _ENCRYPTED_BYTES
    if kind in _CONTROL and not data[2] & 1:
        return _HEADER
    raise ValueError(f"{data[:_HEADER].hex(' ')} begins no packet of this meter")


def _extent_of_parts(data: bytes) -> int:
    count, at, more = int.from_bytes(data[2:4], "little") >> 6, _HEADER, True
    if count == 0 and _part_at(data, at)[0] != _PD_TRACE:
        return _HEADER  # nothing to tell
    while more:
        if len(data) < at + _HEADER:
            return at + _HEADER
        attribute, more, size = _part_at(data, at)
        if attribute & (attribute - 1) or not attribute:
            raise ValueError(f"{data[at : at + _HEADER].hex(' ')} is no attribute of this meter")
        if attribute == ADC and size != READING_BYTES:
            raise ValueError(f"a reading of {size} bytes, not {READING_BYTES}")
        at += _HEADER + size
    return at


def _part_at(data: bytes, at: int) -> tuple[int, bool, int]:
    """Return attribute, whether another follows, and the payload's size."""
    header = int.from_bytes(data[at : at + _HEADER], "little")
    attribute, more, chunk, size = header & 0x7FFF, bool(header >> 15 & 1), header >> 16 & 0x3F, header >> 22
    if attribute == QUEUE:
        if chunk and size != SAMPLE.itemsize:
            raise ValueError(f"samples of {size} bytes, not {SAMPLE.itemsize}")
        size *= chunk
    if attribute == _FAST_QUEUE:
        raise ValueError("a 10 kHz queue, whose layout nobody has published")
    if attribute == _PD_TRACE and size == 0:  # two lists, each with its length before it
        for _ in range(2):
            start = at + _HEADER + size
            size += 1 + (data[start] if start < len(data) else 0)
    return attribute, more, size


def _extent_of_memory(data: bytes) -> int:
    """An answer to a memory request repeats it in clear; what was asked for follows, encrypted, without a header."""
    if len(data) < _MEMORY_REPLY_BYTES:
        return _MEMORY_REPLY_BYTES
    size, said = (int.from_bytes(data[place : place + 4], "little") for place in (8, 16))
    if said != (has := zlib.crc32(data[4:16])) or size > _MOST_MEMORY:
        raise ValueError(f"a memory answer says checksum {said:08x} and has {has:08x}, {size} bytes")
    return _MEMORY_REPLY_BYTES + -(-size // _AES_BLOCK) * _AES_BLOCK


def parse(data: bytes) -> Packet:
    """Decode exactly one packet; ValueError when it is not one."""
    if (size := extent(data)) != len(data):
        raise ValueError(f"{len(data)} bytes of a packet of {size}")
    kind, number, word = data[0], data[1], int.from_bytes(data[2:4], "little")
    if kind & 0x7F != PUT_DATA:
        return Packet(kind, number, word, body=data[_HEADER:])
    parts: list[Part] = []
    at = _HEADER
    while at < len(data):
        attribute, _, size = _part_at(data, at)
        parts.append(Part(attribute, data[at + _HEADER : at + _HEADER + size]))
        at += _HEADER + size
    return Packet(PUT_DATA, number, word, tuple(parts))


def packets(data: bytes) -> Iterator[Packet]:
    """Yield the packets of a capture, of one or both directions, however the bus has cut them.

    Zeros behind a packet, less than a report of 64 bytes, are passed over: over HID packets come filled up so, and no
    packet begins with one.

    Raises:
        ValueError: bytes that are no packet, with their offset.
    """
    at = 0
    while at < len(data):
        try:
            size = extent(data[at : at + 2 * _HEADER])
            while at + size <= len(data) and size != (size := extent(data[at : at + size])):
                pass
            yield parse(data[at : at + size])
        except ValueError as error:
            raise ValueError(f"at byte {at}: {error}") from None
        at += size
        ahead = data[at : at + _REPORT_BYTES - 1]
        at += len(ahead) - len(ahead.lstrip(b"\0"))


def ticks_since(before: int | None, counted: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Return, shape (n,), how many ticks after the one before each sample was taken; 0 for the very first.

    The unit's counter wraps every 65.5 s: a longer gap cannot be told from a shorter one.
    """
    first = counted[:1] if before is None else np.array([before], np.uint16)
    return np.diff(counted, prepend=first).astype(np.int64)


def against(since: NDArray[np.int64], step: int) -> NDArray[np.uint8]:
    """Return, shape (n,), what the ticks say against samples that should be ``step`` apart: lost ones, and doubles."""
    flags = np.where(since > step, int(Flag.LOST_BEFORE), 0)
    return np.where((since == 0), int(Flag.STALE), flags).astype(np.uint8)


def decode(data: bytes, *, attribute: str = "auto") -> Iterator[Decoded]:
    """Yield the readings of captured packets.

    Samples of the queue bear the unit's own time. A capture that has any gives those only: a reading of the other
    kind shows the same moment once more, without a time.

    Args:
        data: the captured bytes.
        attribute: ``queue`` or ``adc`` to choose.

    Raises:
        ValueError: bytes that are no packet, with their offset, or an unknown attribute.
    """
    if attribute not in ("auto", "queue", "adc"):
        raise ValueError(f"attribute={attribute}: choose auto, queue or adc")
    parts = [part for packet in packets(data) for part in packet.parts]
    queues = [np.frombuffer(p.payload, SAMPLE) for p in parts if p.attribute == QUEUE and p.payload]
    if attribute == "queue" or (attribute == "auto" and queues):
        yield from _samples(queues)
    else:
        for part in parts:
            if part.attribute == ADC:
                volts, amps = reading(part.payload)
                yield Decoded(None, volts, amps, volts * amps)


def reading(payload: bytes) -> tuple[float, float]:
    """Return volts and amps of a reading."""
    said = np.frombuffer(payload, READING, count=1)[0]
    return int(said["microvolts"]) / 1e6, int(said["microamps"]) / 1e6


def _samples(queues: list[NDArray[Any]]) -> Iterator[Decoded]:
    now, before = 0, None
    for queue, step in zip(queues, _steps(queues), strict=True):
        since = ticks_since(before, queue["ticks"])
        flags = against(since, step)
        if before is None:
            flags[0] = 0
        before = int(queue["ticks"][-1])
        for place, sample in enumerate(queue):
            now += int(since[place])
            volts, amps = int(sample["microvolts"]) / 1e6, int(sample["microamps"]) / 1e6
            yield Decoded(now * TICK_NS, volts, amps, volts * amps, Flag(int(flags[place])))


def _steps(queues: list[NDArray[Any]]) -> list[int]:
    """Return how many ticks apart the samples of each answer should be: nothing in it says so but the samples."""
    found = [_step(ticks_since(None, queue["ticks"])[1:]) for queue in queues]
    gaps = [ticks_since(int(a["ticks"][-1]), b["ticks"][:1]) for a, b in pairwise(queues)]
    known = next((step for step in found if step), 0) or _step(np.concatenate([np.empty(0, np.int64), *gaps])) or 1
    steps: list[int] = []
    for step in found:
        known = step or known
        steps.append(known)
    return steps


def _step(since: NDArray[np.int64]) -> int:
    """Return the longest known step that is no longer than any of these; 0 when there are none."""
    moved = since[since > 0]
    return max((step for step in STEPS.values() if len(moved) and step <= moved.min()), default=0)
