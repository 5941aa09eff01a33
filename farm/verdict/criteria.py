"""Limits held against a record: intervals are compared, and what cannot be decided is not decided."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..errors import UsageFault
from ..lab.words import contradictions
from ..store.record import Criterion, Record, Verdict
from .explain import digits, explain
from .figures import KINDS, TAINTS, Family, Figure, Kind

__all__ = ["Limits", "explain", "judge", "kinds", "named_limits", "parse_limits", "wanted"]

_NOT_NEGATIVE = Field(default=None, ge=0, allow_inf_nan=False)
_FRACTION = Field(default=None, ge=0, le=1, allow_inf_nan=False)


class Limits(BaseModel):
    """What a release is held to. An absent limit is not looked at."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min_fps: float | None = _NOT_NEGATIVE
    """Frames completed per second."""
    max_p99_ms: float | None = _NOT_NEGATIVE
    """Latency from the scheduled arrival that 99 of 100 frames keep."""
    max_missed_fraction: float | None = _FRACTION
    """Share of the frames that were not done when the next one was due."""
    min_accuracy: float | None = _FRACTION
    """Share of correct predictions over the whole data set."""
    max_accuracy_loss: float | None = Field(default=None, ge=-1, le=1, allow_inf_nan=False)
    """Against the uncompressed baseline on the same data set: 0.02 is two percentage points."""
    max_mean_watts: float | None = _NOT_NEGATIVE
    """Of the bench's first meter, as the five below."""
    max_peak_watts: float | None = _NOT_NEGATIVE
    """Of any reading. A meter that a frame's work is too short for can miss it, and keeps it never."""
    max_p99_watts: float | None = _NOT_NEGATIVE
    """Not exceeded for 99 % of the time."""
    max_short_term_watts: float | None = _NOT_NEGATIVE
    """Of any mean over the scenario's ``short_term_s``."""
    max_joules_per_inference: float | None = _NOT_NEGATIVE
    max_idle_watts: float | None = _NOT_NEGATIVE
    """Before and after the frames: the larger of the two."""
    max_size_bytes: float | None = _NOT_NEGATIVE
    """Of the packed artifact."""
    max_boot_s: float | None = _NOT_NEGATIVE
    """From power on to the first command over SSH; needs a boot that the farm watched."""


def parse_limits(texts: Iterable[str]) -> Limits:
    """Read ``name=value`` from a command line.

    Raises:
        UsageFault: one line for each that is wrong.
    """
    given = list(texts)
    values: dict[str, float] = {}
    faults = [f"--limit {what}" for what in contradictions(given)]
    for text in given:
        name, _, value = text.partition("=")
        try:
            checked = Limits.model_validate({name: value})
        except ValidationError as error:
            faults.append(f"--limit {text}: {_what_is_wrong(name, error)}")
        else:
            values |= checked.model_dump(exclude_none=True)
    if faults:
        raise UsageFault(faults)
    return Limits.model_validate(values)


def named_limits(values: Mapping[str, float]) -> Limits:
    """Return limits that are given by name, as a test gives them.

    Raises:
        UsageFault: one line for each that is wrong.
    """
    faults: list[str] = []
    for name, value in values.items():
        try:
            Limits.model_validate({name: value})
        except ValidationError as error:
            faults.append(f"limit {name}={value}: {_what_is_wrong(name, error)}")
    if faults:
        raise UsageFault(faults)
    return Limits.model_validate(values)


def _what_is_wrong(name: str, error: ValidationError) -> str:
    if name in Limits.model_fields:
        return str(error.errors()[0]["msg"])
    near = get_close_matches(name, Limits.model_fields, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(Limits.model_fields)}"


def kinds(limits: Limits) -> list[tuple[Kind, float]]:
    """Return the limits that are there, in the order in which they are printed."""
    given: dict[str, float] = limits.model_dump(exclude_none=True)
    return [(kind, given[kind.limit]) for kind in KINDS if kind.limit in given]


def wanted(kind: Kind, limit: float) -> str:
    """Return a limit as it is written: ``<= 0.25``; thousands are written out."""
    return f"{'<=' if kind.at_most else '>='} {limit:.15g}"


def judge(record: Record, limits: Limits) -> Verdict:
    """Hold a record against limits.

    A figure whose interval lies wholly inside its limit passes, wholly outside it is a regression, across it there
    is no verdict. A missed speed limit that would be met without the waiting for a processor that other load held
    is no verdict either. What a void taints decides nothing; a regression of anything else stands all the same.
    """
    voided: dict[Family, str] = {family: reason for reason in record.voids for family in _tainted(reason)}
    criteria = [_criterion(kind, limit, record, voided) for kind, limit in kinds(limits)]
    outcomes = {criterion.outcome for criterion in criteria}
    reasons = list(record.voids) if criteria else [*record.voids, "no limit was given"]
    if "regression" in outcomes:
        return Verdict(outcome="regression", criteria=criteria, reasons=reasons)
    if "no verdict" in outcomes or reasons:
        return Verdict(outcome="no verdict", criteria=criteria, reasons=reasons)
    return Verdict(outcome="pass", criteria=criteria)


def _tainted(reason: str) -> frozenset[Family]:
    every = frozenset[Family](get_args(Family))
    return next((families for kind, families in TAINTS.items() if reason.startswith(f"{kind}:")), every)


def _criterion(kind: Kind, limit: float, record: Record, voided: dict[Family, str]) -> Criterion:
    figure = kind.figure(record)
    host = next((reason for reason in record.voids if reason.startswith("host:")), "")
    why = voided.get(kind.family) or figure.why or _undecided(kind, limit, figure, host)
    missed = figure.got is not None and not _keeps(kind, figure.got, limit)
    if not missed:
        why = why or figure.at_least
    return Criterion(
        name=kind.name,
        unit=kind.unit,
        wanted=wanted(kind, limit),
        limit=limit,
        got=figure.got,
        u=figure.u,
        outcome="no verdict" if why else "regression" if missed else "pass",
        why=why,
        of=figure.of,
    )


def _keeps(kind: Kind, value: float, limit: float) -> bool:
    slack = kind.slack * max(abs(limit), 1.0)
    return value <= limit + slack if kind.at_most else value >= limit - slack


def _undecided(kind: Kind, limit: float, figure: Figure, host: str) -> str:
    if figure.got is None:
        return "the record does not hold it"
    u = figure.u or 0.0
    if _keeps(kind, figure.got - u, limit) != _keeps(kind, figure.got + u, limit):
        return f"the limit lies inside ± {digits(u, 2)} {kind.unit}: measure longer, or with a better meter"
    if _keeps(kind, figure.got, limit):
        return ""
    if figure.unstarved is None:
        # a twin shares the controller's machine, and this one cannot tell its own waiting from its work
        return host if kind.family == "speed" else ""
    if not _keeps(kind, figure.unstarved, limit):
        return ""
    return f"starved: {digits(figure.unstarved)} {kind.unit}".rstrip() + " without waiting for a busy processor"
