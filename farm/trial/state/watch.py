"""Watches the board's state while a trial runs, at next to no cost.

One helper stands on the board, aside of whatever else wants its processors, reads the files in which the state lies
once a second, and prints only what has changed, by the board's own clock. It is a program for the board's Python, or,
where an artifact brings the clock of its frames, for its shell, and that clock tells the time. A link that breaks costs
what happened until there is another one: that stretch is told, and nothing is made up for it.
"""

import inspect
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from shlex import quote
from time import monotonic_ns
from types import TracebackType
from typing import Self

from devices.board import Board
from devices.errors import ConnectionLost, DeadlineExceeded, DeviceError
from devices.facts import script
from devices.shell import STANDING_S, Stream

from ...store.board_facts import AcceleratorFacts
from . import helper
from .lines import Life, read_life, read_stamped

PERIOD_S = 1.0
"""Between two readings; the helper takes longer where a reading takes more than a thousandth of that."""
_START_TIMEOUT_S = 30.0
"""For the helper's Python to start on the slowest board under load (assumed; a Pi Zero W takes 2 s)."""
_END_S = 15.0
"""From the end of its input to its last line: a reading may have to wait for a processor (assumed)."""
_AGAIN_S = 1.0
_MOST_OWN_STATUS = 128
"""Above it a signal has ended a program (POSIX shell), as a board that goes down does."""
_WAKE_S = 0.5


@dataclass(frozen=True, slots=True)
class Watched:
    """What a watch came to."""

    lives: tuple[Life, ...]
    """More than one where the link broke."""
    why_not: str = ""
    """What last kept the board from being watched."""

    @property
    def readings(self) -> int:
        """Return how many there were."""
        return sum(life.readings for life in self.lives)

    @property
    def cost_s(self) -> float:
        """Return the processor time that one of them took on the board."""
        return sum(life.cpu_s for life in self.lives) / max(1, self.readings)

    @property
    def period_s(self) -> float:
        """Return the mean time between two of them; that which is meant where there were not two."""
        spans = [(life.samples[-1].t_ns - life.samples[0].t_ns) / 1e9 for life in self.lives if life.samples]
        between = self.readings - len(spans)
        return sum(spans) / between if between > 0 else PERIOD_S


class StateWatch:
    """The helper, and a thread that hears it.

    It raises nothing: a board that cannot be watched is told by :attr:`Watched.why_not`, and by what depends on it.
    """

    def __init__(
        self,
        board: Board,
        hanging: Sequence[AcceleratorFacts],
        runs_path: str,
        clock: str | None = None,
        *,
        period_s: float = PERIOD_S,
        gone: threading.Event | None = None,
    ) -> None:
        """Take the board, its accelerators, and the folder in which the runner notes its number ("": it does not).

        ``clock`` starts what answers lines with the time of the frames; None: that is the time of the board's Python.
        ``gone`` is set once the board is known to be gone: it is not tried to be reached again.
        """
        self._gone = gone or threading.Event()
        self._board = board
        self._command = _command(board, hanging, runs_path, period_s, clock)
        self._read = read_life if clock is None else read_stamped
        self._stream: Stream | None = None
        self._heard: list[list[bytes]] = []
        self._why, self._failed = "", False
        self._first, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._follow, name=f"state of {board.name}", daemon=True)

    def __enter__(self) -> Self:
        """Start the helper."""
        self._begin()
        self._thread.start()
        return self

    def begun(self) -> None:
        """Wait for the first reading, or until it is clear that there will be none."""
        if not self._first.wait(_START_TIMEOUT_S):
            self._why = self._why or f"no reading within {_START_TIMEOUT_S:g} s"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the helper and the thread."""
        self._stopping.set()
        self._end()  # wakes the thread
        self._thread.join()
        self._end()  # what it began meanwhile

    def finish(self) -> Watched:
        """Read for the last time, and return everything."""
        self._stopping.set()
        if self._stream is not None:
            with suppress(DeviceError):
                self._stream.send_eof()
        self._thread.join(_END_S)
        lives = tuple(self._read(lines, self._board.read_state) for lines in list(self._heard) if lines)
        return Watched(lives, self._why)

    def _begin(self) -> None:
        self._heard.append([])
        try:
            self._stream = self._board.shell.stream(self._command, timeout_s=STANDING_S)
            self._stream.__enter__()
        except DeviceError as fault:
            self._end()
            self._why = _first_line(fault)

    def _end(self) -> None:
        if (stream := self._stream) is not None:
            self._stream = None
            with suppress(DeviceError):
                stream.__exit__(None, None, None)

    def _follow(self) -> None:
        while True:
            if (stream := self._stream) is not None:
                self._hear(stream)
            self._first.set()  # nothing came, or all of it: nobody is to wait for more
            if self._failed or self._stopping.wait(_AGAIN_S) or self._gone.is_set():
                return
            self._end()
            self._begin()

    def _hear(self, stream: Stream) -> None:
        """Hear one helper to its end, or to that of its link."""
        deadline_ns = None
        while True:
            try:
                self._heard[-1].append(stream.readline(timeout_s=_WAKE_S).data)
                self._first.set()
            except DeadlineExceeded:
                if self._stopping.is_set():
                    deadline_ns = deadline_ns or monotonic_ns() + int(_END_S * 1e9)
                    if monotonic_ns() > deadline_ns:
                        return
            except ConnectionLost as lost:
                if not self._stopping.is_set():
                    self._why, self._failed = _why(stream, lost)
                return
            except DeviceError as fault:
                self._why = _first_line(fault)
                return


def _command(
    board: Board, hanging: Sequence[AcceleratorFacts], runs_path: str, period_s: float, clock: str | None
) -> str:
    usb = [one.port for one in hanging if one.link_mbps is not None]
    speeds = [f"link.{port}\t\x1e{board.path(f'/sys/bus/usb/devices/{port}/speed')}" for port in usb]
    found = f'"$(sh -c {quote(board.watch_places())})\n"{quote(chr(10).join(speeds))}'
    slow = script(board.root, board.watch_script) if board.watch_script else ""
    told = f"{quote(runs_path)} {quote(board.root.rstrip('/'))} {quote(slow)}"
    if clock is None:
        return f"exec python3 -u -c {quote(inspect.getsource(helper))} {found} {period_s:g} {told}"
    by_shell = (resources.files(__package__ or "") / "shell_helper.sh").read_text(encoding="utf-8")
    aside = "aside=$(command -v nice); ${aside:+nice -n 19}"
    return f"{aside} sh -c {quote(by_shell)} sh {found} {period_s * 1e3:.0f} {told} | {clock}"


def _why(stream: Stream, lost: ConnectionLost) -> tuple[str, bool]:
    """Tell a helper that ended, and what it said last, from a link that broke.

    True: it has failed, and would again; what is started in vain each second takes the board's processor.
    """
    try:
        status = stream.exit_status(timeout_s=_END_S)
    except DeviceError:
        return _first_line(lost), False
    said = stream.stderr().decode("utf-8", "replace").strip()
    return said.splitlines()[-1] if said else _first_line(lost), 0 < status <= _MOST_OWN_STATUS


def _first_line(fault: DeviceError) -> str:
    return str(fault).partition("\n")[0]
