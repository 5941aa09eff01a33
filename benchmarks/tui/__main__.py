"""``python -m benchmarks.tui``: does the screen answer within 100 ms while 64 of 256 boards hang? Exit 0 yes, 1 no."""

import argparse
import json
import statistics
import sys
import time

from rich.console import Console
from rich.table import Table

from farm.tui.app import DEADLINE_S, EVERY_S
from farm.tui.show import show

from . import headless, terminal
from .lab import BOARDS, HANGING, BenchLab, deaf_ports
from .waiting import Press

LIMIT_MS = 100.0
LEAVE_LIMIT_S = 1.0
IDLE_LIMIT_PERCENT = 10.0
"""Assumed: what may run beside everything else on a controller of two cores."""
SIZES = ((80, 24), (200, 60))
_EVERY_S = 2.0
"""Busier than any lab: some 100 rows change each second."""
_DEADLINE_S = 5.0


def main() -> int:
    """Measure, print a table and one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tui", description=__doc__)
    parser.add_argument("--keys", type=int, default=300, help="key presses a run (default 300)")
    parser.add_argument("--idle", type=float, default=20.0, help="seconds without a key (default 20)")
    parser.add_argument("--screen", metavar="JSON", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.screen:
        how = json.loads(args.screen)
        return show(BenchLab(how["ports"]), read_only=False, every_s=how["every_s"], deadline_s=how["deadline_s"])
    begin_s = time.monotonic()
    runs, leave_s, red_s = {}, [], []
    with deaf_ports() as ports:
        for size in SIZES:
            name = f"{size[0]}x{size[1]}"
            how = {"every_s": _EVERY_S, "deadline_s": _DEADLINE_S, "size": size}
            runs[f"headless {name}"] = headless.measure(ports, args.keys, **how)
            measured = terminal.measure(ports, args.keys, **how)
            runs[f"pty {name}"] = measured.took
            leave_s.append(measured.leave_s)
            red_s.append(measured.all_red_s)
        idle = terminal.idle(ports, every_s=EVERY_S, deadline_s=DEADLINE_S, size=SIZES[-1], seconds=args.idle)
    worst_ms = max(press.unstarved_ms for presses in runs.values() for press in presses)
    ok = worst_ms < LIMIT_MS and max(leave_s) < LEAVE_LIMIT_S and idle.cpu_percent < IDLE_LIMIT_PERCENT
    _print(runs, leave_s, red_s, idle)
    line = {
        "benchmark": "tui",
        "ok": ok,
        "boards": BOARDS,
        "hanging": HANGING,
        "limit_ms": LIMIT_MS,
        "key_to_repaint_ms": {name: _both(presses) for name, presses in runs.items()},
        "all_red_s": round(max(red_s), 1),
        "quit_s": round(max(leave_s), 3),
        "idle_cpu_percent": round(idle.cpu_percent, 2),
        "idle_bytes_per_s": round(idle.bytes_per_s),
        "seconds": round(time.monotonic() - begin_s, 1),
    }
    print(json.dumps(line, ensure_ascii=False))
    return int(not ok)


def _figures(took_ms: list[float]) -> dict[str, float]:
    ranked = statistics.quantiles(took_ms, n=100, method="inclusive")
    return {"p50": round(ranked[49], 1), "p99": round(ranked[98], 1), "max": round(max(took_ms), 1)}


def _both(presses: list[Press]) -> dict[str, dict[str, float]]:
    return {
        "unstarved": _figures([press.unstarved_ms for press in presses]),
        "raw": _figures([press.raw_ms for press in presses]),
    }


def _print(runs: dict[str, list[Press]], leave_s: list[float], red_s: list[float], idle: terminal.Idle) -> None:
    console = Console(width=100)
    console.print(f"{BOARDS} boards, {HANGING} of them accept and never answer; key to repaint, limit {LIMIT_MS:g} ms")
    console.print("p50, p99, max: less the time that other programs held the processors; raw: as it was")
    table = Table()
    columns = [f"{how}{figure}" for how in ("", "raw ") for figure in ("p50", "p99", "max")]
    for name in ("run", "keys", *columns):
        table.add_column(name, justify="left" if name == "run" else "right")
    for name, presses in runs.items():
        values = [value for figures in _both(presses).values() for value in figures.values()]
        table.add_row(name, str(len(presses)), *(f"{value:.1f}" for value in values))
    console.print(table)
    console.print(f"every board that hangs is red {max(red_s):.1f} s after the start of the process")
    console.print(f"q to the end of the process: {max(leave_s):.2f} s, limit {LEAVE_LIMIT_S:g} s")
    console.print(
        f"nobody touches it: {idle.cpu_percent:.1f} % of one processor, {idle.bytes_per_s:.0f} bytes/s to the terminal"
    )


if __name__ == "__main__":
    sys.exit(main())
