"""OpenSSH's ``allowed_signers``: which key may sign for whom, for what purpose, and when (ssh-keygen(1))."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from ..errors import UsageFault
from .ssh_wire import Cut, Wire

_WORD = re.compile(r'(?:[^\s"]|"[^"]*"|")+')
_OPTION = re.compile(r'([A-Za-z-]+)(?:="([^"]*)")?(?:,(?=.)|$)')
_KEY_TYPE = re.compile(r"(ssh-|ecdsa-|sk-)[A-Za-z0-9@.-]+")
_TIMES = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}


@dataclass(frozen=True, slots=True)
class Signer:
    """One line of the file."""

    principals: str
    """A list of patterns."""
    key: bytes
    """As SSH writes it."""
    namespaces: str | None = None
    """A list of patterns; None: any."""
    valid_after: datetime | None = None
    valid_before: datetime | None = None

    def refuses(self, namespace: str, now: datetime) -> str:
        """Return why the key may not sign for a purpose at a time; empty where it may."""
        if self.namespaces is not None and not matches(namespace, self.namespaces):
            return f"may sign for {self.namespaces}, not for {namespace}"
        if self.valid_after is not None and now < self.valid_after:
            return f"is valid only after {_utc(self.valid_after)}"
        if self.valid_before is not None and now >= self.valid_before:
            return f"was valid before {_utc(self.valid_before)}"
        return ""


@dataclass(frozen=True, slots=True)
class Signers:
    """All of a file."""

    path: Path
    lines: tuple[Signer, ...] = field(default=())

    @classmethod
    def load(cls, path: Path) -> "Signers":
        """Read a file.

        Raises:
            UsageFault: it cannot be read, or a line is wrong; every fault with its line.
        """
        if path.exists() and not path.is_file():
            raise UsageFault(f"{path}: not a plain file; want an allowed_signers file")
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageFault(f"{path}: {reason}; want an allowed_signers file, see ssh-keygen(1)") from error
        faults: list[str] = []
        found: list[Signer] = []
        for number, line in enumerate(text.splitlines(), 1):
            try:
                found += _lines(line)
            except ValueError as error:
                faults.append(f"{path}:{number}: {error}")
        if faults:
            raise UsageFault(faults)
        return cls(path, tuple(found))

    def of(self, key: bytes) -> list[Signer]:
        """Return the lines of a key."""
        return [line for line in self.lines if line.key == key]


def matches(name: str, patterns: str) -> bool:
    """Return whether a name is in a list of patterns: ``*`` and ``?``, and ``!`` before one that it must not match."""
    found = False
    for pattern in patterns.split(","):
        want = pattern.removeprefix("!")
        expression = "".join(".*" if c == "*" else "." if c == "?" else re.escape(c) for c in want)
        if re.fullmatch(expression, name, re.DOTALL):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _lines(line: str) -> Iterator[Signer]:
    """Yield the signer of a line; nothing for a blank one or a comment."""
    if not line.strip() or line.lstrip().startswith("#"):
        return
    words = _WORD.findall(line)
    if words[0].count('"') % 2:
        raise ValueError("a quote has no end")
    if len(words) < 3:
        raise ValueError("want principals, options if any, key type and key")
    options: dict[str, str] = {}
    if not _KEY_TYPE.fullmatch(words[1]):
        options = _options(words.pop(1))
    if len(words) < 3 or not _KEY_TYPE.fullmatch(words[1]):
        raise ValueError(f"no key type where {words[1]!r} stands")
    yield Signer(
        words[0].strip('"'),
        _key(words[1], words[2]),
        options.get("namespaces"),
        _time(options["valid-after"]) if "valid-after" in options else None,
        _time(options["valid-before"]) if "valid-before" in options else None,
    )


def _options(word: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(word):
        match = _OPTION.match(word, at)
        name = match[1].lower() if match else ""
        if match is None or name not in ("cert-authority", "namespaces", "valid-after", "valid-before"):
            raise ValueError(f"no option {word[at:]!r}; there are namespaces, valid-after and valid-before")
        if name == "cert-authority":
            raise ValueError("cert-authority is not supported; name each signer's own key")
        if name in found:
            raise ValueError(f"{name} stands there twice")
        if match[2] is None:
            raise ValueError(f'{name} needs a value: {name}="…"')
        found[name], at = match[2], match.end()
    return found


def _key(kind: str, text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
        inside = Wire(key).string()
    except (binascii.Error, Cut) as error:
        raise ValueError(f"the key is damaged: {error}") from error
    if inside != kind.encode():
        raise ValueError(f"the key is of type {inside.decode('ascii', 'replace')}, not {kind}")
    return key


def _time(text: str) -> datetime:
    """Read ``YYYYMMDD[HHMM[SS]]``, in the time zone of this machine unless a ``Z`` follows."""
    digits = text.removesuffix("Z")
    if len(digits) not in _TIMES or not digits.isdigit():
        raise ValueError(f"{text!r} is no time; want YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC")
    when = datetime.strptime(digits, _TIMES[len(digits)])  # noqa: DTZ007 -- its zone follows
    return when.replace(tzinfo=UTC) if text.endswith("Z") else when.astimezone(UTC)


def _utc(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
