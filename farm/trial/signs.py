"""Where a board shows that it is no longer in the boot in which a run began: its boot id, and its console."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from time import monotonic_ns
from typing import TYPE_CHECKING

from devices.boot_lines import Lines
from devices.boot_rows import begins_anew
from devices.console_screen import at_login
from devices.errors import ConsoleFault, DeviceError

from ..lab.bench import Bench
from .gone import Gone

if TYPE_CHECKING:
    from devices.console import Console

_SUPPLY = "look at its supply (a brown-out leaves no word), its heat and its watchdog, and run it again"

_LAST_WORDS_S = 2.0
"""What a board has sent before it went may come so much later than what its console says (assumed: half a second of
frames, on a link that is slow). A word that comes later shows that the board works, and that somebody has only printed
a boot log on its console; where none comes the board is asked."""
_ASK_S = 5.0
"""A board that works answers on the link that there is within this (assumed)."""
_PANIC = re.compile("panic|abort|exception", re.IGNORECASE)
"""What tells the lines of a panic from others that end a boot."""
_SHOWN_LINES = 4
"""Of the console, up to the one that tells: a brown-out or the cause of a panic stands right before it."""


class Watched:
    """A console from now on: has the board gone down, panicked or begun anew?"""

    def __init__(self, console: "Console") -> None:
        """Listen; nothing is typed."""
        self._console = console
        self._since_ns = monotonic_ns()
        self._news: Iterator[bytes] | None = None
        self._lines = Lines()
        self._last: deque[str] = deque(maxlen=_SHOWN_LINES)
        self.told = ""
        """The line that told it; empty while none has."""
        self.told_ns = 0
        self.login_ns = 0
        """When a login was asked for last."""

    def look(self) -> None:
        """Take in what the console has said; a port that is gone, for the board powers it, tells nothing."""
        with suppress(ConsoleFault, StopIteration):
            if self._news is None:
                self._news = self._console.follow(since=self._since_ns, idle_s=0.0)
            while data := next(self._news):
                self._take(data)
            self._since_ns = monotonic_ns()
            return
        self._news = None

    def forget(self) -> None:
        """Take back what was told: the board works."""
        self.told = ""
        self._last.clear()

    @property
    def shown(self) -> str:
        """The last lines up to the one that told, each on a line of its own."""
        return "".join(f"\n  | {line}" for line in self._last)

    def _take(self, data: bytes) -> None:
        for printed in self._lines.feed(data):
            text = printed.text.strip()
            if text and not self.told:
                self._last.append(text)
            if not self.told and begins_anew(printed.text):
                self.told, self.told_ns = text, monotonic_ns()
        if at_login(self._lines.unfinished().text):
            self.login_ns = monotonic_ns()


@dataclass(frozen=True, slots=True)
class Signs:
    """One board's, from the beginning of a trial on."""

    boot_id: str | None = None
    """In which the trial began; None where the board does not tell."""
    ask_boot_id: Callable[[float], str] | None = None
    """Asks the board again, within so many seconds."""
    console: Watched | None = None
    """None for a board without one. Looked at by one thread only."""
    keep_console: Callable[[], Path] | None = None
    """Keeps what the console says in a file, and names it."""
    cut_links: Callable[[], None] = lambda: None
    """Lets go of whoever waits for an answer of the board."""
    gone: Event = field(default_factory=Event)
    """Set once the board is known to be gone: nobody need try to reach it again."""

    @classmethod
    def of(cls, bench: Bench, boot_id: str | None) -> "Signs":
        """Watch a bench's board from now on."""
        ask = partial(_boot_id, bench)
        if bench.entry.console is None:
            return cls(boot_id, ask, cut_links=bench.cut_links)
        return cls(boot_id, ask, Watched(bench.console), bench.keep_console, bench.cut_links)

    def check_boot(self, *, timeout_s: float, lost_ns: int) -> None:
        """Ask a board that answers again whether it has rebooted since ``lost_ns``.

        Raises:
            Gone: it has.
            devices.errors.DeviceError: it does not answer after all.
        """
        if self.boot_id is None or self.ask_boot_id is None:
            return
        now = self.ask_boot_id(timeout_s)
        if now not in ("", self.boot_id):  # an empty answer proves nothing
            evidence = f"boot {self.boot_id} began the trial, boot {now} answers"
            raise Gone("rebooted", evidence=evidence, hint=_SUPPLY, board=True, t_ns=lost_ns)

    def check_console(self, heard_ns: int, lost_ns: int | None) -> None:
        """Look at the console; raises Gone where it tells that the board has gone, and nothing tells otherwise.

        Args:
            heard_ns: when the run said its last word, on the controller's clock.
            lost_ns: since when there has been no link; None while there is one.
        """
        if (console := self.console) is None:
            return
        console.look()
        if not console.told:
            if lost_ns is not None and console.login_ns > heard_ns:  # a link's end may be noticed long after it
                evidence = "its console asks for a login anew, and nothing answers"
                raise Gone("rebooted", evidence=evidence, hint=_SUPPLY, board=True, t_ns=heard_ns)
        elif (heard_ns - console.told_ns) / 1e9 > _LAST_WORDS_S:
            console.forget()
        elif (monotonic_ns() - max(heard_ns, console.told_ns)) / 1e9 > _LAST_WORDS_S:
            if _PANIC.search(console.told):  # in no log of a boot that goes on
                raise Gone("panicked", hint=_SUPPLY, board=True, t_ns=console.told_ns)
            if not self._answers(heard_ns):
                raise Gone("went down or rebooted", hint=_SUPPLY, board=True, t_ns=console.told_ns)
            console.forget()

    def _answers(self, heard_ns: int) -> bool:
        if self.ask_boot_id is None:
            return False
        try:
            self.check_boot(timeout_s=_ASK_S, lost_ns=heard_ns)
        except DeviceError:
            return False
        return True

    def give_up(self) -> None:
        """Let everybody know that the board is gone."""
        self.gone.set()
        self.cut_links()

    def testimony(self) -> str:
        """Return what the console has said of it, and where all of it is kept; nothing for a board without one."""
        if self.console is None or self.keep_console is None:
            return ""
        self.console.look()
        said = "; its console says" + self.console.shown if self.console.told else ""
        return f"{said}\n  all that it said: `farm bootlog {self.keep_console()}`"


def _boot_id(bench: Bench, timeout_s: float) -> str:
    return bench.board.boot_id(timeout_s=timeout_s)
