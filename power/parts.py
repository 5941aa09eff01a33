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
    idle         half of what the idle watts differ by before and after; of what is above idle only. Rectangular.

An offset is in the idle watts too, and cancels in what is above idle.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .block import Block
from .budget import Term, expanded
from .energy import has_value

_STRETCHES = 20
_STUDENT = 2.093 / 1.960
"""Student's t over the normal's quantile, 97.5 %, for the degrees of freedom that twenty stretches leave."""
_SHIFTS = (-1.0, -0.5, 0.5, 1.0)
_LEAST_APART = 1e-2
"""Of the shares as vectors of length 1, the least singular value: below it a part is another by another name."""
_POINT_NS = 1000
"""A point sample is taken as the mean over so long: shorter than any part."""
_BY_WATTS = ("volts gain", "amps gain", "watts gain", "volts range")
"""Limits of error that grow with the watts; volts that are off by so many count by the amps."""
_BY_TIME = ("amps range", "watts range")
"""Offsets of the watts."""

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
    block: Block,
    start_ns: int,
    end_ns: int,
    *,
    aperture_s: float,
    bound_ns: int,
    short: Collection[str] = (),
) -> dict[str, Joules] | None:
    """Return what each part takes in a frame; None where the readings cannot tell the parts apart.

    Gain and range of the meter are not in it: see :func:`with_meter`.

    Args:
        parts: all that is done in a frame, by name; what is left of the window is one more, unnamed.
        block: readings in time order.
        start_ns: where the window begins.
        end_ns: where it ends.
        aperture_s: each reading is the mean over this long, centred on its time; 0 for a point.
        bound_ns: how far the readings' times and the parts' may be apart.
        short: parts that no reading can tell. They take their share of those that they fall into, and are left out of
            what is returned.
    """
    half_ns = max(int(aperture_s * 1e9), _POINT_NS) // 2
    inside = (block.t_ns - half_ns >= start_ns) & (block.t_ns + half_ns <= end_ns) & has_value(block)
    t_ns, watts = block.t_ns[inside], block.watts[inside]
    stretch = (t_ns - start_ns) * _STRETCHES // (end_ns - start_ns)
    if len(np.unique(stretch)) < _STRETCHES:
        return None
    halves = [(part,) if name in short else part.halves for name, part in parts.items()]
    fits = [_fit(halves, t_ns + int(shift * bound_ns), half_ns, watts, stretch) for shift in (0.0, *_SHIFTS)]
    fits.append(_fit([(part,) for part in parts.values()], t_ns, half_ns, watts, stretch))
    known = [fit for fit in fits if fit is not None]
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


def with_meter(found: Joules, whole: Sequence[Term], joules: float, seconds: float) -> Joules:
    """Add what the meter's limits of error leave open.

    Args:
        found: a part.
        whole: the terms of the whole window; see :mod:`.energy`.
        joules: of the whole window.
        seconds: its length.
    """
    by_watts, by_time = abs(found.joules / joules) if joules else 0.0, found.seconds / seconds
    limits = [replace(term, joules=term.joules * by_watts) for term in whole if term.name in _BY_WATTS]
    limits += [replace(term, joules=term.joules * by_time) for term in whole if term.name in _BY_TIME]
    return replace(found, terms=(*found.terms, *limits))


def _fit(
    parts: Sequence[Sequence[Part]], t_ns: Int64, half_ns: int, watts: Floats, stretch: Int64
) -> tuple[Floats, Floats] | None:
    """Return the joules of each part, which is given in pieces, and their standard errors; None where none is told."""
    pieces = [piece for part in parts for piece in part]
    squares: list[Floats] = []
    products: list[Floats] = []
    for first, last in pairwise(np.searchsorted(stretch, range(_STRETCHES + 1)).tolist()):
        shares = [_shares(piece, t_ns[first:last], half_ns) for piece in pieces]
        x = np.column_stack([*shares, 1 - np.sum(shares, axis=0)])
        squares.append(x.T @ x)
        products.append(x.T @ watts[first:last])
    whole: Floats = np.sum(squares, axis=0)
    lengths = np.sqrt(np.diag(whole))
    if not lengths.all() or np.linalg.eigvalsh(whole / np.outer(lengths, lengths))[0] < _LEAST_APART**2:
        return None
    inverse = np.linalg.inv(whole)
    found = inverse @ np.sum(products, axis=0)
    left = np.array([product - square @ found for square, product in zip(squares, products, strict=True)])
    variance = inverse @ (left.T @ left) @ inverse * _STRETCHES / (_STRETCHES - 1)
    seconds = np.zeros((len(parts), len(lengths)))
    of = [at for at, part in enumerate(parts) for _ in part]
    seconds[of, np.arange(len(pieces))] = [piece.seconds for piece in pieces]
    return seconds @ found, np.sqrt(np.diag(seconds @ variance @ seconds.T))


def _shares(part: Part, t_ns: Int64, half_ns: int) -> Floats:
    """Return which share of each reading's aperture lies in the part."""
    spent_ns = np.cumsum(part.end_ns - part.start_ns)
    corners_ns = np.column_stack([part.start_ns, part.end_ns]).ravel()
    passed_ns = np.column_stack([spent_ns - (part.end_ns - part.start_ns), spent_ns]).ravel()
    zero_ns = t_ns[0]  # floats are exact near zero

    edges_ns = np.concatenate([t_ns - zero_ns + half_ns, t_ns - zero_ns - half_ns])
    upto: Floats = np.interp(edges_ns, corners_ns - zero_ns, passed_ns)
    return (upto[: len(t_ns)] - upto[len(t_ns) :]) / (2 * half_ns)
