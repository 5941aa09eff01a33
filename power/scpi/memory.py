"""Readings that an instrument's own timer puts into its memory, fetched in lots."""

import re
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import FrameError, MeterOffline
from ..timebase import TimeBase
from .number import series
from .port import LINK_HINT, ScpiPort

_FETCH_S = 0.1
"""How often the memory is emptied."""
_SILENT_S, _SILENT_READINGS = 2.0, 5
"""A timer without a reading for this long, or so many of its periods, has stopped (assumed)."""


class Memory(Protocol):
    """Where an instrument's timer puts its readings."""

    most: int
    """Readings in one fetch."""

    def start(self) -> None:
        """Empty it and start the timer."""
        ...

    def fetch(self) -> tuple[NDArray[np.float64], NDArray[np.float64], bool]:
        """Return what is new: the instrument's seconds and the readings, shape (n,); and whether some were lost.

        Raises:
            MeterOffline: no answer.
            FrameError: not what was asked for.
        """
        ...

    def stop(self) -> None:
        """Stop the timer."""
        ...


def lots(name: str, memory: Memory, rate_hz: float) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], bool]]:
    """Start the timer and yield what it took until the caller stops; then stop it.

    Yields:
        monotonic moments at which readings began, and the readings, shape (n,) each, n at least 1; and whether some
        before them are lost.

    Raises:
        MeterOffline: no answer, or the timer has stopped.
        FrameError: not what was asked for.
    """
    memory.start()
    try:
        yield from _placed(name, memory, rate_hz)
    finally:
        with suppress(MeterOffline):
            memory.stop()


def _placed(name: str, memory: Memory, rate_hz: float) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64], bool]]:
    base, lost = TimeBase(time.monotonic_ns()), False
    heard_ns, silent_s = time.monotonic_ns(), max(_SILENT_S, _SILENT_READINGS / rate_hz)
    while True:
        silent = (time.monotonic_ns() - heard_ns) / 1e9 > silent_s  # before asking: who does not answer takes time too
        seconds, values, overrun = memory.fetch()
        arrived_ns = time.monotonic_ns()
        if overrun:  # older readings are gone, and with them the count
            if silent:
                what = "its memory runs over again and again before it is fetched"
                raise MeterOffline(
                    name, what, hint="set a lower rate, or look at the link and the load of this machine"
                )
            memory.start()
            base, lost = TimeBase(time.monotonic_ns()), True
        elif len(values):
            heard_ns = arrived_ns
            yield base.place(seconds, arrived_ns), values, lost
            lost = False
        elif silent:
            raise MeterOffline(name, "its timer has stopped", hint="did somebody touch the front panel?")
        if len(values) < memory.most:
            time.sleep(_FETCH_S)


def read_series(port: ScpiPort, question: str, count: int) -> NDArray[np.float64]:
    """Return exactly ``count`` numbers, shape (count,).

    Raises:
        MeterOffline: no answer.
        FrameError: another count, or something that is no number.
    """
    answer = port.query(question)
    try:
        values = series(_unblocked(answer))
        if len(values) != count:
            raise ValueError(f"{len(values)} values, not {count}")
    except ValueError as error:
        port.mistrust()
        raise FrameError(port.name, f"{question}: {error} in {answer[:60]!r}", hint=LINK_HINT) from error
    return values


def _unblocked(answer: str) -> str:
    """Return the text of a definite-length block (IEEE 488.2), or the answer itself; ValueError for half a block."""
    found = re.match(r"#([1-9])", answer)
    if found is None:
        return answer
    begins = 2 + int(found[1])
    size, text = answer[2:begins], answer[begins:]
    if not size.isdigit() or not 0 <= int(size) - len(text) <= 1:  # a line's end may count as one of its bytes
        raise ValueError(f"{len(text)} characters of a block of {size}")
    return text
