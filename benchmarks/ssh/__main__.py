"""``python -m benchmarks.ssh``: short commands, much output, four boards at once. Exit 0 as promised, 1 not."""

import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from devices.shell import Shell
from devices.ssh import Ssh
from devices.standing import Standing

from .. import labgrid
from .server import SSHD, Server, serving

_ROUNDS = 5
_TIMES = 200
_LINES = 336_000
"""2.3 MB of numbers."""
_BOARDS, _EACH = 4, 50
_EXEC_MOST, _STANDING_MOST = 0.5, 0.1


def opened(server: Server) -> Ssh:
    """Return our shell on a server."""
    return Ssh.open(
        "board", host="127.0.0.1", port=server.port, user=server.user, key=server.key, host_key=server.host_key
    )


def command_ms(shell: Shell | Standing) -> float:
    """Return the median of ``true``."""
    spent: list[float] = []
    for _ in range(_TIMES):
        begin_ns = time.perf_counter_ns()
        shell.run("true")
        spent.append((time.perf_counter_ns() - begin_ns) / 1e6)
    return median(spent)


def output_ms(shell: Shell) -> float:
    """Return the time of a command with much output, which must be right to the byte."""
    begin_ns = time.perf_counter_ns()
    stdout = shell.run(f"seq 1 {_LINES}").stdout
    spent_ms = (time.perf_counter_ns() - begin_ns) / 1e6
    if stdout != "".join(f"{n}\n" for n in range(1, _LINES + 1)).encode():
        raise SystemExit("benchmark: our output is wrong")
    return spent_ms


def threads_right(servers: list[Server]) -> int:
    """Return how many of 200 commands on four boards in four threads were answered rightly."""

    def ask(number: int) -> int:
        with opened(servers[number]) as shell:
            return sum(shell.run(f"echo {number}-{n}").text == f"{number}-{n}" for n in range(_EACH))

    with ThreadPoolExecutor(_BOARDS) as pool:
        return sum(pool.map(ask, range(_BOARDS)))


def theirs(servers: list[Server]) -> dict[str, float]:
    """Return labgrid's figures for the same servers."""
    first = servers[0]
    ports = [str(server.port) for server in servers]
    words = [labgrid.python(), Path(__file__).with_name("theirs.py"), first.user, first.key, str(_TIMES), str(_LINES)]
    done = subprocess.run([*words, *ports], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise SystemExit(f"benchmark: labgrid's side failed: {done.stderr[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> int:
    """Measure in rounds, theirs and ours by turns; ratios are medians over the rounds."""
    if SSHD is None:
        raise SystemExit("benchmark: no sshd here; install openssh-server")
    rounds: list[dict[str, float]] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder), _BOARDS) as servers,
        opened(servers[0]) as shell,
    ):
        shell.run("true")
        for _ in range(_ROUNDS):
            peer = theirs(servers[:1])
            with Standing(shell) as standing:
                standing.run("true")
                mine = {
                    "exec_ms": command_ms(shell),
                    "standing_ms": command_ms(standing),
                    "output_ms": output_ms(shell),
                }
            rounds.append({**mine, "their_true_ms": peer["true_ms"], "their_output_ms": peer["output_ms"]})
        right, their_right = threads_right(servers), theirs(servers)["threads_right"]
    figures = {name: median(one[name] for one in rounds) for name in rounds[0]}
    ratios = {
        "exec": median(one["exec_ms"] / one["their_true_ms"] for one in rounds),
        "standing": median(one["standing_ms"] / one["their_true_ms"] for one in rounds),
        "output": median(one["output_ms"] / one["their_output_ms"] for one in rounds),
    }
    kept = ratios["exec"] <= _EXEC_MOST and ratios["standing"] <= _STANDING_MOST and right == _BOARDS * _EACH
    Console(width=110).print(_table(figures, ratios, right, their_right))
    print(json.dumps({"benchmark": "ssh", "kept": kept, **figures, "ratios": ratios, "right": right}))
    return 0 if kept else 1


def _table(figures: dict[str, float], ratios: dict[str, float], right: int, their_right: float) -> Table:
    table = Table(title=f"over OpenSSH on loopback, beside labgrid {labgrid.VERSION}; medians of {_ROUNDS} rounds")
    for column in ("work", "ours", "labgrid", "ratio", "must be"):
        table.add_column(column, justify="left" if column == "work" else "right")
    their_ms = f"{figures['their_true_ms']:.2f} ms"
    rows = (
        (
            "true, a channel of its own",
            f"{figures['exec_ms']:.2f} ms",
            their_ms,
            f"{ratios['exec']:.2f}",
            f"≤ {_EXEC_MOST}",
        ),
        (
            "true, through a standing shell",
            f"{figures['standing_ms']:.2f} ms",
            their_ms,
            f"{ratios['standing']:.3f}",
            f"≤ {_STANDING_MOST}",
        ),
        (
            "2.3 MB of output",
            f"{figures['output_ms']:.0f} ms",
            f"{figures['their_output_ms']:.0f} ms",
            f"{ratios['output']:.2f}",
            "",
        ),
        ("4 boards in 4 threads, right of 200", f"{right}", f"{their_right:.0f}", "", "200"),
    )
    for row in rows:
        table.add_row(*row)
    return table


sys.exit(main())
