"""A pty behind which something behaves as U-Boot 2023.01 was seen to: echo, quotes, Ctrl-C, `$?`, a countdown."""

import os
import pty
import re
import select
import threading
import tty

BANNER = (
    b"\r\n\r\nU-Boot 2023.01+dfsg-2 (Jun 22 2026 - 08:38:07 +0000)\r\n\r\nDRAM:  256 MiB\r\n"
    b"Net:   eth0: virtio-net#32\r\n"
)
COUNTDOWN = b"Hit any key to stop autoboot:  2 "
KERNEL = (
    b"\x08\x08\x08 0 \r\n## Flattened Device Tree blob at 4edb6db0\r\n\r\nStarting kernel ...\r\n\r\n"
    b"[    0.000000] Linux version 6.1.0\r\n"
)

_MARK = re.compile(rb'^(.*); echo "([0-9a-f]+)""([0-9a-f]+):\$\?"$')


class UBootLine:
    """One board's console; what arrives at the prompt is run by :attr:`commands`."""

    def __init__(self, prompt: bytes = b"=> ") -> None:
        master, slave = pty.openpty()
        tty.setraw(slave)
        self.port, self._slave, self._master = os.ttyname(slave), slave, master
        self.prompt = prompt
        self.received = b""
        """Every byte that was typed."""
        self.ran: list[bytes] = []
        """Every command that was entered."""
        self.commands: dict[bytes, tuple[bytes, int]] = {}
        """Command → what it prints and its status; unknown ones are echoed as U-Boot does."""
        self.environment: dict[bytes, bytes] = {}
        self.lose: list[int] = []
        """The next typed bytes that get lost on the way in, counted from 0."""
        self.noise: list[bytes] = []
        """What another processor prints into the next echo."""
        self.reset_by = b""
        """The command at which the board starts anew instead of answering."""
        self.hang = False
        """Whether commands do not end until Ctrl-C."""
        self._line, self._at_prompt = b"", False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        os.write(self._master, data)

    def show_prompt(self) -> None:
        self._at_prompt = True
        self.say(self.prompt)

    def count_down(self) -> None:
        """Show the countdown; the first key stops it."""
        self._at_prompt = False
        self.say(BANNER + COUNTDOWN)

    def close(self) -> None:
        self._stop.set()
        self._thread.join()
        os.close(self._master)
        os.close(self._slave)

    def _serve(self) -> None:
        while not self._stop.is_set():
            if select.select([self._master], [], [], 0.02)[0]:
                for byte in os.read(self._master, 4096):
                    self._take(bytes([byte]))

    def _take(self, key: bytes) -> None:
        self.received += key
        if self.lose:
            self.lose = [n - 1 for n in self.lose]
            if self.lose[0] < 0:
                self.lose.pop(0)
                return
        if not self._at_prompt:
            if key == b"\x03" and self.hang:
                self.hang = False
                self.say(b"<INTERRUPT>\r\n")
                self.show_prompt()
            elif not self.hang:
                self.say(b"\x08\x08\x08 0 \r\n")
                self.show_prompt()
        elif key == b"\x03":
            self._line = b""
            self.say(b"<INTERRUPT>\r\n" + self.prompt)
        elif key == b"\n":
            line, self._line = self._line, b""
            self.say(b"\r\n")
            self._run(line)
        else:
            self._line += key
            self.say(key + (self.noise.pop(0) if self.noise else b""))

    def _run(self, line: bytes) -> None:
        self.ran.append(line)
        if re.sub(rb"\\.", b"", line).count(b"'") % 2:
            self.say(b"> ")
            return
        if self.hang:
            self._at_prompt = False
            return
        if self.reset_by and line.startswith(self.reset_by):
            self.count_down()
            return
        marked = _MARK.match(line)
        command = marked[1] if marked else line
        printed, status = self._answer(command)
        self.say(printed.replace(b"\n", b"\r\n"))
        if marked:
            self.say(marked[2] + marked[3] + b":%d\r\n" % status)
        self.say(self.prompt)

    def _answer(self, command: bytes) -> tuple[bytes, int]:
        if command in self.commands:
            return self.commands[command]
        verb, _, rest = command.partition(b" ")
        if verb == b"setenv":
            name, _, value = rest.partition(b" ")
            self.environment[name] = re.sub(rb"\\(.)", rb"\1", value[1:-1].replace(b"'\\''", b"'"))
            return b"", 0
        if verb == b"printenv":
            if rest in self.environment:
                return rest + b"=" + self.environment[rest] + b"\n", 0
            return b'## Error: "%s" not defined\n' % rest, 1
        return b"Unknown command '%s' - try 'help'\n" % verb, 1
