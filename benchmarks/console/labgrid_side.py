"""What labgrid makes of the line; runs in labgrid's own environment: ``python labgrid_side.py PORT TASK N``."""

import json
import sys
import time
from collections.abc import Callable

from labgrid import Target
from labgrid.driver import SerialDriver, ShellDriver
from labgrid.resource import RawSerialPort

_PROMPT = r"farm@tx2-01:~\$ "


def main() -> None:
    port, task, times = sys.argv[1], sys.argv[2], int(sys.argv[3])
    target = Target("board")
    RawSerialPort(target, name=None, port=port, speed=115200)
    serial = SerialDriver(target, name=None)
    shell = ShellDriver(target, name=None, prompt=_PROMPT, login_prompt=" login: ", username="farm")
    began_s = time.perf_counter()
    target.activate(shell)
    found: dict[str, object] = {"login_s": time.perf_counter() - began_s}
    if task == "echo":
        found["echo_ms"] = [1e3 * _timed(lambda: shell.run("echo hi")) for _ in range(times)]
        found["trip_ms"] = [1e3 * _timed(lambda: _trip(serial)) for _ in range(times)]
    elif task == "output":
        cpu_s = time.process_time()
        began_s = time.perf_counter()
        lines = shell.run(f"seq 1 {times}", timeout=120)[0]
        found |= {"seconds": time.perf_counter() - began_s, "cpu_s": time.process_time() - cpu_s, "lines": len(lines)}
    elif task == "noise":
        found["wrong"] = sum(not _right(shell, n) for n in range(times))
    print(json.dumps(found))


def _trip(serial: SerialDriver) -> None:
    """Type a command and wait until the prompt is back: one round trip, nothing checked."""
    serial.sendline("echo hi")
    serial.expect(_PROMPT)


def _timed(work: Callable[[], object]) -> float:
    began_s = time.perf_counter()
    work()
    return time.perf_counter() - began_s


def _right(shell: ShellDriver, n: int) -> bool:
    try:
        return shell.run(f"echo {n}", timeout=5) == ([str(n)], [], 0)
    except Exception:  # noqa: BLE001 -- whatever it is, the answer is not there
        return False


if __name__ == "__main__":
    main()
