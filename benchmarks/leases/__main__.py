"""``python -m benchmarks.leases``: 200 processes contend for 4 boards. Exit 0 right, 1 wrong."""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from farm.lab.lease import Leases, Wanted

from .contend import Plan, contend, lab_of
from .judge import Judgement, allowed_share, judge

_WIDTH = 120


def borrow_ms(folder: Path, times: int = 100) -> tuple[float, float]:
    """Return what a lease adds to a borrowing that waits for nobody, ms: median, and nine of ten."""
    lab = lab_of(folder, 4)
    spent: list[float] = []
    for _ in range(times):
        begin_ns = time.perf_counter_ns()
        with Leases.open(lab, folder / ".farm") as leases, leases.use(Wanted(boards=("tx2-01",))):
            pass
        spent.append((time.perf_counter_ns() - begin_ns) / 1e6)
    return median(spent), sorted(spent)[int(0.9 * times)]


def shown(found: Judgement, allowed: float, borrow: tuple[float, float], cpu_ms_a_turn: float) -> Table:
    """One line a figure."""
    table = Table(title=f"{found.processes} processes, {found.boards} boards")
    table.add_column("what")
    table.add_column("found", justify="right")
    table.add_column("must be", justify="right")
    rows = (
        ("turns taken", f"{found.turns}", "all"),
        ("of which the holder was killed (SIGKILL)", f"{found.killed}", ""),
        ("of which the holder gave up, having got no time to renew", f"{found.fenced}", ""),
        ("two holders of one board, by the kernel's word", f"{found.two_holders}", "0"),
        ("two holders of one board, by their clocks", f"{found.overlaps}", "0"),
        ("turns each other one had while one waited, at most", f"{found.share:.2f}", f"≤ {allowed:.2f}"),
        ("longest wait, mean wait", f"{found.longest_wait_s:.1f} s, {found.mean_wait_s:.1f} s", ""),
        ("killed holder's board is another's after", f"{found.slowest_freed_s:.2f} s", "≤ 2 s"),
        ("from one holder to the next, median", f"{found.handover_ms:.0f} ms", ""),
        ("processor time a turn, waiting included", f"{cpu_ms_a_turn:.0f} ms", ""),
        ("a lease that waits for nobody costs, median", f"{borrow[0]:.1f} ms", ""),
        ("nine of ten cost at most", f"{borrow[1]:.1f} ms", ""),
        ("left behind", ", ".join(f"{n} {what}" for what, n in found.left.items()), "0"),
    )
    for row in rows:
        table.add_row(*row)
    return table


def main() -> int:
    """Contend, judge, print; the JSON line comes last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leases", description=__doc__)
    parser.add_argument("--processes", type=int, default=200)
    parser.add_argument("--boards", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--hold-s", type=float, default=0.1, help="how long a board is held, ± 50 %% (default 0.1)")
    parser.add_argument("--killed", type=int, default=20, help="so many are killed while they hold (default 20)")
    args = parser.parse_args()
    plan = Plan(args.processes, args.boards, args.rounds, args.hold_s, args.killed, wait_s=300.0)
    with tempfile.TemporaryDirectory(prefix="farm-leases-") as name:
        for part in ("cost", "race"):
            (Path(name) / part).mkdir()
        borrow = borrow_ms(Path(name) / "cost")
        outcome = contend(plan, Path(name) / "race")
        # the last ones to be killed left their boards to nobody: whoever comes next ends their leases
        with Leases.open(lab_of(Path(name) / "race", args.boards), Path(name) / "race" / ".farm") as leases:
            for board in [f"tx2-{number:02}" for number in range(1, args.boards + 1)]:
                with leases.use(Wanted(boards=(board,))):
                    pass
        found = judge(outcome, Path(name) / "race")
    cpu_ms_a_turn = 1000 * outcome.cpu_seconds / max(1, found.turns)
    Console(width=_WIDTH).print(shown(found, allowed_share(plan), borrow, cpu_ms_a_turn))
    for fault in found.faults:
        print(fault)
    line = {
        "benchmark": "leases",
        "ok": not found.faults,
        "seconds": round(outcome.seconds, 1),
        "cpu_seconds": round(outcome.cpu_seconds, 1),
        "borrow_ms": round(borrow[0], 2),
        **{name: round(value, 4) if isinstance(value, float) else value for name, value in asdict(found).items()},
    }
    print(json.dumps(line))
    return int(bool(found.faults))


if __name__ == "__main__":
    sys.exit(main())
