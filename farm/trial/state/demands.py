"""What a plan demands of a board's state, and whether a board fulfils it. Pure.

A demand that a board cannot tell anything of is not fulfilled: it is never taken for granted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...errors import Faults, LabFault, UsageFault
from ...lab.words import contradictions, unknown
from ...store.board_facts import StateFacts
from .rules import rule_of

_POSITIVE = Field(default=None, gt=0, allow_inf_nan=False)
_NOT_NEGATIVE = Field(default=None, ge=0, allow_inf_nan=False)


class NotAsDemanded(LabFault):
    """The board is sound, and not as a plan wants it: that puts no board out of use."""


class Demands(BaseModel):
    """What the board must be like while frames run. An absent demand is not looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    governor: str | None = Field(default=None, pattern="^[a-z_]+$")
    """Of the processors' clock."""
    power_mode: str | None = Field(default=None, pattern="^[A-Za-z0-9_]+$")
    """By its name, as ``MAXN``."""
    min_cpu_hz: float | None = _POSITIVE
    """Of the slowest core that is on."""
    min_gpu_hz: float | None = _POSITIVE
    min_memory_hz: float | None = _POSITIVE
    unthrottled: Literal["now", "since boot"] | None = None
    """That nothing holds the board back; or that nothing has since it was started, where it remembers."""
    max_celsius: float | None = Field(default=None, allow_inf_nan=False)
    """Of the hottest sensor."""
    max_edge_tpu_celsius: float | None = Field(default=None, allow_inf_nan=False)
    min_memory_free_bytes: int | None = _NOT_NEGATIVE
    """That programs can still have."""
    min_disk_free_bytes: int | None = _NOT_NEGATIVE
    """Looked at before the trial only."""
    max_load1: float | None = _NOT_NEGATIVE
    """The mean of the last minute; looked at before the trial only, for the trial is load itself."""
    max_other_load: float | None = Field(default=None, ge=0, le=1)
    """Share of all processors' time that is not the runner's."""
    usb_link: Literal["usb2", "usb3"] | None = None
    """Of every accelerator on USB, at least."""

    @property
    def given(self) -> dict[str, Any]:
        """Name → what is wanted, of those that are there."""
        return self.model_dump(exclude_none=True)

    def over(self, other: "Demands") -> "Demands":
        """Return both, these being stronger."""
        return Demands.model_validate(other.given | self.given)


@dataclass(frozen=True, slots=True)
class Finding:
    """One demand, and what was found."""

    name: str
    wanted: str
    got: str | None
    """None: the board does not tell."""
    held: bool


def parse_demands(texts: Iterable[str]) -> Demands:
    """Read ``name=value`` from a command line.

    Raises:
        UsageFault: one line for each that is wrong.
    """
    given = list(texts)
    faults = Faults(f"--demand {what}" for what in contradictions(given))
    demands = faults.tried(lambda: demands_of(map(pair, given), "--demand "))
    if demands is None or faults.found:
        raise faults.told()
    return demands


def pair(text: str) -> tuple[str, str]:
    """Return name and value of ``NAME=VALUE``."""
    name, _, value = text.partition("=")
    return name, value


def demands_of(pairs: Iterable[tuple[str, object]], where: str = "") -> Demands:
    """Return demands from their names and values; raises as :func:`parse_demands`."""
    values: dict[str, object] = {}
    faults: list[str] = []
    for name, value in pairs:
        try:
            values |= Demands.model_validate({name: value}).given
        except ValidationError as error:
            why = unknown(name, Demands.model_fields) if name not in Demands.model_fields else error.errors()[0]["msg"]
            faults.append(f"{where}{name}={value}: {why}")
    if faults:
        raise UsageFault(faults)
    return Demands.model_validate(values)


def look(
    demands: Demands, state: StateFacts, *, remembers: bool = False, during: bool = False, told: bool = False
) -> Iterator[Finding]:
    """Yield what a state says to each demand, in their order.

    Args:
        demands: what is wanted.
        state: what the board said of itself.
        remembers: whether the model's throttling tells of the time since boot.
        during: leave out what must hold before the trial only.
        told: leave out what the board does not tell.
    """
    for name, wanted in demands.given.items():
        rule = rule_of(name, wanted, remembers=remembers)
        if during and not rule.during:
            continue
        got = rule.got(state)
        if got is None:
            if not told:
                yield Finding(name, rule.sign + rule.told(wanted), None, held=False)
            continue
        text = rule.told(got.value) + (f" ({got.whose})" if got.whose else "")
        yield Finding(name, rule.sign + rule.told(wanted), text, rule.keeps(got.value, wanted))


def refuse(board: str, model: str, findings: Sequence[Finding]) -> None:
    """Raise NotAsDemanded where not every demand is fulfilled: all of them at once, with what to do."""
    unmet = [one for one in findings if not one.held]
    if not unmet:
        return
    told = "; ".join(f"{one.name} wanted {one.wanted}, got {_got(one, model)}" for one in unmet)
    what = f"is not as the plan demands: {told}" + "".join(f"\n  {one.name}: {_remedy(one)}" for one in unmet)
    raise NotAsDemanded(board, what, hint="nothing was run; ask for less, or make the board so")


def _got(one: Finding, model: str) -> str:
    return one.got if one.got is not None else f"nothing (this {model} tells none)"


def _remedy(one: Finding) -> str:
    if one.got is None:
        return f"leave {one.name} out for this board"
    return rule_of(one.name, one.wanted).remedy.replace("{wanted}", one.wanted)
