"""OpenSSH servers on loopback that play the boards."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

SSHD = shutil.which("sshd", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
_START_S = 20.0
_CONFIG = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
UsePAM no
StrictModes no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 50
SetEnv SHLVL=2
"""
"""The last line: bash under sshd reads the tester's ~/.bashrc unless it believes to be nested."""


@dataclass(frozen=True, slots=True)
class Server:
    """One that listens."""

    port: int
    user: str
    key: Path
    host_key: str


@contextmanager
def serving(folder: Path, count: int, more: str = "") -> Generator[list[Server]]:
    """Yield that many servers, each with a process of its own and ``more`` lines set; they end with the block."""
    public = _make_key(folder / "login_key")
    (folder / "authorized_keys").write_text(public + "\n", encoding="utf-8")
    host_key = _make_key(folder / "host_key")
    processes: list[subprocess.Popen[bytes]] = []
    try:
        servers: list[Server] = []
        for number in range(count):
            port, config = _free_port(), folder / f"sshd_config.{number}"
            config.write_text(_CONFIG.format(port=port, folder=folder) + more + "\n", encoding="utf-8")
            with (folder / "sshd.log").open("ab") as log:
                processes.append(subprocess.Popen([str(SSHD), "-D", "-e", "-f", config], stderr=log))
            _wait_until_listening(port)
            servers.append(Server(port, getpass.getuser(), folder / "login_key", host_key))
        yield servers
    finally:
        for process in processes:
            process.terminate()
            process.wait(_START_S)


def _make_key(path: Path) -> str:
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def _wait_until_listening(port: int) -> None:
    until = time.monotonic() + _START_S
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError as error:
            if time.monotonic() > until:
                raise SystemExit(f"benchmark: sshd does not listen on port {port}: {error}") from error
            time.sleep(0.02)
