"""Numbers as SCPI instruments spell them. Pure: tolerant of what stands around a number, strict in what is one."""

import math
import re

import numpy as np
from numpy.typing import NDArray

_NAN = 9.91e37
_INFINITE = 9.9e37
"""Not a number and infinity as SCPI 1999 (volume 1, section 7.2.1) writes them."""
_NO_VALUE = re.compile(r"|[+-]?NAN|-[-.: ]*-|\*{2,}|\"\"")
"""An empty field, and what a display without a value shows."""
_BEYOND = re.compile(r"([+-]?)(?:INF(?:INITY)?|O\.?L\.?|OVLD|OVERLOAD|OVERFLOW|OVER)")
"""Beyond the range, as a word (Yokogawa ``INF``, hand-held multimeters ``OL``)."""
_NUMBER = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[Ee][+-]?\d+)?)\s*(\S*)", re.ASCII)
_HEADER = re.compile(r":\S+\s+|\*?[A-Za-z]\w*(?::\w+)+\s+|(?:[VIPUW]|VOLT(?:AGE)?|CURR(?:ENT)?|POW(?:ER?)?)\d?O?\s+")
"""``:INP:VOLT:RANG 15``, ``MEAS:VOLT 5.0``, and the one-word headers of Aim-TTi (``V 24.00``) and of LeCroy's heirs."""
_UNIT = re.compile(r"([munpkMUNKµ]?)(VDC|ADC|VAC|AAC|VA|V|A|W|SEC|S|HZ|OHM|C)", re.IGNORECASE)
_SPELT = {"VDC": "V", "VAC": "V", "ADC": "A", "AAC": "A", "SEC": "S"}
"""Units that some spell otherwise."""
_PREFIXES = {"": 1.0, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3}
"""SCPI writes milli and mega volts MV and MAV, so a capital M before volts, amps and watts is milli as well."""


def number(text: str, unit: str = "") -> float:
    """Read one number; NaN where the instrument had no value, infinity where its range was exceeded.

    A header before it (``:INP:VOLT:RANG 15.0E+00``) and a unit behind it (``1.2E-03 VDC``, ``500 mA``) are understood.

    Args:
        text: the field.
        unit: what it must be in if it names one: ``V``, ``A``, ``W``, ``S``; empty when any will do.

    Raises:
        ValueError: there is no number, something unknown stands behind it, or it is one of another unit.
    """
    bare = text.strip(" \t\r\n\0")
    if (found := _NUMBER.fullmatch(bare)) and not found[2] and abs(value := float(found[1])) < _INFINITE:
        return value  # what nearly all are, and a thousand times a second
    if header := _HEADER.match(bare):
        bare = bare[header.end() :]
    if _NO_VALUE.fullmatch(bare.upper()):
        return math.nan
    if beyond := _BEYOND.fullmatch(bare.upper()):
        return -math.inf if beyond[1] == "-" else math.inf
    found = _NUMBER.fullmatch(bare)
    if found is None:
        raise ValueError(f"{text.strip()[:40]!r} is no number")
    value = float(found[1])
    if math.isclose(abs(value), _NAN, rel_tol=1e-6):
        return math.nan
    if abs(value) >= _INFINITE:
        return math.copysign(math.inf, value)
    return value * _scale(found[2], unit)


def numbers(text: str, count: int, units: str = "") -> list[float]:
    """Read exactly ``count`` numbers between commas, ``units`` a letter for each; raises as :func:`number`."""
    fields = text.split(",")
    if len(fields) != count:
        raise ValueError(f"{len(fields)} values, not {count}")
    return [number(field, unit.strip()) for field, unit in zip(fields, units.ljust(count), strict=True)]


def _scale(suffix: str, wanted: str) -> float:
    if not suffix:
        return 1.0
    found = _UNIT.fullmatch(suffix)
    if found is None:
        raise ValueError(f"{suffix[:20]!r} behind a number is no unit")
    unit = found[2].upper()
    if wanted and _SPELT.get(unit, unit) != wanted:
        raise ValueError(f"it is in {suffix}, not in {wanted}")
    return _PREFIXES[found[1].lower()]


_PLAIN = frozenset(b"0123456789+-.eE, \t\r\n")
"""Of which lists of numbers consist that hold nothing special."""


def series(text: str) -> NDArray[np.float64]:
    """Read any count of numbers between commas, shape (n,); raises as :func:`number`.

    Long lists of plain numbers are read in one go: a multimeter sends a hundred thousand a second.
    """
    fields = text.split(",")
    if not set(text.encode("ascii")) <= _PLAIN or not all(map(str.strip, fields)):
        return np.array([number(field) for field in fields])
    values = np.array(fields, np.float64)  # ValueError for what is no number, too
    values[np.isclose(np.abs(values), _NAN, rtol=1e-6)] = np.nan
    beyond = np.abs(values) >= _INFINITE
    values[beyond] = np.copysign(np.inf, values[beyond])
    return values
