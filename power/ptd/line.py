"""What PTDaemon says of its samples. Pure: text in, numbers out; and whole logs as captured bytes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ..decoded import Decoded
from ..trace import since_epoch_ns
from ..trace_ptd import parse as parse_row
from ..trace_ptd import read as read_log

_COUNT = re.compile(r"Last (\d+) samples?$")
_NONE = re.compile(r"(?:No|Insufficient) unread")


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample; NaN for what it does not tell."""

    utc_ns: int
    """The daemon's own time, ms steps."""
    volts: float
    amps: float
    watts: float


def samples_to_come(said: str) -> int:
    """Return how many lines follow the answer to ``RL``; ValueError when it is no such answer."""
    if found := _COUNT.match(said):
        return int(found[1])
    if _NONE.match(said):
        return 0
    raise ValueError(f"no answer about samples: {said[:60]!r}")


def parse(line: str, channel: int | None = None) -> Sample:
    """Return what a line of samples says; ValueError when it is none. PTDaemon writes the month first, in UTC."""
    row = parse_row(line)
    month, day, year = row.date
    midnight = datetime(year, month, day, tzinfo=UTC)
    told = row.fields if channel is None else row.channels.get(channel)
    if told is None or "Watts" not in told:
        raise ValueError(f"no channel {channel} in {line[:60]!r}")
    volts, amps, watts = (told.get(name, float("nan")) for name in ("Volts", "Amps", "Watts"))
    return Sample(since_epoch_ns(midnight) + row.day_ns, volts, amps, watts)


def decode(data: bytes) -> Iterator[Decoded]:
    """Yield the rows of a captured log; ``t_ns`` counts from the first.

    Raises:
        ValueError: not one row with watts.
    """
    log = read_log(data.decode("utf-8-sig", "replace"))
    columns = (log.t_ns, log.volts, log.amps, log.watts)
    first_ns = int(log.t_ns[0]) if len(log.t_ns) else 0
    for t_ns, volts, amps, watts in zip(*(column.tolist() for column in columns), strict=True):
        yield Decoded(t_ns - first_ns, volts, amps, watts)
