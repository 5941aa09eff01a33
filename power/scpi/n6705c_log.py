"""The N6705's fast paths: arrays of one sweep, and the external data log (ELOG) without gaps.

Commands as in the N6705C Operating and Service Guide ("Making array measurements", "External data logging"). The order
within a record of the log - current, then voltage - as in Keysight's guide for the N6900, whose log is the same.
"""

import time

import numpy as np
from numpy.typing import NDArray

from ..errors import FrameError, InstrumentFault, MeterOffline
from .number import series
from .port import LINK_HINT, ScpiPort
from .setup import asked, settle

_ORDERS = {"NORM": ">f4", "SWAP": "<f4"}
"""``FORM:BORD``: most significant byte first is the default."""
_LEAST, _MOST = 1e-20, 1e6
"""Volts and amps that no module tells (assumed)."""
_ORDER_HINT = "what does `FORM:BORD?` answer: NORM or SWAP?"
_QUANTITIES = ("CURR", "CURR:MINM", "VOLT", "VOLT:MINM")
"""What a log may hold, in the order of a record."""
RECORDS = 4096
"""Records fetched at once at most: the instrument holds some 20 s of them."""
SHORTEST_S = 2 * 102.4e-6
"""Of a log of two quantities (guide: 102.4 us for each)."""


class Blocks:
    """Numbers in single-precision blocks, in the byte order that the instrument tells.

    Where it tells none they are in the one it was set to; the wrong one makes absurd numbers, which are refused.
    """

    def __init__(self, port: ScpiPort) -> None:
        """Ask for binary answers and their byte order.

        Raises:
            InstrumentFault: the order that it tells is unknown; guessed bytes would be guessed numbers.
        """
        self._port = port
        port.write("FORM REAL")
        port.write("FORM:BORD NORM")
        told = (asked(port, "FORM:BORD?") or "NORM").upper().rpartition(" ")[2][:4]
        if told not in _ORDERS:
            raise InstrumentFault(port.name, f"FORM:BORD? answers {told!r}", hint="NORM or SWAP is wanted")
        self._order = _ORDERS[told]
        self._is_binary: bool | None = None

    def query(self, question: str, *, timeout_s: float | None = None) -> NDArray[np.float64]:
        """Return the numbers of a block, or of a list where the instrument goes on in text, shape (n,).

        NaN for no value, infinity beyond the range.

        Raises:
            MeterOffline: no answer.
            FrameError: no block of single-precision numbers, and no list of numbers.
        """
        if self._is_binary is False:
            return self._listed(question, timeout_s)
        try:
            values = decode(self._port, question, self._port.query_block(question, timeout_s=timeout_s), self._order)
        except FrameError as error:
            if self._is_binary:
                raise
            try:
                values = self._listed(question, timeout_s)
            except (FrameError, MeterOffline):
                raise error from None
            self._is_binary = False
        else:
            self._is_binary = True
        return values

    def _listed(self, question: str, timeout_s: float | None) -> NDArray[np.float64]:
        answer = self._port.query(question, timeout_s=timeout_s)
        try:
            return series(answer)
        except ValueError as error:
            self._port.mistrust()
            raise FrameError(self._port.name, f"{question}: {error}", hint=LINK_HINT) from error


def decode(port: ScpiPort, question: str, data: bytes, order: str) -> NDArray[np.float64]:
    """Turn the bytes of a block into numbers."""
    if len(data) % 4:
        raise FrameError(port.name, f"{question}: {len(data)} bytes are no 32-bit numbers", hint=LINK_HINT)
    with np.errstate(invalid="ignore"):  # of bytes in the wrong order
        values = np.frombuffer(data, order).astype(np.float64)
    size = np.abs(values)
    if np.any((size > 0) & (size < _LEAST) | (size > _MOST) & (size < 9.8e37)):
        raise FrameError(port.name, f"{question}: its numbers are absurd in the byte order {order}", hint=_ORDER_HINT)
    values = np.where(np.isclose(size, 9.91e37, rtol=1e-5), np.nan, values)
    return np.where(size >= 9.899e37, np.where(np.isnan(values), np.nan, np.copysign(np.inf, values)), values)


class Log:
    """The external data log of one output: amps and volts in turn, a record each period."""

    def __init__(self, port: ScpiPort, at: str, period_s: float, *, volts_range: float, amps_range: float) -> None:
        """Set the log up and read back that it holds these two quantities and nothing else.

        A quantity that an earlier user left on would be interleaved with ours: time would stretch, and volts would be
        read as amps.

        Raises:
            InstrumentFault: another quantity stays on, or ours off, or the period is not kept.
        """
        self._port, self._at = port, at
        port.write(f"ABOR:ELOG {at}")
        settle(
            port,
            wanted=[
                f"SENS:ELOG:FUNC:{quantity} {'OFF' if 'MINM' in quantity else 'ON'},{at}" for quantity in _QUANTITIES
            ],
            deciding=(
                f"SENS:ELOG:VOLT:RANG {volts_range:g},{at}",
                f"SENS:ELOG:CURR:RANG {amps_range:g},{at}",
                f"SENS:ELOG:PER {period_s:g},{at}",
                f"TRIG:ELOG:SOUR BUS,{at}",
            ),
            hint="is it an N678xA module, and does it log at this `log_period_s`? `mode: meas` needs no log",
        )
        for quantity in _QUANTITIES:
            self._confirm(f"SENS:ELOG:FUNC:{quantity}? {at}", 0 if "MINM" in quantity else 1)
        self.period_s = port.query_number(f"SENS:ELOG:PER? {at}")
        if not np.isclose(self.period_s, period_s, rtol=0.2):
            raise InstrumentFault(port.name, f"logs every {self.period_s:g} s, not {period_s:g}", hint=_HINT)
        self._blocks = Blocks(port)
        self._taken = 0

    def _confirm(self, question: str, wanted: int) -> None:
        found = self._port.query_number(question)
        if found != wanted:
            what = f"{question} answers {found:g}, not {wanted}: its log would hold other numbers"
            raise InstrumentFault(self._port.name, what, hint=_HINT)

    def start(self) -> int:
        """Begin to log; return the monotonic moment of the trigger, right to what the link takes."""
        self._port.write(f"INIT:ELOG {self._at}")
        asked(self._port, "*OPC?")  # it is armed; whoever does not know the question has had a second to be
        asked_ns = time.monotonic_ns()
        self._port.write(f"TRIG:ELOG {self._at}")
        self._taken = 0
        return asked_ns

    def fetch(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Return what is new, each of shape (n,): seconds at the middle of each period, amps, volts.

        Raises:
            FrameError: half a record.
        """
        question = f"FETC:ELOG? {RECORDS},{self._at}"
        values = self._blocks.query(question)
        if len(values) % 2:
            raise FrameError(self._port.name, f"{question}: half a record", hint=LINK_HINT)
        first, self._taken = self._taken, self._taken + len(values) // 2
        seconds = (np.arange(first, self._taken, dtype=np.float64) + 0.5) * self.period_s
        return seconds, values[0::2], values[1::2]

    def stop(self) -> None:
        """End the log."""
        self._port.write(f"ABOR:ELOG {self._at}")


_HINT = "is somebody logging from the front panel? has the module two converters (N678xA)?"


class Sweeps:
    """Arrays of one sweep after the other: every sample, with gaps between the sweeps."""

    def __init__(self, port: ScpiPort, at: str) -> None:
        """Agree on the byte order; the sweep itself is set up already."""
        self._port, self._blocks, self._at = port, Blocks(port), at

    def take(self, points: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
        """Sweep once; return amps and volts, shape (points,), and the middle of the sweep on the monotonic clock.

        Raises:
            FrameError: not as many amps as volts.
            InstrumentFault: its sweeps have another size.
        """
        asked_ns = time.monotonic_ns()
        amps = self._blocks.query(f"MEAS:ARR:CURR? {self._at}")
        middle_ns = (asked_ns + time.monotonic_ns()) // 2
        volts = self._blocks.query(f"FETC:ARR:VOLT? {self._at}")
        if len(amps) == len(volts) != points:
            what = f"MEAS:ARR:CURR? {self._at} answers {len(amps)} samples, and `SENS:SWE:POIN {points}` was sent"
            raise InstrumentFault(self._port.name, what, hint="did somebody change the sweep? begin again to set it")
        if len(amps) != len(volts):
            what = f"{len(amps)} amps and {len(volts)} volts of {points} samples"
            raise FrameError(self._port.name, what, hint=LINK_HINT)
        return amps, volts, middle_ns
