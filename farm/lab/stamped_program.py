"""A program on a board whose lines bear the board's time, told on the controller's clock.

Between the asking of a question and its answer the board has read its clock, which bounds what the two differ by; the
bounds open as fast as clocks can drift apart, until the next answer. :mod:`farm.trial.clock` does the same for frames.
"""

import inspect
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from devices.shell import Shell
from power.onboard.files import Unanswered

from . import stamp_helper
from .board_files import BoardProgram, answered

_FIRST_QUESTIONS = 10
"""Assumed: one of them finds the quickest round trip."""
_ANSWER_S = 30.0
"""For Python to start on the slowest board under load (assumed; a Pi Zero W takes 2 s)."""
_NOTHING_S = 0.001
_EVERY_NS = 1_000_000_000
_RATE_PPM = 600
"""Fastest that two clocks drift apart: NTP slews by up to 500 ppm (adjtimex(2)), a crystal adds up to 100."""


@dataclass(frozen=True, slots=True)
class BoardTime:
    """Controller minus board, an interval: the board has read its clock after it was asked, and before it was heard."""

    board_ns: int
    low_ns: int
    high_ns: int

    def after(self, board_ns: int) -> "BoardTime":
        """Return what is known of another moment: the clocks may have drifted apart as fast as they can."""
        drifted_ns = abs(board_ns - self.board_ns) * _RATE_PPM // 1_000_000 + 1
        return BoardTime(board_ns, self.low_ns - drifted_ns, self.high_ns + drifted_ns)

    def told(self, sent_ns: int, board_ns: int, heard_ns: int) -> "BoardTime":
        """Return what one more answer leaves of it; ValueError where it leaves nothing: a clock has jumped."""
        known = self.after(board_ns)
        low_ns, high_ns = max(known.low_ns, sent_ns - board_ns), min(known.high_ns, heard_ns - board_ns)
        if low_ns > high_ns:
            raise ValueError(f"its clock jumped by at least {(low_ns - high_ns) / 1e6:.3f} ms")
        return BoardTime(board_ns, low_ns, high_ns)

    def moment(self, board_ns: int) -> tuple[int, int]:
        """Return a moment of the board's clock on the controller's, and how far that may be off, ns."""
        known = self.after(board_ns)
        return board_ns + (known.low_ns + known.high_ns) // 2, (known.high_ns - known.low_ns + 1) // 2


def stamped(shell: Shell, words: Sequence[str]) -> BoardProgram:
    """Start a program on a board, its lines stamped there; where that has no Python, by their arrival.

    A line takes no longer to come than a command from start to end, which is the half width that is told then.

    Raises:
        Unanswered: the board does not answer.
    """
    asked_ns = time.monotonic_ns()
    with answered():
        found = shell.run("command -v python3", timeout_s=_ANSWER_S, check=False).exit_status == 0
    if found:
        return StampedProgram(shell, words)
    return ArrivedProgram(shell, words, time.monotonic_ns() - asked_ns)


class ArrivedProgram(BoardProgram):
    """A program whose lines are taken to be written as they come: :class:`power.onboard.reach.Stamping`."""

    def __init__(self, shell: Shell, words: Sequence[str], bound_ns: int) -> None:
        """Start it; raises as :class:`.BoardProgram`."""
        self._bound_ns, self._came_ns = bound_ns, 0
        super().__init__(shell, words)

    def moment(self) -> tuple[int, int]:
        """Return when the last line came, and how far that may be off, ns."""
        return self._came_ns, self._bound_ns

    def _next(self, timeout_s: float) -> bytes:
        line = self._line(timeout_s)
        self._came_ns = line.t_ns
        return line.data


class StampedProgram(BoardProgram):
    """A program whose lines bear the moment at which the board had them: :class:`power.onboard.reach.Stamping`.

    What runs the program there answers questions for the time too, ten at first and one a second later.
    """

    def __init__(self, shell: Shell, words: Sequence[str]) -> None:
        """Start it; raises as :class:`.BoardProgram`."""
        self._time: BoardTime | None = None
        self._asked, self._asked_ns = 0, 0
        self._sent: dict[int, int] = {}
        """Questions that wait for their answers, and when each was asked."""
        self._lines: deque[bytes] = deque()
        self._moment = (0, 0)
        super().__init__(shell, ["python3", "-u", "-c", inspect.getsource(stamp_helper), *words])

    def moment(self) -> tuple[int, int]:
        """Return when the board had the last line, on the controller's clock, and how far that may be off, ns."""
        return self._moment

    def close(self) -> None:
        """End the program on the board. May be called twice."""
        super().close()
        self._time = None  # the board may be started anew
        self._sent.clear()
        self._lines.clear()

    def _next(self, timeout_s: float) -> bytes:
        if self._time is None:
            for _ in range(_FIRST_QUESTIONS):
                self._ask()
                while self._sent:
                    self._take(_ANSWER_S)
                    self._refuse_silence()
        elif time.monotonic_ns() - self._asked_ns > _EVERY_NS:
            self._ask()
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while not self._lines:
            self._take(max(_NOTHING_S, (deadline_ns - time.monotonic_ns()) / 1e9))
        stamp, _, text = self._lines.popleft().partition(b" ")
        if self._time is None or not stamp.isdigit():
            raise _nonsense(stamp)
        self._moment = self._time.moment(int(stamp))
        return text

    def _ask(self) -> None:
        self._asked, self._asked_ns = self._asked + 1, time.monotonic_ns()
        self._sent[self._asked] = self._asked_ns
        self.write(b"%d\n" % self._asked)

    def _refuse_silence(self) -> None:
        """Raise Unanswered where lines come, and no answer."""
        if self._sent and time.monotonic_ns() - self._asked_ns > _ANSWER_S * 1e9:
            self.close()
            what = f"{self._shell.name}: prints lines, and did not tell its time within {_ANSWER_S:g} s"
            raise Unanswered(what, hint="is it very busy?")

    def _take(self, timeout_s: float) -> None:
        """Take the next line: of the program, or an answer."""
        line = self._line(timeout_s)
        if not line.data.startswith(b"? "):
            self._lines.append(line.data)
            return
        number, _, board = line.data[2:].partition(b" ")
        sent_ns = self._sent.pop(int(number), None) if number.isdigit() else None
        if sent_ns is None or not board.isdigit():
            raise _nonsense(line.data)
        board_ns = int(board)
        known = self._time or BoardTime(board_ns, sent_ns - board_ns, line.t_ns - board_ns)
        try:
            self._time = known.told(sent_ns, board_ns, line.t_ns)
        except ValueError as error:
            self.close()
            hint = "did it suspend, or was its virtual machine paused?"
            raise Unanswered(f"{self._shell.name}: {error}", hint=hint) from error


def _nonsense(said: bytes) -> Unanswered:
    return Unanswered(f"no line with its time: {said[:80]!r}", hint="what prints on that shell's output?")
