"""What a board's processor allows, as data, and what the caller says instead."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from devices.atom import PROCESSORS, Processor

from ...errors import UsageFault
from ...lab.words import contradictions, unknown

NAMES = ("clock_hz", "cores", "host_clock_hz", "memory_bytes", "share", "threads")
"""What ``--limit`` takes."""
_COUNTS = ("cores", "memory_bytes", "threads")
_GIVEN = "--limit"


@dataclass(frozen=True, slots=True)
class Limits:
    """All that is held to; see :class:`farm.store.prediction_facts.PredictionFacts`."""

    model: str
    processor: Processor
    cores: int
    clock_hz: float
    memory_bytes: int
    threads: int = 1
    """The farm's runner infers with one."""
    share: float | None = None
    """Of a host core's time, given instead of two clocks."""
    host_clock_hz: float | None = None
    """Given instead of what this host says: a virtual machine may not know."""
    given: frozenset[str] = frozenset()
    """What the caller said."""

    @property
    def sources(self) -> dict[str, str]:
        """Each limit that holds, and where it comes from."""
        names = ["cores", "memory_bytes", "threads", "clock_hz" if self.share is None else "share"]
        told = dict.fromkeys(names, self.processor.source) | {"threads": "the farm's runner infers with one"}
        if "clock_hz" in told:
            told["clock_hz"] += "; base clock"
        return {name: _GIVEN if name in self.given else told[name] for name in names}


def limits_of(model: str, settings: Sequence[str] = ()) -> Limits:
    """Return a board model's limits with each ``NAME=VALUE`` put in its place.

    Raises:
        UsageFault: no board that this machine can stand in for, or a limit that is none; all faults at once.
    """
    if (processor := PROCESSORS.get(model)) is None:
        known = unknown(model, PROCESSORS)
        raise UsageFault(
            f"--model {model}: only a board with a processor of this machine's family can be predicted; {known}"
        )
    base = Limits(model, processor, processor.cores, float(processor.clock_hz), processor.memory_bytes)
    faults, found = [f"--limit {what}" for what in contradictions(settings)], dict[str, float]()
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in NAMES:
            faults.append(f"--limit {setting}: want NAME=VALUE; {unknown(name, NAMES)}")
            continue
        try:
            found[name] = _value(name, text)
        except ValueError as error:
            faults.append(f"--limit {setting}: {error}")
    if "share" in found and found.keys() & {"clock_hz", "host_clock_hz"}:
        faults.append("--limit share: says what the two clocks would; leave the clocks out")
    if faults:
        raise UsageFault(faults)
    return replace(base, given=frozenset(found), **{name: _typed(name, value) for name, value in found.items()})


def _value(name: str, text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError("is not a positive number")
    if name in _COUNTS and value != int(value):
        raise ValueError("is no whole number")
    if name == "share" and value > 1:
        raise ValueError("is more than all of a core's time")
    return value


def _typed(name: str, value: float) -> float:
    return int(value) if name in _COUNTS else value
