"""RuiDeng TC66C inline USB-C meter, over its USB serial port.

Unit and firmware: the layout and the key are the ones that four independent public programs use (jedie/tc66c2mqtt,
Ralim/TC66C, skgsergio/tc66c-toolkit, TheHWcave/TC66). ``parse`` was tried on a published frame of a real unit,
firmware 1.18: names and checksums agree. The driver was not yet tried on a unit here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from pydantic import BaseModel, ConfigDict

from ..block import Block
from ..decoded import Decoded
from ..errors import FrameError, WrongInstrument
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter, again
from ..port import Port
from .serial_port import HINT, SerialPort, ask
from .updates import Refreshes

FRAME_BYTES = 192
_BLOCK_BYTES = 64
_QUESTION = b"getva"
_BAUD = 115200
_TIMEOUT_S = 0.5
"""Assumed: an answer is 192 bytes over USB, a few milliseconds."""
_KEY = bytes.fromhex("5821fa5601b2f02687ff1204622a4fb086f40260816f9a0ba7f106619ab87288")
"""AES-256 key that every unit has; published by the programs above. It hides nothing."""
_SERIAL, _VOLTS_100UV, _AMPS_10UA, _WATTS_100UW = 3, 12, 13, 14
"""Places of little endian words in the first block. Amps are read as signed: the sign word of the second block is the
temperature's (two of the programs agree), and no public frame has a current that flows back."""
_REQUESTS = (b"getva", b"bgetva", b"\r\n")
"""What hosts send over USB and Bluetooth; captures of both directions have it between the frames."""
_RECORDED = struct.Struct("<Ii")
"""An entry of the unit's own recording (``gtrec``): 0.1 mV, 0.01 mA. It has no checksum."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The fields of one answer that the farm uses."""

    model: str
    firmware: str
    serial_number: str
    volts: float
    amps: float
    watts: float


def crc16(data: bytes) -> int:
    """Return the CRC-16/MODBUS: polynomial 8005 reflected, start FFFF."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def decrypt(answer: bytes) -> bytes:
    """Return the plain frame; ValueError unless it is a whole number of AES blocks."""
    decryptor = Cipher(algorithms.AES(_KEY), modes.ECB()).decryptor()  # noqa: S305 -- the meter's choice
    return decryptor.update(answer) + decryptor.finalize()


def parse(frame: bytes) -> Frame:
    """Decode one decrypted answer; ValueError when a block's name, length or checksum is wrong."""
    if len(frame) != FRAME_BYTES:
        raise ValueError(f"{len(frame)} bytes, not {FRAME_BYTES}")
    for place in range(3):
        block = frame[place * _BLOCK_BYTES : (place + 1) * _BLOCK_BYTES]
        name, said = b"pac%d" % (place + 1), int.from_bytes(block[60:], "little")
        if block[:4] != name:
            raise ValueError(f"block {place + 1} begins with {block[:4]!r}, not {name!r}")
        if said != crc16(block[:60]):
            raise ValueError(f"block {place + 1} says checksum {said:04x} and has {crc16(block[:60]):04x}")
    words = struct.unpack_from("<13I2iI", frame)
    return Frame(
        model=_text(frame[4:8]),
        firmware=_text(frame[8:12]),
        serial_number=str(words[_SERIAL]),
        volts=words[_VOLTS_100UV] / 1e4,
        amps=words[_AMPS_10UA] / 1e5,
        watts=words[_WATTS_100UW] / 1e4,
    )


def decode(data: bytes, *, content: str = "frames") -> Iterator[Decoded]:
    """Yield the readings of captured answers, encrypted or already plain; requests may stand between them.

    Args:
        data: the captured bytes.
        content: ``frames``, or ``recording`` for what ``gtrec`` answered: entries without a checksum.

    Raises:
        ValueError: bytes that are no frame, with their offset, or an unknown content.
    """
    if content == "recording":
        yield from _recording(data)
        return
    if content != "frames":
        raise ValueError(f"content={content}: choose frames or recording")
    offset = 0
    while offset < len(data):
        if request := next((r for r in _REQUESTS if data.startswith(r, offset)), b""):
            offset += len(request)
            continue
        taken = data[offset : offset + FRAME_BYTES]
        try:
            if len(taken) != FRAME_BYTES:
                raise ValueError(f"{len(taken)} bytes, not {FRAME_BYTES}")
            frame = parse(taken if taken.startswith(b"pac1") else decrypt(taken))
        except ValueError as error:
            raise ValueError(f"at byte {offset}: {error}") from None
        yield Decoded(None, frame.volts, frame.amps, frame.watts)
        offset += FRAME_BYTES


def _recording(data: bytes) -> Iterator[Decoded]:
    if rest := len(data) % _RECORDED.size:
        raise ValueError(f"at byte {len(data) - rest}: {rest} bytes, not {_RECORDED.size}")
    for volts, amps in _RECORDED.iter_unpack(data):
        yield Decoded(None, volts / 1e4, amps / 1e5, volts / 1e4 * amps / 1e5)


def _text(field: bytes) -> str:
    return field.rstrip(b"\0 ").decode("ascii", "replace")


class TC66C(PolledMeter):
    """Volts and amps of a USB-C supply, about ten new values a second.

    A value is taken as the mean over the refresh interval that ended when it appeared (assumed: the maker states
    no averaging), so ``t_ns`` is that moment less half the interval; right to half a poll, 12 ms.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        port: str
        """Device path or pyserial URL, best one under ``/dev/serial/by-id``."""
        serial_number: str | None = None
        """What the unit must answer; absent: any unit will do."""

    rate_hz = 10.0
    aperture_s = 0.1
    accuracy = Accuracy(
        volts=Tolerance(0.0005, 2e-4),
        amps=Tolerance(0.001, 4e-5),
        source="RuiDeng TC66C manual: volts 0.05 % + 2 digits of 0.1 mV, amps 0.1 % + 4 digits of 10 uA",
    )
    _poll_s: ClassVar[float] = 0.023
    """A few polls to a refresh: assumed; an answer takes a few milliseconds. No divisor of the refresh interval: polls
    that keep step with the refreshes would miss their moments by the same amount each time."""

    def __init__(self, name: str, port: Port, identity: Identity | None = None) -> None:
        """Sit on an open port."""
        super().__init__(name, identity or Identity("RuiDeng", "TC66C"))
        self._port = port
        self._refreshes = Refreshes(rate_hz=self.rate_hz, poll_s=self._poll_s)

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the port and read who answers.

        Raises:
            MeterOffline: nothing answers there.
            FrameError: something answers, but not in this meter's frames.
            WrongInstrument: another unit answers.
        """
        options = cls.Config.model_validate(config)
        port = SerialPort.open(name, options.port, baud=_BAUD)
        try:
            frame = again(lambda: _frame(name, port))
            if options.serial_number not in (None, frame.serial_number):
                raise WrongInstrument(
                    name,
                    f"serial number {frame.serial_number} answers, not {options.serial_number}",
                    hint="two meters may have changed places: name the port by /dev/serial/by-path",
                )
        except BaseException:
            port.close()
            raise
        return cls(name, port, Identity("RuiDeng", frame.model, frame.serial_number, frame.firmware))

    def read(self) -> Block:
        """Return the next value that the meter shows for the first time, shape (1,).

        Raises:
            MeterOffline: no answer.
            FrameError: half an answer, or one with a wrong checksum.
        """
        shown_ns, (volts, amps), flags = self._refreshes.next(self._ask)
        return Block.one(shown_ns - round(self.aperture_s * 5e8), volts, amps, flags)

    def close(self) -> None:
        """Close the port. May be called twice."""
        self._port.close()

    def _ask(self) -> tuple[float, float]:
        frame = _frame(self.name, self._port)
        return frame.volts, frame.amps


def _frame(name: str, port: Port) -> Frame:
    answer = ask(name, port, _QUESTION, size_bytes=FRAME_BYTES, timeout_s=_TIMEOUT_S)
    try:
        return parse(decrypt(answer))
    except ValueError as error:
        raise FrameError(name, str(error), hint=HINT) from error
