"""``python -m benchmarks.tui``: does the screen answer within 100 ms while 64 of 256 boards hang?

Exit 0 yes, 1 no, 3 when other programs held the processors during too many keys to tell.
"""

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
_LEAST_FAIR = 0.5
"""Of the keys of a run, or nothing is said."""
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
    worst_ms = max((press.took_ms for presses in runs.values() for press in _fair(presses)), default=0.0)
    wrong = worst_ms >= LIMIT_MS or max(leave_s) >= LEAVE_LIMIT_S or idle.cpu_percent >= IDLE_LIMIT_PERCENT
    told = all(len(_fair(presses)) >= _LEAST_FAIR * len(presses) for presses in runs.values())
    _print(runs, leave_s, red_s, idle)
    line = {
        "benchmark": "tui",
        "ok": None if not (wrong or told) else not wrong,
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
    if not (wrong or told):
        print("no verdict: other programs held the processors during too many keys")
    return 1 if wrong else 0 if told else 3


def _figures(took_ms: list[float]) -> dict[str, float] | None:
    if len(took_ms) < 2:
        return None
    ranked = statistics.quantiles(took_ms, n=100, method="inclusive")
    return {"p50": round(ranked[49], 1), "p99": round(ranked[98], 1), "max": round(max(took_ms), 1)}


def _fair(presses: list[Press]) -> list[Press]:
    return [press for press in presses if not press.void]


def _both(presses: list[Press]) -> dict[str, object]:
    fair = [press.took_ms for press in _fair(presses)]
    all_of_them = _figures([press.took_ms for press in presses])
    return {"keys": len(presses), "void": len(presses) - len(fair), "fair": _figures(fair), "all": all_of_them}


def _print(runs: dict[str, list[Press]], leave_s: list[float], red_s: list[float], idle: terminal.Idle) -> None:
    console = Console(width=100)
    console.print(f"{BOARDS} boards, {HANGING} of them accept and never answer; key to repaint, limit {LIMIT_MS:g} ms")
    console.print("void: other programs held the processors meanwhile; all: those too")
    table = Table()
    for name in ("run", "keys", "void", "p50", "p99", "max", "all p50", "all p99", "all max"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for name, presses in runs.items():
        fair, every = _figures([p.took_ms for p in _fair(presses)]), _figures([p.took_ms for p in presses])
        values = [f"{found[key]:.1f}" if found else "-" for found in (fair, every) for key in ("p50", "p99", "max")]
        table.add_row(name, str(len(presses)), str(len(presses) - len(_fair(presses))), *values)
    console.print(table)
    console.print(f"every board that hangs is red {max(red_s):.1f} s after the start of the process")
    console.print(f"q to the end of the process: {max(leave_s):.2f} s, limit {LEAVE_LIMIT_S:g} s")
    console.print(
        f"nobody touches it: {idle.cpu_percent:.1f} % of one processor, {idle.bytes_per_s:.0f} bytes/s to the terminal"
    )


if __name__ == "__main__":
    sys.exit(main())
