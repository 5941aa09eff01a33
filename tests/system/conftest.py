"""A real OpenSSH server of the user who runs the tests: on a free port, with keys and settings of its own."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from devices.ssh import Ssh

SSHD = shutil.which("sshd", path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/usr/local/sbin")
PRIVILEGE_SEPARATION = Path("/run/sshd")
"""Root's sshd changes into it, and does not make it itself."""
_START_S = 10.0

LONGEST = (
    "test_qemu_main_job.py",
    "test_qemu_classes.py",
    "test_fault_matrix.py",
    "test_qemu_flash.py",
    "test_qemu_booted.py",
    "test_report_in_chromium.py",
    "test_qemu_userland.py",
    "test_ansible.py",
    "test_fastboot.py",
    "test_uboot.py",
)
"""Begun first, so that what ends the run is short: each is one worker's from its first test to its last. The matrix
waits more than it works, so three workers are right for two processors."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files of this folder before all else."""
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


CONFIG = """\
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


def make_key(path: Path) -> str:
    """Write a private key as ssh-keygen does; return the public one."""
    key = Ed25519PrivateKey.generate()
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
    path.chmod(0o600)
    return key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode()


class OpenSsh:
    """The server, its keys, and shells on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.user = getpass.getuser()
        self.host_key = make_key(folder / "host_key")
        (folder / "authorized_keys").write_text(make_key(folder / "login_key") + "\n", encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        config = self.folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, folder=self.folder), encoding="utf-8")
        log = self.folder / "sshd.log"
        with log.open("ab") as said:
            self.process = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=said)
        deadline = time.monotonic() + _START_S
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as probe:
                    assert probe.recv(4) == b"SSH-"
                return
            except OSError as error:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"sshd does not answer ({error}): {log.read_text(encoding='utf-8')}")
                time.sleep(0.02)

    def stop(self) -> None:
        """Stop listening; sessions that are open live on, as with any sshd."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(_START_S)
            self.process = None

    def open(self, host_key: str | None = None) -> Ssh:
        """A shell on it."""
        return Ssh.open(
            "board",
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            key=self.folder / "login_key",
            host_key=host_key or self.host_key,
        )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OpenSsh]:
    """A running server."""
    if SSHD is None:
        pytest.skip("no OpenSSH server here: install openssh-server")
    if os.getuid() == 0 and not PRIVILEGE_SEPARATION.is_dir():
        pytest.skip(f"root's sshd needs {PRIVILEGE_SEPARATION}: mkdir {PRIVILEGE_SEPARATION}")
    server = OpenSsh(tmp_path)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def shell(server: OpenSsh) -> Iterator[Ssh]:
    """A shell on the running server."""
    with server.open() as shell:
        yield shell


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the fault matrix, also when all of it is right."""
    for report in [*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")]:
        for name, value in report.user_properties:
            if name == "fault matrix":
                terminalreporter.section("fault matrix, on process twins")
                terminalreporter.write_line(str(value))
