"""Nordic Power Profiler Kit II: amps of one supply, a hundred thousand samples a second.

Commands as in Nordic's own application (pc-nrfconnect-ppk) and in two independent public programs. Not yet tried on a
unit here.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from ..block import Block, Flag
from ..errors import FrameError, MeterOffline
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter, again, assumptions
from ..port import Port
from ..timebase import TimeBase
from .ppk2_samples import SAMPLE_BYTES, SAMPLE_NS, Calibration, Samples, Stream, calibration
from .serial_port import HINT, SerialPort

_START, _STOP, _OUTPUT, _REGULATOR, _MODE, _METADATA = b"\x06", b"\x07", b"\x0c", b"\x0d", b"\x11", b"\x19"
_MODES = {"ampere": b"\x01", "source": b"\x02"}
_SAMPLES_A_SECOND = 1_000_000_000 // SAMPLE_NS
_BAUD = 115200
"""Without meaning: the unit's serial line is USB."""
_CHUNK_S = 0.05
_TIMEOUT_S = 0.5
"""Assumed: samples come at once, and without pause."""
_LEFT_OVER_S = 0.05
"""Longer than any pause between the pieces of a stream that is being stopped (assumed)."""


class PPK2(PolledMeter):
    """Amps of one supply, averaged to what is asked for; its volts are set or stated, the unit measures none.

    A reading is the mean of as many samples as fit, ``t_ns`` its middle by the unit's own count of samples. Lost
    samples are known by their counter, up to 63 in a row; a reading that lacks some is flagged.
    """

    verified: ClassVar[tuple[str, ...]] = ("twin",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        port: str
        """Device path, best one under ``/dev/serial/by-id``: that holds the unit's serial number."""
        mode: Literal["source", "ampere"]
        """``source``: the unit supplies the board; ``ampere``: another supply does, through the unit."""
        volts: float = Field(ge=0.8, le=5.0)
        """What the unit is set to deliver, or what the other supply delivers."""
        rate_hz: Literal[100, 1000, 10_000, 100_000] = 1000
        """Readings a second, each the mean of its share of the samples."""
        switch_on: bool = False
        """Connect the board's supply when the meter is opened; it stays so."""

    accuracy = Accuracy(
        volts=Tolerance(0.02, 0.01),
        amps=Tolerance(0.1, 2e-7),
        source="assumed: about 10 % by Nordic's product page; volts are set or stated, not measured",
        assumed=True,
    )

    def __init__(self, name: str, port: Port, options: "PPK2.Config", known: Calibration | None = None) -> None:
        """Sit on an open port to a unit that :func:`prepare` has set up."""
        known = known or Calibration()
        super().__init__(name, Identity("Nordic Semiconductor", "PPK2", firmware=known.hardware))
        self._port, self._calibration, self._volts = port, known, options.volts
        self._share = _SAMPLES_A_SECOND // options.rate_hz
        self.rate_hz = float(options.rate_hz)
        self.aperture_s = 1 / options.rate_hz
        self.clock = TimeBase()
        """Maps the unit's count of samples; it keeps how late they have come."""

    @classmethod
    def estimated_why(cls, options: Mapping[str, Any]) -> str | None:
        """Return the volts that another supply is said to deliver."""
        return assumptions({"volts": float(options["volts"])} if options.get("mode") == "ampere" else {})

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Open the port, stop what is running, read the calibration and set the unit up.

        Raises:
            MeterOffline: nothing answers there.
            FrameError: something answers, but not with a calibration.
        """
        options = cls.Config.model_validate(config)
        port = SerialPort.open(name, options.port, baud=_BAUD)
        try:
            known = again(lambda: introduce(name, port))
            prepare(name, port, options)
        except BaseException:
            port.close()
            raise
        return cls(name, port, options, known)

    def read(self) -> Block:
        """Return the mean of a fresh share of samples, shape (1,).

        Raises:
            MeterOffline: no samples.
            FrameError: bytes that are none, or too few.
        """
        size = self._share * SAMPLE_BYTES
        try:
            self._begin()
            data = self._receive(size)
            arrived_ns = time.monotonic_ns()
        finally:
            with suppress(OSError):
                self._port.write(_STOP)
        if len(data) < size:
            raise FrameError(self.name, f"{len(data)} bytes, not {size}", hint=HINT)
        samples = self._parse(Stream(self._calibration, self._volts), data)
        flags = int(np.bitwise_or.reduce(samples.flags))
        return Block.one(arrived_ns - round(self.aperture_s * 5e8), self._volts, float(np.mean(samples.amps)), flags)

    def stream(self) -> Iterator[Block]:
        """Yield readings in blocks, in time order, until the caller stops; raises as :meth:`read`."""
        stream, shares = Stream(self._calibration, self._volts), Shares(self._share)
        chunk = max(self._share, round(_CHUNK_S * _SAMPLES_A_SECOND)) * SAMPLE_BYTES
        self.clock = TimeBase()
        try:
            self._begin()
            while True:
                data = self._receive(chunk)
                arrived_ns = time.monotonic_ns()
                samples = self._parse(stream, data)
                if not len(samples.ticks):
                    continue
                moments_ns = self.clock.place(samples.ticks / _SAMPLES_A_SECOND, arrived_ns)
                middles, amps, flags = shares.add(samples)
                tick_ns = _tick_ns(samples.ticks, moments_ns)
                t_ns = int(moments_ns[0]) + np.rint((middles - samples.ticks[0]) * tick_ns).astype(np.int64)
                if len(t_ns):
                    yield Block(t_ns, np.full(len(t_ns), self._volts), amps, flags)
        finally:
            with suppress(OSError):
                self._port.write(_STOP)

    def close(self) -> None:
        """Close the port; the board's supply stays as it is. May be called twice."""
        self._port.close()

    def _begin(self) -> None:
        try:
            self._port.discard()
            self._port.write(_START)
        except OSError as error:
            raise MeterOffline(self.name, str(error), hint=HINT) from error

    def _receive(self, size: int) -> bytes:
        try:
            data = self._port.read_exactly(size, _TIMEOUT_S + self.aperture_s)
        except OSError as error:
            raise MeterOffline(self.name, str(error), hint=HINT) from error
        if not data:
            raise MeterOffline(self.name, f"no samples within {_TIMEOUT_S:g} s", hint=HINT)
        return data

    def _parse(self, stream: Stream, data: bytes) -> Samples:
        try:
            return stream.feed(data)
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=HINT) from error


def _tick_ns(ticks: NDArray[np.int64], moments_ns: NDArray[np.int64]) -> float:
    """Return how long a tick of the unit took on the controller's clock."""
    passed = int(ticks[-1] - ticks[0])
    return int(moments_ns[-1] - moments_ns[0]) / passed if passed else float(SAMPLE_NS)


class Shares:
    """Means of so many samples each, by the unit's count; a share that lacks samples is flagged. Pure."""

    def __init__(self, size: int) -> None:
        """Begin with the next sample."""
        self._size = size
        self._held = Samples(np.empty(0, np.int64), np.empty(0), np.empty(0, np.uint8))

    def add(self, samples: Samples) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.uint8]]:
        """Return middles in ticks, amps and flags of the shares that are over, shape (n,) each."""
        ticks = np.concatenate([self._held.ticks, samples.ticks])
        amps = np.concatenate([self._held.amps, samples.amps])
        flags = np.concatenate([self._held.flags, samples.flags])
        share = ticks // self._size
        over = int(np.searchsorted(share, (int(ticks[-1]) + 1) // self._size))
        self._held = Samples(ticks[over:], amps[over:], flags[over:])
        if not over:
            return np.empty(0), np.empty(0), np.empty(0, np.uint8)
        starts = np.flatnonzero(np.diff(share[:over], prepend=share[0] - 1))
        counts = np.diff(starts, append=over)
        short = np.where(counts < self._size, np.uint8(Flag.LOST_BEFORE), np.uint8(0))
        means = np.add.reduceat(amps[:over], starts) / counts
        middles = ((share[starts] + 0.5) * self._size - 0.5).astype(np.float64)
        return middles, means, (np.bitwise_or.reduceat(flags[:over], starts) | short).astype(np.uint8)


def introduce(name: str, port: Port) -> Calibration:
    """Stop what is running and return what the unit tells of itself.

    Raises:
        MeterOffline: silence.
        FrameError: an answer that is none.
    """
    try:
        port.write(_STOP)
        while port.read_exactly(65536, _LEFT_OVER_S):  # samples that were on their way
            pass
        port.write(_METADATA)
        text = port.read_line(b"END", _TIMEOUT_S)
    except OSError as error:
        raise MeterOffline(name, str(error), hint=HINT) from error
    if not text:
        raise MeterOffline(name, f"no answer within {_TIMEOUT_S:g} s", hint=HINT)
    try:
        return calibration(text)
    except ValueError as error:
        raise FrameError(name, str(error), hint=HINT) from error


def prepare(name: str, port: Port, options: PPK2.Config) -> None:
    """Set mode and volts, and the board's supply if that is wanted. The unit confirms nothing.

    Raises:
        MeterOffline: the line is broken.
    """
    try:
        port.write(_MODE + _MODES[options.mode])
        if options.mode == "source":
            port.write(_REGULATOR + round(options.volts * 1e3).to_bytes(2, "big"))
        if options.switch_on:
            port.write(_OUTPUT + b"\x01")
        port.discard()
    except OSError as error:
        raise MeterOffline(name, str(error), hint=HINT) from error
