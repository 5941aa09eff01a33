"""What a trial leaves behind, put together of its parts. Unknown is absent (None, left out of the JSON), never 0.

Units are in the names. ``u_*`` is the uncertainty of its neighbour, in its unit: half the interval that holds the truth
with 95 %.
"""

from datetime import UTC, datetime
from typing import Literal, get_args

from pydantic import AwareDatetime

from .board_facts import (
    AcceleratorFacts,
    BoardFacts,
    BootFacts,
    ChangeFacts,
    DemandFacts,
    DuringFacts,
    StartFacts,
    StateFacts,
)
from .comparison_facts import TurnFacts
from .frame_facts import (
    AccuracyFacts,
    ArtifactFacts,
    BoundFacts,
    DatasetFacts,
    DeadlineFacts,
    LatencyFacts,
    RunnerFacts,
    ScenarioFacts,
)
from .judged import Criterion, Verdict
from .part import Made, Part
from .power_facts import (
    BudgetTerm,
    BurstFacts,
    CalibrationFacts,
    CorrectionFacts,
    MovingWatts,
    PartFacts,
    PowerFacts,
    Watts,
)
from .prediction_facts import PredictionFacts

__all__ = [
    "VOIDS",
    "AcceleratorFacts",
    "AccuracyFacts",
    "ArtifactFacts",
    "BoardFacts",
    "BootFacts",
    "BoundFacts",
    "BudgetTerm",
    "BurstFacts",
    "CalibrationFacts",
    "ChangeFacts",
    "ClockFacts",
    "CorrectionFacts",
    "Criterion",
    "DatasetFacts",
    "DeadlineFacts",
    "DemandFacts",
    "DuringFacts",
    "Event",
    "EventKind",
    "HostFacts",
    "LatencyFacts",
    "Made",
    "Moved",
    "MovingWatts",
    "Part",
    "PartFacts",
    "PowerFacts",
    "PredictionFacts",
    "Record",
    "Role",
    "RunnerFacts",
    "ScenarioFacts",
    "StartFacts",
    "StateFacts",
    "TraceSeal",
    "TurnFacts",
    "Verdict",
    "VoidKind",
    "Watts",
    "utc",
]
"""A record and all its parts: what reads records needs no other module."""

EventKind = Literal["boot", "idle", "frames", "scoring", "fault", "state"]


class Event(Part):
    """Something on the time axis of the traces: the controller's monotonic clock, ns."""

    kind: EventKind
    what: str
    """In a few words: ``kernel``, ``idle before``, ``silent for 30 s``."""
    t_ns: int
    until_ns: int | None = None
    """Absent: it has no length."""


class ClockFacts(Part):
    """How board time was mapped onto the controller's."""

    offset_ns: int
    """Controller minus board, monotonic clocks, at the start of the window."""
    bound_ns: int
    """Half width of the interval that the offset lies in, over the whole window."""
    drift_ppm: float | None = None
    """Board clock against the controller's; absent where the two probes were too close to tell."""


class HostFacts(Part):
    """The controller's own machine, and whether it kept up."""

    farm_version: str
    python: str
    lateness_max_ms: float
    """How late the controller's own 10 ms heartbeat came at worst during the trial."""


class TraceSeal(Part):
    """A trace that is too long for the database, in pieces beside it."""

    readings: int
    pieces: int
    size_bytes: int
    sha256: str
    """Of the index, which holds the hash of each piece."""


Role = Literal["candidate", "baseline"]
"""Whose release a record of a gate is."""


class Moved(Part):
    """A trial that a lab fault moved to this board."""

    board: str
    """Where it was to run."""
    why: str
    """The fault, in one line."""


VoidKind = Literal[
    "throttled",
    "settings",
    "starved",
    "readings lost",
    "bandwidth",
    "clock",
    "bursts",
    "host",
    "supply",
    "meters",
    "short",
    "link",
    "demand",
    "unwatched",
]
VOIDS: tuple[VoidKind, ...] = get_args(VoidKind)
"""The board held back; its power mode or governor changed; other load held the board back; a meter's trace has gaps;
frames work for less time than a meter can tell; board time and meter time are not aligned well enough; a burst of load
shows in a meter's trace at another time, or not at all; the controller's own machine did not keep up; the rail's volts
are not what the board takes; two meters of the board contradict each other; fewer frames
than the scenario asks for at least were done when its time was up; an accelerator's link was another all at once; the
board was no longer as the plan demands; nobody knows whether it was."""


class Record(Part):
    """One trial. What no record names does not exist for readers."""

    version: Literal[1] = 1
    id: str
    started_utc: AwareDatetime
    started_ns: int | None = None
    """That moment on the clock of the traces, the controller's monotonic one; absent in older records."""
    lab: str
    board: BoardFacts
    artifact: ArtifactFacts
    dataset: DatasetFacts
    scenario: ScenarioFacts
    latency: LatencyFacts
    deadlines: DeadlineFacts
    runner: RunnerFacts | None = None
    """Absent where the board's program does not say, and in older records."""
    accuracy: AccuracyFacts | None = None
    power: list[PowerFacts]
    """In the bench's order; a meter that read too little is left out."""
    traces: dict[str, TraceSeal] = {}
    """By meter: those that lie in pieces beside the database; shorter ones lie in it, and were committed with this."""
    supply_meter: str | None = None
    """The bench's first meter: what it says stands for the board. Absent: the bench has none."""
    clock: ClockFacts
    state_before: StateFacts
    state_after: StateFacts
    state_during: DuringFacts | None = None
    """Absent where the board could not be watched, and in older records."""
    demands: list[DemandFacts] = []
    """What the plan demanded of the board's state."""
    settings: dict[str, str] = {}
    """What the farm set on the board for this trial, and put back."""
    host: HostFacts
    voids: list[str] = []
    """Why this trial cannot decide, each ``KIND: what was seen``; KIND is one of :data:`VOIDS`. Empty: it can."""
    warnings: list[str] = []
    """What a reader should know and what voids nothing, each ``WHAT: why``."""
    start: StartFacts | None = None
    """Absent where neither a temperature nor a soak was asked for."""
    run_id: str | None = None
    """The session, gate or command that it belongs to: see :class:`.run.Run`."""
    role: Role | None = None
    """Absent outside a gate."""
    moved: list[Moved] = []
    """The boards that this one stands in for, oldest first."""
    turn: TurnFacts | None = None
    """Absent outside a comparison of variants."""
    lease: int | None = None
    """Fencing token under which it ran."""
    boot: BootFacts | None = None
    """Absent where the board was up already."""
    events: list[Event] = []
    """In time order."""
    prediction: PredictionFacts | None = None
    """Present where no board ran it: this machine did, under a board's limits."""

    @property
    def supply(self) -> PowerFacts | None:
        """What stands for the board's power; None where its meter read too little, whatever others say."""
        return next((power for power in self.power if power.meter == self.supply_meter), None)

    @property
    def fps_per_watt(self) -> float | None:
        """Frames a second for each watt of the board's supply, idle share included; None where it states no power."""
        supply = self.supply
        return None if supply is None or supply.mean.watts <= 0 else self.deadlines.fps / supply.mean.watts

    @property
    def made(self) -> Made:
        """``board`` only when board and meters all were real."""
        everything: list[Made] = [self.board.made, *(power.made for power in self.power)]
        twins: list[Made] = [made for made in everything if made != "board"]
        return twins[0] if twins else "board"


def utc(moment: datetime) -> str:
    """Return an ISO 8601 time in UTC, seconds resolved."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
