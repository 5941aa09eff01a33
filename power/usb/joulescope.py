"""Joulescope JS220 and JS110, through the maker's library ``pyjoulescope_driver`` (extra ``joulescope``).

Topics and the shape of statistics: as that library's own programs use them. Not yet tried on a unit here.
"""

import math
import queue
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from ..block import Block, Flag
from ..errors import FrameError, MeterOffline, MissingLibrary
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter
from ..timebase import TimeBase

_HINT = "is it plugged in, and no other program using it (the Joulescope UI)? May this user open USB devices?"
_TIMEOUT_S = 1.0
"""Beyond the time between two statistics. Assumed."""
_SAMPLES_A_SECOND = {"js220": 1_000_000, "js110": 2_000_000}
_MOST_WAITING = 10_000


@dataclass(frozen=True, slots=True)
class Statistics:
    """What the unit says of one stretch of samples."""

    first: int
    """Number of its first sample, since the unit was switched on."""
    end: int
    """Number of the sample after its last."""
    samples_a_second: float
    volts: float
    amps: float
    watts: float
    """Of the samples' products: a pulsed load has more than mean volts times mean amps. NaN where samples lack."""


def parse(value: Mapping[str, Any]) -> Statistics:
    """Read what the library publishes; ValueError when it is something else."""
    try:
        first, end = value["time"]["samples"]["value"]
        means = (float(value["signals"][name]["avg"]["value"]) for name in ("voltage", "current", "power"))
        read = Statistics(int(first), int(end), float(value["time"]["sample_freq"]["value"]), *means)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no statistics: {error!r}") from error
    if read.end <= read.first or not read.samples_a_second > 0:
        raise ValueError(f"statistics of samples {read.first} to {read.end} at {read.samples_a_second:g} a second")
    return read


class Source(Protocol):
    """Where statistics come from."""

    def discard(self) -> None:
        """Forget what has come and was not read."""
        ...

    def next(self, timeout_s: float) -> Mapping[str, Any]:
        """Return the next statistics as the library publishes them; queue.Empty when none come in time."""
        ...

    def close(self) -> None:
        """Stop and let go. May be called twice."""
        ...


class JS220(PolledMeter):
    """Volts, amps and watts of one supply: means over stretches that follow on each other without a gap.

    The unit multiplies sample by sample, so its watts are a pulsed load's too. ``t_ns`` is the middle of a stretch by
    the unit's own count of samples; a stretch that does not begin where the one before ended has lost some.
    """

    verified: ClassVar[tuple[str, ...]] = ("stand-in of the library",)

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        address: str = ""
        """Serial number, e.g. ``002557``; empty: the only one plugged in."""
        rate_hz: Literal[1, 2, 10, 20, 50, 100, 200, 500, 1000] = 100
        """Stretches a second."""

    accuracy = Accuracy(
        volts=Tolerance(0.001, 2e-3),
        amps=Tolerance(0.002, 5e-4),
        source="assumed, on the safe side of Jetperch's JS220 specification with automatic range",
        assumed=True,
    )
    bandwidth_hz = 300e3
    """Of the JS220's analogue input (Jetperch's product page, from memory: assumed)."""

    def __init__(self, name: str, source: Source, rate_hz: int = 100, identity: Identity | None = None) -> None:
        """Sit on an open source of statistics."""
        super().__init__(name, identity or Identity("Jetperch", "JS220"))
        self._source = source
        self.rate_hz = float(rate_hz)
        self.aperture_s = 1 / rate_hz
        self._end: int | None = None
        self._clock: TimeBase | None = None

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Find and open the unit, and have it send statistics.

        Raises:
            MissingLibrary: the maker's library is not installed.
            MeterOffline: there is no such unit, or more than one, or it cannot be opened.
        """
        options = cls.Config.model_validate(config)
        source = Library.open(name, options.address, options.rate_hz)
        return cls(name, source, options.rate_hz, source.identity)

    def read(self) -> Block:
        """Return the next statistics, shape (1,).

        Raises:
            MeterOffline: none came.
            FrameError: what came is something else.
        """
        self._source.discard()
        self._end = None
        return self._next()

    def stream(self) -> Iterator[Block]:
        """Yield statistics in time order until the caller stops; raises as :meth:`read`."""
        self._source.discard()
        while True:
            yield self._next()

    def close(self) -> None:
        """Let go of the unit. May be called twice."""
        self._source.close()

    def _next(self) -> Block:
        timeout_s = _TIMEOUT_S + 2 * self.aperture_s
        try:
            said = parse(self._source.next(timeout_s))
        except queue.Empty as error:
            raise MeterOffline(self.name, f"no statistics within {timeout_s:g} s", hint=_HINT) from error
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=_HINT) from error
        arrived_ns = time.monotonic_ns()
        if self._clock is None or (self._end is not None and said.first < self._end):  # it was switched off and on
            self._clock, self._end = TimeBase(), None
        end_ns = int(self._clock.place(np.array([said.end / said.samples_a_second]), arrived_ns)[0])
        lost = (self._end is not None and said.first > self._end) or math.isnan(said.watts)
        self._end = said.end
        middle_ns = end_ns - round((said.end - said.first) * 5e8 / said.samples_a_second)
        return Block.one(middle_ns, said.volts, said.amps, Flag.LOST_BEFORE if lost else Flag(0), watts=said.watts)


class Library:
    """The maker's library as a :class:`Source`. Its callbacks come in threads of its own."""

    def __init__(self, driver: Any, path: str) -> None:  # noqa: ANN401 -- the library has no types
        """Take over a driver with an open device."""
        self._driver: Any = driver
        self._path = path
        self._waiting: queue.Queue[Mapping[str, Any]] = queue.Queue(_MOST_WAITING)
        _, model, serial = path.split("/")[:3]
        firmware = ""
        with suppress(Exception):
            firmware = str(driver.query(f"{path}/c/fw/version"))
        self.identity = Identity("Jetperch", model.upper(), serial, firmware)

    @classmethod
    def open(cls, name: str, serial_number: str, rate_hz: int) -> Self:
        """Open the one unit that is meant, with automatic ranges.

        Raises:
            MissingLibrary: the library is not installed.
            MeterOffline: there is no such unit, or more than one, or it cannot be opened.
        """
        try:
            library = import_module("pyjoulescope_driver")
        except ImportError as error:
            hint = "pip install 'edge-test-farm[joulescope]'"
            raise MissingLibrary(name, "needs pyjoulescope_driver", hint=hint) from error
        driver = library.Driver()
        try:
            source = cls(driver, _path(name, driver.device_paths(), serial_number))
            source._start(rate_hz)
        except MeterOffline:
            driver.finalize()
            raise
        except Exception as error:  # the library raises RuntimeError, TimeoutError and others
            driver.finalize()
            raise MeterOffline(name, str(error), hint=_HINT) from error
        return source

    def discard(self) -> None:
        """Forget what has come and was not read."""
        with suppress(queue.Empty):
            while True:
                self._waiting.get_nowait()

    def next(self, timeout_s: float) -> Mapping[str, Any]:
        """Return the next statistics; queue.Empty when none come in time."""
        return self._waiting.get(timeout=timeout_s)

    def close(self) -> None:
        """Close the device and end the library's threads. May be called twice."""
        driver, self._driver = self._driver, None
        if driver is not None:
            with suppress(Exception):
                driver.close(self._path)
            driver.finalize()

    def _start(self, rate_hz: int) -> None:
        driver, path, model = self._driver, self._path, self.identity.model.lower()
        driver.open(path)
        if model == "js110":  # the host computes its statistics, from all three signals
            driver.publish(f"{path}/s/i/range/select", "auto")
            for signal in "ivp":
                driver.publish(f"{path}/s/{signal}/ctrl", "on")
        else:
            driver.publish(f"{path}/s/i/range/mode", "auto")
        driver.subscribe(f"{path}/s/stats/value", "pub", self._came)
        driver.publish(f"{path}/s/stats/scnt", _SAMPLES_A_SECOND[model] // rate_hz)
        driver.publish(f"{path}/s/stats/ctrl", "on" if model == "js110" else 1)

    def _came(self, topic: str, value: Mapping[str, Any]) -> None:  # noqa: ARG002 -- the library's callback
        with suppress(queue.Full):  # nobody reads; the gap will show in the sample numbers
            self._waiting.put_nowait(value)


def _path(name: str, paths: list[str], serial_number: str) -> str:
    known = [path for path in paths if path.split("/")[1] in _SAMPLES_A_SECOND]
    found = [path for path in known if serial_number in ("", path.split("/")[-1])]
    if len(found) != 1:
        wanted = f" with serial number {serial_number}" * bool(serial_number)
        raise MeterOffline(name, f"{len(found)} Joulescopes{wanted} are plugged in, not one: {known}", hint=_HINT)
    return found[0]
