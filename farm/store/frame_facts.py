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
