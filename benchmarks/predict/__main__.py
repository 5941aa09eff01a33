"""``python -m benchmarks.predict``: does a prediction keep to the share of a core that it states? Exit 0 yes, 1 no.

Two nets, one of tenths of a millisecond and one of ten, at a whole core, half of one and a quarter: latencies must grow
as the share falls, and under the quota no more frames may run than it pays for. Other load is no excuse for the first,
and only helps the second; what is left of it shows in the third column of figures, which nothing is asked of.
"""

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from farm.artifact.feed import feed
from farm.artifact.unpack import open_artifact
from farm.cli.main import main as farm
from farm.trial.prediction import host
from farm.trial.prediction.asked import Asked
from farm.trial.prediction.limits import limits_of
from farm.trial.prediction.mechanism import choose
from farm.trial.prediction.predict import predict
from farm.trial.scenario import SingleStream

_ROOT = Path(__file__).parents[2]
_LENET = _ROOT / "tests/lab/artifacts/lenet5-float-onnx.tar.zst"
_BUILDS = _ROOT / "tests/lab/models/untrained.py"
_SHARES = (1.0, 0.5, 0.25)
_SECONDS = 4.0
_MOST_OFF = 0.15
"""Of the ratio of two medians. Caches and the clock of a host are not the same from one second to the next."""
_MOST_OVER = 0.15
"""More frames than the quota pays for: its first period is given whole, and a tick of the kernel may be late."""


@dataclass(frozen=True)
class Seen:
    """One prediction."""

    share: float
    p50_ms: float
    fps: float
    """Computed."""
    ran_fps: float | None
    """Under the quota; None where there is none."""


def main() -> int:
    """Predict, print a table and one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        nets = {"lenet5": _LENET, "mobilenet-v1": _built(Path(folder))}
        seen = {name: [_seen(path, share, Path(folder)) for share in _SHARES] for name, path in nets.items()}
    off = {name: max(_off(found) for found in pairs) for name, pairs in _pairs(seen).items()}
    over = [one.ran_fps / one.fps - 1 for found in seen.values() for one in found if one.ran_fps is not None]
    kept = max(off.values()) <= _MOST_OFF and all(part <= _MOST_OVER for part in over)
    Console(width=110).print(_table(seen))
    figures = {"worst_off": max(off.values()), "worst_over_quota": max(over, default=None)}
    print(json.dumps({"benchmark": "predict", "kept": kept, **figures}))
    return 0 if kept else 1


def _built(folder: Path) -> Path:
    argv = [sys.executable, str(_BUILDS), "mobilenet-v1", "-o", str(folder)]
    subprocess.run(argv, check=True, capture_output=True)
    packed = folder / "mobilenet-v1.tar.zst"
    if farm(["artifact", "pack", str(folder / "mobilenet-v1"), "-o", str(packed), "-q"]):
        raise RuntimeError("the net could not be packed")
    return packed


def _seen(path: Path, share: float, folder: Path) -> Seen:
    artifact = open_artifact(path, Path(tempfile.mkdtemp(dir=folder)))
    limits, here = limits_of("atom-e3930", [f"share={share}"]), host.look()
    asked = Asked(
        artifact, feed(artifact, path), SingleStream(_SECONDS, score_s=0.0), limits, here, choose(limits, here)
    )
    record = predict(asked, lab="none", progress=lambda _: None).record
    ran = None if record.prediction is None else record.prediction.as_it_ran
    return Seen(share, record.latency.p50_ms, record.deadlines.fps, None if ran is None else ran.fps)


def _pairs(seen: dict[str, list[Seen]]) -> dict[str, list[tuple[Seen, Seen]]]:
    return {name: [(found[0], other) for other in found[1:]] for name, found in seen.items()}


def _off(pair: tuple[Seen, Seen]) -> float:
    """Return how far latencies of two shares are from growing as the share falls."""
    whole, part = pair
    return abs(part.p50_ms / whole.p50_ms * part.share / whole.share - 1)


def _table(seen: dict[str, list[Seen]]) -> Table:
    table = Table(title="single stream, at shares of a core")
    for name in ("net", "share", "p50 ms", "times the whole core's", "fps", "fps that ran under the quota"):
        table.add_column(name, justify="left" if name == "net" else "right")
    for name, found in seen.items():
        for one in found:
            ran = "no quota here" if one.ran_fps is None else f"{one.ran_fps:.1f}"
            times = f"{one.p50_ms / found[0].p50_ms:.2f}"
            table.add_row(name, f"{one.share:g}", f"{one.p50_ms:.3f}", times, f"{one.fps:.1f}", ran)
    return table


if __name__ == "__main__":
    sys.exit(main())
