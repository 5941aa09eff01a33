"""``python -m benchmarks.gate``: how often is a gate wrong? Exit 0 as seldom as promised, 1 not."""

import argparse
import json
import sys
import time
from dataclasses import replace
from statistics import fmean, quantiles

from rich.console import Console
from rich.table import Table

from .contrast import peeking
from .noise import Noise
from .promise import Promise, at_least, at_most
from .simulate import LIMIT, Condition, Gates, shipped, simulate

_WIDTH = 150
_EQUAL = Promise(passes=0.90, regresses_at_most=0.01)
_WORSE = Promise(regresses=0.95, passes_at_most=0.005)
_NEVER_WRONG = Promise(passes_at_most=0.005), Promise(regresses_at_most=0.01)
_NOISES = (Noise(0.0), Noise(0.5), Noise(0.9), Noise(0.5, drift=0.001))
_PHI = Noise(0.5)
_AT_LIMIT = (Noise(-0.5), Noise(0.0), Noise(0.9, drift=0.001), replace(_PHI, shape="t3"))


def conditions() -> list[tuple[Condition, Promise]]:
    """Return what is simulated, and what is promised of it."""
    alpha = shipped(1)[0].statistics.alpha
    worse_never, equal_never = _NEVER_WRONG
    limit = Promise(passes_at_most=alpha.false_pass, regresses_at_most=alpha.false_regression, exact=True)
    found = [(Condition(0.0, noise), _EQUAL) for noise in _NOISES]
    found += [(Condition(0.03, noise), _WORSE) for noise in _NOISES]
    found += [(Condition(LIMIT, noise), limit) for noise in _AT_LIMIT]
    found += [(Condition(LIMIT, noise, lasting=0.01), limit) for noise in (_PHI, Noise(0.0, sigma=0.0))]
    found += [
        (Condition(0.0, _PHI, void=0.05), _EQUAL),
        (Condition(0.03, _PHI, void=0.05), _WORSE),
        (Condition(0.0, replace(_PHI, shape="t3")), _EQUAL),
        (Condition(0.03, replace(_PHI, shape="t3")), _WORSE),
        (Condition(0.0, Noise(0.5, sigma=0.02)), equal_never),
        (Condition(0.03, Noise(0.5, sigma=0.02)), worse_never),
        (Condition(0.0, _PHI, boards=4), _EQUAL),
        (Condition(0.03, _PHI, boards=4, worse=1), _WORSE),
        (Condition(LIMIT, _PHI, boards=2), limit),
    ]
    return found


def row(table: Table, condition: Condition, gates: Gates, faults: list[str]) -> None:
    """Add one condition."""
    rates = [_rate(gates.outcomes[name], gates.total) for name in gates.outcomes]
    most = quantiles(gates.pairs, n=20)[-1]
    pairs = f"{fmean(gates.pairs):.1f}", f"{most:.0f}"
    table.add_row(f"{100 * condition.change:+g} %", str(condition), *rates, *pairs, "BROKEN" if faults else "kept")


def _rate(count: int, total: int) -> str:
    return f"{100 * count / total:.2f} ({100 * at_least(count, total):.2f}…{100 * at_most(count, total):.2f})"


def naive(table: Table, number: int, seed: int) -> dict[str, dict[str, int]]:
    """Add what peeking does, for contrast."""
    found: dict[str, dict[str, int]] = {}
    for change, noise in ((LIMIT, Noise(0.0)), (LIMIT, Noise(0.5, drift=0.001)), (0.0, Noise(0.0))):
        outcomes = peeking(change, noise, number, seed, limit=LIMIT, alpha=0.025)
        rates = [_rate(count, number) for count in outcomes.values()]
        table.add_row(f"{100 * change:+g} %", f"peeking: {noise}", *rates, "", "", "contrast")
        found[f"{change:g}, {noise}"] = outcomes
    return found


def main() -> int:
    """Simulate, print the table; the JSON line comes last."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gate", description=__doc__)
    parser.add_argument(
        "--gates",
        type=int,
        default=2000,
        metavar="N",
        help="per condition [2000]; fewer than 600 prove no rate of 0.5 %",
    )
    parser.add_argument("--seed", type=int, default=1, help="draws the noise [1]")
    args = parser.parse_args()
    begin_s = time.process_time()
    table = Table(
        title=f"limit {100 * LIMIT:+g} % J/inference; rates in %, and their one-sided 95 % bounds (Clopper-Pearson)"
    )
    for name in ("truth", "noise", "pass", "regression", "no verdict", "pairs", "95th", "promise"):
        table.add_column(name, justify="left" if name in ("noise", "promise") else "right")
    lines: list[dict[str, object]] = []
    broken: list[str] = []
    for nth, (condition, promise) in enumerate(conditions()):
        gates = simulate(condition, args.gates, args.seed * 1000 + nth)
        faults = [f"truth {100 * condition.change:+g} %, {condition}: {f}" for f in promise.broken(gates.outcomes)]
        row(table, condition, gates, faults)
        broken += faults
        bounds = {f"{name}_at_most": round(at_most(count, gates.total), 5) for name, count in gates.outcomes.items()}
        line = {"truth": condition.change, "noise": str(condition), **gates.outcomes, **bounds}
        lines.append(line | {"mean_pairs": round(fmean(gates.pairs), 2)})
    contrast = naive(table, args.gates, args.seed)
    Console(width=_WIDTH).print(table)
    for fault in broken:
        print(fault)
    said = {"benchmark": "gate", "ok": not broken, "gates": args.gates, "seed": args.seed}
    print(
        json.dumps(
            said | {"cpu_seconds": round(time.process_time() - begin_s, 1), "conditions": lines, "peeking": contrast}
        )
    )
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
