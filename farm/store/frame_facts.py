"""What a record says of the frames: of which release and data set, how they were offered, how fast, how right."""

from .part import Part


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
    images_sha256: str | None = None
    """Of the file of images, as boards have it; this and what follows is absent in older records."""
    value_max: int | None = None
    classes: int | None = None


EACH_ONCE = "each image once"
"""The scenario that counts an accuracy, on a busy or a hot board too."""


class ScenarioFacts(Part):
    """How frames were offered."""

    name: str
    rate_hz: float | None = None
    """At which frames came, in the mean; absent where each waited for the one before it alone."""
    duration_s: float
    """From the first scheduled arrival to the end of the last frame's period, measured on the board's clock."""
    start_ns: int | None = None
    """The first scheduled arrival on the clock of the traces, the controller's monotonic one."""
    frames: int
    warmup_frames: int
    late: str | None = None
    """``queue`` or ``drop``: what becomes of a frame that is due while another is worked on. Absent: a closed loop, or
    an older record, whose late frames queued."""
    seed: int | None = None
    """Of arrivals at random."""
    samples_per_query: int | None = None
    """Absent where each frame is a query."""
    queries: int | None = None
    """Absent in older records."""
    min_duration_s: float | None = None
    min_queries: int | None = None
    """What both were to be at least; a single query of all frames counts these. Absent in older records."""
    part: tuple[int, int] | None = None
    """The data set's images that were shown: the first, and the one after the last. Absent: all of them."""

    @property
    def timed(self) -> bool:
        """Whether latencies and frames a second are evidence of speed; else they are what it took, and no more."""
        return self.name != EACH_ONCE


class RunnerFacts(Part):
    """What the runner itself took, of 200 frames without a model before the first one, and how it was heard."""

    frame_us: float | None = None
    """Median of a frame in all; absent where a program of one's own does not say."""
    latency_us: float | None = None
    """Median of what a frame's latency holds of it."""
    writing_s: float | None = None
    """On telling what happened, while there were frames to come; never while one was worked on."""
    link_away_s: float | None = None
    """How long there was no link while the board went on; absent where there always was one."""


class BoundFacts(Part):
    """Early stopping by MLPerf's rules: what so many queries show of a latency percentile with 99 % confidence."""

    percent: float
    queries: int
    least_queries: int
    """Fewer show nothing, however quick they are."""
    at_most_ms: float | None = None
    """The percentile is not above this; absent where there are too few queries, or a deadline is given."""
    over: int | None = None
    """Queries over the deadline; absent where there is none."""
    missing: int = 0
    """So many more queries, none over the deadline, would show it; 0: it is shown."""


class LatencyFacts(Part):
    """Latency of queries from the scheduled arrival, nearest-rank percentiles, ms."""

    p50_ms: float
    p90_ms: float
    p99_ms: float
    max_ms: float
    mean_ms: float
    p99_unstarved_ms: float | None = None
    """p99 had no frame waited for a processor that other load held; absent where the board cannot tell."""
    stages_mean_ms: dict[str, float] = {}
    """Mean per frame of each stage: acquire, convert, infer, decode …"""
    p95_ms: float | None = None
    p97_ms: float | None = None
    p999_ms: float | None = None
    """Absent with fewer than 1,000 queries, of which it would be the slowest; all three in older records."""
    bound: BoundFacts | None = None
    """Of the percentile that the scenario is about; absent where it is about none, and in older records."""


class DeadlineFacts(Part):
    """Frames that were late, where there are deadlines, and frames a second."""

    deadline_ms: float | None = None
    """From a frame's arrival; absent where nothing can be late."""
    missed: int | None = None
    """Absent where there is no deadline."""
    missed_unstarved: int | None = None
    """Misses that remain when the time waited for a processor is taken out; absent where unknown."""
    unfinished: int = 0
    """Frames never begun, because the board was too far behind. Each counts as missed, none has a latency."""
    dropped: int = 0
    """Frames that came while another was worked on, in a scenario that drops those. Likewise."""
    fps: float
    """Frames completed per second over the measured window."""
    fps_unstarved: float | None = None
    """``fps`` had no frame waited for a processor; absent where the board cannot tell."""
    wake_lateness_max_ms: float | None = None
    """Latest wake-up of an idle runner: host or board load, not the model. Absent of a closed loop, which never is."""


class AccuracyFacts(Part):
    """Correct predictions, counted from the runner's predictions alone."""

    correct: int
    total: int
    fraction: float
    baseline_fraction: float | None = None
    """The uncompressed float model's on the same data set hash."""
    loss: float | None = None
    """``baseline_fraction - fraction``."""
