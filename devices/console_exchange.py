"""Commands to a shell that has learnt the library, and their answers, however often either is damaged."""

import time
from collections.abc import Callable

from .console_capture import Capture
from .console_frame import Answer, Frame, Frames, Head, Piece, Sign, fetch, parse, portions, request
from .console_library import FIRST_KIB
from .errors import ConsoleFault

INTERRUPT = b"\x03"

_TICK_S = 0.5
_NUDGE_S = 1.0
"""A console on which nothing of ours came for so long gets a newline, which an idle shell answers with its prompt;
doubled each time, for the command may just be slow."""
_PORTION_S = 5.0
"""A portion of a long command has been taken within this, or its prompt was lost; assumed."""
_ASKS = 30
"""Assumed: a cable on which nothing arrives whole in so many attempts carries nothing."""
_MOST_KIB = 4096
_QUICK_S, _SLOW_S = 0.5, 4.0
"""A piece that took less is followed by a larger one, one that took more by a smaller one: assumed."""
_NOISE_BYTES = 16_384
"""What kernel lines may add to a frame before it must have lost its end; assumed."""


class _Collected:
    """What has come of one answer so far."""

    def __init__(self) -> None:
        self.answer: Answer | None = None
        self.why = ""
        """Why there will be none; see :class:`Head`."""
        self.data = {"o": bytearray(), "e": bytearray()}
        self._head: Head | None = None
        self._ended: set[str] = set()

    def add(self, frame: Frame) -> bool:
        """Take a frame; False when it brings nothing new."""
        if isinstance(frame, Answer):
            self.answer = frame
        elif isinstance(frame, Head):
            self._head, self.why = frame, frame.why
        elif not isinstance(frame, Piece) or not self._add_piece(frame):
            return False
        if self._head is not None and not self.why and self.missing() is None:
            self.answer = Answer(self._head.exit_status, bytes(self.data["o"]), bytes(self.data["e"]))
        return True

    def missing(self) -> str | None:
        """Return the stream of which a piece is missing; None also while it is not known what there is."""
        streams = self._head.streams if self._head else ""
        return next((stream for stream in streams if stream not in self._ended), None)

    def _add_piece(self, piece: Piece) -> bool:
        data = self.data[piece.stream]
        if piece.block * 1024 != len(data) or piece.stream in self._ended:
            return False
        data += piece.data
        if piece.last:
            self._ended.add(piece.stream)
        return True


class Exchange:
    """One shell on one console. For one thread at a time."""

    def __init__(self, name: str, capture: Capture, write: Callable[[bytes], None], session: int) -> None:
        """Take a shell that has learnt the library under this session's number.

        Args:
            name: the board's: what errors begin with.
            capture: of the console.
            write: to the console.
            session: as it was taught.
        """
        self._name, self._capture, self._write, self._session = name, capture, write, session
        self._frames, self._position = Frames(), capture.log.end
        self._number = 0
        self._due = 0
        """So many prompts come before the one that says that nothing more comes."""
        self._kib, self._asked_ns = FIRST_KIB, 0

    def run(self, command: str, deadline_ns: int, check: Callable[[bool], None]) -> Answer | None:
        """Have a command run once, and return its answer; None when it is not over at the deadline.

        Args:
            command: for the shell.
            deadline_ns: of the controller's monotonic clock.
            check: called before the silence is broken with a newline, which would stop a boot loader's countdown;
                told whether one was answered with not even a prompt. Raises when the shell is gone.

        Raises:
            ConsoleFault: the board could not keep the answer, or nothing arrives whole.
        """
        self._number += 1
        self._kib = FIRST_KIB
        self._due = max(0, self._due - self._news().count(Sign.READY))
        lines = request(command, self._session, self._number)
        collected, asks, nudge_s = _Collected(), 0, _NUDGE_S
        with self._capture.read_here() as wait:
            self._type(lines, wait)
            heard_ns = time.monotonic_ns()
            while (now_ns := time.monotonic_ns()) < deadline_ns:
                wait(min((deadline_ns - now_ns) / 1e9, _TICK_S))
                self._capture.check()
                before = self._frames.open_bytes
                waits = False
                for frame in self._news():
                    heard_ns, nudge_s = now_ns, _NUDGE_S
                    waits |= self._waits(frame)
                    if collected.add(frame):
                        asks = 0
                if collected.answer is not None:
                    return collected.answer
                if collected.why:
                    raise self._not_kept(collected.why)
                if before < self._frames.open_bytes < self._kib * 2800 + _NOISE_BYTES:
                    heard_ns = now_ns
                if waits:
                    asks += 1
                    if asks > _ASKS:
                        raise self._nothing_whole()
                    self._ask(lines, collected, wait, again=asks > 1)
                elif now_ns - heard_ns > nudge_s * 1e9:
                    check(nudge_s > _NUDGE_S)
                    self._due, heard_ns, nudge_s = 0, now_ns, nudge_s * 2
                    self._type([b"\n"], wait)
        return None

    def idle(self, timeout_s: float) -> bool:
        """Tell whether the shell waits for a command, once it has been given an empty line."""
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        self._news()
        self._write(b"\n")
        while (left_s := (deadline_ns - time.monotonic_ns()) / 1e9) > 0:
            self._capture.log.since(self._position, timeout_s=left_s)
            news = self._news()
            if Sign.HALF in news:
                self._write(INTERRUPT)
            if Sign.READY in news:
                self._due = 0
                return True
        return False

    # -- steps ------------------------------------------------------------------------------------

    def _news(self) -> list[Frame]:
        """Return the undamaged frames that have ended since the last call."""
        bodies: list[bytes] = []
        for chunk in self._capture.log.since(self._position):
            self._position += len(chunk.data)
            bodies += self._frames.feed(chunk.data)
        found = (parse(body, self._session, self._number) for body in bodies)
        return [frame for frame in found if frame is not None]

    def _type(self, lines: list[bytes], wait: Callable[[float], None]) -> None:
        """Type lines, no more at once than the terminal keeps."""
        self._asked_ns = time.monotonic_ns()
        *early, last = portions(lines)
        for portion in early:
            self._due = portion.count(b"\n")
            self._write(portion)
            until_ns = time.monotonic_ns() + int(_PORTION_S * 1e9)
            while self._due and time.monotonic_ns() < until_ns:
                wait(_TICK_S)
                for frame in self._news():
                    self._waits(frame)
        self._due += last.count(b"\n")
        self._write(last)

    def _waits(self, frame: Frame) -> bool:
        """Tell whether the shell has said all that it was asked for."""
        if frame is Sign.HALF:
            self._due = 1
            self._write(INTERRUPT)
        if frame is Sign.READY:
            self._due = max(0, self._due - 1)
            return self._due == 0
        return False

    def _ask(self, lines: list[bytes], collected: _Collected, wait: Callable[[float], None], *, again: bool) -> None:
        """Ask for what has not come: everything, which costs no second run, or a piece."""
        stream = collected.missing()
        if stream is None:
            self._type(lines, wait)
            return
        took_s = (time.monotonic_ns() - self._asked_ns) / 1e9
        if again or took_s > _SLOW_S:
            self._kib = max(1, self._kib // 4)
        elif took_s < _QUICK_S:
            self._kib = min(_MOST_KIB, self._kib * 4)
        self._type(fetch(stream, len(collected.data[stream]) // 1024, self._kib, self._number), wait)

    def _nothing_whole(self) -> ConsoleFault:
        hint = "does the console cable lose bytes?"
        return ConsoleFault(self._name, f"nothing arrives whole on the console, {_ASKS} times", hint=hint)

    def _not_kept(self, why: str) -> ConsoleFault:
        if why == "full":
            hint = "make room in its /dev/shm or /tmp"
            return ConsoleFault(self._name, "the board has no room to keep a command's answer", hint=hint)
        hint = "does somebody else type on this console?"
        return ConsoleFault(self._name, "a command on the console was interrupted", hint=hint)
