"""``python -m benchmarks.onboard``: processor time that a board pays for each reading of its own sensors.

On a twin of a TX2, whose shell is a real one; what an SSH server takes for the same round trip is not in it (OpenSSH:
0.13 ms, measured beside it). Exit 0 when a reading costs less than half of starting one program for it, else 1.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from devices.errors import DeviceError
from devices.ssh import Ssh
from devices.standing import Standing
from devices.twin.board_twin import BoardTwin
from farm.lab.board_files import BoardReach
from power.onboard.ina3221 import Ina3221
from power.onboard.ina3221_rails import rails
from power.onboard.tegrastats import Tegrastats

_USER, _PASSWORD = "farm", "of-a-twin"
_READINGS = 300
_UP_S = 60.0


@dataclass(frozen=True)
class Cost:
    """Of one way to read two files."""

    what: str
    board_ms: float
    """Processor time of the board, a reading."""
    trip_ms: float
    """From question to answer, the median."""


@contextmanager
def _board(folder: Path) -> Generator[tuple[BoardTwin, Ssh]]:
    twin = BoardTwin(
        "tx2", "jetson-tx2", folder, user=_USER, password=_PASSWORD, authorized_key="", serial_number="1", seed=1
    )
    address = twin.start()
    key = address.host_key
    ssh = Ssh.open("tx2", host="127.0.0.1", port=address.ssh_port, user=_USER, password=_PASSWORD, host_key=key)
    try:
        twin.sense(lambda: 19.0, lambda _seconds: 9.0)
        twin.power(on=True)
        deadline_s = time.monotonic() + _UP_S
        while not _answers(ssh) and time.monotonic() < deadline_s:
            time.sleep(0.2)
        yield twin, ssh
    finally:
        ssh.close()
        twin.close()


def _answers(ssh: Ssh) -> bool:
    try:
        return ssh.run("true").exit_status == 0
    except DeviceError:
        return False


def _cost(twin: BoardTwin, what: str, act: Callable[[], object], times: int = _READINGS) -> Cost:
    act()
    trips_ms: list[float] = []
    before_ns = twin.cpu_ns()
    for _ in range(times):
        asked_ns = time.monotonic_ns()
        act()
        trips_ms.append((time.monotonic_ns() - asked_ns) / 1e6)
    return Cost(what, (twin.cpu_ns() - before_ns) / times / 1e6, median(trips_ms))


def _costs(twin: BoardTwin, ssh: Ssh) -> list[Cost]:
    reach = BoardReach(ssh, str(twin.root))
    files = reach.files("/")
    paths = [path for rail in rails(files) if rail.name == "VDD_IN" for path in (rail.millivolts, rail.milliamps)]
    command = "cat " + " ".join(str(twin.root / path) for path in paths)
    with Standing(ssh) as shell:
        costs = [
            _cost(twin, "a reading of ina3221", lambda: files.read_all(paths)),
            _cost(twin, "the same by one program in a shell that stays", lambda: shell.run(command)),
            _cost(twin, "the same by an SSH command", lambda: ssh.run(command), times=50),
        ]
    files.close()
    with Tegrastats.open_on("stats", Tegrastats.Config(rail="VDD_IN", interval_ms=100), reach) as stats:
        lines = stats.stream()
        costs.append(_cost(twin, "a line of the twin's tegrastats, each 0.1 s", lambda: next(lines), times=50))
    with Ina3221.open_on("rail", Ina3221.Config(rail="VDD_IN", rate_hz=10), reach) as meter:
        costs.append(_cost(twin, "ina3221 at 10 Hz, the wait between readings in it", meter.read, times=50))
    return costs


def main() -> int:
    """Measure each way on one twin."""
    with tempfile.TemporaryDirectory() as folder, _board(Path(folder)) as (twin, ssh):
        costs = _costs(twin, ssh)
    table = Table(title="What one reading costs the board")
    for column in ("way", "processor, ms", "question to answer, ms"):
        table.add_column(column, justify="left" if column == "way" else "right")
    for cost in costs:
        table.add_row(cost.what, f"{cost.board_ms:.2f}", f"{cost.trip_ms:.2f}")
    Console(width=110).print(table)
    reading, program = costs[0].board_ms, costs[1].board_ms
    kept = reading < program / 2
    print(json.dumps({"benchmark": "onboard", "kept": kept, "reading_ms": reading, "program_ms": program}))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
