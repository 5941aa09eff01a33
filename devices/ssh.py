"""Commands and files on a board over SSH."""

import contextlib
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Self

import paramiko

from .command_failed import failed
from .errors import ConnectionLost, ShellClosed, Unreachable
from .shell import Result
from .ssh_command import as_root, end_group, marked, receive_file
from .ssh_link import BROKEN, Guard, Link, Target
from .ssh_stream import SshStream

_PIECE_BYTES = 262_144
_END_S = 8.0
"""To end a command that is past its deadline: one second to end in order, one to die, the rest for a slow board."""
_CHANNEL_S = 10.0
"""Assumed: a board under load opens a channel on a live connection within this."""


class Ssh:
    """A :class:`devices.shell.Shell` over SSH.

    Connects at the first call, and again at the first call after a connection was lost; so a board may reboot
    between two calls. A command is never sent twice.
    """

    def __init__(self, target: Target) -> None:
        """Prepare; nothing is connected yet."""
        self.name = target.name
        self._target = target
        self._links: list[Link] = []
        self._streams: set[SshStream] = set()
        self._lock = threading.Lock()
        self._closed = False
        self._trying: Guard | None = None
        """Of the attempt to connect that is under way."""
        self._unreached: tuple[int, float, Unreachable] | None = None
        """The attempt to connect that failed last, unless one has succeeded since: when, how long it was given, why."""

    @classmethod
    def open(
        cls,
        name: str,
        *,
        host: str,
        port: int = 22,
        user: str,
        key: Path | None = None,
        password: str | None = None,
        host_key: str | None = None,
        known_hosts: Path | None = None,
        gateway: str | None = None,
        connect_timeout_s: float = 10.0,
    ) -> Self:
        """Name a board's SSH server; the first call connects.

        Args:
            name: the board's name: what errors begin with.
            host: address, or an alias from the SSH configuration.
            port: TCP port.
            user: login name.
            key: private key file; without it and without a password, agent and default keys are tried.
            password: for boards that have no key yet.
            host_key: the one that is trusted, as ``ssh-ed25519 AAAA…``.
            known_hosts: read instead, where no ``host_key`` is given.
            gateway: ``user@host:port`` to go through.
            connect_timeout_s: bounds connection and login together.
        """
        return cls(Target(name, host, port, user, key, password, host_key, known_hosts, gateway, connect_timeout_s))

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run a command line; see :class:`devices.shell.Shell`."""
        with self._start(command, command, timeout_s, whole=True) as stream:
            return self._finish(stream, command, [stdin] if stdin else [], check=check)[0]

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        """Run as root; see :class:`devices.shell.Shell`."""
        with self._start(command, as_root(command), timeout_s, whole=True, root=True) as stream:
            return self._finish(stream, command, [stdin] if stdin else [], check=check)[0]

    def stream(self, command: str, *, timeout_s: float) -> SshStream:
        """Start a command; see :class:`devices.shell.Shell`."""
        return self._start(command, command, timeout_s, whole=False)

    def upload(self, source: bytes | Path, path: str, *, mode: int = 0o644, timeout_s: float = 300.0) -> int:
        """Write a file on the board; see :class:`devices.shell.Shell`.

        Through ``cat`` on a channel of its own: at 0.9 of what ssh reaches, against 0.5 for SFTP.
        """
        size_bytes = len(source) if isinstance(source, bytes) else source.stat().st_size
        script = receive_file(path, f"{path}.part-{secrets.token_hex(4)}", size_bytes, mode)
        what = f"upload of {size_bytes} bytes to {path}"
        with self._start(what, script, timeout_s, whole=True) as stream:
            return self._finish(stream, what, _pieces(source), check=True)[1]

    def download(self, path: str, *, timeout_s: float = 300.0) -> bytes:
        """Return a file's content; see :class:`devices.shell.Shell`."""
        return self.run(f"cat {quote(path)}", timeout_s=timeout_s).stdout

    def cut(self) -> None:
        """Break every connection at once: whatever waits on one fails, and the next call connects anew.

        For a board that is known to be gone, before its silence shows it.
        """
        for link in list(self._links):
            link.cut("the board is gone")

    def close(self) -> None:
        """End what runs and close every connection. May be called twice."""
        self._closed = True  # before the lock, which whoever connects has
        if (trying := self._trying) is not None:
            trying.fire()
        with self._lock:
            links, self._links = self._links, []
            streams = list(self._streams)
        for stream in streams:
            stream.close()
        for link in links:
            link.close()

    def __enter__(self) -> Self:
        """Return the shell itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def _finish(self, stream: SshStream, command: str, pieces: Iterable[bytes], *, check: bool) -> tuple[Result, int]:
        sent = stream.feed(pieces) if pieces else 0
        with contextlib.suppress(ConnectionLost):  # a command that is over takes no end of input: its status tells
            stream.send_eof()
        status, stdout = stream.finish()
        result = Result(command, status, stdout, stream.stderr())
        if check and status != 0:
            raise failed(self.name, result)
        return result, sent

    def _start(self, command: str, script: str, timeout_s: float, *, whole: bool, root: bool = False) -> SshStream:
        deadline_ns = time.monotonic_ns() + int(timeout_s * 1e9)
        link, channel = self._channel(deadline_ns)
        link.start(channel, marked(script), _left_s(deadline_ns))
        stream = SshStream(
            link,
            channel,
            command=command,
            timeout_s=timeout_s,
            deadline_ns=deadline_ns,
            whole=whole,
            end=lambda group: _end(link, group, root=root),
            forget=self._streams.discard,
        )
        self._streams.add(stream)
        return stream

    def _channel(self, deadline_ns: int) -> tuple[Link, paramiko.Channel]:
        """Open a channel on the first connection that takes one, on a new connection if none does."""
        asked_ns = time.monotonic_ns()
        if not self._lock.acquire(timeout=max(_left_s(deadline_ns), 0.0)):
            raise self._still_waiting()
        try:
            if self._closed:
                raise ShellClosed(self.name)
            if _left_s(deadline_ns) <= 0:  # too late for us is no reason to cut a link that others use
                raise self._still_waiting()
            self._drop_dead_links()
            for link in self._links:
                # refused (OpenSSH: MaxSessions 10) or dead after a reboot: nothing has been started yet
                with contextlib.suppress(*BROKEN):
                    return link, link.channel(min(_left_s(deadline_ns) / 2, _CHANNEL_S))  # half is for a new one
            link = self._connect(min(self._target.connect_timeout_s, _left_s(deadline_ns)), asked_ns)
            self._links.append(link)
            try:
                return link, link.channel(_left_s(deadline_ns))
            except BROKEN as error:
                raise link.lost("the opening of a channel") from error
        finally:
            self._lock.release()

    def _connect(self, timeout_s: float, asked_ns: int) -> Link:
        """Connect anew; whoever has waited meanwhile for an attempt of another thread that failed makes none of his.

        Else as many threads as have lost a link would wait in turn, each as long as all before it.
        """
        if self._unreached is not None:
            met_ns, given_s, error = self._unreached
            if met_ns > asked_ns and given_s >= timeout_s:
                raise error.with_traceback(None)
        self._trying = Guard(timeout_s)
        try:
            if self._closed:  # not before: who closes now finds what to end
                raise ShellClosed(self.name)
            link = Link(replace(self._target, connect_timeout_s=timeout_s), self._trying)
        except Unreachable as error:
            self._unreached = time.monotonic_ns(), timeout_s, error
            raise
        finally:
            self._trying = None
        self._unreached = None
        return link

    def _still_waiting(self) -> Unreachable:
        if self._unreached is not None:  # that says more
            return self._unreached[2].with_traceback(None)
        return Unreachable(self.name, f"another thread still waits for {self._target.where}")

    def _drop_dead_links(self) -> None:
        for link in [link for link in self._links if not link.alive]:
            link.close()
            self._links.remove(link)


def _left_s(deadline_ns: int) -> float:
    return (deadline_ns - time.monotonic_ns()) / 1e9


def _end(link: Link, group: int, *, root: bool) -> None:
    """End a process group on the board; a board that cannot is cut off, so that nothing waits for it."""
    script = end_group(group)
    deadline_ns = time.monotonic_ns() + int(_END_S * 1e9)
    try:
        channel = link.channel(_left_s(deadline_ns))
        link.start(channel, as_root(script) if root else script, _left_s(deadline_ns))
    except paramiko.ChannelException:
        link.cut("the board takes no further channel to end a command")
    except (*BROKEN, ConnectionLost):
        return  # the link is gone: the board's SSH server ends what it can
    else:
        if not channel.status_event.wait(_left_s(deadline_ns)):
            link.cut(f"a command past its deadline could not be ended within {_END_S:g} s")
        channel.close()


def _pieces(source: bytes | Path) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source  # the stream cuts it without copying
        return
    with source.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece
