"""A board's programs and files without a link to it: the twin's stand-ins over a tree, run by the host's /bin/sh."""

import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from devices.board import Board
from devices.errors import CommandFailed
from devices.registry import load_board
from devices.shell import Result
from devices.twin import model as twin_model
from devices.twin import tree
from devices.twin.software import Software


class LocalShell:
    """Runs commands in the tree; counts them, and those that could change something."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.name = "bench-1"
        self.environment = environment
        self.as_root: list[str] = []

    def run(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            env=self.environment,
            cwd=self.environment["HOME"],
            input=stdin,
            capture_output=True,
            timeout=timeout_s,
            check=False,
        )
        if check and done.returncode:
            said = done.stderr.decode()
            raise CommandFailed(self.name, f"`{command}`: {said}", exit_status=done.returncode, stderr=said)
        return Result(command, done.returncode, done.stdout, done.stderr)

    def sudo(self, command: str, *, timeout_s: float = 30.0, stdin: bytes = b"", check: bool = True) -> Result:
        self.as_root.append(command)
        return self.run(command, timeout_s=timeout_s, stdin=stdin, check=check)


class Place(NamedTuple):
    """One board of the tests."""

    board: Board
    shell: LocalShell
    root: Path
    workdir: str


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A board of the model that the test's parameter names; a Coral Dev Board unless it names one."""
    name = getattr(request, "param", "coral-dev")
    model, root = twin_model.load(name), tmp_path / "root"
    tree.build(root, model, user="lab", authorized_key="", serial_number="0042")
    tree.boot(root, model)
    (root / "run/dmesg").write_text(twin_model.boot_text(name), encoding="utf-8")
    software = Software(tmp_path, root, model, user="lab", serial_number="0042")
    software.install()
    shell = LocalShell(software.environment())
    board = load_board(name)("bench-1", shell, root=str(root))  # it needs no more of a shell than this one has
    return Place(board, shell, root, board.path("/opt/edge-test-farm"))
