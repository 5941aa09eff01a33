"""Board time on the controller's clock: an interval, not a guess.

A standing helper on the board answers each line with its CLOCK_MONOTONIC. Between the sending of the line and the
arrival of the answer the board has read its clock, so controller minus board lies between two bounds; the bounds of
all probes are intersected. Two such measurements, before and after a trial, give the offset at any time between.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from time import monotonic_ns

from devices.errors import ConnectionLost
from devices.shell import Shell, Stream

from ..errors import LabFault

_PROBES = 50
_START_TIMEOUT_S = 30.0
"""For the helper's Python to start on the slowest board under load (assumed; a Pi Zero W takes 2 s)."""
_PROBE_TIMEOUT_S = 5.0
_TOTAL_TIMEOUT_S = 60.0

_RATE_PPM = 600
"""Fastest that two clocks drift apart: NTP slews by up to 500 ppm (adjtimex(2)), a crystal adds up to 100."""
_WANDER_PPM = 1
"""How much the drift itself may change during a trial, assumed: a warming crystal moves by parts in 10^7 a degree."""

_HELPER = """\
import sys, time
read = getattr(time, "clock_gettime_ns", None) or (lambda clock: int(time.clock_gettime(clock) * 1e9))
for line in iter(sys.stdin.readline, ""):
    sys.stdout.write("%d\\n" % read(time.CLOCK_MONOTONIC))
    sys.stdout.flush()
"""


@dataclass(frozen=True, slots=True)
class Probe:
    """One question: what does the board's clock say? Integers: float64 loses ns after 100 days."""

    sent_ns: int
    board_ns: int
    heard_ns: int


@dataclass(frozen=True, slots=True)
class Offset:
    """Controller minus board, at one moment of the board's clock."""

    board_ns: int
    low_ns: int
    high_ns: int

    @property
    def middle_ns(self) -> int:
        """The best guess."""
        return (self.low_ns + self.high_ns) // 2

    @property
    def bound_ns(self) -> int:
        """The guess is not further off than this."""
        return (self.high_ns - self.low_ns + 1) // 2


def intersect(board: str, probes: Sequence[Probe]) -> Offset:
    """Return the offset that all probes agree on, at the moment of the tightest one.

    Raises:
        LabFault: they do not agree: a clock jumped.
    """
    tightest = min(probes, key=lambda probe: probe.heard_ns - probe.sent_ns)
    low_ns, high_ns = tightest.sent_ns - tightest.board_ns, tightest.heard_ns - tightest.board_ns
    for probe in probes:
        apart_ns = abs(probe.board_ns - tightest.board_ns) * _RATE_PPM // 1_000_000 + 1
        low_ns = max(low_ns, probe.sent_ns - probe.board_ns - apart_ns)
        high_ns = min(high_ns, probe.heard_ns - probe.board_ns + apart_ns)
    if low_ns > high_ns:
        raise LabFault(
            board,
            f"its clock jumped by at least {(low_ns - high_ns) / 1e6:.3f} ms while it was looked at",
            hint="did it suspend, or was its virtual machine paused?",
        )
    return Offset(tightest.board_ns, low_ns, high_ns)


def measure(shell: Shell) -> Offset:
    """Ask the board for its time, again and again.

    Raises:
        LabFault: no helper could be started, or its clock jumps.
        devices.errors.DeviceError: the link.
    """
    with shell.stream(f"exec python3 -u -c {quote(_HELPER)}", timeout_s=_TOTAL_TIMEOUT_S) as helper:
        try:
            probes = [_probe(shell.name, helper, _START_TIMEOUT_S)]
            probes += [_probe(shell.name, helper, _PROBE_TIMEOUT_S) for _ in range(_PROBES - 1)]
            helper.send_eof()
        except ConnectionLost:
            status = helper.exit_status(timeout_s=_PROBE_TIMEOUT_S)  # raises again if it was the link
            raise _no_time(shell.name, f"its python3 ends with status {status}", helper.stderr()) from None
    return intersect(shell.name, probes)


def _probe(board: str, helper: Stream, timeout_s: float) -> Probe:
    sent_ns = monotonic_ns()
    helper.send(b"\n")
    line = helper.readline(timeout_s=timeout_s)
    if not line.data.strip().isdigit():
        raise _no_time(board, "its python3 answers", line.data)
    return Probe(sent_ns, int(line.data), line.t_ns)


def _no_time(board: str, what: str, said: bytes) -> LabFault:
    text = said[-200:].decode("utf-8", "replace").strip()
    return LabFault(board, f"asked for its time, {what}: {text!r}", hint="run `python3` there")


@dataclass(frozen=True, slots=True)
class ClockMap:
    """The board's clock on the controller's, between two measurements; drift is taken as steady between them."""

    before: Offset
    after: Offset

    def offset_ns(self, board_ns: int) -> int:
        """Return controller minus board at a moment of the board's clock."""
        moved_ns = self.after.middle_ns - self.before.middle_ns
        return self.before.middle_ns + moved_ns * (board_ns - self.before.board_ns) // self._span_ns

    def to_controller_ns(self, board_ns: int) -> int:
        """Return a moment of the board's clock on the controller's."""
        return board_ns + self.offset_ns(board_ns)

    @property
    def bound_ns(self) -> int:
        """No mapped moment is further off than this: the wider of the two bounds, and what the drift may wander.

        A drift that changes by ``w`` over a span ``T`` bends the line by at most ``w T / 8``.
        """
        return max(self.before.bound_ns, self.after.bound_ns) + self._span_ns * _WANDER_PPM // 8_000_000

    @property
    def drift_ppm(self) -> float | None:
        """Board's clock against the controller's, positive when it is fast; None when it could as well be 0."""
        moved_ns = self.after.middle_ns - self.before.middle_ns
        if abs(moved_ns) <= self.before.bound_ns + self.after.bound_ns:
            return None
        return -moved_ns / self._span_ns * 1e6

    def check(self, board: str) -> None:
        """Raise LabFault when no drift explains the two measurements: the board's clock started anew or stood still."""
        moved_ns = abs(self.after.middle_ns - self.before.middle_ns)
        allowed_ns = self._span_ns * _RATE_PPM // 1_000_000 + self.before.bound_ns + self.after.bound_ns
        if self.after.board_ns <= self.before.board_ns or moved_ns > allowed_ns:
            detail = f"its clock moved {moved_ns / 1e6:.3f} ms against ours during the trial"
            raise LabFault(board, detail, hint="did it reboot or suspend?")

    @property
    def _span_ns(self) -> int:
        return max(1, self.after.board_ns - self.before.board_ns)
