"""A small SSH server, a link that can be cut or stalled, and a serial line with a shell: all in this process."""

import os
import pty
import random
import select
import signal
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import paramiko
import pytest
from paramiko.common import cMSG_CHANNEL_REQUEST

from devices.console import Console
from devices.ssh import Ssh
from devices.ssh_keys import format_host_key

PASSWORD = "secret"


class _Session(paramiko.ServerInterface):
    """One connection: any user with the password, real commands, groups of their own."""

    def __init__(self, server: "SshServer") -> None:
        self.server = server
        self.open_channels = 0

    def get_allowed_auths(self, username):
        return "password,publickey"

    def check_auth_publickey(self, username, key):
        return paramiko.AUTH_SUCCESSFUL if key == self.server.authorized else paramiko.AUTH_FAILED

    def check_auth_password(self, username, password):
        return paramiko.AUTH_SUCCESSFUL if password == PASSWORD else paramiko.AUTH_FAILED

    def check_channel_request(self, kind, chanid):
        self.open_channels += 1
        if self.open_channels > self.server.max_sessions:
            return paramiko.OPEN_FAILED_CONNECT_FAILED
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel, command):
        self.server.start(self, channel, command.decode())
        return True


class SshServer:
    """Runs what it is told in /bin/sh, as sshd does: a session of its own, left alone when the channel closes."""

    def __init__(self, key: paramiko.PKey) -> None:
        self.key = key
        self.max_sessions = 10
        self.authorized: paramiko.PKey | None = None
        self.rc = ""
        """What the login shell's start-up files run before every command."""
        self.signal_name = "KILL"
        """What ended a command that a signal ended, as the server says it."""
        self.accepted = 0
        self._stop = False
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._transports: list[paramiko.Transport] = []
        self._threads: list[threading.Thread] = []
        self._children: list[subprocess.Popen[bytes]] = []
        self._go(self._accept)

    def _go(self, target, *args) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stop:
            if not select.select([self._listener], [], [], 0.02)[0]:
                continue
            sock, _ = self._listener.accept()
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.accepted += 1
            transport = paramiko.Transport(sock)
            transport.add_server_key(self.key)
            self._transports.append(transport)
            with suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(event=threading.Event(), server=_Session(self))

    def start(self, session: _Session, channel: paramiko.Channel, command: str) -> None:
        """Start a command once the request has been answered, as sshd does."""
        timer = threading.Timer(0.005, self._spawn, (session, channel, command))
        self._threads.append(timer)
        timer.start()

    def _spawn(self, session: _Session, channel: paramiko.Channel, command: str) -> None:
        child = subprocess.Popen(
            ["/bin/sh", "-c", f"{self.rc}\n{command}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._children.append(child)
        pumps = [
            threading.Thread(target=_pump, args=(child.stdout, channel.sendall), daemon=True),
            threading.Thread(target=_pump, args=(child.stderr, channel.sendall_stderr), daemon=True),
        ]
        for pump in pumps:
            pump.start()
        self._threads += pumps
        self._go(_feed, channel, child)
        self._go(_end_output, channel, pumps)
        self._go(self._reap, session, channel, child, pumps)

    def _reap(self, session, channel, child, pumps) -> None:
        status = child.wait()
        for pump in pumps:
            pump.join(0.2)
        with suppress(OSError, EOFError, paramiko.SSHException):
            if status >= 0:
                channel.send_exit_status(status)
            else:
                _tell_signal(channel, self.signal_name)
        for pump in pumps:
            pump.join()
        session.open_channels -= 1
        with suppress(OSError, EOFError, paramiko.SSHException):
            channel.close()

    def drop(self) -> None:
        """Break every connection, as a board that loses its power."""
        for transport in self._transports:
            transport.sock.close()
            transport.close()

    def reboot(self) -> None:
        self.drop()
        self.kill()

    def kill(self) -> None:
        for child in self._children:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)

    def close(self) -> None:
        self._stop = True
        self.kill()
        self.drop()
        for thread in self._threads + self._transports:
            thread.join(5)
        for child in self._children:
            for pipe in (child.stdin, child.stdout, child.stderr):
                with suppress(OSError):
                    pipe.close()
        self._listener.close()


def _pump(pipe, send) -> None:
    with suppress(OSError, EOFError, ValueError):
        while data := os.read(pipe.fileno(), 65536):
            send(data)


def _end_output(channel, pumps) -> None:
    """Say that no more output comes, as sshd does while the command may still run."""
    for pump in pumps:
        pump.join()
    with suppress(OSError, EOFError, paramiko.SSHException):
        channel.shutdown_write()


def _tell_signal(channel: paramiko.Channel, name: str) -> None:
    message = paramiko.Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("exit-signal")
    message.add_boolean(False)
    message.add_string(name)
    message.add_boolean(False)
    message.add_string("")
    message.add_string("")
    channel.transport._send_user_message(message)


def _feed(channel, child) -> None:
    with suppress(OSError, EOFError):
        while data := channel.recv(65536):
            child.stdin.write(data)
            child.stdin.flush()
    with suppress(OSError):
        child.stdin.close()


class Wire:
    """A TCP link to a server that can stall (nothing passes, nothing closes) or be cut."""

    def __init__(self, port: int) -> None:
        self._far = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._flows = threading.Event()
        self._flows.set()
        self._stop = False
        self._socks: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._stop:
            if not select.select([self._listener], [], [], 0.02)[0]:
                continue
            near, _ = self._listener.accept()
            far = socket.create_connection(("127.0.0.1", self._far))
            self._socks += [near, far]
            for a, b in ((near, far), (far, near)):
                a.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                thread = threading.Thread(target=self._carry, args=(a, b), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _carry(self, a: socket.socket, b: socket.socket) -> None:
        with suppress(OSError):
            while data := a.recv(65536):
                self._flows.wait()
                b.sendall(data)
        with suppress(OSError):
            b.shutdown(socket.SHUT_WR)

    def stall(self) -> None:
        self._flows.clear()

    def cut(self) -> None:
        for sock in self._socks:
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._stop = True
        self.cut()
        self._flows.set()
        for thread in self._threads:
            thread.join(5)
        for sock in [*self._socks, self._listener]:
            sock.close()


@pytest.fixture(scope="session")
def host_key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate(bits=256)


@pytest.fixture(scope="session")
def other_key() -> paramiko.PKey:
    return paramiko.ECDSAKey.generate(bits=256)


@pytest.fixture
def sshd(host_key: paramiko.PKey) -> Iterator[SshServer]:
    server = SshServer(host_key)
    yield server
    server.close()


@pytest.fixture
def wire(sshd: SshServer) -> Iterator[Wire]:
    wire = Wire(sshd.port)
    yield wire
    wire.close()


@pytest.fixture
def shell_on(sshd: SshServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Open shells to a port, with anything changed by keyword; closed at the end."""
    monkeypatch.setenv("HOME", str(tmp_path))  # no SSH configuration of whoever runs this
    opened = []

    def make(port: int, **changes) -> Ssh:
        wanted = {"host": "127.0.0.1", "user": "farm", "password": PASSWORD, "host_key": format_host_key(sshd.key)}
        opened.append(Ssh.open("board-1", port=port, **(wanted | changes)))
        return opened[-1]

    yield make
    for shell in opened:
        shell.close()


@pytest.fixture
def shell(sshd: SshServer, shell_on) -> Ssh:
    return shell_on(sshd.port)


LOGIN = r"""
import fcntl, os, subprocess, sys, termios, time
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
shell, late = sys.argv[1], float(sys.argv[2])
def ask(prompt, echo, late):
    mode = termios.tcgetattr(0)
    mode[3] = mode[3] | termios.ECHO if echo else mode[3] & ~termios.ECHO
    os.write(1, prompt)
    time.sleep(late)
    how = termios.TCSANOW if echo else termios.TCSAFLUSH  # as login(1): what was typed before is thrown away
    termios.tcsetattr(0, how, mode)
    answer = os.read(0, 100).strip()
    mode[3] |= termios.ECHO
    termios.tcsetattr(0, termios.TCSANOW, mode)
    return answer
while shell != "none":
    if sys.argv[3] == "login":
        if not ask(b"\r\ntx2-01 login: ", True, 0):
            continue
        if ask(b"Password: ", False, late) != b"secret":
            os.write(1, b"\r\nLogin incorrect\r\n")
            continue
        os.write(1, b"\r\nLast login: Thu Jan  1 00:00:00 UTC 1970 on ttyS0\r\n")
    home = {"HOME": os.getcwd(), "PATH": os.defpath, "PS1": "farm@tx2-01:~$ ", "TERM": "vt220"}
    subprocess.run(shell.split(), env=home)
while True:
    time.sleep(10)
"""


class Uart:
    """A serial line: a login and a shell on one end, a port on the other, and whatever else talks on it."""

    def __init__(self, home: Path, shell: str = "dash -i", *, logged_in: bool = False, late_s: float = 0.0) -> None:
        """``home`` is where the shell stands: a damaged line may write a file, as where a ``6`` becomes a ``>``."""
        self._board, inner = pty.openpty()
        self._line, outer = pty.openpty()
        tty.setraw(outer)
        self.port = os.ttyname(outer)
        self._outer = outer
        self._child = subprocess.Popen(
            [sys.executable, "-c", LOGIN, shell, str(late_s), "shell" if logged_in else "login"],
            stdin=inner,
            stdout=inner,
            stderr=inner,
            cwd=home,
            start_new_session=True,
        )
        os.close(inner)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.damage = None
        """Changes what the board prints, piece by piece."""
        self.damage_typed = None
        """Changes what is typed, before the board gets it."""
        self.typed = bytearray()
        self._threads = [threading.Thread(target=self._out), threading.Thread(target=self._in)]
        for thread in self._threads:
            thread.start()

    def _out(self) -> None:
        pieces = random.Random(7)
        while not self._stop.is_set():
            if select.select([self._board], [], [], 0.02)[0]:
                with suppress(OSError):
                    data = os.read(self._board, pieces.randint(1, 60))
                    self.print(self.damage(data) if self.damage else data)

    def _in(self) -> None:
        while not self._stop.is_set():
            if select.select([self._line], [], [], 0.02)[0]:
                data = os.read(self._line, 4096)
                self.typed += data
                _write(self._board, self.damage_typed(data) if self.damage_typed else data)

    def print(self, data: bytes) -> None:
        with self._lock:
            _write(self._line, data)

    def chatter(self, line: bytes, every_s: float) -> None:
        """Print a kernel line again and again, between any two pieces of what the board prints."""

        def talk() -> None:
            n = 0
            while not self._stop.wait(every_s):
                n += 1
                self.print(b"[%12.6f] %s\r\n" % (n / 50, line))

        self._threads.append(threading.Thread(target=talk))
        self._threads[-1].start()

    def close(self) -> None:
        self._stop.set()
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()
        for thread in self._threads:
            thread.join(5)
        for fd in (self._board, self._line, self._outer):
            os.close(fd)


def _write(fd: int, data: bytes) -> None:
    """Write all of it: a process that is stopped and goes on has written a part."""
    while data:
        data = data[os.write(fd, data) :]


@pytest.fixture
def uart(tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """Make serial lines; closed at the end, consoles before them."""
    home = tmp_path_factory.mktemp("home")
    with ExitStack() as stack:

        def make(shell: str = "dash -i", **options) -> tuple[Uart, Console]:
            line = Uart(home, shell, **options)
            stack.callback(line.close)
            console = Console.open("board-1", line.port)
            stack.callback(console.close)
            return line, console

        yield make


class Master:
    """A :class:`devices.console_port.Port` that is the terminal of a shell itself: as fast as the kernel."""

    def __init__(self, shell: str) -> None:
        self._fd, inner = pty.openpty()
        os.set_blocking(self._fd, False)
        argv = [sys.executable, "-c", LOGIN, shell, "0", "shell"]
        self._child = subprocess.Popen(argv, stdin=inner, stdout=inner, stderr=inner, start_new_session=True)
        os.close(inner)

    def fileno(self) -> int:
        return self._fd

    def read(self) -> bytes:
        with suppress(BlockingIOError):
            return os.read(self._fd, 65536)
        return b""

    def write(self, data: bytes) -> None:
        while data:
            select.select([], [self._fd], [], 5.0)
            data = data[os.write(self._fd, data) :]

    def close(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        if self._child.returncode is None:
            self._child.wait()
            os.close(self._fd)


@pytest.fixture
def shell_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Make consoles that are the terminal of a shell, with nothing in between."""
    with ExitStack() as stack:

        def make(shell: str = "dash -i") -> Console:
            monkeypatch.setattr("devices.console_capture.open_port", lambda *_: Master(shell))
            return stack.enter_context(Console.open("board-1", "/dev/pts/of-a-shell"))

        yield make
