"""When frames would have ended on a processor of the board's clock: pure.

A quota is given out in periods, and looked at with the kernel's tick: over many frames it is exact, within one it is
not. A frame that is shorter than a tick may escape it whole, and the next one pays. What does not depend on it is the
processor time of each frame, which the runner tells. Brought to the board's clock it is the frame's service there, and
the frames queue anew::

    begin'[i]  = max(arrival[i], finish'[i-1] + own'[i])
    finish'[i] = begin'[i] + cpu[i] / share

``own'`` is what the runner itself takes between two frames. In a closed loop a query arrives when the one before it is
done. Frames that would begin after the scenario's limit are not begun.
"""

from dataclasses import replace

import numpy as np

from ..figures import Frames
from ..remote import Int64, Run
from ..scenario import FixedRate, Scenario

_BLOCKED = 0.2
"""Of a frame, the median; assumed. OpenVINO's own threads leave the caller next to nothing to do."""


def cpu_ns(run: Run) -> Int64 | None:
    """Return the processor time of each frame, shape (n,); None where the runner tells of none."""
    if "cpu_ns" not in run.hello["columns"]:
        return None
    told: list[int | float | None] = [row[run.hello["columns"].index("cpu_ns")] for row in run.rows]
    return None if any(one is None for one in told) else np.array(told, np.int64)


def computable(run: Run, scenario: Scenario, threads: int) -> bool:
    """Tell whether processor time says how long frames take: it must be one thread's, and of every frame that came."""
    drops = isinstance(scenario, FixedRate) and scenario.late == "drop"
    return threads == 1 and not drops and in_one_thread(run)


def in_one_thread(run: Run) -> bool:
    """Tell whether the thread that tells its processor time is the one that computes: then it waits for nobody else.

    What it waited for a processor, or for the quota, is no such wait; a frame whose wait the runner could not tell
    apart from another gave its processor up of its own accord.
    """
    used_ns = cpu_ns(run)
    if used_ns is None or "waited_ns" not in run.hello["columns"]:
        return used_ns is not None
    at = run.hello["columns"].index("waited_ns")
    told: list[int | float | None] = [row[at] for row in run.rows]
    took_ns = run.column(f"{run.stages[-1]}_ns") - run.column("wake_ns")
    waited_ns = np.array([one or 0 for one in told], np.int64)
    blocked_ns = np.maximum(0, took_ns - waited_ns - used_ns)
    return bool(np.median(blocked_ns / np.maximum(1, took_ns)) <= _BLOCKED)


def own_ns(run: Run) -> int:
    """Return what the runner takes of a frame beside its latency; 0 where it does not say."""
    told: dict[str, int] | None = run.hello.get("overhead")
    return 0 if told is None else max(0, told["frame_ns"] - told["latency_ns"])


def retimed(frames: Frames, used_ns: Int64, share: float, *, own_ns: int, limit_ns: int) -> Frames:
    """Return the frames as a core of this share would work on them.

    Args:
        frames: As they ran.
        used_ns: Processor time of each, shape (n,).
        share: The board's clock over this host's.
        own_ns: What the runner takes between two frames here.
        limit_ns: No frame begins later than this after the first one was due.
    """
    service_ns: Int64 = np.rint(used_ns / share).astype(np.int64)
    arrivals, begins = _queued(frames, service_ns.tolist(), round(own_ns / share))
    begun = int(np.searchsorted(np.array(begins, np.int64), begins[0] + limit_ns, "right"))
    arrival_ns, begin_ns = (np.array(times[:begun], np.int64) for times in (arrivals, begins))
    worked_ns = sum(frames.stages_ns.values(), np.zeros_like(used_ns))[:begun]
    spent = np.divide(service_ns[:begun], np.maximum(1, worked_ns))
    return replace(
        frames,
        arrival_ns=arrival_ns,
        wake_ns=begin_ns,
        finish_ns=begin_ns + service_ns[:begun],
        unstarved_ns=None,
        stages_ns={name: np.rint(ns[:begun] * spent).astype(np.int64) for name, ns in frames.stages_ns.items()},
        image=frames.image[:begun],
        prediction=frames.prediction[:begun],
    )


def _queued(frames: Frames, service: list[int], own: int) -> tuple[list[int], list[int]]:
    """Return when each frame arrives, and when it is begun."""
    came = frames.arrival_ns.tolist()
    arrivals, begins = list[int](), list[int]()
    done = came[0] - own
    for nth, taken in enumerate(service):
        if not frames.closed:
            arrival = came[nth]
        elif nth and came[nth] == came[nth - 1]:  # of the same query
            arrival = arrivals[-1]
        else:
            arrival = done + own
        begin = max(arrival, done + own)
        arrivals.append(arrival)
        begins.append(begin)
        done = begin + taken
    return arrivals, begins
