"""The login prompt of the serial console: getty and login in one, echo and flushed typeahead included."""

import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

_FLUSH_S = 0.05  # login(1) empties the line's input when it asks for the password; assumed time until it does
_REFUSED_S = 1.0  # assumed; pam_faildelay's 3 s would only make tests slow
_ERASE = (0x08, 0x7F)
_KILL = 0x15  # Ctrl-U, as agetty has it
_ENDS = b"\r\n"


class _Asks(Enum):
    USER = 1
    PASSWORD = 2


@dataclass(frozen=True, slots=True)
class Login:
    """What the prompt shows and whom it lets in."""

    banner: str
    """First line, e.g. ``Ubuntu 18.04.5 LTS tegra-ubuntu ttyS0``."""
    hostname: str
    user: str
    password: str


class Getty:
    """Feed it what is typed; it writes to the line and says when somebody is in."""

    def __init__(self, login: Login, write: Callable[[bytes], object]) -> None:
        self._login, self._write = login, write
        self._asks = _Asks.USER
        self._typed = bytearray()
        self._user = ""
        self._deaf_until_ns = 0

    def prompt(self) -> None:
        """Greet."""
        self._asks = _Asks.USER
        self._typed.clear()  # of the boot before, perhaps
        self._write(f"\r\n{self._login.banner}\r\n\r\n".encode())
        self._ask_user()

    def feed(self, data: bytes) -> bool:
        """Take what was typed; True once the login is complete: what follows is the shell's."""
        if time.monotonic_ns() < self._deaf_until_ns:
            return False
        for byte in data:
            if byte in _ENDS:
                line = self._typed.decode("utf-8", "replace")
                self._typed.clear()
                if self._enter(line):
                    return True
                if self._asks is _Asks.PASSWORD:  # what was typed ahead is flushed
                    return False
            elif byte in _ERASE:
                if self._typed:
                    self._typed.pop()
                    self._echo(b"\b \b")
            elif byte == _KILL:
                self._echo(b"\b \b" * len(self._typed))
                self._typed.clear()
            else:
                self._typed.append(byte)
                self._echo(bytes([byte]))
        return False

    def _enter(self, line: str) -> bool:
        self._write(b"\r\n")
        if self._asks is _Asks.USER:
            self._user = line.strip()
            if not self._user:
                self._ask_user()
                return False
            self._asks = _Asks.PASSWORD
            self._deaf_until_ns = time.monotonic_ns() + int(_FLUSH_S * 1e9)
            self._write(b"Password: ")
            return False
        mine = f"{self._login.user}\0{self._login.password}"
        if hmac.compare_digest(f"{self._user}\0{line}".encode(), mine.encode()):
            return True
        time.sleep(_REFUSED_S)
        self._write(b"\r\nLogin incorrect\r\n")
        self._asks = _Asks.USER
        self._ask_user()
        return False

    def _ask_user(self) -> None:
        self._write(f"{self._login.hostname} login: ".encode())

    def _echo(self, data: bytes) -> None:
        if self._asks is _Asks.USER:
            self._write(data)
