"""Joules of parts of a load that recurs: the stages of thousands of frames, each shorter than what one reading tells.

A reading is the mean over its aperture. Where that holds shares ``x_k`` of the parts, with the rest between them as a
part too, it is ``sum(w_k x_k)``: the watts ``w_k`` are found by least squares over all readings of the window, of the
first and the second half of each part by themselves, for watts need not be constant in it. What the parts take then
adds up to what all of it takes. Of each part may be wrong

    fit          the scatter of the readings about that, by twenty stretches of the window: what is alike within a
                 stretch (slow drift, another program) counts as scatter of stretches. Normal.
    shape        what the fit without halves says else: watts that move within a half are told no better. Rectangular.
    times        begin and end of the parts against the readings, within ``bound_ns``: the fit is made again with all
                 parts earlier and later, and the largest change is the half width. Rectangular.
    gain, range  the meter's limits of error, as for any window; see :mod:`.energy`. Rectangular.
    pairing      all that volts and amps change together, as for the window, may be in one part. Full.
    idle         half of what the idle watts differ by before and after; of what is above idle only. Rectangular.

An offset is in the idle watts too, and cancels in what is above idle.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .block import Block
from .budget import Term, expanded
from .energy import has_value
from .piecewise import Readings, lots

_STRETCHES = 20
_STUDENT = 2.093 / 1.960
"""Student's t over the normal's quantile, 97.5 %, for the degrees of freedom that twenty stretches leave."""
_SHIFTS = (-1.0, -0.5, 0.5, 1.0)
_LEAST_APART = 1e-2
"""Of the shares as vectors of length 1, the least singular value: below it a part is another by another name."""
_A_PART = 20
"""Readings of one part tell how its watts move in it as well as more of them do (assumed)."""
_AT_ONCE = 1 << 18
"""Readings: some 20 MB for each part."""
POINT_NS = 1000
"""A point sample is taken as the mean over so long: shorter than any part."""
_BY_WATTS = ("volts gain", "amps gain", "watts gain", "volts range")
"""Limits of error that grow with the watts; volts that are off by so many count by the amps."""
_BY_TIME = ("amps range", "watts range")
"""Offsets of the watts."""
LIMITS_OF_ERROR = frozenset({*_BY_WATTS, *_BY_TIME})
"""Terms that are the meter's own, and one in all it reads."""
_WHOLLY = ("pairing",)
"""Volts sag where amps rise, which is where a part begins."""

Floats = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Part:
    """One part, once in every frame. Arrays (frames,), ns of the readings' clock; in order, and none over another."""

    start_ns: Int64
    end_ns: Int64

    @property
    def seconds(self) -> float:
        """Its length, the mean."""
        return float(np.mean(self.end_ns - self.start_ns)) / 1e9

    @property
    def halves(self) -> "tuple[Part, Part]":
        """The first and the second half of each."""
        middle_ns = (self.start_ns + self.end_ns) // 2
        return Part(self.start_ns, middle_ns), Part(middle_ns, self.end_ns)


@dataclass(frozen=True, slots=True)
class Joules:
    """What one part takes in a frame, the mean of all frames."""

    seconds: float
    joules: float
    terms: tuple[Term, ...]
    """What may be wrong with it."""

    @property
    def u_joules(self) -> float:
        """Half of the interval that holds the truth with 95 %."""
        return expanded(self.terms)

    def above(self, idle_watts: Sequence[float]) -> "Joules":
        """Return it less what idling as long takes; ``idle_watts`` were read before and after the frames, or once."""
        idle = sum(idle_watts) / len(idle_watts) * self.seconds
        share = (self.joules - idle) / self.joules if self.joules else 0.0
        own = [
            replace(term, joules=abs(term.joules * share)) if term.name in _BY_WATTS else term
            for term in self.terms
            if term.name not in _BY_TIME
        ]
        moved = (max(idle_watts) - min(idle_watts)) / 2 * self.seconds
        return Joules(self.seconds, self.joules - idle, (*own, Term("idle", moved, "rectangular")))


def joules_of(
    parts: Mapping[str, Part],
    readings: Readings,
    start_ns: int,
    end_ns: int,
    *,
    rate_hz: float,
    aperture_s: float,
    bound_ns: int,
    short: Collection[str] = (),
) -> dict[str, Joules] | None:
    """Return what each part takes in a frame; None where the readings cannot tell the parts apart.

    Gain and range of the meter are not in it: see :func:`with_meter`. The trace is gone through once, in memory that
    does not grow with it. Of readings much shorter than a part the means of several in a row are looked at, as what a
    slower meter would have read.

    Args:
        parts: all that is done in a frame, by name; what is left of the window is one more, unnamed.
        readings: in time order.
        start_ns: where the window begins.
        end_ns: where it ends.
        rate_hz: the meter's nominal rate.
        aperture_s: each reading is the mean over this long, centred on its time; 0 for a point.
        bound_ns: how far the readings' times and the parts' may be apart.
        short: parts that no reading can tell. They take their share of those that they fall into, and are left out of
            what is returned.
    """
    in_a_row = max(1, int(rate_hz * min(part.seconds for name, part in parts.items() if name not in short) / _A_PART))
    half_ns = max(int((aperture_s if in_a_row == 1 else in_a_row / rate_hz) * 1e9), POINT_NS) // 2
    halves = [(part,) if name in short else part.halves for name, part in parts.items()]
    fits = [_Fit(halves, int(shift * bound_ns)) for shift in (0.0, *_SHIFTS)]
    fits.append(_Fit([(part,) for part in parts.values()], 0))
    for t_ns, watts in _in_a_row(readings, start_ns, end_ns, in_a_row):
        inside = (t_ns - half_ns >= start_ns) & (t_ns + half_ns <= end_ns)
        stretch = (t_ns[inside] - start_ns) * _STRETCHES // (end_ns - start_ns)
        for fit in fits:
            fit.add(t_ns[inside], half_ns, watts[inside], stretch)
    known = [found for fit in fits if (found := fit.solved()) is not None]
    if len(known) < len(fits):
        return None
    (own, errors), *shifted, (plain, _) = known
    moved = np.max([np.abs(joules - own) for joules, _ in shifted], axis=0)
    return {
        name: Joules(
            part.seconds,
            float(own[at]),
            (
                Term("fit", float(errors[at]) * _STUDENT, "normal"),
                Term("shape", abs(float(plain[at] - own[at])), "rectangular"),
                Term("times", float(moved[at]), "rectangular"),
            ),
        )
        for at, (name, part) in enumerate(parts.items())
        if name not in short
    }


def with_meter(found: Joules, whole: Sequence[Term], joules: float, seconds: float, frames: int) -> Joules:
    """Add what the meter's limits of error leave open.

    Args:
        found: a part.
        whole: the terms of the whole window; see :mod:`.energy`.
        joules: of the whole window.
        seconds: its length.
        frames: in it.
    """
    by_watts, by_time = abs(found.joules / joules) if joules else 0.0, found.seconds / seconds
    limits = [replace(term, joules=term.joules * by_watts) for term in whole if term.name in _BY_WATTS]
    limits += [replace(term, joules=term.joules * by_time) for term in whole if term.name in _BY_TIME]
    limits += [replace(term, joules=term.joules / frames) for term in whole if term.name in _WHOLLY]
    return replace(found, terms=(*found.terms, *limits))


def _in_a_row(readings: Readings, start_ns: int, end_ns: int, count: int) -> Iterator[tuple[Int64, Floats]]:
    """Yield moments and watts of the readings that have a value, some at a time: means of so many in a row.

    Where one is missing in a row it is left out, all of it: it takes longer than most by a reading.
    """
    rest = Block.join([])
    for some in lots(readings, _AT_ONCE, start_ns, end_ns):
        known = some.pick(has_value(some))
        if count == 1:
            yield known.t_ns, known.watts
            continue
        known = Block.join([rest, known])
        whole = len(known) // count * count
        rest = known.pick(slice(whole, None))
        t_ns, watts = known.t_ns[:whole].reshape(-1, count), known.watts[:whole].reshape(-1, count)
        spent_ns = t_ns[:, -1] - t_ns[:, 0]
        told = spent_ns <= np.median(spent_ns) * (count - 0.5) / (count - 1) if whole else spent_ns > 0
        yield (t_ns[:, 0] + spent_ns // 2)[told], watts[told].mean(axis=1)


class _Fit:
    """The watts of parts, which are given in pieces, by least squares over all readings."""

    def __init__(self, parts: Sequence[Sequence[Part]], shift_ns: int) -> None:
        """Begin one in which all readings are so much later."""
        self._shift_ns = shift_ns
        self._pieces = [Shares(piece) for part in parts for piece in part]
        unknowns = len(self._pieces) + 1
        self._seconds = np.zeros((len(parts), unknowns))
        of = [at for at, part in enumerate(parts) for _ in part]
        self._seconds[of, np.arange(unknowns - 1)] = [piece.seconds for part in parts for piece in part]
        self._squares = np.zeros((_STRETCHES, unknowns, unknowns))
        self._products = np.zeros((_STRETCHES, unknowns))

    def add(self, t_ns: Int64, half_ns: int, watts: Floats, stretch: Int64) -> None:
        """Take the next readings, and in which stretch each is."""
        if not len(t_ns):
            return
        shares = [piece.of(t_ns + self._shift_ns, half_ns) for piece in self._pieces]
        x = np.column_stack([*shares, 1 - np.sum(shares, axis=0)])
        for nth in range(int(stretch[0]), int(stretch[-1]) + 1):
            first, last = np.searchsorted(stretch, [nth, nth + 1])
            self._squares[nth] += x[first:last].T @ x[first:last]
            self._products[nth] += x[first:last].T @ watts[first:last]

    def solved(self) -> tuple[Floats, Floats] | None:
        """Return the joules of each part and their standard errors; None where none is told."""
        if not self._squares.any(axis=(1, 2)).all():  # a stretch without a reading
            return None
        whole: Floats = self._squares.sum(axis=0)
        lengths = np.sqrt(np.diag(whole))
        if not lengths.all() or np.linalg.eigvalsh(whole / np.outer(lengths, lengths))[0] < _LEAST_APART**2:
            return None
        inverse = np.linalg.inv(whole)
        found = inverse @ self._products.sum(axis=0)
        left = self._products - self._squares @ found
        variance = inverse @ (left.T @ left) @ inverse * _STRETCHES / (_STRETCHES - 1)
        return self._seconds @ found, np.sqrt(np.diag(self._seconds @ variance @ self._seconds.T))


class Shares:
    """Which share of readings falls into a part."""

    def __init__(self, part: Part) -> None:
        """Take the part."""
        spent_ns = np.cumsum(part.end_ns - part.start_ns)
        self._corners_ns = np.column_stack([part.start_ns, part.end_ns]).ravel()
        self._passed_ns = np.column_stack([spent_ns - (part.end_ns - part.start_ns), spent_ns]).ravel()

    def of(self, t_ns: Int64, half_ns: int) -> Floats:
        """Return, shape (n,), which share lies in it of apertures of twice ``half_ns`` around these times, in order."""
        first, last = np.searchsorted(self._corners_ns, [t_ns[0] - half_ns, t_ns[-1] + half_ns])
        near = slice(max(0, first - 1), last + 1)
        zero_ns = t_ns[0]  # floats are exact near zero
        edges_ns = np.concatenate([t_ns - zero_ns + half_ns, t_ns - zero_ns - half_ns])
        upto: Floats = np.interp(edges_ns, self._corners_ns[near] - zero_ns, self._passed_ns[near])
        return (upto[: len(t_ns)] - upto[len(t_ns) :]) / (2 * half_ns)
