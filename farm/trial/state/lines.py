"""What the helper on the board printed, read back: the board's state, moment by moment. Pure."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from devices.board import BoardState
from devices.facts import integer, starting

_LATE = 5
"""Periods without a reading after which nothing is known of what was between (assumed)."""


@dataclass(frozen=True, slots=True)
class Ticks:
    """Processor time since the board's boot, in its ticks, all processors together."""

    busy: int
    total: int
    """Busy and idle; what the host of a virtual board took is in neither."""
    own: int | None
    """Of the busy, the runner's own; None where it is not known which process that is."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The board at one moment of its own clock, where something had changed since the one before."""

    t_ns: int
    before_ns: int
    """The reading before: what has changed, has done so since."""
    late: bool
    """It came so late after the one before that nothing is known of what was between."""
    state: BoardState
    link_mbps: dict[str, int]
    """USB port of each accelerator → speed; one that is gone is left out."""
    other_load: float | None
    """Share of all processors' time that was not the runner's, since the reading before."""
    ticks: Ticks | None


@dataclass(frozen=True, slots=True)
class Life:
    """One helper's, from its first line to the last that was heard."""

    samples: tuple[Sample, ...]
    readings: int
    cpu_s: float
    """That all of them took."""

    def stretches(self) -> list[tuple[int, int]]:
        """Return (begin, end) of what was watched, ns of the board's clock: readings that came late leave holes."""
        found: list[tuple[int, int]] = []
        for sample in self.samples:
            if not found:
                found.append((sample.t_ns, sample.t_ns))
            elif sample.late:
                found[-1] = (found[-1][0], sample.before_ns)
                found.append((sample.t_ns, sample.t_ns))
            else:
                found[-1] = (found[-1][0], sample.t_ns)
        return found


@dataclass(slots=True)
class _Told:
    facts: dict[str, str] = field(default_factory=dict[str, str])
    samples: list[Sample] = field(default_factory=list[Sample])
    readings: int = 0
    cpu_us: int = 0


def read_life(lines: Iterable[bytes], read_state: Callable[[dict[str, str]], BoardState]) -> Life:
    """Read what one helper printed; ``read_state`` is the board model's own.

    Each line tells only what has changed: of what comes after a damaged one nothing is known.
    """
    told = _Told()
    for line in lines:
        try:
            _take(told, line.decode("utf-8", "replace"), read_state)
        except ValueError:
            if told.samples:
                break
    return Life(tuple(told.samples), told.readings, told.cpu_us / 1e6)


def read_stamped(lines: Iterable[bytes], read_state: Callable[[dict[str, str]], BoardState]) -> Life:
    """Read what the helper in shell printed, a line a reading, with the time that a clock has written behind each."""
    return read_life(_stamped_first(lines), read_state)


def _stamped_first(lines: Iterable[bytes]) -> Iterator[bytes]:
    before = b""
    for line in lines:
        said, _, t = line.rpartition(b" ")
        if not t.isdigit() or (before and int(t) <= int(before)):
            return  # an end that was cut off: what comes after a damaged line cannot be told
        yield b" ".join((t, before or t, said))
        before = t


def _take(told: _Told, line: str, read_state: Callable[[dict[str, str]], BoardState]) -> None:
    head, *changes = line.split("\t")
    t, before, period_ms, readings, cpu_us, busy, total, own = head.split(" ")
    ticks, t_ns, before_ns = _ticks(busy, total, own), int(t), int(before)
    told.readings, told.cpu_us = int(readings), int(cpu_us)
    for change in changes:
        name, there, value = change.partition("\x1e")
        if there:
            told.facts[name] = value
        else:
            told.facts.pop(name, None)
    facts = told.facts
    links = {port: mbps for port in starting(facts, "link.") if (mbps := integer(facts, f"link.{port}")) is not None}
    other = integer(facts, "other")
    share = None if other is None else other / 100
    late = t_ns - before_ns > _LATE * int(period_ms) * 1_000_000
    told.samples.append(Sample(t_ns, before_ns, late, read_state(facts), links, share, ticks))


def _ticks(busy: str, total: str, own: str) -> Ticks | None:
    return None if busy == "-" else Ticks(int(busy), int(total), None if own == "-" else int(own))
