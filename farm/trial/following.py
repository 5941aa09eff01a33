"""Follows a run to its end, over as many links as that takes; gives up soon where the board is gone, and says why."""

import json
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from time import monotonic_ns
from typing import Any

from devices.errors import AuthenticationRefused, ConnectionLost, DeadlineExceeded, DeviceError, Unreachable
from devices.shell import Line, Shell, Stream

from ..errors import LabFault
from .gone import Gone
from .kept import Kept, Seen, exit_status
from .signs import SUPPLY, Signs

SILENCE_S = 60.0
"""Longest that a healthy run says nothing, assumed: while runtime and model load, 8 s on an emulated board. Later it
writes every 5 s at least."""
_QUIET_S = 6.0
"""After so long without a word the board is asked how the run stands: one that has begun writes every 5 s."""
AWAY_S = 45.0
"""So long the board may not answer at all. A Wi-Fi that a board has lost is joined again in less (5 to 30 s, assumed);
a board that needs longer has most likely rebooted, and then its run is lost anyway."""
_AGAIN_S = 1.0
"""Between two attempts to reach the board."""
_LOOK_S = 10.0
"""For a login and a look on the slowest board (assumed; a Pi Zero W needs 3 s)."""
_SETTLES_S = 4.0
"""A run that a signal has ended may be the first to go of a board that goes down: after so long it is not (assumed:
systemd ends logins and network within this)."""
_END_S = 10.0
_CLEAR_S = 30.0
_KILLED = "dmesg 2>/dev/null | grep -iE 'out of memory|oom-kill|killed process' | tail -n 3"
_BROKEN = (ConnectionLost, Unreachable, DeadlineExceeded)


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a run."""

    event: dict[str, Any]
    t_ns: int
    """Controller monotonic clock when it arrived."""


class Following:
    """One run. Its events are read by one thread; :meth:`end` and the attributes are for another."""

    def __init__(
        self, shell: Shell, command: str, kept: Kept | None, *, keeps: bool, signs: Signs, timeout_s: float
    ) -> None:
        """Take what is to be run; nothing is started yet.

        Args:
            shell: the way to the board.
            command: of the run.
            kept: where on the board it is kept; None: nowhere, and a broken link ends it.
            keeps: the command itself writes what it tells into that file, too.
            signs: what tells that the board is gone.
            timeout_s: when it must be over at the latest.
        """
        self._shell, self._command, self._kept, self._keeps = shell, command, kept, keeps
        self._signs, self._timeout_s = signs, timeout_s
        self._end_ns = monotonic_ns() + int(timeout_s * 1e9)
        self._ending = Event()
        self._stream: Stream | None = None
        self._read_lines = 0
        """Of the file, or what would stand there."""
        self._starts = 0
        self._lost_ns: int | None = None
        """Since when there has been no link."""
        self._unkept = ""
        """Why the file does not have all."""
        self._over = self._exit_read = self._drained = False
        """It has told its end; what stands after it has been read; its stream has closed."""
        self.heard_ns = monotonic_ns()
        """When it last told anything."""
        self.away_s = 0.0
        """How long there was no link, in all."""
        self.lost = False
        """Nothing can be done on the board any more."""
        self.status: int | None = None
        """The exit status; None where nobody heard it."""
        self.said = ""
        """The end of its standard error, where it matters."""

    @property
    def away(self) -> bool:
        """Whether there is no link now, as far as is known."""
        return self._lost_ns is not None

    def events(self) -> Generator[Told]:
        """Start the run and yield what it tells, until its end.

        Raises:
            Gone: it will not come to its end.
            LabFault: it says what is no event.
            devices.errors.DeviceError: the link, where nothing is kept on the board.
        """
        well = False
        try:
            self._make_room()
            command = self._start()
            while not self._ending.is_set():
                yield from self._read(command)
                well = self._over and self.status == 0
                if self._kept is None or well or self._exit_read:
                    break
                command = self._found_again(self._kept)
            if self._kept is not None and not well:
                self._explain(self._kept)
        finally:
            if self._ending.is_set():
                self._clear()  # what was about to start when all was cleared

    def end(self) -> None:
        """End the run, if it still runs, and remove its files; a board that is away is left as it is."""
        self._ending.set()
        if self._kept is None and (stream := self._stream) is not None:
            stream.__exit__(None, None, None)
        self._clear()

    def _clear(self) -> None:
        if self._kept is not None and not self.lost:
            with suppress(DeviceError):  # the next run there ends it
                self._shell.run(self._kept.clear(), timeout_s=_END_S if self.away else _CLEAR_S)

    # -- reading -----------------------------------------------------------------------------------

    def _make_room(self) -> None:
        """End what an earlier run has left behind, as soon as the board answers."""
        while self._kept is not None and not self._ending.is_set():
            try:
                self._shell.run(self._kept.clear(), timeout_s=_CLEAR_S)
            except _BROKEN:
                self._reached(self._kept)
            else:
                return

    def _start(self) -> str:
        self._starts += 1
        return self._command if self._kept is None else self._kept.start(self._command, keeps=self._keeps)

    def _read(self, command: str) -> Generator[Told]:
        """Yield what comes over one link, until that breaks or the run is over."""
        try:
            with self._shell.stream(command, timeout_s=self._left_s()) as self._stream:
                self._linked()
                yield from self._events(self._stream)
                if self._drained and not self._exit_read:
                    self.status = self._stream.exit_status(timeout_s=_END_S)
                    if self._kept is None:
                        self.said = self._stream.stderr().decode("utf-8", "replace").strip()
        except _BROKEN:
            if self._kept is None:
                raise
            self._lost_ns = self._lost_ns or monotonic_ns()
        finally:
            self._stream = None

    def _events(self, stream: Stream) -> Generator[Told]:
        """Yield events; half of one, at the end of a link, is none."""
        torn: Line | None = None
        for line in self._patiently(stream):
            if torn is not None:
                raise self._nonsense(torn)
            if (status := exit_status(line.data)) is not None:
                self.status, self._exit_read = status, True
                return
            told = _told(line)
            if told is None and line.data.strip():
                torn = line
                continue
            self._read_lines += 1
            if told is None:
                continue
            self.heard_ns = line.t_ns
            match told.event["event"]:
                case "end":
                    self._over = True
                case "unkept":
                    self._unkept = str(told.event.get("why", "its file takes no more"))
                case _:
                    pass
            yield told
        if torn is not None and self._kept is None:
            raise self._nonsense(torn)

    def _patiently(self, stream: Stream) -> Iterator[Line]:
        """Yield lines; where none comes, look after the run, and leave a stream that has nothing more to give."""
        silent_from_ns, self._drained = monotonic_ns(), False
        while not self._ending.is_set():
            try:
                for line in stream.lines(idle_timeout_s=min(_QUIET_S, SILENCE_S)):
                    silent_from_ns = monotonic_ns()
                    yield line
            except DeadlineExceeded:
                if self._ending.is_set():
                    return
                if self._left_s() <= 0:
                    raise self._not_done() from None
                silent = monotonic_ns() - silent_from_ns > SILENCE_S * 1e9
                if self._kept is None:
                    if silent:
                        raise
                    continue
                seen = self._look(self._kept)
                if seen.state != "runs" or seen.lines > self._read_lines:
                    return
                if silent:
                    what = f"has a run that has told nothing for {SILENCE_S:g} s, and goes on"
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

    def _look(self, kept: Kept) -> Seen:
        """Ask the board how the run stands; the boot first, for a run of an earlier one is none."""
        try:
            self._signs.check_boot(timeout_s=_LOOK_S, lost_ns=self._lost_ns or self.heard_ns)
        except Gone:
            self.lost = True
            raise
        answer = self._shell.run(kept.look(), timeout_s=_LOOK_S, check=False)
        if (seen := kept.seen(answer.text)) is None:
            raise ConnectionLost(self._shell.name, f"asked for the run, it says {answer.text[:200]!r}")
        return seen

    def _found_again(self, kept: Kept) -> str:
        """Return how the run is read on, as soon as the board answers."""
        nothing = False
        while True:
            seen = self._reached(kept)
            if self._left_s() <= 0:
                raise self._not_done()
            if self._unkept:
                evidence = f"it had no file to be read from: {self._unkept}"
                raise Gone("lost what its run told while the link was away", evidence=evidence, hint=_ROOM)
            if seen.state in ("runs", "ended"):
                return kept.follow(self._read_lines)
            if seen.state == "gone":
                self._explain(kept)
                raise Gone("has lost its run, and no word is left of how it ended", evidence=seen.said, hint=_DMESG)
            if nothing and (self._starts > 1 or seen.full):
                what = "has no space left for what a run tells" if seen.full else "does not start the run"
                raise Gone(what, evidence=seen.said, hint=_ROOM if seen.full else _HANGS)
            if nothing:
                return self._start()  # what was sent has not arrived; had it, the second would find the first
            nothing = True
            self._ending.wait(_AGAIN_S)

    def _reached(self, kept: Kept) -> Seen:
        """Look again and again until the board answers; not for ever."""
        while not self._ending.is_set():
            try:
                seen = self._look(kept)
            except (*_BROKEN, AuthenticationRefused) as error:  # refused is who comes while it boots
                now_ns = monotonic_ns()
                self._lost_ns = self._lost_ns or now_ns
                if now_ns - self._lost_ns > AWAY_S * 1e9:
                    self.lost = True
                    evidence = "last: " + str(error).partition("\n")[0].removeprefix(f"{self._shell.name}: ")
                    what = f"answers no more for {AWAY_S:g} s"
                    raise Gone(what, evidence=evidence, hint=SUPPLY, t_ns=self._lost_ns) from error
            else:
                return seen
            self._ending.wait(_AGAIN_S)
        raise Gone("is left alone")

    def _linked(self) -> None:
        if self._lost_ns is not None:
            self.away_s += (monotonic_ns() - self._lost_ns) / 1e9
            self._lost_ns = None

    def _explain(self, kept: Kept) -> None:
        """Say why a run has ended before its end; raises Gone where that was not its own doing."""
        until_ns = monotonic_ns() + int(_SETTLES_S * 1e9)
        seen = self._reached(kept)
        self.said = seen.said
        signal = None if self.status is None else self.status - 128
        if signal is not None and signal <= 0:
            return
        with suppress(DeviceError):
            if killed := self._shell.sudo(_KILLED, timeout_s=_LOOK_S, check=False).text.strip():
                evidence = "its kernel's log ends: " + killed.replace("\n", " | ")
                raise Gone("has run out of memory, and killed its run", evidence=evidence, hint=_MEMORY)
        while monotonic_ns() < until_ns and not self._ending.is_set():
            seen = self._reached(kept)  # raises where it has gone down, or rebooted
            self._ending.wait(_AGAIN_S)
        if seen.full:
            raise Gone("has no space left, and its run has ended", evidence=seen.said, hint=_ROOM)

    def _left_s(self) -> float:
        return max(0.0, (self._end_ns - monotonic_ns()) / 1e9)


_HANGS = "start the runner by hand on the board; what else runs there (`top`)?"
_ROOM = "make room on the board (`df`), or give it another `workdir:` in the inventory"
_DMESG = "look at `dmesg` on the board"
_MEMORY = "what else runs there (`free`, `top`)? Does the model fit?"


def _told(line: Line) -> Told | None:
    try:
        event = json.loads(line.data)
        event["event"]
    except (ValueError, TypeError, KeyError):
        return None
    return Told(event, line.t_ns)
