"""Whether a run has told all that a record needs, and has done what its plan asked for: it may be anybody's program.

Pure.
"""

from typing import TYPE_CHECKING

import numpy as np

from ..errors import LabFault
from .scenario import FixedRate, Scenario, Server

if TYPE_CHECKING:
    from .remote import Run

TELLS = "docs/scenarios.md tells what a program must print"
_HEEDS = "docs/scenarios.md tells what stands in a program's environment, and must be heeded"
_SLACK_S = 1.0
"""From the end of the last frame to the look at the clock that ends a closed loop (assumed: what has gathered is
written between the two)."""
_ANOTHER_CLOCK_NS = 100_000_000
"""Nobody tells of frames before they are done; clocks that are not the same are further apart (assumed)."""


def require_story(board: str, run: "Run", scenario: Scenario, images: int) -> None:
    """Raise LabFault where what a run has told of its frames is not all that a record needs, or cannot be.

    ``images``: that the data set has.
    """
    if scenario.draw and "draw" not in run.stages:
        raise LabFault(board, "was to draw into the frames, and its program knows no stage draw")
    if "start" not in run.heard_ns:
        raise LabFault(board, "the runner told no start", hint=TELLS)
    if run.heard_ns["start"][0] < run.heard_ns["hello"][0]:
        raise LabFault(board, "the runner told its start before its hello", hint=TELLS)
    if run.dropped and "frame" not in run.hello["columns"]:
        raise LabFault(board, "the runner has dropped frames, and its rows lack frame, their number", hint=TELLS)
    if run.column(f"{run.stages[-1]}_ns").max() <= run.column("arrival_ns")[0]:
        raise LabFault(board, "the runner's frames took no time at all", hint=TELLS)
    shown = [*run.column("image").tolist(), *(image for image, _ in run.scored)]
    if not 0 <= min(shown) <= max(shown) < images:
        what = f"the runner tells of images {min(shown)} to {max(shown)}; the data set has {images}"
        raise LabFault(board, what, hint=TELLS)
    if isinstance(scenario, FixedRate | Server):
        _require_counts(board, run, scenario)


def _require_counts(board: str, run: "Run", scenario: FixedRate | Server) -> None:
    """Raise LabFault where a run was not to be offered what its plan says, or has done and dropped more than that."""
    if isinstance(scenario, FixedRate):
        planned, at_least = round(scenario.rate_hz * scenario.span_s), ""
        wrong = abs(run.offered - planned) > 1  # however it rounds
    else:
        planned, at_least = scenario.min_queries, " at least"
        wrong = run.offered < planned
    if wrong:
        what = f"the runner says that {run.offered:,} frames were to come; its plan makes {planned:,}{at_least}"
        raise LabFault(board, what, hint=_HEEDS)
    if (told := len(run.rows) + run.dropped) > run.offered:
        what = f"the runner tells of {told:,} frames, dropped ones too, and {run.offered:,} were to come"
        raise LabFault(board, what, hint=TELLS)
    if run.dropped:
        numbers = run.column("frame")
        if numbers[0] < 0 or numbers[-1] >= run.offered or (np.diff(numbers) < 1).any():
            raise LabFault(board, f"the runner does not number its frames from 0 to {run.offered - 1:,}", hint=TELLS)


def carried_out(run: "Run", scenario: Scenario) -> bool:
    """Return whether a run has begun all frames that were to come, or has reached the least count and duration."""
    if not scenario.closed:
        return len(run.rows) + run.dropped == run.offered
    asked = scenario.plan()
    least = asked["min_count"] * (asked["samples_per_query"] or 1)
    took_s = int(run.column(f"{run.stages[-1]}_ns").max() - run.column("arrival_ns")[0]) / 1e9
    return len(run.rows) >= least and took_s >= asked["duration_s"] - _SLACK_S


def require_in_time(board: str, run: "Run", first_ns: int, last_ns: int, bound_ns: int) -> None:
    """Raise LabFault where frames are told of a time at which the run was not there: they have another clock.

    Args:
        board: its name.
        run: what it told.
        first_ns: when the first frame was due, on the controller's clock.
        last_ns: when the last one was done, likewise.
        bound_ns: how far both may be off.
    """
    early_ns, late_ns = run.began_ns - first_ns, last_ns - run.heard_ns["end"][1]
    if max(early_ns, late_ns) > bound_ns + _ANOTHER_CLOCK_NS:
        off = (
            f"{early_ns / 1e9:.3g} s before it began" if early_ns > late_ns else f"{late_ns / 1e9:.3g} s after its end"
        )
        what = f"the runner tells of frames {off}: their times are of another clock than the one that was asked"
        raise LabFault(board, what, hint="times are CLOCK_MONOTONIC's, as `clock` of the manifest tells it: " + TELLS)
