"""RuiDeng UM24C, UM25C and UM34C inline USB meters, over their Bluetooth serial port.

Units and firmware: the frame layout is the one that two independent public programs decode (libsigrok's rdtech-um,
rdserialtool); not yet tried on a unit here.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict

from ..block import Block
from ..decoded import Decoded
from ..errors import FrameError, WrongInstrument
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter, again
from ..port import Port
from .serial_port import HINT, SerialPort, ask
from .updates import Refreshes

FRAME_BYTES = 130
_QUESTION = b"\xf0"
_END = b"\xff\xf1"
"""The last two bytes of UM24C and UM25C frames. Not a checksum: see :func:`parse`."""
_OR_NONE = "; some firmware sends no check: then `checksum: ignore` (-o checksum=ignore)"
_SUMMED = (
    *(1, 3, 7, 9, 15, 17, 19, 23, 31, 39, 41, 45, 49, 53, 55, 57, 59, 63, 67, 69, 73, 79, 83, 89),
    *(97, 99, 109, 111, 113, 119, 121, 127),
)
"""The bytes of a UM34C frame whose exclusive or is its last byte (libsigrok rdtech-um)."""
_HEAD = struct.Struct(">HHHI")
"""Model, volts, amps in the model's steps, milliwatts: the first ten bytes, big endian."""
_LINE_S = FRAME_BYTES * 10 / 9600
"""An answer's time on the line to the Bluetooth module, ten bits a byte. The values are from before it began."""
_TIMEOUT_S = 1.0
"""Assumed: Bluetooth adds tens of milliseconds to the 135 ms on the line."""

Checksum = Literal["check", "ignore"]
"""``ignore`` for units whose firmware sends none: then length and model number alone speak for a frame."""


@dataclass(frozen=True, slots=True)
class Model:
    """What differs between the meters of the family."""

    name: str
    volts_step: float
    amps_step: float
    summed: bool
    """Whether its frames end in a checksum."""


MODELS = {
    0x0963: Model("UM24C", 1e-2, 1e-3, summed=False),
    0x09C9: Model("UM25C", 1e-3, 1e-4, summed=False),
    0x0D4C: Model("UM34C", 1e-2, 1e-3, summed=True),
}
"""The number that frames begin with → the model."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The fields of one answer that the farm uses."""

    model: str
    volts: float
    amps: float
    watts: float


def parse(frame: bytes, checksum: str = "check") -> Frame:
    """Decode one answer; ValueError when it is not a whole one of a known model.

    Most models have no checksum, so the meter's watts must agree with its volts times amps too: within their last
    digits and 2 % (assumed: the meter multiplies before it rounds).
    """
    if len(frame) != FRAME_BYTES:
        raise ValueError(f"{len(frame)} bytes, not the {FRAME_BYTES} of a frame")
    number, volts, amps, milliwatts = _HEAD.unpack_from(frame)
    if number not in MODELS:
        raise ValueError(f"unknown model number {number:04x}")
    model = MODELS[number]
    read = Frame(model.name, volts * model.volts_step, amps * model.amps_step, milliwatts / 1e3)
    if checksum == "check":
        _check_end(model, frame)
        _check_watts(model, read)
    return read


def _check_watts(model: Model, read: Frame) -> None:
    digits = 0.01 + read.volts * model.amps_step + read.amps * model.volts_step
    if abs(read.watts - read.volts * read.amps) > 0.02 * read.watts + digits:
        raise ValueError(f"{read.watts:g} W in a frame with {read.volts:g} V and {read.amps:g} A")


def _check_end(model: Model, frame: bytes) -> None:
    if not model.summed and not frame.endswith(_END):
        raise ValueError(f"a frame that ends in {frame[-2:].hex()}, not in {_END.hex()}{_OR_NONE}")
    if model.summed and frame[-1] != (has := um34c_sum(frame)):
        raise ValueError(f"the frame says checksum {frame[-1]:02x} and has {has:02x}{_OR_NONE}")


def um34c_sum(frame: bytes) -> int:
    """Return what the last byte of a UM34C frame must be."""
    has = 0
    for place in _SUMMED:
        has ^= frame[place]
    return has


def decode(data: bytes, *, checksum: str = "check") -> Iterator[Decoded]:
    """Yield the readings of captured answers, of whichever model; the bytes ``f0`` of requests may stand between them.

    Raises:
        ValueError: bytes that are no frame, with their offset, or an unknown way with checksums.
    """
    if checksum not in ("check", "ignore"):
        raise ValueError(f"checksum={checksum}: choose check or ignore")
    offset = 0
    while offset < len(data):
        if data.startswith(_QUESTION, offset):
            offset += len(_QUESTION)
            continue
        try:
            frame = parse(data[offset : offset + FRAME_BYTES], checksum)
        except ValueError as error:
            raise ValueError(f"at byte {offset}: {error}") from None
        yield Decoded(None, frame.volts, frame.amps, frame.watts)
        offset += FRAME_BYTES


class UM25C(PolledMeter):
    """Volts and amps of a USB supply, two new values a second. The other models of the family inherit from it.

    A value is taken as the mean over the refresh interval that ended when it appeared (assumed: the maker states
    no averaging), so ``t_ns`` is that moment less half the interval; right to half a poll, 70 ms: an
    answer alone is 135 ms on its way from the meter to its radio.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        port: str
        """Device path or pyserial URL, e.g. ``/dev/rfcomm0``."""
        baud: int = 9600
        """Of the line to the Bluetooth module; without meaning on ``/dev/rfcommN``."""
        checksum: Checksum = "check"
        """``ignore`` for a unit whose frames end otherwise than its model's do: some firmware does not care."""

    model: ClassVar[str] = "UM25C"

    rate_hz = 2.0
    aperture_s = 0.5
    accuracy = Accuracy(
        volts=Tolerance(0.0005, 2e-3),
        amps=Tolerance(0.001, 4e-4),
        source="RuiDeng UM25C manual: volts 0.05 % + 2 digits of 1 mV, amps 0.1 % + 4 digits of 0.1 mA",
    )
    _poll_s: ClassVar[float] = 0.11
    """The unit wants 100 ms at least, by the public programs. No divisor of its refresh interval: polls that keep
    step with the refreshes would miss their moments by the same amount each time."""

    def __init__(self, name: str, port: Port, checksum: Checksum = "check") -> None:
        """Sit on an open port. These meters tell no serial number."""
        super().__init__(name, Identity("RuiDeng", self.model))
        self._port, self._checksum = port, checksum
        self._refreshes = Refreshes(rate_hz=self.rate_hz, poll_s=self._poll_s, line_s=_LINE_S)

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the port and look at the model number in a first answer.

        Raises:
            MeterOffline: nothing answers there.
            FrameError: something answers, but not in this meter's frames.
            WrongInstrument: another meter of the family answers.
        """
        options = cls.Config.model_validate(config)
        meter = cls(name, SerialPort.open(name, options.port, baud=options.baud), options.checksum)
        try:
            again(meter._ask)
        except BaseException:
            meter.close()
            raise
        return meter

    def read(self) -> Block:
        """Return the next value that the meter shows for the first time, shape (1,).

        Raises:
            MeterOffline: no answer.
            FrameError: half an answer, or one whose watts contradict its volts and amps.
        """
        shown_ns, (volts, amps), flags = self._refreshes.next(self._ask)
        return Block.one(shown_ns - round(self.aperture_s * 5e8), volts, amps, flags)

    def close(self) -> None:
        """Close the port. May be called twice."""
        self._port.close()

    def _ask(self) -> tuple[float, float]:
        answer = ask(self.name, self._port, _QUESTION, size_bytes=FRAME_BYTES, timeout_s=_TIMEOUT_S)
        try:
            frame = parse(answer, self._checksum)
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=HINT) from error
        if frame.model != self._identity.model:
            hint = f"the inventory says {self.model.lower()}"
            raise WrongInstrument(self.name, f"a {frame.model} answers", hint=hint)
        return frame.volts, frame.amps


class UM24C(UM25C):
    """As the UM25C, in coarser steps."""

    model = "UM24C"
    accuracy = Accuracy(
        volts=Tolerance(0.005, 2e-2),
        amps=Tolerance(0.01, 4e-3),
        source="assumed: RuiDeng UM24C manual, volts 0.5 % + 2 digits of 10 mV, amps 1 % + 4 digits of 1 mA",
        assumed=True,
    )


class UM34C(UM25C):
    """As the UM25C, in coarser steps; its frames end in a checksum."""

    model = "UM34C"
    accuracy = Accuracy(
        volts=Tolerance(0.005, 2e-2),
        amps=Tolerance(0.01, 4e-3),
        source="assumed as for the UM24C: volts 0.5 % + 2 digits of 10 mV, amps 1 % + 4 digits of 1 mA",
        assumed=True,
    )
