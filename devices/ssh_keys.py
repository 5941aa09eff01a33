"""Host keys: which one is trusted, and which one a board shows. Nothing is ever accepted unseen."""

import base64
import binascii
import socket
from pathlib import Path

import paramiko
from paramiko.pkey import UnknownKeyType

from .errors import HostKeyUnknown, Unreachable

_SSH_PORT = 22
"""RFC 4253, section 4. known_hosts names a host on any other port as ``[host]:port``."""


def parse_host_key(text: str) -> paramiko.PKey:
    """Return the key of an OpenSSH line such as ``ssh-ed25519 AAAA… comment``; ValueError when it is none."""
    kind, _, rest = text.strip().partition(" ")
    try:
        return paramiko.PKey.from_type_string(kind, base64.b64decode(rest.partition(" ")[0], validate=True))
    except (binascii.Error, paramiko.SSHException, UnknownKeyType, IndexError, ValueError) as error:
        raise ValueError(f"not a host key: {text[:40]!r}; want e.g. 'ssh-ed25519 AAAA…'") from error


def format_host_key(key: paramiko.PKey) -> str:
    """Return a key as OpenSSH writes it: ``ssh-ed25519 AAAA…``."""
    return f"{key.get_name()} {key.get_base64()}"


class Trust(paramiko.MissingHostKeyPolicy):
    """Refuses every board whose key is not trusted yet."""

    def __init__(self, board: str) -> None:
        """Name the board for the error."""
        self._board = board

    def missing_host_key(self, client: paramiko.SSHClient, hostname: str, key: paramiko.PKey) -> None:
        """Raise HostKeyUnknown, always."""
        del client
        raise HostKeyUnknown(
            self._board,
            f"no host key is trusted yet for {hostname}; it shows {key.get_name()} {key.fingerprint}",
            hint=f"compare the fingerprint on the board's console, then `farm trust {self._board}`",
        )


def trust_only(
    client: paramiko.SSHClient, host: str, port: int, host_key: str | None, known_hosts: Path | None
) -> None:
    """Load what is trusted into a client: the one key where it is given, else the known_hosts file."""
    if host_key is not None:
        key = parse_host_key(host_key)
        client.get_host_keys().add(host if port == _SSH_PORT else f"[{host}]:{port}", key.get_name(), key)
    elif known_hosts is not None and known_hosts.exists():
        client.load_host_keys(str(known_hosts))


def fetch_host_key(host: str, port: int = 22, timeout_s: float = 10.0) -> str:
    """Ask a board for its host key without logging in: ``ssh-ed25519 AAAA…``.

    Trust it only after comparing it with what the board says of itself over another way.

    Raises:
        Unreachable: no SSH server answers there within ``timeout_s``.
    """
    where = f"{host}:{port}"
    try:
        with socket.create_connection((host, port), timeout_s) as link:
            transport = paramiko.Transport(link)
            transport.banner_timeout = timeout_s
            try:
                transport.start_client(timeout=timeout_s)
                return format_host_key(transport.get_remote_server_key())
            finally:
                transport.close()
    except (OSError, EOFError, paramiko.SSHException) as error:
        hint = "is the board on, its SSH server running, and this its address?"
        raise Unreachable(where, f"shows no host key: {error}", hint=hint) from error
