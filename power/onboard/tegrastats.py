"""One rail of a Jetson by NVIDIA's ``tegrastats``, for boards whose sensors' files are not readable.

Watts only: the program prints milliwatts of point samples. :mod:`.ina3221` tells volts and amps, at a higher rate.
"""

import time
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from ..block import Block
from ..errors import FrameError, MeterOffline
from ..kind import Kind
from ..meter import Accuracy, Identity, Tolerance
from ..polling import PolledMeter
from ..port import Port
from .files import Unanswered
from .rail_names import chosen
from .reach import Here, Reach, Stamping
from .tegrastats_line import parse

_PROGRAM = "tegrastats"
_HINT = "does `tegrastats` print lines on that board?"
_TIMEOUT_PERIODS, _TIMEOUT_S = 2, 2.0
"""Assumed: the first line comes after one interval, and the program needs a moment to begin."""


class Tegrastats(PolledMeter):
    """Watts of one rail, a point sample a line; of a board elsewhere each line bears the board's time."""

    verified: ClassVar[tuple[str, ...]] = ("board twin", "published bytes")
    aperture_s = 0.0
    accuracy = Accuracy(
        None,
        None,
        "assumed: the INA3221 behind it (TI SBOS576C, section 6.5) at 19 V on a shunt of 10 mΩ within 1 %",
        watts=Tolerance(0.015, 0.2),
        assumed=True,
    )

    kinds: ClassVar[tuple[Kind, ...]] = ("rail", "inlet")

    class Config(BaseModel):
        """Options in the inventory."""

        model_config = ConfigDict(extra="forbid", frozen=True)

        root: str = "/"
        """The folder above ``usr/bin/tegrastats``; / takes the one on the path: older systems have it elsewhere."""
        rail: str = Field(examples=["VDD_IN"])
        """As its lines name it; ``A+B`` adds their watts."""
        interval_ms: int = Field(1000, ge=20, le=60_000)
        """Each line costs the board that is measured some of a processor."""

    def __init__(self, name: str, port: Port, options: "Tegrastats.Config") -> None:
        """Sit on the output of the program."""
        super().__init__(name, Identity("NVIDIA", f"tegrastats {options.rail}"))
        self.rate_hz = 1000 / options.interval_ms
        self._port, self._rail = port, options.rail
        self._timeout_s = _TIMEOUT_S + _TIMEOUT_PERIODS / self.rate_hz

    @classmethod
    def open(cls, name: str, config: BaseModel) -> Self:
        """Start the program on this machine; raises as :meth:`open_on`."""
        return cls.open_on(name, config, Here())

    @classmethod
    def open_on(cls, name: str, config: BaseModel, reach: Reach) -> Self:
        """Start the program on a machine and look whether it knows the rail.

        Raises:
            MeterOffline: there is no such program, or it prints nothing.
            UnknownChoice: its lines do not name the rail.
            FrameError: it prints something else.
        """
        options = cls.Config.model_validate(config)
        program = _PROGRAM if options.root == "/" else str(PurePosixPath(options.root) / "usr/bin" / _PROGRAM)
        try:
            port = reach.stamped([program, "--interval", str(options.interval_ms)])
        except OSError as error:
            raise _offline(name, error, f"{program}: ") from error
        meter = cls(name, port, options)
        try:
            meter._next()
        except BaseException:
            port.close()
            raise
        return meter

    def read(self) -> Block:
        """Return the next line's watts, shape (1,); older lines are forgotten.

        Raises:
            MeterOffline: no line came, or the program has ended.
            FrameError: half a line, or none of its kind.
            UnknownChoice: it does not name the rail; or a sum that counts watts twice.
        """
        self._discard()
        return self._next()

    def stream(self) -> Iterator[Block]:
        """Yield line after line; raises as :meth:`read`."""
        while True:
            yield self._next()

    def close(self) -> None:
        """End the program. May be called twice."""
        self._port.close()

    def _discard(self) -> None:
        try:
            self._port.discard()
        except OSError as error:
            raise _offline(self.name, error) from error

    def _next(self) -> Block:
        try:
            raw = self._port.read_line(b"\n", self._timeout_s)
        except OSError as error:
            raise _offline(self.name, error) from error
        if not raw:
            raise MeterOffline(self.name, f"no line within {self._timeout_s:g} s", hint=_HINT)
        t_ns, bound_ns = self._port.moment() if isinstance(self._port, Stamping) else (time.monotonic_ns(), 0)
        self.stamp_bound_s = max(self.stamp_bound_s, bound_ns / 1e9)
        text = raw.decode("utf-8", "replace")
        try:
            if not text.endswith("\n"):
                raise ValueError(f"half a line: {text[:40]!r}")
            rails = parse(text).rails
        except ValueError as error:
            raise FrameError(self.name, str(error), hint=_HINT) from error
        names = chosen(self.name, self._rail, list(rails))
        nothing = float("nan")
        return Block.one(t_ns, nothing, nothing, watts=sum(rails[name].watts for name in names))


def _offline(name: str, error: OSError, what: str = "") -> MeterOffline:
    if isinstance(error, Unanswered):
        return MeterOffline(name, str(error), hint=error.hint)
    return MeterOffline(name, f"{what}{error.strerror or error}", hint=_HINT)
