"""What lives behind the board's serial port once it is up: a login prompt, then a real shell."""

import os
import selectors
import shutil
import threading
from contextlib import suppress

from .getty import Getty, Login
from .processes import PowerLost, Processes
from .software import Software
from .terminal import Terminal
from .uart import Uart

_NOISE_PERIOD_S = 0.2  # assumed


class Console:
    """Connects the wire to a getty or to a shell's terminal."""

    def __init__(self, uart: Uart, processes: Processes, software: Software, login: Login) -> None:
        self._uart, self._processes, self._software, self._login = uart, processes, software, login
        self._getty = Getty(login, uart.write)
        self._lock = threading.Lock()
        self._open = False
        self._shell: Terminal | None = None
        self._output: threading.Thread | None = None
        self._wake = os.eventfd(0)
        self._closing = False
        self._input = threading.Thread(target=self._read_wire, name="twin-console", daemon=True)
        self._input.start()

    def open(self) -> None:
        """Greet: the board is up."""
        with self._lock:
            self._open = True
        self._getty.prompt()

    def shut(self) -> None:
        """No more logins: the board is going down. The shell's process is ended by others."""
        with self._lock:
            self._open = False

    def join(self) -> None:
        """Wait until the shell's last output is out."""
        if self._output is not None and self._output is not threading.current_thread():
            self._output.join()

    def wake(self) -> None:
        """Look again at whether the wire makes noise."""
        os.eventfd_write(self._wake, 1)

    def close(self) -> None:
        """Stop listening to the wire."""
        self.shut()
        self.join()
        self._closing = True
        self.wake()
        self._input.join()
        os.close(self._wake)

    def _read_wire(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._uart.master, selectors.EVENT_READ)
            selector.register(self._wake, selectors.EVENT_READ)
            while not self._closing:
                ready = selector.select(_NOISE_PERIOD_S if self._uart.garbage else None)
                if any(key.fd == self._wake for key, _ in ready):
                    os.eventfd_read(self._wake)
                if self._uart.garbage:  # before any answer: who asks finds it, however soon the answer is read
                    self._uart.noise()
                if data := self._uart.read():
                    self._typed(data)

    def _typed(self, data: bytes) -> None:
        with self._lock:
            if self._shell is not None:
                self._shell.write(data)
                return
            if not self._open:
                return
        if self._getty.feed(data):
            self._start_shell()

    def _start_shell(self) -> None:
        user, host = self._login.user, self._login.hostname
        sign = "#" if user == "root" else "$"
        env = self._software.environment() | {
            "TERM": "vt220",
            "PS1": f"{user}@{host}:\\w{sign} ",
            "HISTFILE": str(self._software.home / ".bash_history"),
        }
        bash = shutil.which("bash", path="/usr/local/bin:/usr/bin:/bin")
        argv = [bash, "--noprofile", "--norc", "-i"] if bash else ["/bin/sh", "-i"]
        self._uart.write(f"Last login: Thu Jan  1 00:00:12 UTC 1970 on {self._login.banner.split()[-1]}\r\n".encode())
        with self._lock, suppress(PowerLost):
            shell = Terminal(self._processes, argv, size=(80, 24), env=env, cwd=self._software.home)
            self._shell = shell
            self._output = threading.Thread(target=self._print, args=(shell,), name="twin-shell", daemon=True)
            self._output.start()

    def _print(self, shell: Terminal) -> None:
        while data := shell.read():
            self._uart.write(data)
        with self._lock:
            self._shell = None
            shell.close()
            again = self._open
        if again:
            self._getty.prompt()
