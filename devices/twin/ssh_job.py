"""One command that a client of the board's SSH server runs: its process, its three streams, its end."""

import os
import select
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from fcntl import F_SETPIPE_SZ, fcntl
from typing import Any, cast

import paramiko
from paramiko.common import cMSG_CHANNEL_REQUEST

from .faults import Faults
from .processes import PowerLost, Process, Processes
from .software import Software
from .terminal import Terminal

_GONE = (OSError, EOFError, paramiko.SSHException)
"""What paramiko raises when it has something to say to a client that is gone; even a read and a close may."""
_CHUNK = 65536
_PIPE_BYTES = 262_144  # fewer switches between the threads; as far as the host lets us
_HANGUP_S = 1.0  # a command that ignores the hang-up gets this long; assumed
_SIGNALS = {
    name.removeprefix("SIG"): getattr(signal, name)
    for name in ("SIGHUP", "SIGINT", "SIGKILL", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2")
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where commands run."""

    processes: Processes
    software: Software
    faults: Faults


@dataclass(frozen=True, slots=True)
class Pty:
    """The terminal that the client asked for."""

    term: str
    columns: int
    rows: int


class Job:
    """Runs as soon as it is made; tells the client how it ended."""

    def __init__(self, place: Place, channel: paramiko.Channel, command: str | None, pty: Pty | None) -> None:
        """Take a command line, or None for the login shell."""
        self._place, self._channel = place, channel
        self._argv = ["/bin/sh"] if command is None else ["/bin/sh", "-c", command]
        self._process: Process | None = None
        self._terminal: Terminal | None = None
        self._lock = threading.Lock()
        self._hung_up = False
        self._wake = os.eventfd(0)
        run = self._run_on_pipes if pty is None else lambda: self._run_on_terminal(pty)
        threading.Thread(target=self._guard, args=(run,), name="twin-job", daemon=True).start()

    def signal(self, name: str) -> None:
        """Pass on a signal, named as RFC 4254 names it."""
        if self._process is not None and name in _SIGNALS:
            self._process.signal(_SIGNALS[name])

    def resize(self, columns: int, rows: int) -> None:
        """The client's window changed."""
        if self._terminal is not None:
            self._terminal.resize(columns, rows)

    def hang_up(self) -> None:
        """The client is gone: so is what it runs. What it left in the background stays."""
        with self._lock:
            if self._hung_up:
                return
            self._hung_up = True
            process = self._process
            with suppress(OSError):
                os.eventfd_write(self._wake, 1)
        if process is not None and not process.ended.is_set():
            process.signal(signal.SIGHUP)
            threading.Thread(target=self._insist, args=(process,), name="twin-hangup", daemon=True).start()

    @staticmethod
    def _insist(process: Process) -> None:
        if not process.ended.wait(_HANGUP_S):
            process.signal(signal.SIGKILL)

    def _guard(self, run: Callable[[], None]) -> None:
        try:
            run()
        except PowerLost:
            pass  # the connection goes too
        except OSError as error:
            with suppress(*_GONE):
                self._channel.sendall_stderr(f"sh: {error}\n".encode())
                self._channel.send_exit_status(126)
        finally:
            with self._lock:
                self._hung_up = True  # the descriptor is closed now
                os.close(self._wake)
            self._close_channel()

    def _close_channel(self) -> None:
        with suppress(*_GONE):
            self._channel.close()

    def _received(self) -> bytes:
        """Wait for what the client sends; empty when no more comes."""
        try:
            return self._channel.recv(_CHUNK)
        except _GONE:
            return b""

    def _started(self, process: Process) -> None:
        with self._lock:
            self._process, late = process, self._hung_up
        if late:
            process.signal(signal.SIGKILL)

    def _run_on_pipes(self) -> None:
        stdin, stdout, stderr = os.pipe(), os.pipe(), os.pipe()
        for end in (stdin[1], stdout[1]):
            with suppress(OSError):
                fcntl(end, F_SETPIPE_SZ, _PIPE_BYTES)
        ours, theirs = (stdin[1], stdout[0], stderr[0]), (stdin[0], stdout[1], stderr[1])
        try:
            process = self._spawn(*theirs)
        except BaseException:
            for end in ours:
                os.close(end)
            raise
        finally:
            for end in theirs:
                os.close(end)
        self._started(process)
        threading.Thread(target=self._feed, args=(ours[0],), name="twin-stdin", daemon=True).start()
        output = threading.Thread(target=self._drain, args=ours[1:], name="twin-stdout", daemon=True)
        output.start()
        process.ended.wait()
        self._tell_end(process)
        output.join()

    def _spawn(self, stdin: int, stdout: int, stderr: int) -> Process:
        software = self._place.software
        return self._place.processes.spawn(
            self._argv, env=software.environment(), cwd=software.home, stdin=stdin, stdout=stdout, stderr=stderr
        )

    def _run_on_terminal(self, pty: Pty) -> None:
        software = self._place.software
        env = software.environment() | {"TERM": pty.term}
        size = pty.columns, pty.rows
        terminal = Terminal(self._place.processes, self._argv, size=size, env=env, cwd=software.home)
        self._terminal = terminal
        self._started(terminal.process)

        def type_in() -> None:
            while data := self._received():
                terminal.write(data)

        typing = threading.Thread(target=type_in, name="twin-stdin", daemon=True)
        typing.start()
        with suppress(*_GONE):
            while data := terminal.read():
                self._channel.sendall(data)
        terminal.process.ended.wait()
        self._tell_end(terminal.process)
        self._close_channel()
        typing.join()
        self._terminal = None
        terminal.close()

    def _feed(self, stdin: int) -> None:
        """Client → process. A process that has closed its input does not stop the client from sending."""
        listening = True
        while data := self._received():
            self._place.faults.disk(len(data))
            view = memoryview(data)
            while view and listening:
                try:
                    view = view[os.write(stdin, view) :]
                except BrokenPipeError:
                    listening = False
        os.close(stdin)

    def _drain(self, stdout: int, stderr: int) -> None:
        """Process → client, until both streams are closed or the client hung up."""
        send = {stdout: self._channel.sendall, stderr: self._channel.sendall_stderr}
        poll = select.poll()
        for descriptor in (*send, self._wake):
            poll.register(descriptor, select.POLLIN)
        left = set(send)
        with suppress(*_GONE):  # the channel closed
            while left:
                ready = {descriptor for descriptor, _ in poll.poll()}
                if self._wake in ready:
                    break
                for descriptor in ready:
                    if data := os.read(descriptor, _CHUNK):
                        send[descriptor](data)
                    else:
                        poll.unregister(descriptor)
                        left.discard(descriptor)
            else:
                self._channel.shutdown_write()  # as sshd does, though the command may still run
        os.close(stdout)
        os.close(stderr)

    def _tell_end(self, process: Process) -> None:
        with suppress(*_GONE):
            if process.status >= 0:
                self._channel.send_exit_status(process.status)
            else:
                self._tell_signal(-process.status)

    def _tell_signal(self, number: int) -> None:
        """Say which signal ended it, as RFC 4254 §6.10 wants; paramiko has no call for this."""
        message = paramiko.Message()
        message.add_byte(cMSG_CHANNEL_REQUEST)
        message.add_int(self._channel.remote_chanid)
        message.add_string("exit-signal")
        message.add_boolean(False)
        message.add_string(signal.Signals(number).name.removeprefix("SIG"))
        message.add_boolean(False)
        message.add_string("")
        message.add_string("")
        cast("Any", self._channel.transport)._send_user_message(message)  # noqa: SLF001 -- no public way
