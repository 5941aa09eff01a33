"""Runs the shipped runner on a board and gathers what it says."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.shell import Shell

from ..artifact.deploy import Deployment
from ..errors import LabFault, UsageFault
from .following import SILENCE_S, Following, Told
from .gone import Gone
from .kept import Kept
from .lookout import ROOM
from .said import NEEDED, BurstSaid, End, Error, Hello, Row, Rows, Start, require_frames, scored, stages_of, why
from .scenario import Scenario
from .signs import Signs
from .starting import command, plan
from .story import TELLS, carried_out, require_story
from .ticked import Ticked

_WATCH_S = 0.5
"""Between two looks at meters, disk and console while the runner says nothing."""
_STARTED_S = 120.0
"""For loading and warm-up together, before the scenario's own times count (assumed)."""
_BURST_AT_MOST = 4
"""So many times its length a burst may take where the board's processor is busy otherwise; the runner keeps to it."""

Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Burst:
    """Frames without a pause; ns of the board's clock."""

    start_ns: int
    end_ns: int
    waited_ns: int | None
    """For a processor that something else had; None where the board cannot tell."""


@dataclass(slots=True)
class Run:
    """What the runner said."""

    hello: dict[str, Any] = field(default_factory=dict[str, Any])
    offered: int = 0
    """Frames that were to come; of a closed loop, that came."""
    dropped: int = 0
    """Of them, those that came while another was worked on, where the scenario drops them."""
    complete: bool = True
    """Whether the least duration and the least count were reached before the time was up."""
    writing_ns: int | None = None
    """Spent on telling while there were frames to come; None where the runner does not say."""
    rows: list[Row] = field(default_factory=list[Row])
    scored: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """(image, prediction) of what was predicted after the frames."""
    scored_margins: list[float | None] = field(default_factory=list[float | None])
    """Of each of those; None where the runner does not say: see :meth:`margins`."""
    bursts: list[Burst] = field(default_factory=list[Burst])
    """Before the frames and after them."""
    ended: bool = False
    away_s: float = 0.0
    """How long the link was away meanwhile."""
    began_ns: int = 0
    """When it was started, on the controller's clock."""
    heard_ns: dict[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Event → when its first and its last line came, on the controller's clock."""

    @property
    def stages(self) -> list[str]:
        """The pipeline's stages that are timed, in their order; the last of them ends a frame."""
        return stages_of(self.hello["columns"])

    @property
    def runtime(self) -> str:
        """The inference runtime and its version."""
        return str(self.hello["runtime"])

    @property
    def device(self) -> str | None:
        """What ran the net, as the runtime itself names it; None where the runner does not say."""
        return self.hello.get("device")

    def column(self, name: str) -> Int64:
        """Return one column of the frames, shape (frames begun,), ns of the board's clock where it is a time."""
        at = self.hello["columns"].index(name)
        return np.array([row[at] for row in self.rows], np.int64)

    def margins(self) -> list[float | None]:
        """Return of each frame what the highest score is above the next, in the output's own unit; None: not known."""
        if "margin" not in self.hello["columns"]:
            return [None] * len(self.rows)
        at = self.hello["columns"].index("margin")
        return [row[at] for row in self.rows]

    def waited_ns(self) -> Int64 | None:
        """Return for each frame how long it waited for a processor, at least; None when the board tells of none.

        A frame of which it cannot tell counts as not having waited: that excuses less than there was, never more.
        """
        if "waited_ns" not in self.hello["columns"]:
            return None
        at = self.hello["columns"].index("waited_ns")
        waited: list[int | float | None] = [row[at] for row in self.rows]
        return None if all(one is None for one in waited) else np.array([one or 0 for one in waited], np.int64)


def run_on_board(
    shell: Shell,
    deployment: Deployment,
    scenario: Scenario,
    *,
    quiet_s: float,
    burst_s: float = 0.0,
    progress: Callable[[str], None],
    watch: Callable[[], object],
    signs: Signs | None = None,
) -> Run:
    """Start the runner, follow it to its end; it rests ``quiet_s`` before the first frame and after the last.

    Beyond that rest it runs frames without a pause until it has had a processor for ``burst_s``, and rests again.

    ``watch`` is called every second, whatever the link does; what it raises ends the runner. ``signs`` tell that the
    board is gone before the link does.

    Raises:
        LabFault: it ended before its end, said nonsense, or the board lacks what it needs; or the board is gone.
        UsageFault: the board's runtime refuses the model; or images are asked for that the data set does not have.
        devices.errors.DeviceError: the link, before anything runs.
    """
    images = len(deployment.dataset.labels)
    _require_images(scenario, images)
    run, signs = Run(began_ns=monotonic_ns()), signs or Signs()
    whole_s = _STARTED_S + 4 * quiet_s + 2 * _BURST_AT_MOST * burst_s + scenario.limit_s + scenario.score_s + SILENCE_S
    kept = Kept(deployment.runs_path) if deployment.runs_path else None
    own = deployment.artifact.manifest.command is not None
    words = command(deployment, plan(scenario, quiet_s, burst_s), keep=kept.path if kept is not None else "")
    # it tells nothing between two frames, nor while it rests and then loads the board as long as a slow meter wants
    rests_s = quiet_s + _BURST_AT_MOST * burst_s + scenario.silent_s
    following = Following(shell, words, kept, keeps=not own, signs=signs, timeout_s=whole_s, rests_s=rests_s)
    events = Ticked(following.events(), _WATCH_S, f"run on {shell.name}")
    try:
        for told in events:
            watch()
            signs.check_console(following.heard_ns, following.lost_ns)
            if told is not None:
                _heard(run, told, shell.name, deployment, progress)
    except Gone as gone:
        if gone.board:
            following.give_up()  # before its link goes, which it would look for again
            signs.give_up()
        raise _worded(shell.name, gone, run, signs) from gone
    finally:
        following.end()
        events.join()
    run.away_s = following.away_s
    if not run.ended or following.status:
        raise _ended_early(shell.name, following.status, following.said)
    if not run.rows:
        raise LabFault(shell.name, "the runner ended without a single frame", hint=following.said[-500:])
    if scenario.closed:
        run.offered = len(run.rows)
    require_story(shell.name, run, scenario, images)
    run.complete = run.complete and carried_out(run, scenario)
    return run


def _require_images(scenario: Scenario, images: int) -> None:
    if scenario.part is not None and scenario.part[1] > images:
        raise UsageFault(f"part: {scenario.part[0]}, {scenario.part[1]}: the data set has {images} images")


def _heard(run: Run, told: Told, board: str, deployment: Deployment, progress: Callable[[str], None]) -> None:
    try:
        _take(run, told.event, board, deployment, progress)
        name = told.event["event"]
        run.heard_ns[name] = run.heard_ns.get(name, (told.t_ns, 0))[0], told.t_ns
    except (KeyError, TypeError, ValueError) as error:
        said = json.dumps(told.event)[:200]
        raise LabFault(board, f"the runner says {said!r}: {why(error)}", hint=TELLS) from error


def _worded(board: str, gone: Gone, run: Run, signs: Signs) -> LabFault:
    """Say of a board that is gone how far the run had come, and what its console tells."""
    when = "before the first frame"
    if (start := run.heard_ns.get("start")) is not None:
        when = f"after {max(0, gone.t_ns - start[0]) / 1e9:.1f} s of frames ({len(run.rows)} of {run.offered} told)"
    evidence = f": {gone.evidence}" if gone.evidence else ""
    return LabFault(board, f"{gone.what} {when}{evidence}{signs.testimony()}", hint=gone.hint)


def _require_columns(board: str, run: Run) -> None:
    """Raise LabFault where frames are told in other columns than there can be anything made of."""
    missing = [name for name in NEEDED if name not in run.hello["columns"]]
    if missing or not run.stages:
        lacks = ", ".join(missing) or "any stage's end, such as infer_ns"
        raise LabFault(board, f"the runner's rows lack {lacks}", hint=TELLS)


def _take(run: Run, event: dict[str, Any], board: str, deployment: Deployment, progress: Callable[[str], None]) -> None:
    match event["event"]:
        case "hello":
            hello = Hello.model_validate(event)
            run.hello = event
            _require_columns(board, run)
            where = f" on {hello.device}" if hello.device else ""
            progress(f"{hello.runtime}{where}" + (f", Python {hello.python}" if hello.python else ""))
        case "burst":
            burst = BurstSaid.model_validate(event)
            run.bursts.append(Burst(burst.start_ns, burst.end_ns, burst.waited_ns))
        case "start":
            run.offered = Start.model_validate(event).frames
        case "frames":
            rows = Rows.model_validate(event).rows
            require_frames(run.hello["columns"], rows, run.rows[-1] if run.rows else None)
            run.rows += rows
            progress(f"frame {len(run.rows)} of {run.offered}")
        case "scored":
            answers, margins = scored(Rows.model_validate(event).rows)
            run.scored += answers
            run.scored_margins += margins
        case "end":
            end = End.model_validate(event)
            _require_all(board, run, end)
            run.ended, run.complete = True, end.complete
            run.offered = run.offered if end.offered is None else end.offered
            run.dropped, run.writing_ns = end.dropped, end.writing_ns
        case "error":
            error = Error.model_validate(event)
            raise _refused(board, deployment, error.kind, error.detail)
        case _:
            pass  # a newer runner may tell more


def _require_all(board: str, run: Run, end: End) -> None:
    """Raise LabFault where rows are missing: of what a program prints onto a full disk, say."""
    for what, done, told in (("frames", end.frames, run.rows), ("scored images", end.scored, run.scored)):
        if done is not None and done != len(told):
            raise LabFault(
                board, f"the runner has done {done:,} {what}, and {len(told):,} of them were told", hint=ROOM
            )


def _refused(board: str, deployment: Deployment, kind: str, detail: str) -> LabFault | UsageFault:
    if kind == "model":
        return UsageFault(f"{deployment.artifact.manifest.name}: {board} cannot load it: {detail}")
    hints = {
        "runtime": f"run `farm provision {board}`; an accelerator that it names must be plugged in",
        "dataset": "deploy again: what lies on the board is not what was sent",
        "preprocess": "numpy on the board computes otherwise than the one that trained: compare their versions",
    }
    return LabFault(board, f"the runner cannot begin: {detail}", hint=hints.get(kind, ""))


def _ended_early(board: str, status: int | None, said: str) -> LabFault:
    last = said.splitlines()[-1] if said else "nothing"
    killed = f" (killed by signal {status - 128})" if status is not None and status > 128 else ""
    hint = "look at `dmesg` on the board" if killed else "start the runner by hand on the board"
    return LabFault(board, f"the runner ended early, status {status}{killed}; on stderr: {last}", hint=hint)
