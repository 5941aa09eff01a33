"""Limits of error that are known for the usual way of measuring only, made wide enough for another."""

from dataclasses import replace
from typing import Literal

from ..meter import Accuracy, Tolerance


def wider(found: Accuracy, measured: Literal["volts", "amps"], times: float, why: str) -> Accuracy:
    """Return limits so many times as wide for the measured quantity, and assumed for that reason."""
    told = found.volts if measured == "volts" else found.amps
    limit = None if told is None else Tolerance(times * told.of_reading, times * told.offset)
    source = f"{found.source}; assumed {times:g} times as wide: {why}"
    if measured == "volts":
        return replace(found, volts=limit, source=source, assumed=True)
    return replace(found, amps=limit, source=source, assumed=True)
