"""``python -m benchmarks.compare``: how often is a comparison wrong, and how long does it take? Exit 0 as promised."""

import argparse
import json
import sys
import time
from collections.abc import Callable
from statistics import fmean

from rich.console import Console
from rich.table import Table

from benchmarks.gate.noise import Noise
from benchmarks.gate.promise import at_least, at_most

from . import naive, ours
from .lab import BOARD_SIGMA, Truth
from .said import ALPHA, MOST_ROUNDS, RESOLUTION, Said

_WIDTH = 170
_RATIO = 1.3
"""Boards that differ are to cost the naive plan at least so many times the rounds."""
_SEPARATED = 0.9
"""Variants that differ by 3 % are told apart at least so often within the most rounds."""

_WRONG = ("false_separated", "false_equal", "false_dominated")
_APART_NAME = "3 % apart"

_SAME = ((0.0,) * 4, (0.0,) * 4)
_SAME_EXACT = ((1.0,) * 4,)
_APART = ((0.0, 0.03, 0.06, 0.09), (0.0, -0.03, 0.03, -0.06))
_TRADE = ((0.0, 0.05, 0.05), (0.0, -0.015, 0.0))
"""The second gains 5 % and loses 1.5 %: it dominates nobody; the third dominates the first."""
_QUIET, _SLOW, _DRIFTS = Noise(0.0), Noise(0.5), Noise(0.9, drift=0.002)
_NONE = Noise(0.0, sigma=0.0)
_TAILS = Noise(0.5, shape="t3")


def truths() -> list[Truth]:
    """Return what is simulated."""
    same = {"gains": _SAME, "exact": _SAME_EXACT}
    return [
        Truth("all equal", **same, noise=_QUIET, boards=1),
        Truth("all equal", **same, noise=_SLOW),
        Truth("all equal", **same, noise=_TAILS),
        Truth("all equal", **same, noise=_DRIFTS, heat=0.01, warm_up=0.05),
        *(Truth("all equal", **same, noise=noise, boards=1, lasting=0.01) for noise in (_SLOW, _NONE)),
        Truth("two equal", ((0.0, 0.0), (0.0, 0.0)), ((1.0, 1.0),), _SLOW, boards=1, heat=0.01, warm_up=0.05),
        Truth("a trade", _TRADE, ((1.0,) * 3,), _SLOW, heat=0.005),
        Truth(_APART_NAME, _APART, ((1.0,) * 4,), _SLOW),
        Truth(_APART_NAME, _APART, ((1.0,) * 4,), _DRIFTS, heat=0.005, warm_up=0.03),
    ]


def main() -> int:
    """Simulate, print the table; the JSON line comes last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("--comparisons", type=int, default=1000, metavar="N", help="per condition [1000]")
    parser.add_argument("--seed", type=int, default=1, help="draws the noise [1]")
    args = parser.parse_args()
    begin_s = time.process_time()
    table = Table(
        title=f"{args.comparisons} comparisons each, up to {MOST_ROUNDS} rounds a board, risk {100 * ALPHA:g} %, "
        f"{100 * RESOLUTION:g} % matters, boards differ by {100 * BOARD_SIGMA:g} %; rates in %"
    )
    for name in (
        "truth",
        "way",
        "false separated",
        "false equal",
        "false dominated",
        "told apart",
        "rounds",
        "promise",
    ):
        table.add_column(name, justify="left" if name in ("truth", "way", "promise") else "right")
    lines: list[dict[str, object]] = []
    broken: list[str] = []
    for nth, truth in enumerate(truths()):
        ways: dict[str, Callable[[int], Said]] = {
            "farm": lambda seed, truth=truth: ours.compare(truth, seed),
            "naive": lambda seed, truth=truth: naive.compare(truth, seed, "honest"),
            "naive, peeking": lambda seed, truth=truth: naive.compare(truth, seed, "peeking"),
        }
        said = {
            way: [compare((args.seed * 1000 + nth) * 1_000_000 + n) for n in range(args.comparisons)]
            for way, compare in ways.items()
        }
        faults = [f"{truth}: {fault}" for fault in _broken(truth, said)]
        broken += faults
        for way, one in said.items():
            lines.append({"truth": str(truth), "way": way} | _line(truth, one, said["farm"]))
            _row(table, truth, way, one, faults)
    Console(width=_WIDTH).print(table)
    for fault in broken:
        print(fault)
    told = {"benchmark": "compare", "ok": not broken, "comparisons": args.comparisons, "seed": args.seed}
    print(json.dumps(told | {"cpu_seconds": round(time.process_time() - begin_s, 1), "conditions": lines}))
    return int(bool(broken))


def _broken(truth: Truth, said: dict[str, list[Said]]) -> list[str]:
    """Return what is not kept: a risk is broken where it is certainly above what was promised."""
    mine, faults = said["farm"], list[str]()
    for name in _WRONG:
        count = sum(getattr(one, name) for one in mine)
        if at_least(count, len(mine)) > ALPHA:
            faults.append(f"{name} in {count} of {len(mine)}, promised at most {ALPHA:.0%}")
    if truth.name != _APART_NAME:
        return faults
    apart = sum(one.separated for one in mine)
    if at_least(apart, len(mine)) < _SEPARATED:
        faults.append(f"told apart in {apart} of {len(mine)}, promised {_SEPARATED:.0%}")
    ratio = fmean(one.rounds for one in said["naive"]) / fmean(one.rounds for one in mine)
    if ratio < _RATIO:
        faults.append(f"the naive plan needs {ratio:.2f} times the rounds, promised {_RATIO:g}")
    return faults


def _line(truth: Truth, said: list[Said], mine: list[Said]) -> dict[str, object]:
    line: dict[str, object] = {name: round(fmean(getattr(one, name) for one in said), 4) for name in _WRONG}
    if truth.name != _APART_NAME:
        return line
    rounds = fmean(one.rounds for one in said)
    told = {"told_apart": round(fmean(one.separated for one in said), 4), "mean_rounds": round(rounds, 2)}
    return line | told | {"times_the_farms_rounds": round(rounds / fmean(one.rounds for one in mine), 2)}


def _row(table: Table, truth: Truth, way: str, said: list[Said], faults: list[str]) -> None:
    rates = [_rate(sum(getattr(one, name) for one in said), len(said)) for name in _WRONG]
    if way != "farm":
        rates[1:] = ["", ""]  # it knows neither
    apart = truth.name == _APART_NAME
    told = f"{100 * sum(one.separated for one in said) / len(said):.1f}" if apart else ""
    rounds = f"{fmean(one.rounds for one in said):.1f}" if apart else ""
    promise = "contrast" if way != "farm" else "BROKEN" if faults else "kept"
    table.add_row(str(truth) if way == "farm" else "", way, *rates, told, rounds, promise)


def _rate(count: int, total: int) -> str:
    return f"{100 * count / total:.1f} (…{100 * at_most(count, total):.1f})"


if __name__ == "__main__":
    sys.exit(main())
