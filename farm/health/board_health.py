"""How one board is, as far as a look could tell."""

from dataclasses import dataclass, field
from typing import Literal

from ..store.record import Made

State = Literal["ok", "faulty", "quarantined", "in use", "off", "booting", "unknown"]
TRANSIENT: frozenset[State] = frozenset({"in use", "off", "booting", "unknown"})
"""What passes by itself: it is shown, and never kept."""


@dataclass(frozen=True, slots=True)
class LastTrial:
    """The newest record of a board."""

    record: str
    started_utc: str
    artifact: str
    outcome: str | None = None
    """``pass``, ``regression``, ``no verdict``; None: never judged."""
    run: str | None = None


@dataclass(slots=True)
class BoardHealth:
    """What one look found. None: not known, or not asked because the board is off or in use."""

    board: str
    model: str
    made: Made
    holder: str | None = None
    """Who holds the board, a reservation included."""
    in_use: str | None = None
    """Who uses it just now: it is left alone then."""
    quarantine: str | None = None
    """Why it is in quarantine, and since when."""
    last: LastTrial | None = None
    powered: bool | None = None
    """What its switch says; None too where a meter, its console or SSH gives the lie to a switch that says off."""
    off_proven_by: list[str] = field(default_factory=list[str])
    """What proves that a board is off, whose switch says so: ``um25c-1 reads 0.00 W``. Empty for one: not proven."""
    off_doubts: list[str] = field(default_factory=list[str])
    """What might have proven it, and could not be asked."""
    up: bool | None = None
    """Whether it takes a command."""
    console: str | None = None
    """What its console showed: ``login``, ``password``, ``shell``, ``output``."""
    boot_stage: str | None = None
    """How far a boot has come that was going on while it was looked at."""
    serial_number: str | None = None
    os: str | None = None
    boot_id: str | None = None
    celsius: dict[str, float] = field(default_factory=dict[str, float])
    throttled: bool | None = None
    throttle_detail: str | None = None
    clock_hz: dict[str, int] = field(default_factory=dict[str, int])
    governor: str | None = None
    power_mode: str | None = None
    clock_off_s: float | None = None
    """The board's date minus the controller's."""
    load1: float | None = None
    memory_free_bytes: int | None = None
    disk_free_bytes: int | None = None
    volts: dict[str, float | None] = field(default_factory=dict[str, float | None])
    """By meter, as the two below."""
    watts: dict[str, float | None] = field(default_factory=dict[str, float | None])
    faults: list[str] = field(default_factory=list[str])
    """Component first; empty: nothing is wrong."""
    warnings: list[str] = field(default_factory=list[str])
    """What is no fault of today: a calibration that has expired. Component first."""
    looked_s: float | None = None
    """How long the look took."""

    @property
    def state(self) -> State:
        """One word for it all; quarantine before what is seen, and use before what was seen until then."""
        if self.quarantine is not None:
            return "quarantined"
        if self.in_use is not None:
            return "in use"
        if self.faults:
            return "faulty"
        if self.powered is False:
            return "off"
        if self.up:
            return "ok"
        return "booting" if self.up is False else "unknown"

    @property
    def reason(self) -> str:
        """Why the state is what it is, in one line; empty where it is good."""
        if self.quarantine is not None:
            return self.quarantine
        if self.in_use is not None:
            return self.in_use
        if self.faults:
            return self.faults[0].partition("\n")[0]
        unproven = self.powered is False and not self.off_proven_by
        return f"not proven: {'; '.join(self.off_doubts)}" if unproven else ""

    @property
    def bad(self) -> bool:
        """Whether somebody must do something: faults, or quarantine."""
        return bool(self.faults) or self.quarantine is not None

    @property
    def hottest(self) -> float | None:
        """The highest temperature, °C."""
        return max(self.celsius.values(), default=None)

    @property
    def supply_watts(self) -> float | None:
        """What the meter reads that stands for the board: the first."""
        return next(iter(self.watts.values()), None)
