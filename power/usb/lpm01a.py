"""STM X-NUCLEO-LPM01A PowerShield: supplies a small board with 1.8 V to 3.3 V and measures its amps, up to 50 mA.

Commands as in the vendor's list and in two public programs (mlcommons/tiny, x-nucleo-lpm01a-gui). Not yet tried on a
unit here.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from ..block import Block
from ..errors import FrameError, InstrumentFault, MeterOffline, WrongInstrument
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter, again
from ..port import Port
from ..timebase import TimeBase
from .lpm01a_stream import Arrived, Binary, Count, Pieces, Text
from .serial_port import HINT, SerialPort

_BAUD = 3_686_400
_END = b"\r\n"
_TEXT_UP_TO_HZ = 5000
"""Faster, text does not fit the line for long (the vendor's table)."""
_TIMEOUT_S = 1.0
_CHUNK_S = 0.02
_MOST_LINES = 50


class LPM01A(PolledMeter):
    """Amps of a small board; its volts are those that the unit is set to deliver.

    The unit powers the board while it measures, and after that. A sample is taken as the mean over the time since the
    one before (assumed). Its time stamps, one a second, tell when samples were lost.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        port: str
        """Device path, best one under ``/dev/serial/by-id``."""
        volts: float = Field(ge=1.8, le=3.3)
        """What the unit is set to deliver."""
        rate_hz: Literal[100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000] = 1000
        serial_number: str | None = None
        """What ``powershield`` must answer; absent: any unit will do."""

    accuracy = Accuracy(
        volts=Tolerance(0.02, 0.01),
        amps=Tolerance(0.02, 1e-7),
        source="assumed, after ST's data brief: 2 % in dynamic mode; volts are set, not measured: 2 % assumed",
        assumed=True,
    )

    def __init__(self, name: str, port: Port, options: "LPM01A.Config", identity: Identity | None = None) -> None:
        """Sit on an open port to a unit that :func:`prepare` has set up."""
        super().__init__(name, identity or Identity("STMicroelectronics", "X-NUCLEO-LPM01A"))
        self._port, self._volts = port, options.volts
        self._pieces: type[Pieces] = _format(options.rate_hz)
        self.rate_hz = float(options.rate_hz)
        self.aperture_s = 1 / options.rate_hz
        self.clock = TimeBase()
        """Maps the count of samples; it keeps how late they have come."""

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the port, take control, and set the unit up.

        Raises:
            MeterOffline: nothing answers there.
            WrongInstrument: another unit answers.
            InstrumentFault: it refuses a setting.
        """
        options = cls.Config.model_validate(config)
        port = SerialPort.open(name, options.port, baud=_BAUD)
        try:
            identity = introduce(name, port, options.serial_number)
            prepare(name, port, options)
        except BaseException:
            port.close()
            raise
        return cls(name, port, options, identity)

    def read(self) -> Block:
        """Start, return the first sample, and stop; shape (1,).

        Raises:
            MeterOffline: no sample.
            FrameError: bytes that are none.
        """
        pieces, found = self._pieces(), Arrived()
        try:
            self._start()
            while not found.amps:
                found = self._parse(pieces, self._receive(self._pieces.sample_bytes))
            return Block.one(time.monotonic_ns() - round(self.aperture_s * 5e8), self._volts, found.amps[0])
        finally:
            self._stop()

    def stream(self) -> Iterator[Block]:
        """Yield samples in blocks, in time order, until the caller stops; raises as :meth:`read`."""
        pieces, count = self._pieces(), Count(self.rate_hz)
        self.clock = TimeBase()
        chunk = max(1, round(self.rate_hz * _CHUNK_S)) * self._pieces.sample_bytes
        try:
            self._start()
            while True:
                found = self._parse(pieces, self._receive(chunk))
                arrived_ns = time.monotonic_ns()
                ticks, flags = count.add(found)
                if not len(ticks):
                    continue
                t_ns = self.clock.place(ticks / self.rate_hz, arrived_ns) - round(self.aperture_s * 5e8)
                yield Block(t_ns, np.full(len(ticks), self._volts), np.array(found.amps), flags)
        finally:
            self._stop()

    def close(self) -> None:
        """Close the port; the board stays powered. May be called twice."""
        self._port.close()

    def _start(self) -> None:
        try:
            self._port.discard()
            self._port.write(b"start" + _END)
        except OSError as error:
            raise MeterOffline(self.name, str(error), hint=HINT) from error

    def _stop(self) -> None:
        with suppress(OSError):
            self._port.write(b"stop" + _END)

    def _receive(self, size: int) -> bytes:
        try:
            data = self._port.read_exactly(size, _TIMEOUT_S)
        except OSError as error:
            raise MeterOffline(self.name, str(error), hint=HINT) from error
        if not data:
            raise MeterOffline(self.name, f"no sample within {_TIMEOUT_S:g} s", hint=HINT)
        return data

    def _parse(self, pieces: Pieces, data: bytes) -> Arrived:
        try:
            return pieces.feed(data)
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=HINT) from error


def _format(rate_hz: int) -> type[Pieces]:
    return Text if rate_hz <= _TEXT_UP_TO_HZ else Binary


def ask(name: str, port: Port, command: str) -> str:
    """Send a command and return what stands behind its ``ack``.

    Raises:
        MeterOffline: silence, or no answer among what comes.
        InstrumentFault: the unit refuses.
    """
    try:
        port.discard()
        port.write(command.encode() + _END)
        for _ in range(_MOST_LINES):
            line = port.read_line(b"\n", _TIMEOUT_S).decode("ascii", "replace").replace("PowerShield >", "").strip()
            if line.startswith(f"ack {command.split()[0]}"):
                return line.removeprefix("ack ").removeprefix(command).strip()
            if line.startswith("err"):
                raise InstrumentFault(name, f"{command}: the unit answers {line!r}", hint="is its firmware older?")
            if not line:
                break
    except OSError as error:
        raise MeterOffline(name, str(error), hint=HINT) from error
    raise MeterOffline(name, f"{command}: no answer within {_TIMEOUT_S:g} s", hint=HINT)


def introduce(name: str, port: Port, serial_number: str | None) -> Identity:
    """Stop what is running, take control from the unit's own keys, and return who it is; raises as :func:`ask`.

    Raises:
        WrongInstrument: another unit answers.
    """
    with suppress(OSError):
        port.write(b"stop" + _END)
    again(lambda: ask(name, port, "htc"))
    serial = _told(name, port, "powershield").replace("PowerShield present:", "").strip()
    firmware = _told(name, port, "version")
    if serial_number not in (None, serial):
        raise WrongInstrument(name, f"serial number {serial} answers, not {serial_number}", hint=HINT)
    return Identity("STMicroelectronics", "X-NUCLEO-LPM01A", serial, firmware)


def prepare(name: str, port: Port, options: LPM01A.Config) -> None:
    """Set volts, rate and format for an acquisition without an end; raises as :func:`ask`."""
    rate_hz = options.rate_hz
    for command in (
        f"volt {round(options.volts * 1e3)}m",
        f"freq {rate_hz // 1000}k" if rate_hz >= 1000 else f"freq {rate_hz}",
        "output current",
        f"format {'ascii_dec' if _format(rate_hz) is Text else 'bin_hexa'}",
    ):
        again(lambda command=command: ask(name, port, command))
    for wish in ("acqtime 0", "acqmode dyn", "trigsrc sw", "trigdelay 0", "pwr auto", "pwrend on"):
        _told(name, port, wish)


def _told(name: str, port: Port, command: str) -> str:
    """Return what stands behind an ``ack`` that the unit may leave out; empty where it does."""
    try:
        return ask(name, port, command)
    except (MeterOffline, InstrumentFault) as error:
        if isinstance(error.__cause__, OSError):
            raise
        return ""
