"""FNIRSI FNB48, FNB48S, C1 and FNB58 inline USB meters, over USB.

Units and firmware: the reports are those that two independent public programs read (baryluk's logger,
usb-power-profiling); not yet tried on a unit here.
"""

import time
from collections import deque
from collections.abc import Iterator
from typing import ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from ..block import Block, Flag
from ..errors import FrameError, MeterOffline, WrongInstrument
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter, again
from ..port import Port
from ..timebase import TimeBase
from .fnirsi_frames import REPORT_BYTES, SAMPLES_A_REPORT, parse, request
from .hidraw_port import HidrawPort, find, model_at
from .serial_port import HINT, SerialPort, tcp_of

M = TypeVar("M", bound="FNB58")

IDS = {
    (0x0483, 0x003A): "FNB48",
    (0x0483, 0x003B): "C1",
    (0x2E3C, 0x0049): "FNB48S",
    (0x2E3C, 0x5558): "FNB58",
}
"""USB vendor and product number → model: the reports themselves do not say."""
_START = 0x82
"""Asks for a second of samples; asked again before that is over, they go on."""
_AGAIN_S = 0.4
_PERIOD_S, _RATE_HZ = 0.01, 100.0
_TIMEOUT_S = 1.0
"""Assumed: reports come every 40 ms."""
_LATE_REPORTS, _NEARLY = 5, 0.75
"""So many reports in a row that all come nearly a report or more behind the rhythm: then one was lost, not delayed."""
_MOST_OTHERS = 8


class Rhythm:
    """When were samples taken that come four at a time, without a number or a time? Pure: arrivals in, moments out."""

    def __init__(self) -> None:
        """Begin with the next report."""
        self._clock = TimeBase()
        self._ticks = 0
        self._late: deque[float] = deque(maxlen=_LATE_REPORTS)
        self._lost = False

    def place(self, arrived_ns: int) -> tuple[NDArray[np.int64], Flag]:
        """Return the moments of a report's samples, shape (4,), and whether some are missing before them.

        A lost report is known by the next ones, which stay late: the gap stands up to five reports after it.
        """
        ticks = self._ticks + np.arange(1, SAMPLES_A_REPORT + 1)
        moments_ns = self._clock.place(ticks / _RATE_HZ, arrived_ns)
        self._ticks = int(ticks[-1])
        flags, self._lost = Flag.LOST_BEFORE if self._lost else Flag(0), False
        self._late.append((arrived_ns - int(moments_ns[-1])) / 1e9 / (_PERIOD_S * SAMPLES_A_REPORT))
        if len(self._late) == _LATE_REPORTS and (reports := int(min(self._late) + 1 - _NEARLY)) > 0:
            self._ticks += reports * SAMPLES_A_REPORT
            self._late.clear()
            self._lost = True
        return moments_ns, flags


class FNB58(PolledMeter):
    """Volts and amps of a USB supply, a hundred samples a second in blocks of four.

    The unit sends neither time nor number: moments come from the rhythm of arrivals, right to some milliseconds, and a
    lost report is found by the rhythm too. A sample is taken as the mean over its 10 ms (assumed: the maker states no
    averaging).
    """

    verified: ClassVar[tuple[str, ...]] = ("twin",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        address: str = ""
        """USB serial number, or device path like ``/dev/hidraw3``; empty: the only one plugged in.
        Or ``host:port`` of a bridge to its reports."""

    rate_hz = _RATE_HZ
    aperture_s = _PERIOD_S
    accuracy = Accuracy(
        volts=Tolerance(0.0005, 2e-3),
        amps=Tolerance(0.001, 2e-3),
        source="assumed: twice what FNIRSI's page for the FNB58 states (0.02 % and 0.05 %), 2 mV and 2 mA for the zero",
        assumed=True,
    )

    def __init__(self, name: str, port: Port, identity: Identity | None = None) -> None:
        """Sit on an open port."""
        super().__init__(name, identity or Identity("FNIRSI", "FNB58"))
        self._port = port

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Find and open the unit; a first report must come.

        Raises:
            MeterOffline: there is no such unit, or it is silent.
            FrameError: something answers, but not in this meter's reports.
            WrongInstrument: the device path leads to something else.
        """
        options = cls.Config.model_validate(config)
        if tcp_of(options.address):
            return cls._begun(cls(name, SerialPort.open(name, options.address, baud=115200)))
        by_path = options.address.startswith("/")
        path = options.address if by_path else find(name, IDS, options.address)
        model = model_at(path, IDS) or "FNB58"
        if model not in IDS.values():
            raise WrongInstrument(
                name, f"{path} is USB device {model}, not one of {', '.join(IDS.values())}", hint=HINT
            )
        identity = Identity("FNIRSI", model, "" if by_path else options.address)
        return cls._begun(cls(name, HidrawPort.open(name, path), identity))

    @staticmethod
    def _begun(meter: M) -> M:
        """Return the meter once a first report has come; close it where none does."""
        try:
            again(meter.read)
        except BaseException:
            meter.close()
            raise
        return meter

    def read(self) -> Block:
        """Return the last sample of the next report, shape (1,).

        Raises:
            MeterOffline: no report within a second.
            FrameError: half a report, or one with a wrong checksum.
        """
        self._start(discard=True)
        volts, amps = self._samples()[-1]
        return Block.one(time.monotonic_ns() - round(self.aperture_s * 5e8), volts, amps)

    def stream(self) -> Iterator[Block]:
        """Yield the four samples of each report in time order until the caller stops; raises as :meth:`read`."""
        rhythm = Rhythm()
        self._start(discard=True)
        asked_ns = time.monotonic_ns()
        while True:
            samples = np.array(self._samples())
            arrived_ns = time.monotonic_ns()
            moments_ns, lost = rhythm.place(arrived_ns)
            flags = np.zeros(SAMPLES_A_REPORT, np.uint8)
            flags[0] = lost
            yield Block(moments_ns - round(self.aperture_s * 5e8), samples[:, 0], samples[:, 1], flags)
            if time.monotonic_ns() - asked_ns > _AGAIN_S * 1e9:
                self._start(discard=False)
                asked_ns = time.monotonic_ns()

    def close(self) -> None:
        """Close the device; within a second it sends no more. May be called twice."""
        self._port.close()

    def _start(self, *, discard: bool) -> None:
        try:
            if discard:
                self._port.discard()
            self._port.write(request(_START))
        except OSError as error:
            raise MeterOffline(self.name, str(error), hint=HINT) from error

    def _samples(self) -> list[tuple[float, float]]:
        for _ in range(_MOST_OTHERS):
            try:
                report = self._port.read_exactly(REPORT_BYTES, _TIMEOUT_S)
            except OSError as error:
                raise MeterOffline(self.name, str(error), hint=HINT) from error
            if not report:
                raise MeterOffline(self.name, f"no report within {_TIMEOUT_S:g} s", hint=HINT)
            try:
                samples = parse(report)
            except ValueError as error:
                raise FrameError(self.name, str(error), hint=HINT) from error
            if samples:
                return samples
        raise MeterOffline(self.name, f"{_MOST_OTHERS} reports, and none with samples", hint=HINT)
