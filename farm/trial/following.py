"""Follows a run to its end, over as many links as that takes; gives up soon where the board is gone, and says why."""

import json
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from threading import Event
from time import monotonic_ns
from typing import Any

from devices.errors import DeadlineExceeded
from devices.shell import Line, Shell, Stream

from ..errors import LabFault
from .gone import Gone
from .kept import Kept, exit_status
from .lookout import AGAIN_S, BROKEN, ROOM, Lookout
from .signs import Signs

SILENCE_S = 60.0
"""Longest that a healthy run says nothing, assumed: while runtime and model load, 8 s on an emulated board. Later it
writes every 5 s at least."""
_QUIET_S = 6.0
"""After so long without a word the board is asked how the run stands: one that has begun writes every 5 s."""
_END_S = 10.0


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a run."""

    event: dict[str, Any]
    t_ns: int
    """Controller monotonic clock when it arrived."""


class Following:
    """One run. Its events are read by one thread; :meth:`end` and the attributes are for another."""

    def __init__(
        self,
        shell: Shell,
        command: str,
        kept: Kept | None,
        *,
        keeps: bool,
        signs: Signs,
        timeout_s: float,
        rests_s: float = 0.0,
    ) -> None:
        """Take what is to be run; nothing is started yet.

        Args:
            shell: the way to the board.
            command: of the run.
            kept: where on the board it is kept; None: nowhere, and a broken link ends it.
            keeps: the command itself writes what it tells into that file, too.
            signs: what tells that the board is gone.
            timeout_s: when it must be over at the latest.
            rests_s: so much longer than :data:`SILENCE_S` it may tell nothing.
        """
        self._shell, self._command, self._keeps, self._timeout_s = shell, command, keeps, timeout_s
        self._silence_s = SILENCE_S + rests_s
        self._end_ns = monotonic_ns() + int(timeout_s * 1e9)
        self._ending = Event()
        self._kept = kept
        self._lookout = None if kept is None else Lookout(shell, kept, signs, self._ending)
        self._stream: Stream | None = None
        self._read_lines = 0
        """Of the file, or what would stand there."""
        self._starts = 0
        self._unkept = ""
        """Why the file does not have all."""
        self._over = self._exit_read = self._drained = False
        """It has told its end; what stands after it has been read; its stream has closed."""
        self.heard_ns = monotonic_ns()
        """When it last told anything."""
        self.status: int | None = None
        """The exit status; None where nobody heard it."""
        self.said = ""
        """The end of its standard error, where it matters."""

    @property
    def lost_ns(self) -> int | None:
        """Since when there has been no link, on the controller's clock; None while there is one, as far as is known."""
        return None if self._lookout is None else self._lookout.lost_ns

    @property
    def away_s(self) -> float:
        """How long there was none, in all."""
        return 0.0 if self._lookout is None else self._lookout.away_s

    def give_up(self) -> None:
        """End, of a board that is known to be gone: nothing is done there any more."""
        self._ending.set()
        if self._lookout is not None:
            self._lookout.lost = True

    def events(self) -> Generator[Told]:
        """Start the run and yield what it tells, until its end.

        Raises:
            Gone: it will not come to its end.
            LabFault: it says what is no event.
            devices.errors.DeviceError: the link, where nothing is kept on the board.
        """
        if self._kept is None or self._lookout is None:
            yield from self._read(self._command)
            return
        try:
            self._lookout.make_room()
            command = self._start(self._kept)
            while not self._ending.is_set():
                yield from self._read(command)
                if self._over and (self.status == 0 or self._unkept):
                    return  # where it has no file, its last word has to do
                if self._exit_read:
                    self.said = self._lookout.why_ended(self.status).said
                    return
                command = self._found_again(self._kept, self._lookout)
        except Gone:
            if not self._ending.is_set():  # else nobody asks why
                raise
        finally:
            if self._ending.is_set():
                self._lookout.clear()  # what was about to start when all was cleared

    def end(self) -> None:
        """End the run, if it still runs, and remove its files; a board that is away is left as it is."""
        self._ending.set()
        if self._lookout is not None:
            self._lookout.clear()
        elif (stream := self._stream) is not None:
            stream.__exit__(None, None, None)

    # -- reading -----------------------------------------------------------------------------------

    def _start(self, kept: Kept) -> str:
        self._starts += 1
        return kept.start(self._command, keeps=self._keeps)

    def _read(self, command: str) -> Generator[Told]:
        """Yield what comes over one link, until that breaks or the run is over."""
        try:
            with self._shell.stream(command, timeout_s=self._left_s()) as self._stream:
                if self._lookout is not None:
                    self._lookout.linked()
                yield from self._events(self._stream)
                if self._drained and not self._exit_read:
                    self.status = self._stream.exit_status(timeout_s=_END_S)
                    if self._kept is None:
                        self.said = self._stream.stderr().decode("utf-8", "replace").strip()
        except BROKEN:
            if self._lookout is None:
                raise
            self._lookout.broke()
        finally:
            self._stream = None

    def _events(self, stream: Stream) -> Generator[Told]:
        """Yield events; half of one, at the end of a link, is none."""
        torn: Line | None = None
        for line in self._patiently(stream):
            if (status := exit_status(line.data)) is not None:
                self.status, self._exit_read = status, True
                break
            if torn is not None:
                raise self._nonsense(torn)
            told = _told(line)
            if told is None and line.data.strip():
                torn = line
                continue
            self._read_lines += 1
            if told is None:
                continue
            self.heard_ns = line.t_ns
            self._over = self._over or told.event["event"] == "end"
            if told.event["event"] == "unkept":
                self._unkept = str(told.event.get("why", "its file takes no more"))
            yield told
        if torn is not None and (self._kept is None or self.status == 0):
            raise self._nonsense(torn)

    def _patiently(self, stream: Stream) -> Iterator[Line]:
        """Yield lines; where none comes, look after the run, and leave a stream that has nothing more to give."""
        silent_from_ns, self._drained = monotonic_ns(), False
        while not self._ending.is_set():
            try:
                for line in stream.lines(idle_timeout_s=_QUIET_S):
                    silent_from_ns = monotonic_ns()
                    yield line
            except DeadlineExceeded:
                if self._ending.is_set():
                    return
                if self._left_s() <= 0:
                    raise self._not_done() from None
                silent = monotonic_ns() - silent_from_ns > self._silence_s * 1e9
                if self._lookout is None:
                    if silent:
                        what = f"the run has told nothing for {self._silence_s:g} s"
                        raise DeadlineExceeded(self._shell.name, what, hint=_HANGS) from None
                    continue
                seen = self._lookout.look()
                if seen.state != "runs" or seen.lines > self._read_lines:
                    return
                if silent:
                    what = f"has a run that has told nothing for {self._silence_s:g} s, and goes on"
                    raise Gone(what, evidence=seen.said, hint=_HANGS, t_ns=silent_from_ns) from None
            else:
                self._drained = True
                return

    def _not_done(self) -> Gone:
        return Gone(f"is not done with its run after {self._timeout_s:.0f} s", hint=_HANGS)

    def _nonsense(self, line: Line) -> LabFault:
        said = line.data.decode("utf-8", "replace")[:200]
        return LabFault(self._shell.name, f"the runner says {said!r}", hint="what prints on the board's output?")

    # -- a run that is not read --------------------------------------------------------------------

    def _found_again(self, kept: Kept, lookout: Lookout) -> str:
        """Return how the run is read on, as soon as the board answers."""
        nothing = False
        while True:
            seen = lookout.reached()
            if self._left_s() <= 0:
                raise self._not_done()
            if self._unkept:
                evidence = f"it had no file to be read from: {self._unkept}"
                raise Gone("lost what its run told while the link was away", evidence=evidence, hint=ROOM)
            if seen.state in ("runs", "ended"):
                return kept.follow(self._read_lines)
            if seen.state == "gone":
                said = lookout.why_ended(None).said
                raise Gone("has lost its run, and no word is left of how it ended", evidence=said, hint=_DMESG)
            if nothing and (self._starts > 1 or seen.full):
                what = "has no space left for what a run tells" if seen.full else "does not start the run"
                raise Gone(what, evidence=seen.said, hint=ROOM if seen.full else _HANGS)
            if nothing:
                return self._start(kept)  # what was sent has not arrived; had it, the second would find the first
            nothing = True
            self._ending.wait(AGAIN_S)

    def _left_s(self) -> float:
        return max(0.0, (self._end_ns - monotonic_ns()) / 1e9)


_HANGS = "start the runner by hand on the board; what else runs there (`top`)?"
_DMESG = "look at `dmesg` on the board"


def _told(line: Line) -> Told | None:
    try:
        event = json.loads(line.data)
        event["event"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return Told(event, line.t_ns)
