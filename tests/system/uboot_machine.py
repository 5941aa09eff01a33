"""U-Boot on an emulated 64-bit ARM machine: its console on a pty, its power through QMP."""

import json
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from devices.console import Console

QEMU = shutil.which("qemu-system-aarch64")
STOCK = Path("/usr/lib/u-boot/qemu_arm64/u-boot.bin")
"""Debian: u-boot-qemu."""
_START_S = 20.0


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Machine:
    """One machine that has not run yet; also a seat, for whoever flashes it."""

    def __init__(self, folder: Path, bios: Path, options: Sequence[str]) -> None:
        self.name = "qemu"
        self.events: list[str] = []
        qmp = folder / "qmp"
        line = [str(QEMU), "-M", "virt", "-cpu", "cortex-a53", "-m", "1024", "-bios", str(bios), "-S", "-nic", "none"]
        line += ["-display", "none", "-monitor", "none", "-serial", "pty", "-qmp", f"unix:{qmp},server=on,wait=off"]
        self._process = subprocess.Popen([*line, *options], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        said = self._process.stdout.readline()
        self.port = re.search(r"/dev/pts/\d+", said)[0]
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(_START_S)
        self._socket.connect(str(qmp))
        self._answers = self._socket.makefile("rw")
        self._answers.readline()
        self._ask("qmp_capabilities")
        self.console = Console.open(self.name, self.port)

    def _ask(self, command: str) -> None:
        self._answers.write(json.dumps({"execute": command}) + "\n")
        self._answers.flush()
        while "return" not in json.loads(self._answers.readline()):
            pass  # events come in between

    @property
    def shell(self):
        raise AssertionError("U-Boot has no shell of a system")

    def off(self) -> None:
        self._ask("stop")

    def restart(self) -> int:
        self.off()
        since = time.monotonic_ns()
        self._ask("system_reset")
        self._ask("cont")
        return since

    @contextmanager
    def writing(self) -> Generator[Callable[[], None]]:
        self.events.append("begins")
        yield lambda: None
        self.events.append("ends")

    def close(self) -> None:
        self.console.close()
        self._socket.close()
        self._answers.close()
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


@contextmanager
def machine(folder: Path, *options: str, bios: Path = STOCK) -> Generator[Machine]:
    """Give a machine; skipped by name where QEMU or its U-Boot is not installed."""
    if QEMU is None:
        pytest.skip("no qemu-system-aarch64 here; install the Debian package qemu-system-arm")
    if not bios.exists():
        what = "u-boot-qemu" if bios == STOCK else "run `tools/twin-images u-boot-fastboot`"
        pytest.skip(f"no U-Boot at {bios}; {what}")
    made = Machine(folder, bios, options)
    try:
        yield made
    finally:
        made.close()
