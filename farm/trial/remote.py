"""Runs the shipped runner on a board and gathers what it says."""

import json
import posixpath
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from shlex import quote
from time import monotonic_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.shell import Line, Shell

from ..artifact.deploy import Deployment
from ..errors import LabFault, UsageFault
from .kept import Kept
from .scenario import Scenario

_SILENCE_S = 60.0
"""Longest that a healthy runner says nothing, assumed: while runtime and model load, 8 s on an emulated board. Later
it writes every 5 s at least."""
_STARTED_S = 120.0
"""For loading and warm-up together, before the scenario's own times count (assumed)."""
_BURST_AT_MOST = 4
"""So many times its length a burst may take where the board's processor is busy otherwise; the runner keeps to it."""

STAGES = ("acquire", "convert", "marshal", "infer", "decode", "draw")
"""That a runner may tell, in the pipeline's order."""
_NEEDED = ("image", "arrival_ns", "wake_ns", "prediction")
"""Columns without which there is nothing to tell."""

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
    rows: list[list[int | float | None]] = field(default_factory=list[list[int | float | None]])
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
        return [stage for stage in STAGES if f"{stage}_ns" in self.hello["columns"]]

    @property
    def runtime(self) -> str:
        """The inference runtime and its version."""
        return str(self.hello["runtime"])

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
    watch: Callable[[], None],
) -> Run:
    """Start the runner, follow it to its end; it rests ``quiet_s`` before the first frame and after the last.

    Beyond that rest it runs frames without a pause until it has had a processor for ``burst_s``, and rests again.

    ``watch`` is called whenever the runner says something, every 5 s at least; what it raises ends the runner.

    Raises:
        LabFault: it ended before its end, said nonsense, or the board lacks what it needs.
        UsageFault: the board's runtime refuses the model.
        devices.errors.DeviceError: the link; also when it breaks in the middle, and what the runner keeps on the board
            cannot be reached again before the run must be over.
    """
    run = Run(began_ns=monotonic_ns())
    whole_s = _STARTED_S + 4 * quiet_s + 2 * _BURST_AT_MOST * burst_s + scenario.limit_s + scenario.score_s + _SILENCE_S
    own = deployment.artifact.manifest.command is not None
    kept = Kept(shell, "" if own else deployment.runs_path, deployment.runner_path)
    kept.clear()
    command = _command(deployment, scenario, quiet_s, burst_s, kept.path)
    try:
        with closing(kept.lines(command, timeout_s=whole_s, idle_timeout_s=_SILENCE_S)) as lines:
            for event, t_ns in _events(shell.name, lines):
                watch()
                try:
                    _take(run, event, shell.name, deployment, progress)
                    first_ns, _ = run.heard_ns.get(event["event"], (t_ns, t_ns))
                    run.heard_ns[event["event"]] = first_ns, t_ns
                except (KeyError, TypeError, ValueError) as error:
                    raise _nonsense(shell.name, json.dumps(event)) from error
    finally:
        kept.end()
    run.away_s = kept.away_s
    status, said = kept.ended()
    if not run.ended or status:
        raise _ended_early(shell.name, status, said)
    if not run.rows:
        raise LabFault(shell.name, "the runner ended without a single frame", hint=said[-500:])
    return run


def require_columns(board: str, run: Run) -> None:
    """Raise LabFault where frames are told in other columns than there can be anything made of."""
    missing = [name for name in _NEEDED if name not in run.hello["columns"]]
    if missing or not run.stages:
        lacks = ", ".join(missing) or "any stage's end, such as infer_ns"
        raise LabFault(
            board, f"the runner's rows lack {lacks}", hint="docs/scenarios.md tells what a program must print"
        )


def _command(deployment: Deployment, scenario: Scenario, quiet_s: float, burst_s: float, keep: str) -> str:
    if deployment.artifact.manifest.command is not None:
        return _own_program(deployment, deployment.artifact.manifest.command, plan(scenario, quiet_s, burst_s))
    words = ["python3", "-u", deployment.runner_path]
    words += ["--model", deployment.model_path, "--manifest", deployment.manifest_path]
    words += ["--images", deployment.images_path]
    words += ["--plan", json.dumps(plan(scenario, quiet_s, burst_s)), *(["--keep", keep] if keep else [])]
    return "exec " + " ".join(map(quote, words))


def _own_program(deployment: Deployment, command: list[str], asked: dict[str, Any]) -> str:
    """Return how an artifact's own program is started: the plan stands in its environment, key by key and whole."""
    folder = posixpath.dirname(deployment.manifest_path)
    program, *arguments = command
    if "/" in program and not program.startswith("/"):
        program = posixpath.join(folder, posixpath.normpath(program))
    paths = {"{model}": deployment.model_path, "{images}": deployment.images_path}
    for place, path in paths.items():
        arguments = [argument.replace(place, path) for argument in arguments]
    told = {f"FARM_{key.upper()}": str(value) for key, value in asked.items() if value is not None}
    told["FARM_PLAN"] = json.dumps(asked)
    words = ["env", *(f"{name}={value}" for name, value in told.items()), program, *arguments]
    return "exec " + " ".join(map(quote, words))


def plan(scenario: Scenario, quiet_s: float, burst_s: float) -> dict[str, Any]:
    """Return all that a runner is asked for: see ``farm/runner/plan.py``."""
    around = {
        "scenario": scenario.name,
        "warmup": scenario.warmup_frames,
        "limit_s": scenario.limit_s,
        "score_s": scenario.score_s,
        "quiet_s": quiet_s,
        "burst_s": burst_s,
        **({"part": list(scenario.part)} if scenario.part is not None else {}),
        **({"draw": True} if scenario.draw else {}),
    }
    return around | scenario.plan()


def _events(board: str, lines: Iterable[Line]) -> Iterator[tuple[dict[str, Any], int]]:
    for line in lines:
        try:
            event = json.loads(line.data)
            event["event"]
        except (ValueError, TypeError, KeyError):
            raise _nonsense(board, line.data.decode("utf-8", "replace")) from None
        yield event, line.t_ns


def _nonsense(board: str, said: str) -> LabFault:
    return LabFault(board, f"the runner says {said[:200]!r}", hint="what prints on the board's output?")


def _take(run: Run, event: dict[str, Any], board: str, deployment: Deployment, progress: Callable[[str], None]) -> None:
    match event["event"]:
        case "hello":
            run.hello = event
            require_columns(board, run)
            progress(f"{event['runtime']} on Python {event['python']}" if "python" in event else run.runtime)
        case "burst":
            waited_ns = event["waited_ns"]
            run.bursts.append(
                Burst(int(event["start_ns"]), int(event["end_ns"]), None if waited_ns is None else int(waited_ns))
            )
        case "start":
            run.offered = int(event["frames"])
        case "frames":
            run.rows += event["rows"]
            progress(f"frame {len(run.rows)} of {run.offered}")
        case "scored":
            run.scored += [(int(row[0]), int(row[1])) for row in event["rows"]]
            run.scored_margins += [row[2] if len(row) > 2 else None for row in event["rows"]]
        case "end":
            run.ended = True
            run.offered = int(event.get("offered", run.offered))
            run.dropped, run.complete = int(event.get("dropped", 0)), bool(event.get("complete", True))
            run.writing_ns = event.get("writing_ns")
        case "error":
            raise _refused(board, deployment, str(event["kind"]), str(event["detail"]))
        case _:
            pass  # a newer runner may tell more


def _refused(board: str, deployment: Deployment, kind: str, detail: str) -> LabFault | UsageFault:
    if kind == "model":
        return UsageFault(f"{deployment.artifact.manifest.name}: {board} cannot load it: {detail}")
    hints = {
        "runtime": f"run `farm provision {board}`",
        "dataset": "deploy again: what lies on the board is not what was sent",
        "preprocess": "numpy on the board computes otherwise than the one that trained: compare their versions",
    }
    return LabFault(board, f"the runner cannot begin: {detail}", hint=hints.get(kind, ""))


def _ended_early(board: str, status: int, said: str) -> LabFault:
    last = said.splitlines()[-1] if said else "nothing"
    killed = " (killed: out of memory?)" if status in (137, -9) else ""
    hint = "look at `dmesg` on the board" if killed else "start the runner by hand on the board"
    return LabFault(board, f"the runner ended early, status {status}{killed}; on stderr: {last}", hint=hint)
