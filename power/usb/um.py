"""RuiDeng UM25C inline USB meter, over its Bluetooth serial port.

Unit and firmware: the frame layout is the one that two independent public programs decode (libsigrok's rdtech-um,
rdserialtool); not yet tried on a unit here.
"""

import struct
from dataclasses import dataclass
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict

from ..block import Block
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
_MODELS = {0x09C9: "UM25C", 0x0963: "UM24C", 0x0D4C: "UM34C"}
_HEAD = struct.Struct(">HHHI")
"""Model, millivolts, units of 100 microamperes, milliwatts: the first ten bytes, big endian (UM25C's scales)."""
_LINE_S = FRAME_BYTES * 10 / 9600
"""An answer's time on the line to the Bluetooth module, ten bits a byte. The values are from before it began."""
_TIMEOUT_S = 1.0
"""Assumed: Bluetooth adds tens of milliseconds to the 135 ms on the line."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The fields of one answer that the farm uses."""

    model: str
    volts: float
    amps: float
    watts: float


def parse(frame: bytes) -> Frame:
    """Decode one answer; ValueError when it is not a whole one.

    The frame has no checksum of its own, so the meter's watts must agree with its volts times amps: within their
    last digits and 2 % (assumed: the meter multiplies before it rounds).
    """
    if len(frame) != FRAME_BYTES or not frame.endswith(_END):
        raise ValueError(f"{len(frame)} bytes that end in {frame[-2:].hex()}, not {FRAME_BYTES} that end in fff1")
    number, millivolts, units, milliwatts = _HEAD.unpack_from(frame)
    if number not in _MODELS:
        raise ValueError(f"unknown model number {number:04x}")
    read = Frame(_MODELS[number], millivolts / 1e3, units / 1e4, milliwatts / 1e3)
    if read.model == "UM25C" and abs(read.watts - read.volts * read.amps) > 0.02 * read.watts + 0.01:
        raise ValueError(f"{read.watts:g} W in a frame with {read.volts:g} V and {read.amps:g} A")
    return read


class UM25C(PolledMeter):
    """Volts and amps of a USB supply, two new values a second.

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

    def __init__(self, name: str, port: Port, identity: Identity | None = None) -> None:
        """Sit on an open port."""
        super().__init__(name, identity or Identity("RuiDeng", "UM25C"))
        self._port = port
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
        meter = cls(name, SerialPort.open(name, options.port, baud=options.baud))
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
            frame = parse(answer)
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=HINT) from error
        if frame.model != self._identity.model:
            raise WrongInstrument(self.name, f"a {frame.model} answers", hint="the inventory says um25c")
        return frame.volts, frame.amps
