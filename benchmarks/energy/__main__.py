"""``python -m benchmarks.energy``: are the farm's joules right? Exit 0 yes, 1 no."""

import argparse
import json
import math
import sys
import time
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from .breaks import BREAKS
from .judge import ALIGNMENT_BOUND_MS, Judgement, judge
from .loads import LENGTH_S, WINDOWS_S, loads
from .measure import WIRING, Result, measure

_WIDTH = 120


def by_window(results: list[Result]) -> Table:
    """One line a window: the error of each meter, and what it states as its uncertainty."""
    table = Table(
        title="error of the joules ± stated uncertainty (95 %), in %; !: beyond it; void: this machine stood still"
    )
    table.add_column("load")
    table.add_column("window", justify="right")
    for driver in WIRING:
        table.add_column(driver, justify="right")
    for load in loads():
        for window, (start_s, end_s) in enumerate(WINDOWS_S):
            row = {r.driver: r for r in results if (r.load, r.window) == (load, window)}
            table.add_row(load, f"{end_s - start_s:.1f} s", *(_cell(row[driver]) for driver in WIRING))
    return table


def _cell(result: Result) -> str:
    if result.energy is None:
        return f"void: {result.stalled_ms:.0f} ms" if result.stalled_ms else "refused"
    error, u = (100 * j / result.true_joules for j in (result.error_joules, result.energy.u_joules))
    return f"{error:+.3f} ± {u:.3f}" + ("" if abs(error) <= u else " !")


def by_meter(judgements: list[Judgement]) -> Table:
    """One line a meter."""
    table = Table(title="meters")
    for name in (
        "meter",
        "windows",
        "void",
        "largest error",
        "median ±",
        "outside ±",
        "stamped late",
        "bound",
        "verdict",
    ):
        table.add_column(name, justify="left" if name in ("meter", "verdict") else "right")
    for j in judgements:
        table.add_row(
            j.driver,
            str(j.windows),
            str(j.void),
            _or_dash("{:.3%}", j.largest_error),
            _or_dash("{:.3%}", j.median_u),
            f"{j.outside} of {j.windows - j.refused - j.void}",
            _or_dash("{:+.1f} ± {:.1f} ms", j.late_ms, j.u_late_ms),
            f"{ALIGNMENT_BOUND_MS[j.driver]:.0f} ms",
            "WRONG" if j.faults else "right",
        )
    return table


def _or_dash(form: str, *values: float) -> str:
    return form.format(*values) if all(map(math.isfinite, values)) else "—"


def _as_json(judgement: Judgement) -> dict[str, object]:
    """What is not known is null: JSON has no NaN."""
    known = asdict(judgement).items()
    return {name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in known}


def main() -> int:
    """Measure, judge, print; the JSON line comes last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.energy", description=__doc__)
    parser.add_argument("--break", dest="broken", choices=BREAKS, help="put a fault into the farm's path: must exit 1")
    parser.add_argument("--seed", type=int, default=1, help="draws the units' errors and noise (default 1)")
    args = parser.parse_args()
    begin_s, cpu_s = time.monotonic(), time.process_time()
    results = measure(loads, length_s=LENGTH_S, damage=BREAKS.get(args.broken or ""), seed=1000 * args.seed)
    judgements = [judge(driver, [r for r in results if r.driver == driver]) for driver in WIRING]
    console = Console(width=_WIDTH)
    console.print(by_window(results), by_meter(judgements))
    for j in judgements:
        for fault in j.faults:
            print(f"{j.driver}: {fault}")
    wrong = any(j.faults for j in judgements)
    line = {
        "benchmark": "energy",
        "broken": args.broken,
        "ok": not wrong,
        "trials": len(loads()) * len(WINDOWS_S),
        "seconds": round(time.monotonic() - begin_s, 1),
        "cpu_seconds": round(time.process_time() - cpu_s, 1),
        "meters": [_as_json(j) for j in judgements],
    }
    print(json.dumps(line))
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
