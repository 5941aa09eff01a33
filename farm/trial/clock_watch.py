"""Asks a board for its time, from before a trial to after it.

One helper stands on the board and answers each line with the CLOCK_MONOTONIC of that moment: a few lines for its
Python, or a program of the artifact's, which then has the very clock of its frames. Many questions before
and after a trial find the quickest round trips; while it runs one question a second follows drift and slewing, at
the price of one line over the network and less than a millisecond of the board's processor.
"""

import threading
from shlex import quote
from time import monotonic_ns
from types import TracebackType
from typing import Self

from devices.errors import ConnectionLost, DeadlineExceeded, DeviceError
from devices.shell import STANDING_S, Shell

from ..errors import LabFault
from .clock import ClockMap, Offset, Probe, intersect

_PROBES = 50
_EVERY_S = 1.0
"""Between two questions while frames run: at the fastest drift the interval opens by 0.3 ms either way until the
next."""
_START_TIMEOUT_S = 30.0
"""For the helper's Python to start on the slowest board under load (assumed; a Pi Zero W takes 2 s)."""
_PROBE_TIMEOUT_S = 5.0

_HELPER = """\
import sys, time
read = getattr(time, "clock_gettime_ns", None) or (lambda clock: int(time.clock_gettime(clock) * 1e9))
for line in iter(sys.stdin.readline, ""):
    sys.stdout.write("%s %d\\n" % (line.strip(), read(time.CLOCK_MONOTONIC)))
    sys.stdout.flush()
"""
_PYTHON = f"exec python3 -u -c {quote(_HELPER)}"


class ClockWatch:
    """The helper, and a thread that asks it. Entering its ``with`` block measures for the first time.

    Raises:
        LabFault: no helper could be started, or its clock jumps.
        devices.errors.DeviceError: the link.
    """

    def __init__(
        self,
        shell: Shell,
        command: str | None = None,
        *,
        every_s: float = _EVERY_S,
        gone: threading.Event | None = None,
    ) -> None:
        """Take the way to the board, and how its clock is started (None: by ``python3``); nothing is started yet.

        ``gone`` is set once the board is known to be gone.
        """
        self._shell, self._every_s, self._gone = shell, every_s, gone or threading.Event()
        self._command = command or _PYTHON
        self._whose = "its python3" if command is None else "the artifact's clock"
        self._helper = shell.stream(self._command, timeout_s=STANDING_S)
        self._lost: ConnectionLost | None = None
        self._asked = 0
        self._offsets: list[Offset] = []
        self._fault: DeviceError | LabFault | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"clock of {shell.name}", daemon=True)

    @property
    def now(self) -> Offset:
        """What was found last."""
        return self._offsets[-1]

    def finish(self) -> ClockMap:
        """Measure for the last time and put everything together; raises what the thread met, too."""
        self._stopping.set()
        self._thread.join()
        if self._lost is not None:
            self._again()
        if (fault := self._fault or self._lost) is not None:
            raise fault
        self._offsets.append(self._measure())
        self._helper.send_eof()
        return ClockMap.of(self._shell.name, self._offsets)

    def __enter__(self) -> Self:
        """Start the helper and measure."""
        self._helper.__enter__()
        try:
            self._offsets.append(self._measure())
        except BaseException:
            self._helper.__exit__(None, None, None)
            raise
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the helper and the thread."""
        self._stopping.set()
        (ended := self._helper).__exit__(kind, error, trace)  # wakes the thread, should it wait for an answer
        self._thread.join()
        if self._helper is not ended:  # the thread has begun another meanwhile
            self._helper.__exit__(kind, error, trace)

    def _measure(self) -> Offset:
        name = self._shell.name
        try:
            probes = [self._probe(_PROBE_TIMEOUT_S if self._asked else _START_TIMEOUT_S) for _ in range(_PROBES)]
        except ConnectionLost:
            status = self._helper.exit_status(timeout_s=_PROBE_TIMEOUT_S)  # raises again if it was the link
            raise self._no_time(f"ends with status {status}", self._helper.stderr()) from None
        return intersect(name, probes)

    def _follow(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._offsets.append(self._probe(_PROBE_TIMEOUT_S).offset)
            except DeadlineExceeded:
                pass  # a board this busy answers later; until then the interval is wider
            except ConnectionLost as lost:
                if self._ended():
                    self._fault = lost
                    return
                self._lost = lost
                self._again()
            except (DeviceError, LabFault) as fault:
                self._fault = fault
                return

    def _ended(self) -> bool:
        """Return whether it was the helper that ended; else it was the link."""
        try:
            self._helper.exit_status(timeout_s=_PROBE_TIMEOUT_S)
        except DeviceError:
            return False
        return True

    def _again(self) -> None:
        """Start another helper in the place of one whose link broke; until there is one the interval is wider."""
        if self._gone.is_set():
            return
        try:
            self._helper.__exit__(None, None, None)
            self._helper = self._shell.stream(self._command, timeout_s=STANDING_S)
            self._helper.__enter__()
            self._offsets.append(self._probe(_START_TIMEOUT_S).offset)
            self._lost = None
        except DeviceError:
            pass  # looked for again when time is asked for the next time
        except LabFault as fault:
            self._fault = fault

    def _probe(self, timeout_s: float) -> Probe:
        self._asked += 1
        number = str(self._asked).encode()
        sent_ns = monotonic_ns()
        self._helper.send(number + b"\n")
        while True:
            line = self._helper.readline(timeout_s=timeout_s)
            words = line.data.split()
            if len(words) != 2 or not (words[0].isdigit() and words[1].isdigit()):
                raise self._no_time("answers", line.data)
            if words[0] == number:  # others answer questions that were given up
                return Probe(sent_ns, int(words[1]), line.t_ns)

    def _no_time(self, what: str, said: bytes) -> LabFault:
        text = said[-200:].decode("utf-8", "replace").strip()
        hint = f"run `{'python3' if self._command is _PYTHON else self._command.removeprefix('exec ')}` there"
        return LabFault(self._shell.name, f"asked for its time, {self._whose} {what}: {text!r}", hint=hint)
