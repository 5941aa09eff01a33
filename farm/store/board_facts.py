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
    device: str | None = None
    """What the runtime ran the net on, as it names that: ``cpu``, ``Edge TPU usb:0``; absent where it does not say."""


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
    other_load: float | None = None
    """Share of all processors' time that was not the runner's; looked at only where a plan demands something of it."""
    memory_free_bytes: int | None = None
    disk_free_bytes: int | None = None
    accelerators: list[AcceleratorFacts] = []
    """Those that the inventory names, in its order."""


class DemandFacts(Part):
    """What a plan demanded of the board's state, and what was found. Texts, as people are told."""

    name: str
    wanted: str
    before: str
    """Just before the trial."""
    during: str | None = None
    """The worst while frames ran; absent where it must hold before the trial only, or was not watched."""
    held: bool
    """To the last frame; false also where it could not be watched."""


class ChangeFacts(Part):
    """Something that changed while the board was watched."""

    what: str
    """``throttled``, ``governor``, ``power mode``, ``cores``, ``other load``, or an accelerator and its port."""
    was: str
    is_now: str
    at_s: float
    """When it was seen, from the first frame's arrival; before that negative."""
    since_s: float
    """It was not so yet then: the reading before."""
    voids: bool
    """Whether it makes the trial void: what came when everything had been measured does not."""


class DuringFacts(Part):
    """The board's state while the trial ran, as far as it was watched."""

    period_s: float
    """Between two readings, in the mean."""
    readings: int
    cpu_ms: float
    """Of the board's processor, that one of them took in the mean."""
    watched: float
    """Share of the frames' time."""
    unwatched_s: list[tuple[float, float]] = []
    """Begin and end of what was not, from the first frame's arrival."""
    why_unwatched: str | None = None
    changes: list[ChangeFacts] = []
    """In time order, the first hundred."""
    celsius_max: dict[str, float] = {}
    """To half a degree; while frames ran, as what follows."""
    clock_min_hz: dict[str, int] = {}
    memory_free_min_bytes: int | None = None
    other_load: float | None = None
    """Share of all processors' time that was not the runner's, over the frames."""


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
