"""Commands and files on a board over its serial console: for as long as it has no network.

Slower than SSH by the cable (115200 baud carry some 5 KB of a file a second), but not less exact: every answer
and every piece of a file comes with a check sum, and nothing runs twice. The board needs a POSIX shell,
``base64``, ``md5sum`` and ``dd``, which coreutils and busybox have.
"""

import base64
import hashlib
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote

from .command_failed import failed
from .console import Console
from .errors import CommandFailed, ConnectionLost, ConsoleFault, DeadlineExceeded, DeviceError, ShellClosed
from .shell import Result, Stream
from .ssh_command import as_root, end_group

_SENT_BYTES = 6000
"""Of a file in one command: 10.7 KB on the wire, about a second at 115200 baud; a damaged one is sent again whole."""
_FETCHED_BYTES = 65_536
"""Of a file in one answer: eight seconds at 115200 baud."""
_TIDY_S = 10.0
"""Assumed: to end a command that is past its deadline, or to remove half a file."""


class ConsoleShell:
    """A :class:`devices.shell.Shell` on a serial console.

    Commands run without the terminal, in a session of their own as under SSH. What is used by several threads
    runs one after the other, for there is one line.
    """

    def __init__(self, name: str, console: Console, *, login: Callable[[], None] | None = None) -> None:
        """Take an open console; closing the shell leaves it open.

        Args:
            name: the board's: what errors begin with.
            console: at a shell's prompt already, unless ``login`` is given.
            login: brings the console to a shell, and does nothing where one is; called before every command, so
                that a board may reboot between two. What it opened, :meth:`close` logs out of.
        """
        self.name = name
        self._console, self._login = console, login
        self._used = self._closed = False

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run a command line; see :class:`devices.shell.Shell`."""
        return self._run(command, command, timeout_s, stdin, check=check, root=False)

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run as root; see :class:`devices.shell.Shell`."""
        return self._run(command, as_root(command), timeout_s, stdin, check=check, root=True)

    def stream(self, command: str, *, timeout_s: float) -> Stream:
        """Refuse: what runs for long, such as a trial, needs SSH.

        Raises:
            ConsoleFault: always.
        """
        del timeout_s
        hint = "reach the board over SSH for this; `run` works on the console"
        what = f"a console cannot stream a command's output (`{_first(command)}`)"
        raise ConsoleFault(self.name, what, hint=hint)

    def upload(self, source: bytes | Path, path: str, *, mode: int = 0o644, timeout_s: float = 300.0) -> int:
        """Write a file on the board, piece by piece; see :class:`devices.shell.Shell`."""
        data = source if isinstance(source, bytes) else source.read_bytes()
        deadline_ns = _deadline_ns(timeout_s)
        part = quote(f"{path}.part-{secrets.token_hex(4)}")
        place = f"place={quote(path)}; part={part}\n"
        try:
            self._step(f'{place}umask 077; : > "$part"', deadline_ns)
            for start in range(0, len(data), _SENT_BYTES):
                piece = base64.b64encode(data[start : start + _SENT_BYTES]).decode()
                self._step(f"printf %s {piece} | base64 -d >> {part}", deadline_ns)
            self._step(
                f'{place}set -- $(md5sum < "$part")\n'
                f'[ "$1" = {_md5(data)} ] || {{ echo "what arrived is not what was sent: $1" >&2; exit 1; }}\n'
                f'chmod {mode:o} "$part" && mv -f "$part" "$place"',
                deadline_ns,
            )
        except DeviceError as error:
            with suppress(DeviceError):
                self._step(f"rm -f {part}", _deadline_ns(_TIDY_S))
            if isinstance(error, CommandFailed):
                what = f"upload of {len(data)} bytes to {path}"
                raise failed(self.name, Result(what, error.exit_status, b"", error.stderr.encode())) from error
            raise
        return len(data)

    def download(self, path: str, *, timeout_s: float = 300.0) -> bytes:
        """Return a file's content; see :class:`devices.shell.Shell`."""
        deadline_ns = _deadline_ns(timeout_s)
        place = f"place={quote(path)}\n"
        kind, _, rest = self._step(
            f'{place}n=$(wc -c < "$place") || exit 1\n'
            f'if [ $n -gt {_FETCHED_BYTES} ]; then echo pieces $n $(md5sum < "$place")\n'
            'else echo whole; cat "$place"; fi',
            deadline_ns,
        ).partition(b"\n")
        if kind == b"whole":
            return rest
        size_bytes, total = int(kind.split()[1]), kind.split()[2].decode()
        fetched = bytearray()
        for n in range(-(-size_bytes // _FETCHED_BYTES)):
            piece = f'{place}dd if="$place" bs={_FETCHED_BYTES} skip={n} count=1 2>/dev/null'
            fetched += self._step(piece, deadline_ns)
        if _md5(fetched) != total:
            raise CommandFailed(self.name, f"{path} has changed while it was fetched", exit_status=1)
        return bytes(fetched)

    def close(self) -> None:
        """Log out where this shell has logged in; the console stays open. May be called twice."""
        if self._used and self._login is not None and not self._closed:
            with suppress(DeviceError):  # a board that is gone has nobody logged in
                self._console.write(b"exit\n")
        self._closed = True

    def _step(self, script: str, deadline_ns: int) -> bytes:
        left_s = _left_s(deadline_ns)
        if left_s <= 0:
            raise DeadlineExceeded(self.name, "a file was not over the console before its deadline")
        return self.run(script, timeout_s=left_s).stdout

    def _run(self, command: str, script: str, timeout_s: float, stdin: bytes, *, check: bool, root: bool) -> Result:
        deadline_ns, ident = _deadline_ns(timeout_s), secrets.token_hex(4)
        with self._input(stdin, deadline_ns) as given:
            try:
                result = self._asked(f"# {_first(command)}\n{_apart(script, given, ident)}", _left_s(deadline_ns))
            except DeadlineExceeded as late:
                ending = _end(ident)
                with suppress(DeviceError):
                    self._asked(as_root(ending) if root else ending, _TIDY_S)
                what = f"`{_first(command)}` on the console is not over after {timeout_s:g} s"
                raise DeadlineExceeded(self.name, what) from late
        result = replace(result, command=command)
        if check and result.exit_status != 0:
            raise failed(self.name, result)
        return result

    @contextmanager
    def _input(self, stdin: bytes, deadline_ns: int) -> Generator[str]:
        """Yield the shell's words for a command's standard input: a pipe, or a file where there is much."""
        if not stdin:
            yield ""
        elif len(stdin) <= _SENT_BYTES:
            yield f"printf %s {base64.b64encode(stdin).decode()} | base64 -d |"
        else:
            path = f"/tmp/farm-{secrets.token_hex(8)}"  # noqa: S108 -- on the board, where nobody can guess it
            self.upload(stdin, path, mode=0o600, timeout_s=_left_s(deadline_ns))
            try:
                yield f"cat {path} |"
            finally:
                with suppress(DeviceError):
                    self._step(f"rm -f {path}", _deadline_ns(_TIDY_S))

    def _asked(self, script: str, timeout_s: float) -> Result:
        if self._closed:
            raise ShellClosed(self.name)
        try:
            if self._login is not None:
                self._login()
            self._used = True
            return self._console.run(script, timeout_s=timeout_s)
        except ConsoleFault as fault:
            what = str(fault).removeprefix(f"{fault.device}: ").partition("\n  try: ")[0]
            raise ConnectionLost(self.name, what, hint=fault.hint) from fault


def _apart(script: str, given: str, ident: str) -> str:
    """Return a script that runs another in a session of its own, and notes its number for as long as it runs.

    A Ctrl-C ends what waits for it and not what it has put into the background: for that, its group is needed.
    """
    note = _note(ident)
    inner = quote(f"(echo $$ > {note}) 2>/dev/null\n{script}\nexit $?")
    return f"{given} {{ s=$(command -v setsid); $s sh -c {inner}; e=$?; rm -f {note}; exit $e; }}"


def _note(ident: str) -> str:
    return f'"${{TMPDIR:-/tmp}}/farm-{ident}"'


def _end(ident: str) -> str:
    """Return a script that ends what :func:`_apart` began, and all that it began."""
    note = _note(ident)
    return f"g=$(cat {note} 2>/dev/null) || exit 0\nrm -f {note}\n{end_group('$g')}"


def _left_s(deadline_ns: int) -> float:
    return (deadline_ns - time.monotonic_ns()) / 1e9


def _first(command: str) -> str:
    return command.strip().partition("\n")[0][:80]


def _deadline_ns(timeout_s: float) -> int:
    return time.monotonic_ns() + int(timeout_s * 1e9)


def _md5(data: bytes | bytearray) -> str:
    """Against damage, not against anybody: what every board has a program for."""
    return hashlib.md5(data, usedforsecurity=False).hexdigest()
