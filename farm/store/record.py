"""What a trial leaves behind. Unknown is absent (None, left out of the JSON), never 0.

Units are in the names. ``u_*`` is the uncertainty of its neighbour, in its unit: half the interval that holds the truth
with 95 %.
"""

from datetime import UTC, datetime
from typing import Literal, get_args

from pydantic import AwareDatetime, BaseModel, ConfigDict

from power.kind import Kind

Made = Literal["board", "process twin", "qemu twin", "recording"]
"""What stood at the other end. Anything but ``board`` is labelled in every output."""


class Part(BaseModel):
    """Frozen, closed to unknown keys, and to what JSON has no number for."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class BoardFacts(Part):
    """Which board, and which software on it."""

    name: str
    model: str
    made: Made
    serial_number: str | None = None
    machine_id: str | None = None
    boot_id: str | None = None
    kernel: str | None = None
    os: str | None = None
    python: str | None = None
    runtime: str | None = None
    """Inference runtime and its version as the runner reported it, e.g. ``onnxruntime 1.20.1``."""


class ArtifactFacts(Part):
    """Which model release."""

    id: str
    """SHA-256 of the canonical manifest, hex."""
    name: str
    model: str
    runtime: str
    precision: str
    size_bytes: int
    """Of the packed file."""


class DatasetFacts(Part):
    """Which data set, by content."""

    id: str
    name: str
    images: int


class ScenarioFacts(Part):
    """How frames were offered."""

    name: str
    rate_hz: float
    duration_s: float
    """From the first scheduled arrival to the end of the last frame's period, measured on the board's clock."""
    start_ns: int | None = None
    """The first scheduled arrival on the clock of the traces, the controller's monotonic one."""
    frames: int
    warmup_frames: int


class LatencyFacts(Part):
    """Latency from the scheduled arrival, nearest-rank percentiles, ms."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    mean_ms: float
    p99_unstarved_ms: float | None = None
    """p99 had no frame waited for a processor that other load held; absent where the board cannot tell."""
    stages_mean_ms: dict[str, float] = {}
    """Mean per frame of each stage: acquire, convert, infer, decode …"""


class DeadlineFacts(Part):
    """Frames that were not done when the next one was due."""

    deadline_ms: float
    missed: int
    missed_unstarved: int | None = None
    """Misses that remain when the time waited for a processor is taken out; absent where unknown."""
    unfinished: int = 0
    """Frames never begun, because the board was too far behind. Each counts as missed, none has a latency."""
    fps: float
    """Frames completed per second over the measured window."""
    fps_unstarved: float | None = None
    """``fps`` had no frame waited for a processor; absent where the board cannot tell."""
    wake_lateness_max_ms: float
    """Latest wake-up of an idle runner: host or board load, not the model."""


class AccuracyFacts(Part):
    """Correct predictions, counted from the runner's predictions alone."""

    correct: int
    total: int
    fraction: float
    baseline_fraction: float | None = None
    """The uncompressed float model's on the same data set hash."""
    loss: float | None = None
    """``baseline_fraction - fraction``."""


class Watts(Part):
    """Mean power over a window."""

    watts: float
    u_watts: float


class BurstFacts(Part):
    """How a burst of load that the runner made beside its frames shows in a meter's trace; seconds, positive: late."""

    where: Literal["before", "after"]
    lag_s: float
    low_s: float
    high_s: float
    """95 % interval of the lag by the noise of the readings."""
    allowed_s: float
    """What clocks, stamps and the meter's rate may explain."""
    step_watts: float
    u_step_watts: float
    """Standard error."""


class MovingWatts(Part):
    """The highest mean over any stretch of a length."""

    watts: float
    u_watts: float
    over_s: float


class PartFacts(Part):
    """What a part of a frame's work takes, the mean over all frames; see :mod:`power.parts`."""

    name: str
    """``frame``: from its waking to its end; else a stage of it."""
    seconds: float
    joules: float
    """Gross."""
    u_joules: float
    joules_above_idle: float | None = None
    """Less what idling as long would have taken; absent where idle watts were not read."""
    u_joules_above_idle: float | None = None


class BudgetTerm(Part):
    """One source of error of the joules; see :mod:`power.budget`."""

    name: str
    joules: float
    """Half width of a rectangular term, standard deviation of a normal one, size of a full one."""
    shape: Literal["rectangular", "normal", "full"]


class CorrectionFacts(Part):
    """How a unit reads one quantity: ``reading = gain * true + offset``. The record holds what was found true."""

    gain: float
    offset: float
    u_gain: float | None = None
    """By the certificate; absent: the maker's limit of error counts. Likewise the offset's."""
    u_offset: float | None = None


class CalibrationFacts(Part):
    """A meter's calibration by the inventory, and what was corrected by it."""

    date: str | None = None
    """ISO 8601, as the next; absent: it has none, and one is demanded."""
    valid_until: str | None = None
    certificate: str | None = None
    volts: CorrectionFacts | None = None
    amps: CorrectionFacts | None = None
    watts: CorrectionFacts | None = None
    warning: str | None = None
    """What was to be said against it when the trial ran."""


class PowerFacts(Part):
    """One meter on one rail over the measured window."""

    meter: str
    driver: str
    rail: str
    kind: Kind | None = None
    """Absent in older records: not known."""
    within: str | None = None
    """The meter of the same board whose watts hold these."""
    made: Made
    how: Literal["measured", "estimated"] = "measured"
    estimated_why: str | None = None
    """What of it was not measured; absent where all was."""
    maker: str | None = None
    instrument: str | None = None
    serial_number: str | None = None
    firmware: str | None = None
    accuracy_source: str
    calibration: CalibrationFacts | None = None
    """Absent: what the unit said stands uncorrected."""
    nominal_rate_hz: float
    rate_hz: float
    jitter_ms: float | None = None
    """Standard deviation of the time from one reading to the next, over all that was read, where none is missing."""
    stale: int = 0
    """Readings, of all, in which the instrument repeated an old value."""
    doubled: int = 0
    """Readings that came a second time and were left out."""
    aperture_s: float
    readings: int
    lost: int
    """Readings that should be inside the window and are not."""
    mean: Watts
    peak_watts: float
    """The highest reading: a mean over ``aperture_s``."""
    u_peak_watts: float | None = None
    """Absent in older records."""
    p99: Watts | None = None
    """What is not exceeded for 99 % of the window's time."""
    short_term: MovingWatts | None = None
    too_slow_for: dict[str, str] = {}
    """What the meter cannot tell → why: figures that are absent; and ``peak_watts``, which then is a lower bound."""
    volts_mean: float | None = None
    """None of a meter that tells watts only."""
    volts_least: float | None = None
    """The lowest reading, under load."""
    u_volts: float | None = None
    """Limit of error of the volts."""
    joules: float
    u_joules: float
    joules_mean_times_duration: float
    """The cross-check: mean of the readings times the window."""
    joules_per_inference: float
    """Gross: idle between frames included."""
    u_joules_per_inference: float
    joules_per_inference_above_idle: float | None = None
    parts: list[PartFacts] = []
    """A frame and its stages, where the meter can tell them apart; ``too_slow_for`` says of the others why not."""
    idle_before: Watts | None = None
    idle_after: Watts | None = None
    budget: list[BudgetTerm] = []
    """What ``u_joules`` is made of; empty in records from before it was kept."""
    bursts: list[BurstFacts] = []
    """Empty where none was made, or the readings around it do not tell."""


class ClockFacts(Part):
    """How board time was mapped onto the controller's."""

    offset_ns: int
    """Controller minus board, monotonic clocks, at the start of the window."""
    bound_ns: int
    """Half width of the interval that the offset lies in, over the whole window."""
    drift_ppm: float | None = None
    """Board clock against the controller's; absent where the two probes were too close to tell."""


class AcceleratorFacts(Part):
    """One accelerator that hangs on the board."""

    kind: str
    port: str
    """USB path or PCI address."""
    link_mbps: int | None = None
    """Negotiated speed of its USB link, Mbit/s."""
    serial_number: str | None = None


class TraceSeal(Part):
    """A trace that is too long for the database, in pieces beside it."""

    readings: int
    pieces: int
    size_bytes: int
    sha256: str
    """Of the index, which holds the hash of each piece."""


class StateFacts(Part):
    """What the board said of itself at one moment."""

    celsius: dict[str, float] = {}
    ambient_celsius: float | None = None
    """By the inventory's ``ambient``; absent without one."""
    clock_hz: dict[str, int] = {}
    governor: str | None = None
    power_mode: str | None = None
    throttled: bool | None = None
    throttle_detail: str | None = None
    load1: float | None = None
    memory_free_bytes: int | None = None
    disk_free_bytes: int | None = None
    accelerators: list[AcceleratorFacts] = []
    """Those that the inventory names, in its order."""


class StartFacts(Part):
    """How warm a trial was to begin, and how it came to that."""

    zone: str | None = None
    """Whose temperature counted; absent where none was asked for."""
    celsius: float | None = None
    """When idle watts began."""
    wanted_celsius: tuple[float, float] | None = None
    waited_s: float = 0.0
    soak_s: float = 0.0
    """How long the model ran beforehand."""
    rested_s: float | None = None
    """From the end of that to the first frame; absent without it."""


class BootFacts(Part):
    """The boot that the trial ran on, where the farm watched it."""

    start_ns: int
    """Power switched on, on the controller's monotonic clock."""
    reached_s: dict[str, float]
    """Boot stage → seconds from ``start_ns`` to its first console line, in the order of the stages."""
    up_s: float
    """Until the board took its first command over SSH."""


EventKind = Literal["boot", "idle", "frames", "scoring", "fault", "state"]


class Event(Part):
    """Something on the time axis of the traces: the controller's monotonic clock, ns."""

    kind: EventKind
    what: str
    """In a few words: ``kernel``, ``idle before``, ``silent for 30 s``."""
    t_ns: int
    until_ns: int | None = None
    """Absent: it has no length."""


class Moved(Part):
    """A trial that a lab fault moved to this board."""

    board: str
    """Where it was to run."""
    why: str
    """The fault, in one line."""


Role = Literal["candidate", "baseline"]
"""Whose release a record of a gate is."""


class HostFacts(Part):
    """The controller's own machine, and whether it kept up."""

    farm_version: str
    python: str
    lateness_max_ms: float
    """How late the controller's own 10 ms heartbeat came at worst during the trial."""


VoidKind = Literal[
    "throttled", "settings", "starved", "readings lost", "bandwidth", "clock", "bursts", "host", "supply", "meters"
]
VOIDS: tuple[VoidKind, ...] = get_args(VoidKind)
"""The board held back; its power mode or governor changed; other load held the board back; a meter's trace has gaps;
frames work for less time than a meter can tell; board time and meter time are not aligned well enough; a burst of load
shows in a meter's trace at another time, or not at all; the controller's own machine did not keep up; the rail's volts
are not what the board takes; two meters of the board contradict each other."""


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
    lease: int | None = None
    """Fencing token under which it ran."""
    boot: BootFacts | None = None
    """Absent where the board was up already."""
    events: list[Event] = []
    """In time order."""

    @property
    def supply(self) -> PowerFacts | None:
        """What stands for the board's power; None where its meter read too little, whatever others say."""
        return next((power for power in self.power if power.meter == self.supply_meter), None)

    @property
    def made(self) -> Made:
        """``board`` only when board and meters all were real."""
        everything: list[Made] = [self.board.made, *(power.made for power in self.power)]
        twins: list[Made] = [made for made in everything if made != "board"]
        return twins[0] if twins else "board"


class Criterion(Part):
    """One limit held against one figure."""

    name: str
    """E.g. ``joules_per_inference``."""
    unit: str
    wanted: str
    """E.g. ``<= 0.25``."""
    limit: float
    got: float | None = None
    """Absent when the record does not hold it."""
    u: float | None = None
    """Expanded uncertainty of ``got``; absent where it is a count."""
    outcome: Literal["pass", "regression", "no verdict"]
    why: str = ""
    """Why no verdict."""
    of: str = ""
    """Of watts and joules: the meter, its rail and what that is; empty in older verdicts."""


class Verdict(Part):
    """All criteria of one record."""

    outcome: Literal["pass", "regression", "no verdict"]
    """The worst: regression over no verdict over pass."""
    criteria: list[Criterion]
    reasons: list[str] = []
    """Why no verdict, when the whole record is void."""


def utc(moment: datetime) -> str:
    """Return an ISO 8601 time in UTC, seconds resolved."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
