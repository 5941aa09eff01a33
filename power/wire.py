"""What went over a meter's cable, kept as a file, and played to its driver again.

Both directions are kept, each piece with its time, as are the options that the driver had and the readings that it made
of it. Played, what the unit sent is there as soon as the driver asks for it as it did.
"""

import gzip
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from .block import Block, Flag
from .port import Port

_GZIP = ".gz"
Made = Literal["instrument", "process twin", "qemu twin"]
Direction = Literal[">", "<"]
"""To the unit, from it."""
Piece = tuple[float, Direction, str]
"""Seconds since recording began, whereto, and the bytes in hex."""


class Kept(BaseModel):
    """One reading as the driver made it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    t_s: float
    """Since the port was opened."""
    volts: float | None
    amps: float | None
    watts: float | None
    flags: list[str] = []


class Recording(BaseModel):
    """A conversation with one unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    driver: str
    made: Made
    """What spoke: a twin's bytes are no instrument's."""
    origin: str
    """Where it comes from, in words."""
    anonymous: bool = False
    """The serial number is a stand-in."""
    identity: dict[str, str]
    options: dict[str, Any]
    exchange: list[Piece]
    readings: list[Kept]


class RecordingPort:
    """A port that notes everything that goes through it."""

    def __init__(self, port: Port, note: Callable[[Direction, bytes], None]) -> None:
        """Sit on an open port."""
        self._port, self._note = port, note

    def discard(self) -> None:
        """Forget what has arrived and was not read; of that nothing is noted."""
        self._port.discard()

    def write(self, data: bytes) -> None:
        """Send all of ``data``."""
        self._note(">", data)
        self._port.write(data)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return as the port does."""
        return self._came(self._port.read_line(terminator, timeout_s))

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:
        """Return as the port does."""
        return self._came(self._port.read_exactly(size_bytes, timeout_s))

    def close(self) -> None:
        """Close the port."""
        self._port.close()

    def _came(self, data: bytes) -> bytes:
        if data:
            self._note("<", data)
        return data


class Tape:
    """Notes what goes over the ports that are opened while it is the way; see :func:`power.port.opened_by`."""

    def __init__(self) -> None:
        """Begin now."""
        self.begin_ns = time.monotonic_ns()
        self.pieces: list[Piece] = []
        self._stopped = False

    def __call__(self, open_port: Callable[[], Port]) -> Port:
        """Open the port, and sit on it."""
        return RecordingPort(open_port(), self._note)

    def stop(self) -> None:
        """Note nothing more."""
        self._stopped = True

    def _note(self, way: Direction, data: bytes) -> None:
        if not self._stopped:
            self.pieces.append(((time.monotonic_ns() - self.begin_ns) / 1e9, way, data.hex()))

    def asked(self) -> list[tuple[str, str]]:
        """Return questions in text, and the answers that came before anything else was sent; without their ends."""
        told = [(way, bytes.fromhex(data).decode("ascii", "replace").strip()) for _, way, data in self.pieces]
        return [(one, two) for (way, one), (back, two) in pairwise(told) if (way, back) == (">", "<")]

    def kept(self, blocks: Sequence[Block]) -> list[Kept]:
        """Return readings as they are kept."""
        return kept(blocks, self.begin_ns)


class PlayedPort:
    """A unit that answers each question as it did next. What it was never sent meets silence, which costs no time.

    So a driver may ask for more than it did, or in other pieces; what it still asks must read as it read.
    """

    def __init__(self, pieces: Sequence[Piece], tell_time: Callable[[float], None] = lambda _: None) -> None:
        """Take a recording's exchange; ``tell_time`` hears the seconds at which each piece went."""
        self._pieces = [(at_s, way, bytes.fromhex(data)) for at_s, way, data in pieces]
        self._at = 0
        """Of the next piece."""
        self._tell_time = tell_time
        self._silent = False
        self._rest = b""
        """Of the last piece, what was not read yet."""
        self.strange: list[bytes] = []
        """What was sent now and not then."""

    def discard(self) -> None:
        """Keep what comes: what was thrown away then was never noted."""

    def write(self, data: bytes) -> None:
        """Go on behind where this was sent then."""
        for at in range(self._at, len(self._pieces)):
            at_s, way, sent = self._pieces[at]
            if way == ">" and sent == data:
                self._at, self._silent, self._rest = at + 1, False, b""
                self._tell_time(at_s)
                return
        self._silent = True
        self.strange.append(data)

    def read_line(self, terminator: bytes, timeout_s: float) -> bytes:
        """Return bytes up to and with the terminator, or all that came before the next question."""
        came = bytearray(self._rest)
        for at in range(self._at, len(self._pieces)):
            if terminator in came or self._pieces[at][1] == ">":
                break
            came += self._pieces[at][2]
        end = came.find(terminator)
        return self.read_exactly(len(came) if end < 0 else end + len(terminator), timeout_s)

    def read_exactly(self, size_bytes: int, timeout_s: float) -> bytes:  # noqa: ARG002 -- silence is known at once
        """Return so many bytes, or all that came before the next question."""
        if self._silent:
            return b""
        while len(self._rest) < size_bytes and self._at < len(self._pieces) and self._pieces[self._at][1] == "<":
            at_s, _, data = self._pieces[self._at]
            self._rest += data
            self._at += 1
            self._tell_time(at_s)
        taken, self._rest = self._rest[:size_bytes], self._rest[size_bytes:]
        return taken

    def close(self) -> None:
        """Do nothing."""


def kept(blocks: Sequence[Block], begin_ns: int) -> list[Kept]:
    """Return readings as they are kept: what has no value is None."""
    whole = Block.join(blocks)
    columns = (whole.t_ns - begin_ns, whole.volts, whole.amps, whole.watts, whole.flags)
    return [
        Kept(
            t_s=t_ns / 1e9,
            volts=_known(volts),
            amps=_known(amps),
            watts=_known(watts),
            flags=[flag.name or "" for flag in Flag if flag & flags],
        )
        for t_ns, volts, amps, watts, flags in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def write(recording: Recording, path: Path) -> None:
    """Write a recording, a piece a line; packed where the name ends with ``.gz``. FileExistsError: it is there."""
    value = recording.model_dump(mode="json")
    lists = {name: value.pop(name) for name in ("exchange", "readings")}
    head = json.dumps(value, indent=2, ensure_ascii=False).removesuffix("\n}")
    parts = [
        f'  "{name}": [\n' + ",\n".join(f"    {json.dumps(one)}" for one in rows) + "\n  ]"
        for name, rows in lists.items()
    ]
    data = (",\n".join([head, *parts]) + "\n}\n").encode()
    with path.open("xb") as file:
        file.write(gzip.compress(data, mtime=0) if path.suffix == _GZIP else data)


def read(path: Path) -> Recording:
    """Return a recording; ValueError where a file is none."""
    data = path.read_bytes()
    try:
        return Recording.model_validate_json(gzip.decompress(data) if path.suffix == _GZIP else data)
    except (ValidationError, OSError, EOFError) as error:
        raise ValueError(f"{path}: no recording of a meter: {error}") from error


def anonymous(recording: Recording) -> Recording:
    """Return it with a stand-in for the unit's serial number, of the same length, wherever that stands as text.

    Raises:
        ValueError: the unit told one, and it does not stand in the bytes as text: they may hold it in another form.
    """
    serial = recording.identity.get("serial_number", "")
    if not serial:
        return recording.model_copy(update={"anonymous": True})
    instead = "".join("0" if letter.isdigit() else "X" if letter.isalpha() else letter for letter in serial)
    exchange = _replaced(recording.exchange, serial, instead)
    if exchange == recording.exchange:
        raise ValueError(
            f"its serial number {serial} is in no text that it sent: the bytes may hold it in another form"
        )
    told = json.dumps({"identity": recording.identity, "options": recording.options}).replace(serial, instead)
    return recording.model_copy(update={"anonymous": True, "exchange": exchange, **json.loads(told)})


def without_secrets(recording: Recording, secrets: Mapping[str, str]) -> Recording:
    """Return it with a stand-in of the same length for each secret: option → its value."""
    exchange, options = recording.exchange, dict(recording.options)
    for name, value in secrets.items():
        options[name] = "X" * len(value)
        exchange = _replaced(exchange, value, options[name])
        quoted = json.dumps(value)[1:-1]
        exchange = _replaced(exchange, quoted, options[name].ljust(len(quoted), "X"))
    return recording.model_copy(update={"exchange": exchange, "options": options})


def _replaced(exchange: Sequence[Piece], serial: str, instead: str) -> list[Piece]:
    """Return the exchange with a text replaced, in whatever pieces a reading cut it."""
    found: list[Piece] = []
    for way, run in _runs(exchange):
        data = b"".join(bytes.fromhex(text) for _, _, text in run)
        for coding in ("ascii", "utf-16-le"):
            data = data.replace(serial.encode(coding), instead.encode(coding))
        for at_s, _, text in run:
            size = len(text) // 2
            found.append((at_s, way, data[:size].hex()))
            data = data[size:]
    return found


def _runs(exchange: Sequence[Piece]) -> list[tuple[Direction, list[Piece]]]:
    runs: list[tuple[Direction, list[Piece]]] = []
    for piece in exchange:
        if not runs or runs[-1][0] != piece[1]:
            runs.append((piece[1], []))
        runs[-1][1].append(piece)
    return runs
