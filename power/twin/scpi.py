"""The part of SCPI that every instrument shares: headers in long and short form, the error queue, lists."""

import math
import random
import re
from collections import deque
from collections.abc import Callable

from .link import Link, TcpLink, cut_lines

Handler = Callable[[list[str]], str | None]
"""Arguments in (numeric suffixes of the header first), answer out; None for a command."""

_QUEUE_LENGTH = 20
"""Errors an instrument remembers (N6705 manual)."""


class ScpiError(Exception):
    """An entry for the instrument's error queue."""

    def __init__(self, code: int, text: str) -> None:
        """Numbers are those of SCPI-99, volume 2, chapter 21."""
        super().__init__(text)
        self.code, self.text = code, text


def header_pattern(notation: str) -> re.Pattern[str]:
    """Compile a header as manuals write it: ``[INPut:]VOLTage:RANGe?``; ``#`` is a numeric suffix."""
    body = re.escape(notation).replace(r"\[", "(?:").replace(r"\]", ")?").replace(r"\#", r"(\d+)")
    forms = re.sub(r"([A-Z]+)([a-z]+)", lambda m: f"{m[1]}(?:{m[2].upper()})?", body)
    return re.compile(f":?{forms}")


def arguments(text: str) -> list[str]:
    """Split at commas, but not inside a channel list like ``(@1,2)``."""
    return [part.strip() for part in re.findall(r"(?:\([^)]*\)|[^,(])+", text)]


def number(text: str) -> float:
    """Read a number with an optional unit: ``15``, ``300.0E+00``, ``500MA``, ``100MS``."""
    found = re.fullmatch(r"([-+]?(?:\d+\.?\d*|\.\d+)(?:E[-+]?\d+)?)\s*(M?)[AVS]?", text.upper())
    if found is None:
        raise ScpiError(-104, "Data type error")
    return float(found[1]) * (1e-3 if found[2] else 1.0)


def switch(text: str) -> bool:
    """Read ``ON``, ``OFF`` or a number."""
    words = {"ON": True, "OFF": False, "1": True, "0": False}
    if text.upper() not in words:
        raise ScpiError(-224, "Illegal parameter value")
    return words[text.upper()]


def engineering(value: float, digits: int) -> str:
    """Write a number as Yokogawa does, the exponent a multiple of three: ``500.0E-03``."""
    if not math.isfinite(value):
        return "NAN" if math.isnan(value) else "INF"
    exponent = 3 * math.floor(math.log10(abs(value)) / 3) if value else 0
    mantissa = value / 10.0**exponent
    whole = len(str(int(abs(mantissa))))
    return f"{mantissa:.{digits - whole}f}E{exponent:+03d}"


class Scpi:
    """A table of commands, and the queue of what was wrong with those that came."""

    def __init__(self) -> None:
        """Know the common commands only."""
        self._commands: list[tuple[re.Pattern[str], Handler]] = []
        self._errors: deque[ScpiError] = deque(maxlen=_QUEUE_LENGTH)
        self.on("*CLS", lambda _: self._errors.clear())
        self.on("*OPC?", lambda _: "1")

    def on(self, notation: str, handler: Handler) -> None:
        """Say what a header does."""
        self._commands.append((header_pattern(notation), handler))

    def answer(self, message: bytes) -> bytes:
        """Run the commands of one message; answers are joined by semicolons."""
        units = [unit.strip() for unit in message.decode("latin-1").split(";")]
        answers = [self._execute(unit) for unit in units if unit]
        text = ";".join(a for a in answers if a is not None)
        return text.encode("latin-1") + b"\n" if text else b""

    def pop_error(self) -> ScpiError:
        """Take the oldest error; code 0 when there is none."""
        return self._errors.popleft() if self._errors else ScpiError(0, "No error")

    def _execute(self, unit: str) -> str | None:
        header, _, rest = unit.partition(" ")
        try:
            for pattern, handler in self._commands:
                if found := pattern.fullmatch(header.upper()):
                    return handler([*(g for g in found.groups() if g), *arguments(rest)])
            raise ScpiError(-113, "Undefined header")
        except IndexError:
            self._errors.append(ScpiError(-109, "Missing parameter"))
        except ScpiError as error:
            self._errors.append(error)
        return None


def listen(name: str, respond: Callable[[bytes], bytes]) -> tuple[Link, dict[str, str]]:
    """Serve lines on a free port; return the link and its VISA resource."""
    link = TcpLink(name, cut_lines, respond)
    return link, {"resource": f"TCPIP::127.0.0.1::{link.port}::SOCKET"}


def garbage_line(rng: random.Random, answer: bytes) -> bytes:
    """Return a line of the same length that is no number and no header."""
    return bytes(rng.choice(b"~@}{|^`%") for _ in answer[1:]) + b"\n" if answer else b""
