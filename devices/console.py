"""The serial console of a board: captured all the time, watched while it boots, a shell when there is nothing else."""

import re
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Self

from .boot import BootReport, BootWatcher, Fault, Stage
from .console_capture import Capture, ConsoleLine
from .console_frame import PREPARE, Answer, Damaged, Refused, again, find_answer, probe, probed, request
from .console_text import LOGIN, plain, without_noise
from .errors import AuthenticationRefused, BootFault, ConsoleFault, DeadlineExceeded
from .shell import Result

__all__ = ["Console", "ConsoleLine", "Glance"]

_LOGIN = re.compile(rf"(?:^|\n){LOGIN}")
_PASSWORD = re.compile(r"[Pp]assword: ?$")
_PROMPT = re.compile(rf"{_LOGIN.pattern}|{_PASSWORD.pattern}|[#$%>] $")
_REFUSED = re.compile(r"Login incorrect|Authentication failure|Permission denied", re.IGNORECASE)

_TICK_S = 0.5
_POKE_S = 4.0
"""Assumed: often enough for one who waits; while services still start, nobody reads what is typed."""
_PROMPT_S = 0.8
"""Assumed: an idle console answers a newline within this, if it shows a prompt at all."""
_ANSWERS_S = 1.5
"""Assumed: an idle shell answers a probe within this; if not, it is asked again."""
_FLUSH_S = 0.3
"""login(1) throws away what was typed before it is ready: measured, 0.3 s after its prompt it is."""
_PASSWORD_S = 5.0
"""Assumed: login(1) is loaded and asks within this, or the name never reached it."""
_REFUSAL_S = 10.0
"""A refusal comes late: PAM waits 2 s by default (pam_unix), busybox 3."""
_REFUSALS = 2
"""One refusal may be a character that the cable lost; a second one is the board's word."""
_REQUESTS = 5
_TAIL_CHUNKS = 200
_ASK_AGAIN_S = 3.0
"""A console quiet for this long may have lost the answer; doubled each time, for the command may just be slow."""
_GREETS_S = 1.2
"""A boot loader that counts down prints each second: who prints nothing for longer is in no countdown."""

_STRANGE_SHARE = 0.2
"""Assumed: of the letters of a boot log fewer cannot be printed, of what a wrong baud rate makes of it more."""


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
        self._busy = threading.RLock()
        self._prepared = False
        """A shell has been found here and made ready; a reboot may have taken it since."""

    @classmethod
    def open(cls, name: str, port: str, *, baud: int = 115200) -> Self:
        """Open a port for ourselves alone and capture from now on.

        Args:
            name: the board's: what errors begin with.
            port: a device, or a URL such as ``rfc2217://host:port`` or ``socket://host:port``.
            baud: 8N1 at this rate.

        Raises:
            ConsoleFault: the port is not there, or somebody else has it.
        """
        return cls(name, Capture(name, port, baud))

    def log(self) -> bytes:
        """Return everything received since the console was opened."""
        return b"".join(chunk.data for chunk in self._capture.since(0))

    def lines(self) -> list[ConsoleLine]:
        """Return the finished lines received since the console was opened, with their times."""
        lines: list[ConsoleLine] = []
        tail = b""
        for chunk in self._capture.since(0):
            *whole, tail = (tail + chunk.data).split(b"\n")
            utc = self._capture.utc(chunk.t_ns)
            lines.extend(ConsoleLine(chunk.t_ns, utc, plain(line)) for line in whole)
        return lines

    def follow(self, *, since: int | None = None, idle_s: float = 0.1) -> Iterator[bytes]:
        """Yield what arrives, as it arrives, without an end; an empty piece after ``idle_s`` of silence.

        ``since`` is a time of the controller's monotonic clock; without it, from now on.
        """
        position = self._capture.position() if since is None else self._capture.position_at(since)
        while True:
            self._capture.check()
            chunks = self._capture.since(position, timeout_s=idle_s)
            position += len(chunks)
            yield b"".join(chunk.data for chunk in chunks)

    def write(self, data: bytes) -> None:
        """Write bytes as they are.

        Raises:
            ConsoleFault: the port is gone, or takes nothing.
        """
        if self.before_write is not None:
            self.before_write()
        self._capture.write(data)

    def close(self) -> None:
        """Stop capturing and let go of the port; the log stays. May be called twice."""
        self._capture.close()

    def __enter__(self) -> Self:
        """Return the console itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def wait_boot(self, *, timeout_s: float, since: int) -> BootReport:
        """Wait for a login or a shell in what was printed since ``since``, a time of the monotonic clock (ns).

        Take the time before the power is switched on; nothing is lost between.

        Raises:
            BootFault: stage, fault and last lines, as soon as the boot cannot succeed any more or time is up.
            ConsoleFault: the port is gone.
        """
        watcher = BootWatcher(since)
        position = self._capture.position_at(since)
        poke_ns = 0
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while not watcher.up:
            self._capture.check()
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            chunks = self._capture.since(position, timeout_s=min(left_s, _TICK_S))
            position += len(chunks)
            for chunk in chunks:
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

        What prints by itself is not typed at, for a key would stop a boot loader's countdown; else one newline is
        typed. Where that shows nothing, a command follows that a shell alone answers: one that :meth:`login` has
        prepared shows neither echo nor prompt.

        Args:
            up: the board is known to be booted, so there is no countdown to wait for.

        Raises:
            ConsoleFault: nothing answers, or garbage, or the port is gone.
        """
        with self._busy:
            start = self._capture.position()
            listen_s = 0.0 if up else _GREETS_S - (time.monotonic_ns() - self._capture.opened_ns) / 1e9
            if not up and (start or self._capture.since(start, timeout_s=listen_s)):
                return self._seen_boot()
            self.write(b"\n")
            seen = self._until(start, _PROMPT.search, _PROMPT_S)
            self._check_legible(seen)
            if _LOGIN.search(seen):
                return Glance("login", None)
            if _PASSWORD.search(seen):
                return Glance("password", None)
            # an empty line tells nothing: it is our own, echoed, or the end of an answer that came late
            if _PROMPT.search(seen) or (not seen.strip() and self._shell_answers()):
                return Glance("shell", None)
            if seen:
                return Glance("output", None)
        hint = "is the board booted, the cable in, and is there a getty on that port?"
        raise ConsoleFault(self.name, "nothing answers on the console", hint=hint)

    def _seen_boot(self) -> Glance:
        self._check_legible(self._text_since(0))
        watcher = BootWatcher(self._capture.opened_ns)
        for chunk in self._capture.since(0):
            watcher.feed(chunk.data, chunk.t_ns)
        return Glance("login" if watcher.stage is Stage.LOGIN else "output", watcher.stage, watcher.fatal)

    def _check_legible(self, text: str) -> None:
        strange = sum(not (letter.isprintable() or letter in "\n\t") or letter == "\ufffd" for letter in text)
        if strange > _STRANGE_SHARE * len(text):
            hint = "is the console's baud rate right, its ground connected?"
            raise ConsoleFault(self.name, f"garbage on the console: {text[-40:]!r}", hint=hint)

    def login(self, user: str, password: str, *, timeout_s: float = 60.0) -> None:
        """Bring the console to a shell that :meth:`run` can use; a shell that is there already is kept.

        Raises:
            AuthenticationRefused: the board refuses the password.
            ConsoleFault: neither a login nor a shell within ``timeout_s``.
        """
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        refused, asked_before = 0, False
        with self._busy:
            if self._prepared and not _LOGIN.search(self._text_since(-_TAIL_CHUNKS)) and self._shell_answers():
                return
            while time.monotonic_ns() < deadline_ns:
                start = self._capture.position()
                self.write(b"\r")
                seen = self._until(start, _PROMPT.search, _PROMPT_S)
                if _LOGIN.search(seen):
                    if asked_before:  # the first name may have come too early for its getty
                        time.sleep(_FLUSH_S)
                    asked_before = True
                    refused += not self._give_credentials(user, password)
                    if refused == _REFUSALS:
                        hint = "the console's user and password in the inventory"
                        raise AuthenticationRefused(self.name, f"the console refused the login of {user!r}", hint=hint)
                elif _PASSWORD.search(seen):
                    self._until(self._capture.position(), _REFUSED.search, _REFUSAL_S)  # of the empty one just given
                elif self._shell_answers():
                    self.write(PREPARE)
                    self._prepared = self._shell_answers()
                    if self._prepared:
                        return
                else:
                    self.write(b"\x03")  # out of a command or half a line that somebody left
            raise ConsoleFault(
                self.name,
                f"neither a login nor a shell within {timeout_s:g} s; last seen: {self._last_seen()}",
                hint="is the board booted, and the console's baud rate right?",
            )

    def run(self, command: str, *, timeout_s: float = 30.0) -> Result:
        """Run a command in the shell that :meth:`login` found; output, error output and status are exact.

        Kernel messages, echo and prompts on the same line do not get into them, and nothing runs twice.

        Raises:
            DeadlineExceeded: not over after ``timeout_s``; it has been interrupted.
            ConsoleFault: no shell answers.
        """
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        with self._busy:
            for _ in range(_REQUESTS):
                answer = self._ask(command, secrets.token_hex(4), deadline_ns)
                if isinstance(answer, Answer):
                    return Result(command, answer.exit_status, answer.stdout, answer.stderr)
                if answer is None:
                    raise self._not_over(command, timeout_s)
            raise ConsoleFault(
                self.name,
                f"a command did not arrive whole, {_REQUESTS} times; last seen: {self._last_seen()}",
                hint="does the console cable lose bytes? The board needs base64 and md5sum",
            )

    # -- steps ------------------------------------------------------------------------------------

    def _ask(self, command: str, ident: str, deadline_ns: int) -> Answer | Refused | None:
        """Send a request and wait for its answer; None when there is none at the deadline."""
        self._check_logged_in()
        position = self._capture.position()
        self.write(request(command, ident))
        received = bytearray()
        patience_s, heard_ns = _ASK_AGAIN_S, time.monotonic_ns()
        while (now_ns := time.monotonic_ns()) < deadline_ns:
            wait_s = min((deadline_ns - now_ns) / 1e9, _TICK_S)
            chunks = self._capture.since(position, timeout_s=wait_s)
            position += len(chunks)
            received += b"".join(chunk.data for chunk in chunks)
            if any(b"\x1e" in chunk.data for chunk in chunks):  # looked at only when it may have ended: not quadratic
                answer = find_answer(bytes(received), ident)
                if isinstance(answer, Answer | Refused):
                    return answer
                if isinstance(answer, Damaged):
                    received.clear()
                    self.write(again(ident))
            if chunks:
                heard_ns = now_ns
            elif now_ns - heard_ns > patience_s * 1e9:
                self._check_logged_in()
                patience_s, heard_ns = patience_s * 2, now_ns
                self.write(again(ident))
        return None

    def _give_credentials(self, user: str, password: str) -> bool:
        """Answer a login prompt; False when the board says that it refuses, else there may be a shell."""
        start = self._capture.position()
        self.write(user.encode() + b"\r")
        if not _PASSWORD.search(self._until(start, _PASSWORD.search, _PASSWORD_S)):
            return True  # an account without a password, or a console that lost the name
        time.sleep(_FLUSH_S)
        start = self._capture.position()
        self.write(password.encode() + b"\r")
        self._until(start, str.strip, _REFUSAL_S)
        return not _REFUSED.search(self._until(start, _REFUSED.search, _FLUSH_S))

    def _shell_answers(self) -> bool:
        ident, start = secrets.token_hex(4), self._capture.position()
        self.write(probe(ident))
        deadline_ns = time.monotonic_ns() + int(_ANSWERS_S * 1e9)
        position, received = start, b""
        while (left_s := (deadline_ns - time.monotonic_ns()) / 1e9) > 0:
            chunks = self._capture.since(position, timeout_s=left_s)
            position += len(chunks)
            received += b"".join(chunk.data for chunk in chunks)
            if probed(received, ident):
                return True
        return False

    def _until(self, start: int, seen: Callable[[str], object], timeout_s: float) -> str:
        """Return what was printed from a position on, noise taken out, once ``seen`` finds something or time is up."""
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        while True:
            text = self._text_since(start)
            left_s = (deadline_ns - time.monotonic_ns()) / 1e9
            if seen(text) or left_s <= 0:
                return text
            self._capture.check()
            self._capture.since(self._capture.position(), timeout_s=left_s)

    def _not_over(self, command: str, timeout_s: float) -> DeadlineExceeded | ConsoleFault:
        """Interrupt what runs, and tell a slow command from a console that does not answer at all."""
        first = command.strip().partition("\n")[0][:80]
        for key in (b"\x03", b"\x1c"):
            self.write(key)
            if self._shell_answers():
                return DeadlineExceeded(self.name, f"`{first}` on the console is not over after {timeout_s:g} s")
        said = f"no shell answers on the console (`{first}`, {timeout_s:g} s); last seen: {self._last_seen()}"
        return ConsoleFault(self.name, said, hint="did the board hang or reboot? Its console log tells")

    def _check_logged_in(self) -> None:
        text = self._text_since(-_TAIL_CHUNKS)
        if _LOGIN.search(text) or _PASSWORD.search(text):
            raise ConsoleFault(
                self.name, "the console asks for a login where a shell was", hint="did the board reboot?"
            )

    def _last_seen(self) -> str:
        text = self._text_since(-_TAIL_CHUNKS)
        return repr(" | ".join(line for line in text.splitlines()[-3:] if line.strip())[-300:])

    def _text_since(self, start: int) -> str:
        """Return what was printed from a position on, noise taken out; a negative one counts from the end."""
        return without_noise(plain(b"".join(chunk.data for chunk in self._capture.since(start))))

    def _boot_fault(self, watcher: BootWatcher, what: str, hint: str) -> BootFault:
        stage = f"in stage {watcher.stage}" if watcher.stage else "before anything was recognised"
        last = "".join(f"\n  | {line}" for line in watcher.last_lines)
        return BootFault(self.name, f"did not boot, {stage}: {what}{last}", hint=hint)
