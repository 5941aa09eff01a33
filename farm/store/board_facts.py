"""What a record says of the board: which one, in what state, since when it is up, and how warm it began."""

from .part import Made, Part


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


class AcceleratorFacts(Part):
    """One accelerator that hangs on the board."""

    kind: str
    port: str
    """USB path or PCI address."""
    link_mbps: int | None = None
    """Negotiated speed of its USB link, Mbit/s."""
    serial_number: str | None = None


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
