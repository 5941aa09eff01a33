r"""The cheap USB relay boards behind a CH340 serial chip, sold as LCUS-1, LCUS-2, LCUS-4 …: 9600 baud.

All switch with four bytes, ``A0 channel 01|00 sum``: ``A0 01 01 A2`` on, ``A0 01 00 A1`` off. They look the same and
differ in what can be asked:

``lcus``           nothing (sellers' data for the LCUS-1): such a board can never confirm, and needs a ``proof:``.
``lcus-feedback``  ``A0 channel 05 sum`` is answered with the bytes that would bring about the present state (the
                   protocol sheet sold with the "feedback" boards; public programs agree).
``lcus-status``    ``FF`` is answered with ten bytes of text a channel, ``CH1: ON \r\nCH2: OFF\r\n`` (public programs
                   for the LCUS-2 and LCUS-4).

Not yet tried on a board here. To find out which one you have, begin with ``lcus-feedback``: a board that cannot answer
is told as such when it is opened, and nothing is switched.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, Literal, Self, TypeVar

from pydantic import BaseModel, Field

from ..errors import MeterOffline, SwitchBlind, SwitchOffline
from ..port import Port
from ..switch import SwitchConfig
from ..usb.serial_port import SerialPort
from .base import AskedSwitch
from .confirm import BLIND_HINT

T = TypeVar("T")

_BAUD = 9600
_ANSWER_S = 0.5
"""Assumed: 40 bytes take 42 ms at this rate."""
_BUSY_S = 3.0
"""How long another switch of the same board may hold the port: an exchange takes a tenth of that (assumed)."""
_LOOK_AGAIN_S = 0.05
_LINE_BYTES = 10
_HINT = "is the board plugged in, and is it the kind that `board:` says?"


def frame(channel: int, operation: int) -> bytes:
    """Return the four bytes of an operation: start, channel, operation, sum."""
    body = bytes((0xA0, channel, operation))
    return body + bytes((sum(body) & 0xFF,))


def parse_feedback(answer: bytes, channel: int) -> bool:
    """Return the state in a board's four bytes; ValueError when they are not about this channel."""
    for state in (True, False):
        if answer == frame(channel, int(state)):
            return state
    raise ValueError(f"no state of channel {channel} in {answer.hex(' ') or 'silence'}")


def parse_status(answer: bytes, channel: int) -> bool:
    """Return the state of a channel in a board's lines of text; ValueError when they do not tell."""
    line = answer[(channel - 1) * _LINE_BYTES : channel * _LINE_BYTES]
    for state, word in ((True, b"ON "), (False, b"OFF")):
        if line == b"CH%d: %b\r\n" % (channel, word):
            return state
    raise ValueError(f"no state of channel {channel} in {answer!r}")


class _Asks(ABC):
    """How one kind of board is asked."""

    @abstractmethod
    def state(self, port: Port, channel: int) -> bool:
        """Return a channel's state; ValueError when the board does not tell."""


class _Feedback(_Asks):
    def state(self, port: Port, channel: int) -> bool:
        port.write(frame(channel, 0x05))
        return parse_feedback(port.read_exactly(4, _ANSWER_S), channel)


class _Status(_Asks):
    def state(self, port: Port, channel: int) -> bool:
        port.write(b"\xff")
        return parse_status(port.read_exactly(channel * _LINE_BYTES, _ANSWER_S), channel)


_KINDS: dict[str, _Asks | None] = {"lcus": None, "lcus-feedback": _Feedback(), "lcus-status": _Status()}


class SerialRelay(AskedSwitch):
    """One channel of an LCUS relay board.

    The port is held during an exchange only: other channels are other boards' switches.
    """

    class Config(SwitchConfig):
        """Options in the inventory."""

        port: str
        """Device path, best one under ``/dev/serial/by-path``: these chips have no serial number."""
        channel: int = Field(default=1, ge=1, le=8)
        board: Literal["lcus", "lcus-feedback", "lcus-status"]
        """What can be asked; see the top of this module."""

        @property
        def reads_back(self) -> bool:
            """Whether this kind of board can be asked."""
            return _KINDS[self.board] is not None

    verified: ClassVar[tuple[str, ...]] = ("twin", "published bytes")
    disobeyed_hint: ClassVar[str] = _HINT

    def __init__(self, name: str, opened: Callable[[], Port], options: "SerialRelay.Config") -> None:
        """Switch through the ports that ``opened`` returns; it raises MeterOffline when there is none."""
        super().__init__(name, options.min_off_s)
        self._opened, self._channel = opened, options.channel
        self._asks = _KINDS[options.board]

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the port, and ask for the state where the board can be asked; nothing is switched.

        Raises:
            SwitchOffline: no such port, or the board does not answer.
        """
        options = cls.Config.model_validate(config)
        switch = cls(name, lambda: SerialPort.open(name, options.port, baud=_BAUD), options)
        if options.reads_back:
            switch.state()
        else:
            switch._exchange(lambda _: None)
        return switch

    def state(self) -> bool:
        """Ask the board: True when on; SwitchOffline when it does not tell, SwitchBlind when it never can."""
        asks = self._asks
        if asks is None:
            raise SwitchBlind(self.name, "a relay board of the kind `lcus` does not tell its state", hint=BLIND_HINT)
        return self._exchange(lambda port: asks.state(port, self._channel))

    def send(self, on: bool) -> None:
        """Send the command; SwitchOffline when the board is not there."""
        self._exchange(lambda port: port.write(frame(self._channel, int(on))))

    def _exchange(self, talk: Callable[[Port], T]) -> T:
        port = self._hold()
        try:
            port.discard()
            return talk(port)
        except (OSError, ValueError) as error:
            raise SwitchOffline(self.name, str(error), hint=_HINT) from error
        finally:
            port.close()

    def _hold(self) -> Port:
        """Open the port; another switch on the same board may have it for a moment."""
        deadline_ns = time.monotonic_ns() + round(_BUSY_S * 1e9)
        while True:
            try:
                return self._opened()
            except MeterOffline as error:
                busy = isinstance(error.__cause__, OSError) and "lock" in str(error.__cause__)
                if not busy or time.monotonic_ns() > deadline_ns:
                    what = str(error).partition("\n")[0].removeprefix(f"{self.name}: ")
                    raise SwitchOffline(self.name, what, hint=_HINT) from error
            time.sleep(_LOOK_AGAIN_S)
