"""The farm's own known_hosts file, in OpenSSH's format: hosts that `farm trust` has noted."""

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from .twin_state import write_private

_SSH_PORT = 22


@dataclass(frozen=True, slots=True)
class KnownHosts:
    """One file, a host a line."""

    path: Path

    def key(self, host: str, port: int) -> str | None:
        """Return the key noted for a host, as ``ssh-ed25519 AAAA…``; None when there is none."""
        name = _name(host, port)
        return next((key for noted, _, key in (line.partition(" ") for line in self._lines()) if noted == name), None)

    def note(self, host: str, port: int, key: str) -> None:
        """Note a host's key in the place of any other."""
        name = _name(host, port)
        kept = [line for line in self._lines() if line.partition(" ")[0] != name]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_private(self.path, "".join(f"{line}\n" for line in [*kept, f"{name} {key}"]))

    def _lines(self) -> list[str]:
        if not self.path.exists():
            return []
        return [line for line in self.path.read_text(encoding="utf-8").splitlines() if line.strip()]


def fingerprint(key: str) -> str:
    """Return what ``ssh-keygen -l`` shows of a key: ``ssh-ed25519 SHA256:…``."""
    kind, blob = key.split()[:2]
    digest = hashlib.sha256(base64.b64decode(blob)).digest()
    return f"{kind} SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _name(host: str, port: int) -> str:
    return host if port == _SSH_PORT else f"[{host}]:{port}"
