"""Telnet with the serial port option (RFC 854, 856, 858, 2217), without a socket: bytes in, bytes out.

pyserial's own client cannot bound a write, throws away what the server had read before it came, and hands over one
byte at a time: 2.7 s of CPU a megabyte (measured), two cores for 64 consoles at 115200 baud. Its server is what the
tests hold this against, and ser2net.

Not asked for: modem lines, and flow control by the server's word; TCP holds a writer back as well.
"""

import struct

_IAC, _DONT, _DO, _WONT, _WILL, _SB, _SE = 255, 254, 253, 252, 251, 250, 240
_BINARY, _ECHO, _SGA, _COM_PORT = 0, 1, 3, 44
_NAMES = {_BINARY: "binary transmission", _COM_PORT: "the serial port option (RFC 2217)"}
_WE = (_BINARY, _SGA, _COM_PORT)
"""What we may do, and ask for; of these BINARY and COM-PORT must be agreed to."""
_THEY = (_BINARY, _ECHO, _SGA, _COM_PORT)
"""What the server may do: its echo means that nobody else echoes, and that is how a console is."""
_BAUD, _DATA_BITS, _PARITY, _STOP_BITS, _CONTROL = 1, 2, 3, 4, 5
_SERVER = 100
"""What the server says is what the client said, and this."""
_NO_FLOW_CONTROL, _DTR_ON, _RTS_ON = 1, 8, 11


class Telnet:
    """One connection's state: what is agreed, and which half of a command has come."""

    def __init__(self, baud: int) -> None:
        """Take the rate to ask for; always 8N1."""
        self.heard = False
        """Whether the server has spoken telnet at all."""
        self.refused = ""
        """Why this server is of no use, once it has said so."""
        self._wanted = {_BAUD: baud, _DATA_BITS: 8, _PARITY: 1, _STOP_BITS: 1}
        self._set: set[int] = set()
        self._agreed: set[tuple[int, int]] = set()
        """Who does what: (WILL, option) for us, (DO, option) for the server."""
        self._rest = b""

    @property
    def ready(self) -> bool:
        """Whether bytes pass unchanged and the port is set as wanted."""
        return (_WILL, _BINARY) in self._agreed and self._set == set(self._wanted)

    @property
    def missing(self) -> str:
        """Tell what has not been agreed to, for a fault."""
        lacks = [name for option, name in _NAMES.items() if (_WILL, option) not in self._agreed]
        return " and ".join(lacks) or "the port's settings"

    def hello(self) -> bytes:
        """Return what to send first."""
        asks = [(_WILL, option) for option in _WE] + [(_DO, option) for option in _THEY if option != _ECHO]
        return b"".join(bytes((_IAC, *ask)) for ask in asks)

    def feed(self, received: bytes) -> tuple[bytes, bytes]:
        """Return the console's bytes in what was received, and what to send the server in answer."""
        if not self._rest and _IAC not in received:
            return received, b""
        data, answer = bytearray(), bytearray()
        rest = self._rest + received
        while True:
            plain, found, rest = rest.partition(b"\xff")
            data += plain
            if not found:
                break
            size = _command_size(rest)
            if size is None:  # its other half is on the way
                rest = b"\xff" + rest
                break
            if rest[0] == _IAC:
                data.append(_IAC)
            else:
                answer += self._obey(rest[:size])
            rest = rest[size:]
        self._rest = rest
        return bytes(data), bytes(answer)

    def _obey(self, command: bytes) -> bytes:
        self.heard = True
        verb = command[0]
        if verb in (_DO, _DONT):
            return self._negotiate(_WILL, command[1], yes=verb == _DO)
        if verb in (_WILL, _WONT):
            return self._negotiate(_DO, command[1], yes=verb == _WILL)
        if verb == _SB and command[1:2] == bytes((_COM_PORT,)):
            self._hear(unescaped(command[2:-2]))
        return b""

    def _negotiate(self, side: int, option: int, *, yes: bool) -> bytes:
        """Agree or disagree; only a change is answered, else two that are polite never end (RFC 854)."""
        mine = side == _WILL
        able = option in (_WE if mine else _THEY)
        if not yes:
            if mine and option in _NAMES:
                self.refused = f"its server refuses {_NAMES[option]}"
            was = (side, option) in self._agreed
            self._agreed.discard((side, option))
            return bytes((_IAC, _WONT if mine else _DONT, option)) if was else b""
        if not able:
            return bytes((_IAC, _WONT if mine else _DONT, option))
        if (side, option) in self._agreed:
            return b""
        self._agreed.add((side, option))
        asked = mine or option != _ECHO  # what hello has asked for needs no answer
        answer = b"" if asked else bytes((_IAC, side, option))
        return answer + (self._settings() if (side, option) == (_WILL, _COM_PORT) else b"")

    def _settings(self) -> bytes:
        sizes = {_BAUD: "!I"}
        wanted = [(what, struct.pack(sizes.get(what, "!B"), value)) for what, value in self._wanted.items()]
        wanted += [(_CONTROL, bytes((value,))) for value in (_NO_FLOW_CONTROL, _DTR_ON, _RTS_ON)]
        return b"".join(
            bytes((_IAC, _SB, _COM_PORT, what)) + escaped(value) + bytes((_IAC, _SE)) for what, value in wanted
        )

    def _hear(self, said: bytes) -> None:
        """Take the server's word for a setting."""
        what, value = (said[0] - _SERVER, int.from_bytes(said[1:], "big")) if said else (0, 0)
        if what not in self._wanted:
            return  # control lines, modem state
        if value != self._wanted[what]:
            name = {_BAUD: "baud", _DATA_BITS: "data bits"}.get(what, "parity or stop bits")
            self.refused = f"its server sets {value} {name} where {self._wanted[what]} was asked for"
        else:
            self._set.add(what)


def escaped(data: bytes) -> bytes:
    """Return data as it goes over telnet."""
    return data.replace(b"\xff", b"\xff\xff")


def unescaped(data: bytes) -> bytes:
    """Return what :func:`escaped` was given."""
    return data.replace(b"\xff\xff", b"\xff")


def _command_size(rest: bytes) -> int | None:
    """Return how many bytes after IAC belong to it; None while some are missing."""
    if not rest:
        return None
    if rest[0] in (_DO, _DONT, _WILL, _WONT):
        return 2 if len(rest) > 1 else None
    if rest[0] != _SB:
        return 1
    at = 1
    while (at := rest.find(b"\xff", at)) >= 0:
        if rest[at + 1 : at + 2] == bytes((_SE,)):
            return at + 2
        at += 2  # a doubled one stands for itself
    return None
