"""``farm results plot``: a trial's watts in the terminal, its frames marked."""

import sys
from argparse import Namespace
from typing import TYPE_CHECKING

from ..errors import Exit, UsageFault
from .output import say

if TYPE_CHECKING:
    from ..report.terminal_plot import Lane
    from ..store.database import Store, Stored


def show(store: "Store", args: Namespace) -> int:
    """Print each meter's trace of a record, or the one that is named, in seconds from the first frame.

    Raises:
        UsageFault: no such record or meter, or hardly a reading between --from and --to.
        LabFault: a trace is damaged.
    """
    import numpy as np

    from ..report.collect import collect
    from ..report.terminal_plot import plot

    subject = collect(store, args.id)
    if subject.run is not None:
        raise UsageFault(f"{args.id} is a run; say which of its records: `farm results show {args.id}` lists them")
    (stored,) = subject.trials
    meters = [power.meter for power in stored.record.power if args.meter in (None, power.meter)]
    if not meters:
        there = ", ".join(power.meter for power in stored.record.power) or "none"
        raise UsageFault(f"{args.id}: no trace of a meter {args.meter or 'at all'}; there are {there}")
    lanes = _lanes(store, stored)
    for meter in meters:
        block = store.overview(stored.record.id, meter)
        t_s = (block.t_ns - np.int64(_zero_ns(stored, block.t_ns))) / 1e9
        wanted = np.isfinite(t_s)
        wanted &= t_s >= (-np.inf if args.start is None else args.start)
        wanted &= t_s <= (np.inf if args.end is None else args.end)
        if wanted.sum() < 2:
            raise UsageFault(f"{meter}: fewer than two readings there; the trace has {len(block)}")
        say(f"{meter}: {int(wanted.sum()):,} readings, seconds from the first frame")
        for line in plot(t_s[wanted], block.watts[wanted], lanes, encoding=sys.stdout.encoding):
            say(line)
    return Exit.PASS


def _zero_ns(stored: "Stored", t_ns: object) -> int:
    start_ns = stored.record.scenario.start_ns
    if start_ns is not None:
        return start_ns
    import numpy as np

    return int(np.asarray(t_ns)[0])


def _lanes(store: "Store", stored: "Stored") -> "list[Lane]":
    from ..report.terminal_plot import Lane

    start_ns = stored.record.scenario.start_ns
    if start_ns is None:
        return []
    lanes: dict[str, list[tuple[float, float]]] = {}
    frames = store.frames(stored.record.id)
    if frames is not None:
        begun, done = ((column - start_ns) / 1e9 for column in (frames.arrival_ns, frames.finish_ns))
        lanes["frames"] = list(zip(begun.tolist(), done.tolist(), strict=True))
    for event in stored.record.events:
        if event.kind in ("idle", "state", "fault"):
            until_ns = event.t_ns if event.until_ns is None else event.until_ns
            lanes.setdefault(event.kind, []).append(((event.t_ns - start_ns) / 1e9, (until_ns - start_ns) / 1e9))
    return [Lane(name, spans) for name, spans in lanes.items()]
