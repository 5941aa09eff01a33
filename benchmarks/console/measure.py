"""The same work on the same line: by hand, by the farm, by labgrid."""

import json
import os
import resource
import select
import subprocess
import sys
import time
import tty
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from devices.console import Console

_HERE = Path(__file__).parent
_PEER_S = 600.0
SHELL = ("bash", "--norc", "--noediting", "-i")
"""labgrid gets nowhere with bash's line editor on."""


@contextmanager
def line(chatter_hz: float = 0.0, shell: tuple[str, ...] = SHELL, *, times: bool = True) -> Generator[str]:
    """Yield the port of a new line, with an idle shell behind it."""
    kernel = ["--chatter", str(chatter_hz), *["--no-times"] * (not times)]
    argv = [sys.executable, str(_HERE / "board.py"), *kernel, "--", *shell]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as board:
        assert board.stdout is not None
        yield board.stdout.readline().decode().strip()
        assert board.stdin is not None
        board.stdin.close()


def raw_echo_ms(port: str, times: int) -> list[float]:
    """Type ``echo hi`` and wait until its output is back, with nothing but read and write."""
    fd = os.open(port, os.O_RDWR | os.O_NOCTTY)
    try:
        tty.setraw(fd)
        os.write(fd, b"stty -echo; PS1='farm@tx2-01:~$ '\n")
        _drain(fd, 0.5)
        spent: list[float] = []
        for _ in range(times):
            began_s, got = time.perf_counter(), b""
            os.write(fd, b"echo hi\n")
            while b"hi\r\n" not in got:
                select.select([fd], [], [], 10.0)
                got += os.read(fd, 65536)
            spent.append(1e3 * (time.perf_counter() - began_s))
            _drain(fd, 0.002)
        return spent
    finally:
        os.close(fd)


def _drain(fd: int, silent_s: float) -> None:
    while select.select([fd], [], [], silent_s)[0]:
        os.read(fd, 65536)


def farm_echo_ms(port: str, times: int) -> tuple[float, list[float]]:
    """Return how long it took to find an idle shell, s, and each ``echo hi``, ms."""
    began_s = time.perf_counter()
    with Console.open("board", port) as console:
        console.login("farm", "secret")
        login_s = time.perf_counter() - began_s
        spent: list[float] = []
        for _ in range(times):
            began_s = time.perf_counter()
            assert console.run("echo hi").stdout == b"hi\n"
            spent.append(1e3 * (time.perf_counter() - began_s))
            time.sleep(0.002)
        return login_s, spent


@dataclass(frozen=True)
class Output:
    """What a long output has cost."""

    seconds: float
    cpu_seconds: float
    peak_mib: float
    """Most memory that this process has had so far."""


def farm_output(port: str, command: str, wanted: bytes | int) -> Output:
    """Run a command with a long output; ``wanted`` is the output, or how many bytes it has."""
    with Console.open("board", port) as console:
        console.login("farm", "secret")
        cpu_s, began_s = time.process_time(), time.perf_counter()
        got = console.run(command, timeout_s=300).stdout
        seconds, cpu_s = time.perf_counter() - began_s, time.process_time() - cpu_s
    assert len(got) == wanted if isinstance(wanted, int) else got == wanted
    return Output(seconds, cpu_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def farm_wrong_under_noise(port: str, times: int) -> int:
    """Run as many different commands while the kernel prints, and count what was not exact."""
    wrong = 0
    with Console.open("board", port) as console:
        console.login("farm", "secret")
        for n in range(times):
            if n % 4:
                result = console.run(f"echo {n}", timeout_s=60)
                wrong += (result.stdout, result.stderr, result.exit_status) != (b"%d\n" % n, b"", 0)
            else:
                result = console.run(f"seq {n} {n + 20}; echo e{n} >&2; exit {n % 256}", timeout_s=60)
                wanted = b"".join(b"%d\n" % k for k in range(n, n + 21))
                wrong += (result.stdout, result.stderr, result.exit_status) != (wanted, b"e%d\n" % n, n % 256)
    return wrong


def labgrid(python: Path, port: str, task: str, times: int) -> dict[str, object]:
    """Have labgrid do a task, in its own environment."""
    argv = [str(python), str(_HERE / "labgrid_side.py"), port, task, str(times)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_PEER_S, check=False)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.splitlines()[-1])
