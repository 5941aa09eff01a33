"""The serial console of a board: captured all the time, watched while it boots, a shell when there is nothing else."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Self

from .boot import BootReport, BootWatcher, Fault, Stage
from .boot_rows import begins_anew
from .console_capture import Capture
from .console_exchange import INTERRUPT, Exchange
from .console_log import ConsoleLine
from .console_login import to_shell
from .console_screen import DISCARD, Screen, at_login, at_password, at_prompt
from .console_text import plain, without_noise
from .errors import BootFault, ConsoleFault, DeadlineExceeded
from .shell import Result

__all__ = ["Console", "ConsoleLine", "Glance"]

_TICK_S = 0.5
_POKE_S = 4.0
"""Assumed: often enough for one who waits; while services still start, nobody reads what is typed."""
_GREETS_S = 1.2
"""A boot loader that counts down prints each second: who prints nothing for longer is in no countdown."""
_PROMPT_S = 3.0
"""Assumed: an idle console has answered a newline within this, also of a board under load."""
_SETTLE_S = 1.5
"""One that says nothing for so long may be a shell without a prompt."""
_ANSWERS_S = 4.0
"""Assumed: a shell has answered a probe within this, also of a board under load."""
_KEEPS_S = 0.2
"""A shell that was left a moment ago answers at once, or it is looked for from the start."""
_KEYS = ((INTERRUPT, 2.0), (b"\x1c", 5.0))
"""What ends a command, and how long a shell may take to show for it: assumed, for a board under load."""
_REFUSAL_S = 10.0
"""As in :mod:`devices.console_login`."""
_STRANGER = re.compile(r"_etf\w*: .*not found|not found.*_etf")
"""What a shell says that has not learnt the library."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What is at the other end of a console, without having gone there."""

    sign: Literal["login", "password", "shell", "output"]
    """What answered; ``output``: something printed, and no prompt was seen."""
    stage: Stage | None
    """How far a boot that was seen since the console was opened has come."""
    fault: Fault | None = None
    """What ended that boot."""


class Console:
    """One serial console, from open to close. Safe to use from several threads; one command at a time."""

    def __init__(self, name: str, capture: Capture) -> None:
        """Take over a capture that runs."""
        self.name = name
        self.before_write: Callable[[], None] | None = None
        """Called before anything is written; raises when the board must be left alone."""
        self._capture = capture
        self._screen = Screen(name, capture, self._write)
        self._busy = threading.RLock()
        self._exchange: Exchange | None = None
        """With the shell that was found here; a reboot may have taken it since."""
        self._checked = 0
        """Up to here the log has shown no login since there was a shell."""

    @classmethod
    def open(cls, name: str, port: str, *, baud: int = 115200) -> Self:
        """Open a port for ourselves alone and capture from now on.

        Args:
            name: the board's: what errors begin with.
            port: a device, an adapter, or a URL: see :func:`devices.console_port.open_port`.
            baud: 8N1 at this rate.

        Raises:
            ConsoleFault: the port is not there, or somebody else has it.
        """
        return cls(name, Capture(name, port, baud))

    def log(self) -> bytes:
        """Return everything received since the console was opened."""
        return self._capture.log.read()

    def lines(self) -> list[ConsoleLine]:
        """Return the finished lines received since the console was opened, with their times."""
        lines: list[ConsoleLine] = []
        begun: list[bytes] = []
        for chunk in self._capture.log.since(0):
            first, *more = chunk.data.split(b"\n")
            begun.append(first)
            utc = self._capture.utc(chunk.t_ns)
            for piece in more:
                lines.append(ConsoleLine(chunk.t_ns, utc, plain(b"".join(begun))))
                begun = [piece]
        return lines

    def follow(self, *, since: int | None = None, idle_s: float = 0.1) -> Iterator[bytes]:
        """Yield what arrives, as it arrives, without an end; an empty piece after ``idle_s`` of silence.

        ``since`` is a time of the controller's monotonic clock; without it, from now on.
        """
        log = self._capture.log
        position = log.end if since is None else log.position_at(since)
        while True:
            self._capture.check()
            data = b"".join(chunk.data for chunk in log.since(position, timeout_s=idle_s))
            position += len(data)
            yield data

    def copy_to(self, sink: Callable[[bytes], None]) -> None:
        """Give a sink everything from the first byte on, in order, from a thread of its own that ends with the console.

        A sink may take its time: nothing else waits for it, and nothing is lost meanwhile. One that raises OSError (a
        full disk) is given the same piece again each second; one that raises anything else gets no more. Both are
        told in the program's log, and so is how much was not taken 5 s after the console was closed.
        """
        self._capture.copy_to(sink)

    def write(self, data: bytes) -> None:
        """Write bytes as they are.

        Raises:
            ConsoleFault: the port is gone, or takes nothing.
        """
        self._write(data)

    def close(self) -> None:
        """Stop capturing and let go of the port; the log stays. May be called twice."""
        self._capture.close()

    def __enter__(self) -> Self:
        """Return the console itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def wait_boot(self, *, timeout_s: float, since: int, heed: Callable[[str], object] = lambda _: None) -> BootReport:
        """Wait for a login or a shell in what was printed since ``since``, a time of the monotonic clock (ns).

        Take the time before the power is switched on; nothing is lost between. ``heed`` is called again and again
        meanwhile, with how far the boot has come in words; what it raises ends the wait.

        Raises:
            BootFault: stage, fault and last lines, as soon as the boot cannot succeed any more or time is up.
            ConsoleFault: the port is gone.
        """
        watcher = BootWatcher(since)
        log = self._capture.log
        position = log.position_at(since)
        poke_ns = 0
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while not watcher.up:
            self._capture.check()
            heed(_reached(watcher))
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            chunks = log.since(position, timeout_s=min(left_s, _TICK_S))
            for chunk in chunks:
                position += len(chunk.data)
                watcher.feed(chunk.data, chunk.t_ns)
            now_ns = time.monotonic_ns()
            if not chunks:
                watcher.tick(now_ns)
            if watcher.stage is not Stage.USERSPACE:
                poke_ns = now_ns + int(_POKE_S * 1e9)
            elif now_ns > poke_ns:
                self.write(b"\r")  # a prompt that noise has hidden is printed again
                poke_ns = now_ns + int(_POKE_S * 1e9)
            if fault := watcher.fatal:
                raise self._boot_fault(watcher, f"{fault.kind}: {fault.text}", fault.hint)
            if left_s <= 0 and not watcher.up:
                raise self._boot_fault(watcher, f"no login after {timeout_s:g} s", "is the boot slow, or stuck?")
        return watcher.report()

    def glance(self, *, up: bool = False) -> Glance:
        """Tell what is alive on the console, and leave it as it is: a login stays a login, a shell a shell.

        What prints by itself is not typed at, for a key would stop a boot loader's countdown; else half a line that
        was left is thrown away, and a newline typed. Where that shows nothing, a command follows that a shell alone
        answers.

        Args:
            up: the board is known to be booted, so there is no countdown to wait for.

        Raises:
            ConsoleFault: nothing answers, or garbage, or the port is gone.
        """
        screen = self._screen
        with self._busy:
            start = screen.end()
            listen_s = 0.0 if up else _GREETS_S - (time.monotonic_ns() - self._capture.opened_ns) / 1e9
            if not up and (start or self._capture.log.since(start, timeout_s=listen_s)):
                return self._seen_boot()
            self._write(DISCARD + b"\n")
            seen = screen.until(start, at_prompt, _PROMPT_S, settle_s=_SETTLE_S)
            screen.check_legible(seen, by_line=True)  # a sound prompt may stand behind it
            if at_login(seen):
                return Glance("login", None)
            if at_password(seen):
                return Glance("password", None)
            # an empty line tells nothing: it is our own, echoed, or the end of an answer that came late
            if at_prompt(seen) or (not seen.strip() and screen.shell_answers(_ANSWERS_S)):
                return Glance("shell", None)
            if at_password(screen.text(start)):  # a login that came late took the probe for a name
                start = screen.end()
                self._write(b"\n")
                screen.until(start, at_login, _REFUSAL_S)
            if at_login(screen.text(start)):
                return Glance("login", None)
            if seen.strip():
                return Glance("output", None)
        hint = "is the board booted, the cable in, and is there a getty on that port?"
        raise ConsoleFault(self.name, "nothing answers on the console", hint=hint)

    def login(self, user: str, password: str, *, timeout_s: float = 60.0) -> None:
        """Bring the console to a shell that :meth:`run` can use; a shell that is there already is kept.

        Raises:
            AuthenticationRefused: the board refuses the password.
            ConsoleFault: neither a login nor a shell within ``timeout_s``.
        """
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        with self._busy:
            if self._checked and begins_anew(self._news()):  # a key would stop its boot loader: it has to ask first
                self._screen.until(self._checked, at_prompt, timeout_s / 2)
            elif self._exchange is not None and not at_login(self._screen.text()) and self._exchange.idle(_KEEPS_S):
                return
            self._exchange = None
            session = to_shell(self._screen, self._write, user, password, deadline_ns)
            if session is None:
                raise ConsoleFault(
                    self.name,
                    f"neither a login nor a shell within {timeout_s:g} s; last seen: {self._screen.last_seen()}",
                    hint="is the board booted, its console's baud rate right, has it base64, md5sum and a /tmp?",
                )
            self._exchange = Exchange(self.name, self._capture, self._write, session)
            self._checked = self._screen.end()

    def run(self, command: str, *, timeout_s: float = 30.0) -> Result:
        """Run a command in the shell that :meth:`login` found; output, error output and status are exact.

        Kernel messages, echo and prompts on the same line do not get into them, and nothing runs twice. The
        command has no input, and changes nothing in the shell itself.

        Raises:
            DeadlineExceeded: not over after ``timeout_s``; it has been interrupted.
            ConsoleFault: no shell answers, or :meth:`login` has found none.
        """
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        with self._busy:
            if self._exchange is None:
                raise ConsoleFault(self.name, "nobody has logged in on the console", hint="call login() first")
            self._check_shell_stands()
            answer = self._exchange.run(command, deadline_ns, self._check_same_shell)
            if answer is None:
                raise self._not_over(command, timeout_s)
            self._checked = self._screen.end()
            return Result(command, answer.exit_status, answer.stdout, answer.stderr)

    # -- steps ------------------------------------------------------------------------------------

    def _write(self, data: bytes) -> None:
        if self.before_write is not None:
            self.before_write()
        self._capture.write(data)

    def _seen_boot(self) -> Glance:
        self._screen.check_legible(self._screen.text())
        watcher = BootWatcher(self._capture.opened_ns)
        for chunk in self._capture.log.since(0):
            watcher.feed(chunk.data, chunk.t_ns)
        return Glance("login" if watcher.stage is Stage.LOGIN else "output", watcher.stage, watcher.fatal)

    def _not_over(self, command: str, timeout_s: float) -> DeadlineExceeded | ConsoleFault:
        """Interrupt what runs, and tell a slow command from a console that does not answer at all."""
        self._check_same_shell()
        first = command.strip().partition("\n")[0][:80]
        for key, shows_s in _KEYS:
            self._write(key)
            if self._exchange is not None and self._exchange.idle(shows_s):
                return DeadlineExceeded(self.name, f"`{first}` on the console is not over after {timeout_s:g} s")
        said = f"no shell answers on the console (`{first}`, {timeout_s:g} s); last seen: {self._screen.last_seen()}"
        return ConsoleFault(self.name, said, hint="did the board hang or reboot? Its console log tells")

    def _news(self) -> str:
        """Return what came since the shell answered last."""
        return "" if self._screen.end() == self._checked else self._screen.all_text(self._checked)

    def _check_shell_stands(self) -> None:
        news = self._news()
        text = without_noise(news)
        if at_login(text) or at_password(text):
            raise self._shell_gone("the console asks for a login where a shell was")
        if line := begins_anew(news):
            raise self._shell_gone(f"the board has gone down or begun anew: {line}")

    def _check_same_shell(self, no_prompt: bool = False) -> None:
        self._check_shell_stands()
        if no_prompt and _STRANGER.search(self._screen.text(self._checked)):
            raise self._shell_gone("the shell on the console is not the one that was logged in to")

    def _shell_gone(self, said: str) -> ConsoleFault:
        self._exchange = None
        return ConsoleFault(self.name, said, hint="did the board reboot? log in again")

    def _boot_fault(self, watcher: BootWatcher, what: str, hint: str) -> BootFault:
        last = "".join(f"\n  | {line}" for line in watcher.last_lines)
        return BootFault(self.name, f"did not boot, {_reached(watcher)}: {what}{last}", hint=hint)


def _reached(watcher: BootWatcher) -> str:
    return f"in stage {watcher.stage}" if watcher.stage else "before anything was recognised"
