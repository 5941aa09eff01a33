"""``python -m benchmarks.console``: the console beside labgrid's. Exit 0 when every promise is kept, else 1.

A round trip by hand is what labgrid's own serial driver needs to type a command and to see the prompt again, with
nothing checked; its shell driver makes two. What bare system calls need stands beside it, for information.
"""

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.console import Console
from rich.table import Table

from .. import labgrid
from . import measure
from .many import many

_WIDTH = 120
_ANY = float("inf")
"""Nothing is promised."""
_ROUNDS = 4
"""By hand, by the farm and by labgrid in turn: a machine's speed drifts."""


@dataclass(frozen=True)
class Row:
    """One figure, and what it must be."""

    what: str
    farm: float
    limit: float
    """The most that is promised; ratios where the name says so."""
    by_hand: float | None = None
    labgrid: float | str | None = None

    @property
    def ok(self) -> bool:
        return self.farm <= self.limit


def echo(python: Path, times: int) -> list[Row]:
    """``echo hi`` and the login on an idle shell."""
    raw: list[float] = []
    trips: list[float] = []
    farm: list[float] = []
    theirs: list[float] = []
    logins: dict[str, list[float]] = {"farm": [], "labgrid": []}
    for _ in range(_ROUNDS):
        with measure.line() as port:
            login_s, spent = measure.farm_echo_ms(port, times)
            logins["farm"].append(login_s)
            farm += spent
        with measure.line() as port:
            raw += measure.raw_echo_ms(port, times)
        with measure.line() as port:
            found = measure.labgrid(python, port, "echo", times)
            theirs += found.get("echo_ms", [])
            trips += found.get("trip_ms", [])
            logins["labgrid"].append(found.get("login_s", float("nan")))
    trip, mine, peers = median(trips), median(farm), median(theirs)
    return [
        Row("echo hi: by one round trip, typed until the prompt is back (ratio)", mine / trip, 1.3, 1.0, peers / trip),
        Row("echo hi: median, ms", mine, _ANY, trip, peers),
        Row("echo hi: by bare write() and read(), until the output is there (ratio)", mine / median(raw), _ANY, 1.0),
        Row("login of an idle board, s", median(logins["farm"]), 0.5, None, median(logins["labgrid"])),
    ]


def output(python: Path) -> list[Row]:
    """2.29 MB beside labgrid; then 50 MB, which must cost no more than their share."""
    count = 330_000
    wanted = b"".join(b"%d\n" % n for n in range(1, count + 1))
    with measure.line() as port:
        farm = measure.farm_output(port, f"seq 1 {count}", wanted)
    with measure.line() as port:
        found = measure.labgrid(python, port, "output", count)
    theirs = found.get("seconds", "failed")
    size = 50_000_000
    command = "head -c {} /dev/zero | tr '\\0' x"
    with measure.line() as port:
        tenth = measure.farm_output(port, command.format(size // 10), size // 10)
    with measure.line() as port:
        whole = measure.farm_output(port, command.format(size), size)
    ratio = farm.seconds / theirs if isinstance(theirs, float) else 0.0
    return [
        Row("2.29 MB of output: by labgrid's time (ratio)", ratio, 0.5, None, 1.0),
        Row("2.29 MB of output, s", farm.seconds, _ANY, None, theirs),
        Row("50 MB of output: processor time by that of 5 MB (ratio)", whole.cpu_seconds / tenth.cpu_seconds, 15.0),
        Row("50 MB of output, s", whole.seconds, 120.0),
        Row("50 MB of output: most memory, MiB", whole.peak_mib, 600.0),
    ]


def noise(python: Path, commands: int) -> list[Row]:
    """Many commands while the kernel prints 50 lines a second."""
    with measure.line(chatter_hz=50) as port:
        wrong = measure.farm_wrong_under_noise(port, commands)
    with measure.line(chatter_hz=50) as port:
        found = measure.labgrid(python, port, "noise", 200)
    theirs = f"{found['wrong']} of 200" if "wrong" in found else "no login"
    with measure.line(chatter_hz=50, times=False) as port:
        wrong_too = measure.farm_wrong_under_noise(port, commands // 10)
    return [
        Row(f"wrong answers of {commands} under 50 kernel lines/s", wrong, 0, None, theirs),
        Row(f"wrong answers of {commands // 10} under 50 a second without time stamps", wrong_too, 0),
    ]


def together(seconds: float) -> list[Row]:
    """Sixty-four consoles."""
    found = many(64, seconds)
    return [
        Row("64 consoles at 115200 baud: share of a core", found.core_share, 0.12),
        Row("64 consoles: bytes lost", found.lost_bytes, 0),
    ]


def main() -> int:
    """Measure, print, judge; one JSON line a figure comes last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.console", description=__doc__)
    parser.add_argument("--commands", type=int, default=10_000, help="under noise (default 10000)")
    parser.add_argument("--echoes", type=int, default=300, help="in each of four rounds (default 300)")
    parser.add_argument("--seconds", type=float, default=20.0, help="of 64 consoles (default 20)")
    args = parser.parse_args()
    python = labgrid.python()
    rows = [
        *together(args.seconds),
        *echo(python, args.echoes),
        *output(python),
        *noise(python, args.commands),
    ]
    table = Table(title="the console, beside labgrid's")
    for name in ("what", "by hand", "farm", "labgrid", "must be"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for row in rows:
        limit = "" if row.limit == _ANY else f"≤ {row.limit:g}" + ("" if row.ok else "  MISSED")
        table.add_row(row.what, *map(_shown, (row.by_hand, row.farm, row.labgrid)), limit)
    Console(width=_WIDTH).print(table)
    for row in rows:
        line = {name: None if value == _ANY else value for name, value in asdict(row).items()}
        print(json.dumps({"benchmark": "console", "ok": row.ok, **line}))
    return int(not all(row.ok for row in rows))


def _shown(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())
