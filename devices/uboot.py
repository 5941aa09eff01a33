"""The prompt of U-Boot over a board's console: caught while it boots, then commands with their exact text.

What U-Boot is told is typed, seen whole in its echo, and only then entered: a key that the cable has lost or noise
has joined makes no other command. The answer ends with a mark and ``$?``, which the echo of the request cannot hold.
Behaviour that is relied on was seen on U-Boot 2023.01: quotes join as in a shell, a backslash counts inside single
quotes too, a tab completes, Ctrl-C throws a line away, a line longer than ``CONFIG_SYS_CBSIZE`` rings the bell.
"""

import math
import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Self

from .boot import BootWatcher, Stage
from .console import Console
from .console_text import plain
from .errors import DeadlineExceeded, UBootFault

_PROMPT = r"=> |[Uu]-[Bb]oot[=#>]*> |Tegra\d+ \([^)\n]*\) # "
"""U-Boot: CONFIG_SYS_PROMPT; the last is NVIDIA's for the Jetsons up to L4T 32."""
_CONTINUES = re.compile(r"(?:^|\n)> $")
"""The hush shell wants more: a quote or an ``if`` is open."""
_COUNTDOWN = re.compile(r"(?:Hit any key|Press [^\n]{1,40}) to (?:stop|abort) autoboot[^\n]*$|Autoboot in \d+ [^\n]*$")
"""U-Boot: common/autoboot.c, and what boards give as CONFIG_AUTOBOOT_PROMPT. Held against an unfinished line."""
_BANNER = re.compile(r"(?:^|\n)U-Boot \d{4}\.\d\d")
_STARTS = re.compile(r"(?:^|\n)(?:Starting kernel|## Starting application|Starting EFI|Booting /)")
"""U-Boot gives the console away: what is typed now, another program reads."""

Seen = Callable[[str], object]
"""Tells whether a text has what is waited for."""

_INTERRUPT = b"\x03"
_IDLE_S = 0.05
_ECHO_S = 5.0
"""Assumed: a prompt that waits for a key shows it within this."""
_LOST_S = 1.0
"""Assumed: an echo that stands still for so long has lost a key; it is then typed anew, so no harm where it has not."""
_RETYPE = 4
_KEY_AGAIN_S = 0.3
_TAIL = 400
_WINDOW = 8192
"""Bytes of a boot that are looked at: what decides stands at its end."""


@dataclass(frozen=True, slots=True)
class Autoboot:
    """How a board's boot loader is stopped."""

    key: bytes = b" "
    """What stops it: any key, or the whole of CONFIG_AUTOBOOT_STOP_STR."""
    at: Literal["countdown", "banner"] = "countdown"
    """When to type it. A loader that does not count down (CONFIG_BOOTDELAY=0) looks only for what came before: from
    its banner on until it stops or starts a kernel."""
    prompt: str = ""
    """Its prompt as text, where it is none of the known ones."""

    def at_prompt(self, text: str) -> bool:
        """Tell whether the text ends with a prompt on a line of its own."""
        return self._has_prompt(text, "")

    def behind_prompt(self, text: str) -> bool:
        """Tell whether the text ends with a prompt, and perhaps the stop key once more: it was typed too often."""
        return self._has_prompt(text, "[^\n]{0,80}")

    def _has_prompt(self, text: str, then: str) -> bool:
        prompt = re.escape(self.prompt) if self.prompt else _PROMPT
        return re.search(rf"(?:^|\n)(?:{prompt}){then}$", text) is not None


class UBoot:
    """U-Boot that waits for commands. Not safe to use from two threads."""

    def __init__(self, console: Console, how: Autoboot) -> None:
        """Take a console whose last words are U-Boot's prompt; see :meth:`caught`."""
        self.name = console.name
        self._console, self._how = console, how
        self._left, self._left_ns = "", 0
        """The command that was started last and has the console now, and when."""

    @classmethod
    def caught(cls, console: Console, *, since: int, timeout_s: float = 60.0, how: Autoboot | None = None) -> Self:
        """Stop a boot that began at ``since`` (monotonic, ns) in U-Boot, and return its prompt.

        Nothing is typed before U-Boot itself is seen, and nothing once it has started a kernel.

        Raises:
            UBootFault: the boot went past it, or it is not there after ``timeout_s``; the last lines are told.
            ConsoleFault: the port is gone.
        """
        how = how or Autoboot()
        watcher = BootWatcher(since)
        raw, begun, typed_ns = b"", False, 0
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        for data in console.follow(since=since, idle_s=_IDLE_S):
            now_ns = time.monotonic_ns()
            watcher.feed(data, now_ns)
            raw = (raw + data)[-_WINDOW:]
            text = plain(raw)
            here = how.behind_prompt(text)
            if _STARTS.search(text) or _past(watcher.stage, here):
                hint = "is its countdown on, and its stop key right? `stop_key`, `stop_at` of the board's `flash:`"
                raise UBootFault(console.name, f"the boot went past U-Boot{_last(text)}", hint=hint)
            if here:
                uboot = cls(console, how)
                uboot._clear()
                return uboot
            begun = begun or (how.at == "banner" and _BANNER.search(text) is not None)
            if (begun or _COUNTDOWN.search(text)) and now_ns - typed_ns > _KEY_AGAIN_S * 1e9:
                console.write(how.key)
                typed_ns = now_ns
            if now_ns > deadline_ns:
                break
        text = plain(raw)
        seen = "countdown was not seen" if not typed_ns else "prompt did not come"
        hint = "does it boot into U-Boot at all, is the console's baud rate right, has it another prompt?"
        raise UBootFault(console.name, f"U-Boot's {seen} within {timeout_s:g} s{_last(text)}", hint=hint)

    def run(self, command: str, *, timeout_s: float = 30.0, check: bool = True) -> str:
        """Run a command line and return exactly what it printed, line ends as newlines, without the last one.

        Raises:
            UBootFault: it failed, unless ``check`` is false; or U-Boot did not take it, or has started anew.
            DeadlineExceeded: not over after ``timeout_s``; it has been interrupted.
        """
        return self.status(command, timeout_s=timeout_s, check=check)[1]

    def status(self, command: str, *, timeout_s: float = 30.0, check: bool = False) -> tuple[int, str]:
        """Run a command line; return its status and what it printed; raises as :meth:`run`."""
        mark = secrets.token_hex(4)
        start_ns = self._enter(f'{command}; echo "{mark[:4]}""{mark[4:]}:$?"')
        ends = re.compile(rf"{mark}:(\d+)\n")
        text = self._wait(ends.search, start_ns, timeout_s, settled=self._stopped)
        if (end := ends.search(text)) is None:
            raise self._no_end(command, text, timeout_s)
        self._wait(self._how.at_prompt, start_ns, _ECHO_S)
        printed = text[: end.start()].partition("\n")[2].removesuffix("\n")
        exit_status = int(end[1])
        if check and exit_status:
            raise UBootFault(self.name, f"U-Boot: `{command}` ended with status {exit_status}: {printed[-_TAIL:]}")
        return exit_status, printed

    def getenv(self, name: str) -> str | None:
        """Return an environment variable; None when it is not set."""
        exit_status, text = self.status(f"printenv {name}")
        if exit_status:
            return None
        if not text.startswith(f"{name}="):
            raise UBootFault(self.name, f"U-Boot: `printenv {name}` said {text!r}", hint="noise on the console?")
        return text.removeprefix(f"{name}=")

    def setenv(self, name: str, value: str) -> None:
        """Set an environment variable for this boot; read back."""
        self.run(f"setenv {name} {quoted(value)}")
        if (is_now := self.getenv(name)) != value:
            raise UBootFault(self.name, f"U-Boot: {name} was set to {value!r} and is {is_now!r}")

    def start(self, command: str) -> int:
        """Enter a command that does not come back to the prompt; return when, on the monotonic clock (ns).

        From now on the console is another program's: nothing more is typed from here.
        """
        self._left_ns = self._enter(command)
        self._left = command
        return self._left_ns

    def interrupt(self, *, timeout_s: float = 10.0) -> None:
        """Stop what :meth:`start` started, where that still is a command of U-Boot's such as ``fastboot``.

        Raises:
            UBootFault: U-Boot has started something else since; then nothing is typed.
        """
        said = self._wait(lambda _: True, self._left_ns, 0)
        if _STARTS.search(said):
            raise UBootFault(self.name, f"`{self._left}` has given the console away; nothing was typed{_last(said)}")
        since = time.monotonic_ns()
        self._console.write(_INTERRUPT)
        if not self._how.at_prompt(text := self._wait(self._how.at_prompt, since, timeout_s)):
            what = f"U-Boot: `{self._left}` does not end on Ctrl-C within {timeout_s:g} s{_last(text)}"
            raise UBootFault(self.name, what)
        self._left = ""

    # -- steps ------------------------------------------------------------------------------------

    def _enter(self, line: str) -> int:
        """Type a line, see it whole, and end it; return when typing began."""
        if self._left:
            raise UBootFault(self.name, f"U-Boot was left with `{self._left}`; its prompt is not ours any more")
        if not line.isprintable() or not line.isascii():
            raise ValueError(f"{self.name}: a line for U-Boot is printable ASCII, not {line!r}")
        seen = ""
        for attempt in range(_RETYPE):
            start_ns, before = time.monotonic_ns(), seen
            seen = self._typed(line, paced=attempt > 0)
            if seen == line:
                self._console.write(b"\n")
                return start_ns
            self._clear()
            if seen == before and line.startswith(seen):
                break  # cut at the same place twice: it takes no more
        what = f"U-Boot does not echo what is typed: `{line[:80]}` came as {seen[-_TAIL:]!r}"
        hint = "is the line longer than this U-Boot takes (CONFIG_SYS_CBSIZE)? Does the cable lose or add bytes?"
        raise UBootFault(self.name, what, hint=hint)

    def _clear(self) -> str:
        """Throw the line away that stands at the prompt; return what came up to the next prompt."""
        since = time.monotonic_ns()
        self._console.write(_INTERRUPT)
        return self._wait(self._how.at_prompt, since, _ECHO_S)

    def _typed(self, line: str, *, paced: bool) -> str:
        """Type without ending the line; return the echo. Paced: a key at a time, for a UART that cannot keep up."""
        start_ns, done = time.monotonic_ns(), ""
        for piece in line if paced else (line,):
            self._console.write(piece.encode())
            done += piece
            if (seen := self._wait(_as_long_as(done), start_ns, _ECHO_S, quiet_s=_LOST_S)) != done:
                return seen
        return done

    def _wait(
        self, enough: Seen, since: int, timeout_s: float, *, settled: Seen = lambda _: False, quiet_s: float = math.inf
    ) -> str:
        """Return what was printed since a time, once there is enough of it, or time is up, or nothing more comes.

        ``settled`` is asked only while nothing comes: for what could as well be the middle of an output.
        """
        raw, text, heard_ns = b"", "", time.monotonic_ns()
        deadline_ns = heard_ns + int(timeout_s * 1e9)
        for data in self._console.follow(since=since, idle_s=_IDLE_S):
            now_ns = time.monotonic_ns()
            if data:
                raw, heard_ns = raw + data, now_ns
                text = plain(raw)
            silent = now_ns - heard_ns > quiet_s * 1e9
            if enough(text) or (not data and settled(text)) or silent or now_ns > deadline_ns:
                break
        return text

    def _stopped(self, text: str) -> bool:
        """Tell whether an answer has ended without its mark."""
        _, newline, output = text.partition("\n")
        after = newline + output
        return self._how.at_prompt(after) or bool(_CONTINUES.search(after) or _COUNTDOWN.search(after))

    def _no_end(self, command: str, text: str, timeout_s: float) -> UBootFault | DeadlineExceeded:
        if _COUNTDOWN.search(text):
            hint = "a watchdog, or a supply that is too weak?"
            return UBootFault(self.name, f"the board started anew during `{command}`{_last(text)}", hint=hint)
        if self._how.at_prompt(text):
            hint = "is it a line for U-Boot's hush shell (CONFIG_HUSH_PARSER)?"
            return UBootFault(self.name, f"U-Boot did not take `{command}`{_last(text)}", hint=hint)
        if _STARTS.search(text):
            return UBootFault(self.name, f"`{command}` has given the console away{_last(text)}")
        self._clear()
        if _CONTINUES.search(text):
            return UBootFault(
                self.name, f"U-Boot waits for the rest of `{command}`", hint="close its quote or its `if`"
            )
        return DeadlineExceeded(self.name, f"`{command}` in U-Boot is not over after {timeout_s:g} s{_last(text)}")


def quoted(value: str) -> str:
    """Return a value as one word of a U-Boot command line.

    Raises:
        ValueError: it holds what cannot be typed there, such as a tab or a newline.
    """
    if not value.isprintable() or not value.isascii():
        raise ValueError(f"not printable ASCII: {value!r}")
    return "'" + value.replace("\\", "\\\\").replace("'", "'\\''") + "'"


def _as_long_as(line: str) -> Seen:
    return lambda text: len(text) >= len(line)


def _past(stage: Stage | None, at_prompt: bool) -> bool:
    """Tell whether a boot is behind its loader; a loader's prompt may look like a shell's (``Tegra… #``)."""
    order = list(Stage)
    if stage is None or (stage is Stage.SHELL and at_prompt):
        return False
    return order.index(stage) > order.index(Stage.BOOTLOADER)


def _last(text: str) -> str:
    lines = [line for line in text[-_TAIL:].splitlines() if line.strip()][-4:]
    return "; last seen:" + "".join(f"\n  | {line}" for line in lines) if lines else "; nothing was seen"
