"""``python -m benchmarks.clock``: does the farm know a board's time as well as it says? Exit 0 yes, 1 no."""

import json
import random
import sys
import tempfile
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from .simulate import Simulated, trial
from .wire import Followed, follow

_BOARDS, _SECONDS = 6, 15.0
_EVERY_S = 0.1
"""More often than in a trial, to learn more delays in less time; the bound is that of one question a second."""
_TRIALS = 1_000
_MOST_ERROR_NS = 1_000_000
_LEAST_HELD = 0.99


def main() -> int:
    """Follow loaded boards over SSH; then trials of ten minutes with the delays that were found."""
    with tempfile.TemporaryDirectory() as folder:
        boards = [follow(Path(folder, str(seed)), seed, seconds=_SECONDS, every_s=_EVERY_S) for seed in range(_BOARDS)]
    real = [seen for board in boards for seen in board.errors_ns()]
    delays = [pair for board in boards for pair in board.delays_ns]
    dice = random.Random(1)
    made_up = [trial(dice, delays, slewed=number % 2 == 1) for number in range(_TRIALS)]
    worst_ns = max(max(error for error, _ in real), max(one.worst_ns for one in made_up))
    held = sum(inside for _, inside in real) / len(real)
    held_made_up = sum(one.held for one in made_up) / sum(one.moments for one in made_up)
    kept = worst_ns <= _MOST_ERROR_NS and min(held, held_made_up) >= _LEAST_HELD
    Console(width=110).print(_table(boards, made_up, delays, worst_ns, held, held_made_up))
    figures = {"worst_ms": worst_ns / 1e6, "held": held, "held_in_ten_minutes": held_made_up}
    print(json.dumps({"benchmark": "clock", "kept": kept, **figures}))
    return 0 if kept else 1


def _table(
    boards: list[Followed],
    made_up: list[Simulated],
    delays: list[tuple[int, int]],
    worst_ns: int,
    held: float,
    held_made_up: float,
) -> Table:
    """One line a figure."""
    table = Table(title=f"{_BOARDS} loaded boards over SSH; {_TRIALS} trials of ten minutes with their delays")
    for name in ("what", "found", "must be"):
        table.add_column(name, justify="left" if name == "what" else "right")
    trips_ms = sorted((there + back) / 1e6 for there, back in delays)
    offsets_s = [abs(board.times.offset_ns(board.times.offsets[0].board_ns)) / 1e9 for board in boards]
    stated = [board.times.bound_ns / 1e6 for board in boards]
    drifts = [board.truth.clock.drift_ppb / 1e3 for board in boards]
    rows = (
        ("board clocks differ from ours by, drift by", f"{min(offsets_s):.0f} … {max(offsets_s):.0f} s, "
         f"{min(drifts):+.0f} … {max(drifts):+.0f} ppm", "≥ 10 s"),
        ("round trip of a question: median, 95 %, longest",
         f"{median(trips_ms):.2f}, {trips_ms[int(0.95 * len(trips_ms))]:.2f}, {trips_ms[-1]:.2f} ms", ""),
        ("on the wire: stated bound, median board", f"{median(stated):.2f} ms", ""),
        ("on the wire: the interval holds the truth", f"{held:.2%}", f"≥ {_LEAST_HELD:.0%}"),
        ("ten minutes: stated bound, median trial", f"{median(one.bound_ns for one in made_up) / 1e6:.2f} ms", ""),
        ("ten minutes: the interval holds the truth", f"{held_made_up:.2%}", f"≥ {_LEAST_HELD:.0%}"),
        ("ten minutes: largest error, drift of ± 50 ppm", _worst(made_up[0::2]), ""),
        ("ten minutes: largest error, NTP slews by 500 ppm too", _worst(made_up[1::2]), ""),
        ("largest error of all, the wire's too", f"{worst_ns / 1e6:.3f} ms", f"≤ {_MOST_ERROR_NS / 1e6:g} ms"),
    )  # fmt: skip
    for row in rows:
        table.add_row(*row)
    return table


def _worst(trials: list[Simulated]) -> str:
    return f"{max(one.worst_ns for one in trials) / 1e6:.3f} ms"


if __name__ == "__main__":
    sys.exit(main())
